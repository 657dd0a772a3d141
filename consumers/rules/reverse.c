#include "consumers/rules/reverse.h"

#include "consumers/base/glob.h"
#include "consumers/rules/digest.h"

enum token_kind { TOKEN_BYTE, TOKEN_ANY, TOKEN_CLASS, TOKEN_RUN, TOKEN_VALUE };

struct token {
    enum token_kind kind;
    char byte;
    struct slice set;              /* of a class, brackets included */
    const struct segment *segment; /* of a value */
    size_t least, most;            /* bytes that a run or value takes */
};

struct matcher {
    struct slice key;
    struct arena *arena;
    struct token *tokens;
    size_t nr, capacity;
    size_t *ends;         /* of the runs and values on the way, by token */
    unsigned char *tried; /* a bit for each run or value and place: no match from there */
};

/* ---- a template as tokens ---- */

static void add_token(struct matcher *m, struct token token)
{
    m->tokens = arena_grow(m->arena, m->tokens, m->nr, &m->capacity, sizeof(*m->tokens));
    m->tokens[m->nr++] = token;
}

static size_t class_end(struct slice glob, size_t at)
{
    at += at + 1 < glob.len && glob.ptr[at + 1] == '^' ? 2 : 1;
    for (; at < glob.len && glob.ptr[at] != ']'; at++) {
        if (glob.ptr[at] == '\\' && at + 1 < glob.len)
            at++;
        else if (at + 2 < glob.len && glob.ptr[at + 1] == '-')
            at += 2; /* the end of a range may be any byte */
    }
    return at < glob.len ? at + 1 : glob.len;
}

static void add_glob(struct matcher *m, struct slice glob)
{
    for (size_t i = 0; i < glob.len; i++) {
        char c = glob.ptr[i];

        if (c == '*') {
            add_token(m, (struct token){.kind = TOKEN_RUN, .most = SIZE_MAX});
        } else if (c == '?') {
            add_token(m, (struct token){.kind = TOKEN_ANY});
        } else if (c == '[') {
            size_t end = class_end(glob, i);

            add_token(m, (struct token){.kind = TOKEN_CLASS, .set = {glob.ptr + i, end - i}});
            i = end - 1;
        } else {
            i += c == '\\' && i + 1 < glob.len;
            add_token(m, (struct token){.kind = TOKEN_BYTE, .byte = glob.ptr[i]});
        }
    }
}

static size_t hash_bytes(const struct segment *segment)
{
    static const size_t bytes[] = {[DIGEST_MD5] = 32, [DIGEST_SHA1] = 40, [DIGEST_SHA256] = 64};

    if (segment->digest)
        return bytes[segment->digest->kind];
    if (segment->filters_nr == 0)
        return 0;
    switch (segment->filters[segment->filters_nr - 1].kind) {
    case FILTER_MD5:
        return bytes[DIGEST_MD5];
    case FILTER_SHA1:
        return bytes[DIGEST_SHA1];
    case FILTER_SHA256:
        return bytes[DIGEST_SHA256];
    default:
        return 0;
    }
}

static void add_template(struct matcher *m, const struct action *action,
                         const struct template *target)
{
    for (size_t i = 0; i < target->segments_nr; i++) {
        const struct segment *segment = &target->segments[i];
        size_t hashed;

        if (slice_is_absent(segment->text)) {
            for (size_t at = 0; at < segment->literal.len && !action->is_pattern; at++)
                add_token(m, (struct token){.kind = TOKEN_BYTE, .byte = segment->literal.ptr[at]});
            if (action->is_pattern)
                add_glob(m, segment->literal);
            continue;
        }
        hashed = hash_bytes(segment);
        add_token(m, (struct token){.kind = TOKEN_VALUE,
                                    .segment = segment,
                                    .least = hashed ? hashed : 1,
                                    .most = hashed ? hashed : SIZE_MAX});
    }
}

/* ---- matching ---- */

static bool is_hex(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!memchr("0123456789abcdef", text.ptr[i], 16))
            return false;
    }
    return true;
}

static bool match_from(struct matcher *m, size_t token, size_t at);

static bool match_run(struct matcher *m, size_t index, size_t at)
{
    const struct token *token = &m->tokens[index];
    size_t bit = index * (m->key.len + 1) + at;
    size_t left = m->key.len - at;

    if (m->tried[bit / 8] & (1u << (bit % 8)))
        return false;
    for (size_t len = token->least; len <= left && len <= token->most; len++) {
        if (token->least > 1 && !is_hex((struct slice){m->key.ptr + at, len}))
            break;
        m->ends[index] = at + len;
        if (match_from(m, index + 1, at + len))
            return true;
    }
    m->tried[bit / 8] |= (unsigned char)(1u << (bit % 8));
    return false;
}

static bool match_one(const struct token *token, struct slice byte)
{
    if (token->kind == TOKEN_CLASS)
        return glob_match(token->set, byte);
    return token->kind == TOKEN_ANY || token->byte == byte.ptr[0];
}

static bool match_from(struct matcher *m, size_t token, size_t at)
{
    for (; token < m->nr; token++, at++) {
        if (m->tokens[token].kind >= TOKEN_RUN)
            return match_run(m, token, at);
        if (at >= m->key.len || !match_one(&m->tokens[token], (struct slice){m->key.ptr + at, 1}))
            return false;
    }
    return at == m->key.len;
}

static bool match_key(struct matcher *m)
{
    m->ends = arena_zero(m->arena, m->nr + 1, sizeof(*m->ends));
    m->tried = arena_zero(m->arena, m->nr * (m->key.len + 1) / 8 + 1, 1);
    return match_from(m, 0, 0);
}

