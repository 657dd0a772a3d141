/* Warnings that need no more than what they are about. */
#include "consumers/rules/lint.h"
#include "consumers/base/text.h"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* `myapp:` in a raw cache is what somebody writes who took the prefix from Django's settings. */
void lint_cache(struct loader *loader, const struct cache *cache, const struct cursor *prefix)
{
    struct slice text = cache->prefix.source;
    size_t len = 0;

    if (cache->keys != CACHE_RAW || !cache->prefix.is_constant)
        return;
    while (len < text.len && is_word(text.ptr[len]))
        len++;
    if (len == 0 || len + 1 != text.len || text.ptr[len] != ':')
        return;
    report(loader, prefix,
           (struct remark){.code = "W409",
                           .help = SLICE("for Django's keys say \"keys\": \"django\"")},
           "Django's keys begin \"%.*s1:\", with the version; this raw cache has \"%.*s\"",
           SLICE_ARG(text), SLICE_ARG(text));
}

/* Whole words for the short ones: `card` is not in `discard`, nor `ssn` in `assn`. */
static bool is_sensitive(struct slice name)
{
    static const struct {
        const char *text;
        bool is_whole;
    } words[] = {{"password", false}, {"token", false}, {"ssn", true}, {"card", true}};

    for (size_t w = 0; w < ARRAY_NR(words); w++) {
        struct slice word = slice_of(words[w].text);

        for (size_t i = 0; i + word.len <= name.len; i++) {
            size_t end = i + word.len;
            bool is_apart =
                (i == 0 || name.ptr[i - 1] == '_') && (end == name.len || name.ptr[end] == '_');

            if ((is_apart || !words[w].is_whole) && memcmp(name.ptr + i, word.ptr, word.len) == 0)
                return true;
        }
    }
    return false;
}

void lint_written(struct loader *loader, const struct cursor *at, const struct segment *segment)
{
    for (size_t i = 0; i < segment->path.parts_nr; i++) {
        struct slice name = segment->path.parts[i].name;

        if (slice_is_absent(name) || !is_sensitive(text_lower(name, loader->arena)))
            continue;
        report(loader, at,
               (struct remark){.code = "W408",
                               .is_inside = true,
                               .offset = segment->offset,
                               .length = segment->length},
               "\"%.*s\" is written into the cache, where everybody who reads it can see it",
               SLICE_ARG(segment->text));
        return;
    }
}
