#include "consumers/plan/op_json.h"

#include <inttypes.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/duration.h"
#include "consumers/base/text.h"

static void add_name(struct buffer *out, const char *name)
{
    if (out->len > 0 && out->ptr[out->len - 1] != '{')
        buffer_add_char(out, ',');
    buffer_printf(out, "\"%s\":", name);
}

static void add_number(struct buffer *out, const char *name, int64_t number)
{
    add_name(out, name);
    buffer_add_int(out, number);
}

static void add_text(struct buffer *out, const char *name, struct slice text)
{
    add_name(out, name);
    buffer_add_json_string(out, text);
}

static void add_bytes(struct buffer *out, const char *name, struct slice bytes)
{
    if (text_is_utf8(bytes)) {
        add_text(out, name, bytes);
        return;
    }
    add_name(out, name);
    buffer_add_text(out, "{\"base64\":\"");
    buffer_add_base64(out, bytes);
    buffer_add_text(out, "\"}");
}

static int compare_numbers(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Every again_after of the op and of those it stands for, ascending and once; the caller frees. */
static int64_t *collect_delays(const struct op *op, const struct plan *plan, size_t *nr)
{
    size_t most = plan ? plan->merged_delays_nr : 0, kept = 0;
    int64_t *delays = alloc_zero(most + 1, sizeof(*delays));

    *nr = 0;
    if (op->action->again_after_ms > 0)
        delays[(*nr)++] = op->action->again_after_ms;
    for (size_t i = 0; most > 0 && i < plan->ops_nr; i++) {
        const struct op *other = &plan->ops[i];

        if (other->merged_into == OP_LIVE || other->action->again_after_ms == 0)
            continue;
        most--;
        if (&plan->ops[other->merged_into] == op)
            delays[(*nr)++] = other->action->again_after_ms;
    }
    qsort(delays, *nr, sizeof(*delays), compare_numbers);
    for (size_t i = 0; i < *nr; i++) {
        if (kept == 0 || delays[kept - 1] != delays[i])
            delays[kept++] = delays[i];
    }
    *nr = kept;
    return delays;
}

static void add_delays(struct buffer *out, const struct op *op, const struct plan *plan)
{
    size_t nr;
    int64_t *delays = collect_delays(op, plan, &nr);

    if (nr == 1)
        add_number(out, "again_after_ms", delays[0]);
    for (size_t i = 0; nr > 1 && i < nr; i++) {
        if (i == 0) {
            add_name(out, "again_after_ms");
            buffer_add_char(out, '[');
        } else {
            buffer_add_char(out, ',');
        }
        buffer_add_int(out, delays[i]);
    }
    if (nr > 1)
        buffer_add_char(out, ']');
    free(delays);
}

static void add_guard(struct buffer *out, const struct op *op)
{
    if (op->guard_source != OP_UNGUARDED)
        add_number(out, "guard", op->guard);
}

static void add_purge(struct buffer *out, const struct action *action)
{
    if (action->coalesce_ms > 0)
        add_number(out, "coalesce_ms", action->coalesce_ms);
    if (action->rate > 0)
        add_number(out, "rate", action->rate);
    if (action->slow_above > 0)
        add_number(out, "slow_above", action->slow_above);
}

static void add_bump(struct buffer *out, const struct op *op)
{
    add_number(out, "start", op->action->start);
    if (op->at_least >= 0)
        add_number(out, "at_least", op->at_least);
}

static void add_refresh(struct buffer *out, const struct op *op)
{
    static const char *const conditions[] = {"always", "exists", "missing"};

    add_bytes(out, "value", op->value);
    add_number(out, "ttl_ms", op->action->ttl_ms);
    add_guard(out, op);
    add_text(out, "if", slice_of(conditions[op->action->condition]));
}

static void add_expire(struct buffer *out, const struct action *action)
{
    add_number(out, "ttl_ms", action->ttl_ms);
    if (action->jitter_ms > 0)
        add_number(out, "jitter_ms", action->jitter_ms);
}

static void add_members(struct buffer *out, const struct op *op, const struct plan *plan)
{
    switch (op->as_delete ? VERB_DELETE : op->verb) {
    case VERB_DELETE:
        add_delays(out, op, plan);
        add_guard(out, op);
        break;
    case VERB_BUMP:
        add_bump(out, op);
        break;
    case VERB_REFRESH:
        add_refresh(out, op);
        break;
    case VERB_EXPIRE:
        add_expire(out, op->action);
        break;
    case VERB_PURGE:
        add_purge(out, op->action);
        break;
    case VERB_PURGE_TAG:
        break;
    }
}

void op_print_name_json(const struct op *op, struct buffer *out)
{
    buffer_add_text(out, "\"op\":\"");
    buffer_add_text(out, verb_text(op->as_delete ? VERB_DELETE : op->verb));
    buffer_add_char(out, '"');
    add_text(out, "cache", op->cache->name);
    add_bytes(out, op->action->is_pattern ? "pattern" : "key", op->key);
}

void op_print_json(const struct op *op, const struct plan *plan, struct buffer *out)
{
    buffer_add_char(out, '{');
    op_print_name_json(op, out);
    add_members(out, op, plan);
    buffer_add_char(out, '}');
}

static void add_duration(struct buffer *out, const char *word, int64_t ms)
{
    char text[DURATION_TEXT_BYTES];

    duration_print(ms, text);
    buffer_printf(out, " %s %s", word, text);
}

static void print_options(const struct op *op, struct buffer *out)
{
    const struct action *action = op->action;

    switch (op->as_delete ? VERB_DELETE : op->verb) {
    case VERB_DELETE:
        if (action->again_after_ms > 0)
            add_duration(out, "again after", action->again_after_ms);
        break;
    case VERB_REFRESH:
        buffer_add_char(out, ' ');
        buffer_add_printable(out, op->value);
        buffer_printf(out, " PX %" PRId64, action->ttl_ms);
        break;
    case VERB_BUMP:
        if (op->at_least >= 0)
            buffer_printf(out, " to at least %" PRId64, op->at_least);
        break;
    case VERB_EXPIRE:
        add_duration(out, "in", action->ttl_ms);
        if (action->jitter_ms > 0)
            add_duration(out, "jitter", action->jitter_ms);
        break;
    case VERB_PURGE:
        if (action->coalesce_ms > 0)
            add_duration(out, "coalesced", action->coalesce_ms);
        break;
    case VERB_PURGE_TAG:
        break;
    }
    if (op->guard_source != OP_UNGUARDED)
        buffer_printf(out, " version %" PRId64, op->guard);
}

void op_print_text(const struct op *op, struct buffer *out)
{
    static const char *const words[] = {
        [VERB_BUMP] = "BUMP",     [VERB_REFRESH] = "SET",         [VERB_DELETE] = "UNLINK",
        [VERB_EXPIRE] = "EXPIRE", [VERB_PURGE_TAG] = "PURGE TAG", [VERB_PURGE] = "SCAN+UNLINK",
    };
    enum verb verb = op->as_delete ? VERB_DELETE : op->verb;

    buffer_add_text(out,
                    verb == VERB_EXPIRE && op->action->is_pattern ? "SCAN+EXPIRE" : words[verb]);
    buffer_add_char(out, ' ');
    buffer_add_printable(out, op->key);
    print_options(op, out);
}

void failures_print_json(const struct failure *failures, size_t nr, struct buffer *out)
{
    if (nr == 0) {
        buffer_add_text(out, "null");
        return;
    }
    buffer_add_text(out, "{");
    add_text(out, "reason", slice_of(reason_text(failures[0].reason)));
    if (failures[0].rule) {
        add_text(out, "rule", failures[0].rule->name);
        add_text(out, "action", slice_of(verb_text(failures[0].verb)));
    }
    if (!slice_is_absent(failures[0].field))
        add_text(out, "field", failures[0].field);
    add_text(out, "error", failures[0].detail);
    if (nr > 1)
        add_number(out, "more", (int64_t)nr - 1);
    buffer_add_char(out, '}');
}