/* Where a token starts: runs and values say where they end, every other takes one byte. */
static void take_values(const struct matcher *m, struct reverse_match *match)
{
    struct reverse_value *values = arena_zero(m->arena, m->nr + 1, sizeof(*values));
    size_t at = 0;

    for (size_t i = 0; i < m->nr; i++) {
        size_t end = m->tokens[i].kind >= TOKEN_RUN ? m->ends[i] : at + 1;

        if (m->tokens[i].kind == TOKEN_VALUE)
            values[match->values_nr++] =
                (struct reverse_value){m->tokens[i].segment, {m->key.ptr + at, end - at}};
        at = end;
    }
    match->values = values;
}

/* A cheap no for most rules of many: the literal text that the target begins with. */
static bool may_begin(const struct action *action, const struct template *target, struct slice key)
{
    if (action->is_pattern || target->segments_nr == 0 ||
        !slice_is_absent(target->segments[0].text))
        return true;
    return slice_starts_with(key, target->segments[0].literal);
}

/* ---- globs ---- */

static struct slice as_glob(const struct action *action, const struct template *target,
                            struct arena *arena)
{
    size_t len = 0, most = 1;
    char *out;

    for (size_t i = 0; i < target->segments_nr; i++)
        most += 1 + glob_escaped_bytes(target->segments[i].literal);
    out = arena_bytes(arena, most);
    for (size_t i = 0; i < target->segments_nr; i++) {
        const struct segment *segment = &target->segments[i];

        if (!slice_is_absent(segment->text)) {
            out[len++] = '*';
        } else if (action->is_pattern) {
            memcpy(out + len, segment->literal.ptr, segment->literal.len);
            len += segment->literal.len;
        } else {
            len += glob_escape(segment->literal, out + len);
        }
    }
    return (struct slice){out, len};
}

/* ---- the whole set ---- */

static bool is_protected(const struct action *action, struct slice key, struct arena *arena)
{
    const struct cache *cache = action->cache;
    struct slice version, rest;
    bool is_split = reverse_split(cache, key, arena, &version, &rest);

    for (size_t i = 0; i < cache->protect_nr; i++) {
        if (glob_match(cache->protect[i], key) || (is_split && glob_match(cache->protect[i], rest)))
            return true;
    }
    return false;
}

struct search {
    struct slice key;
    bool is_glob;
    struct arena *arena;
    struct reverse *out;
};

static bool fits(const struct search *search, struct reverse_match *match)
{
    struct matcher m = {.key = search->key, .arena = search->arena};

    if (search->is_glob)
        return glob_may_meet(as_glob(match->action, match->target, search->arena), search->key);
    if (!may_begin(match->action, match->target, search->key))
        return false;
    add_template(&m, match->action, match->target);
    if (!match_key(&m))
        return false;
    take_values(&m, match);
    match->is_protected =
        match->action->is_pattern && is_protected(match->action, search->key, search->arena);
    return true;
}

static void try_action(const struct search *search, const struct action *action)
{
    struct reverse *out = search->out;

    for (size_t i = 0; i < action->targets_nr; i++) {
        struct reverse_match match = {
            .rule = action->rule, .action = action, .target = &action->targets[i]};

        if (!fits(search, &match))
            continue;
        out->matches =
            arena_grow(search->arena, out->matches, out->nr, &out->capacity, sizeof(*out->matches));
        out->matches[out->nr++] = match;
    }
}

void reverse_find(const struct ruleset *set, struct slice key, bool is_glob, struct arena *arena,
                  struct reverse *out)
{
    struct search search = {key, is_glob, arena, out};

    *out = (struct reverse){.nr = 0};
    for (size_t i = 0; i < set->rules_nr; i++) {
        for (size_t j = 0; j < set->rules[i].actions_nr; j++)
            try_action(&search, &set->rules[i].actions[j]);
    }
}

/* ---- caches ---- */

/* The key function with a value in place of the key. */
static bool split_version(const struct cache *cache, size_t version, struct slice key,
                          struct arena *arena, struct slice *rest)
{
    struct action exact = {.is_pattern = false};
    struct matcher m = {.key = key, .arena = arena};
    size_t name, start = 0;

    add_template(&m, &exact, &cache->heads[version]);
    name = m.nr;
    add_token(&m, (struct token){.kind = TOKEN_VALUE, .least = 0, .most = SIZE_MAX});
    add_template(&m, &exact, &cache->tails[version]);
    if (!match_key(&m))
        return false;
    for (size_t i = 0; i < name; i++)
        start = m.tokens[i].kind >= TOKEN_RUN ? m.ends[i] : start + 1;
    *rest = (struct slice){key.ptr + start, m.ends[name] - start};
    return true;
}

bool reverse_split(const struct cache *cache, struct slice key, struct arena *arena,
                   struct slice *version, struct slice *rest)
{
    for (size_t i = 0; i < cache->heads_nr; i++) {
        *version = cache->keys == CACHE_DJANGO ? cache->versions[i] : SLICE_ABSENT;
        if (split_version(cache, i, key, arena, rest))
            return true;
    }
    return false;
}

static bool is_literal(const struct template *tpl, struct slice *text)
{
    *text = tpl->segments_nr > 0 ? tpl->segments[0].literal : SLICE("");
    return tpl->is_constant;
}

bool reverse_whole(const struct cache *cache, struct slice name, struct arena *arena,
                   struct slice *key)
{
    struct slice head, tail;

    if (cache->heads_nr == 0 || cache->hashes_keys || !is_literal(&cache->heads[0], &head) ||
        !is_literal(&cache->tails[0], &tail))
        return false;
    *key = arena_printf(arena, "%.*s%.*s%.*s", SLICE_ARG(head), SLICE_ARG(name), SLICE_ARG(tail));
    return true;
}
