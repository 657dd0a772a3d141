#include "consumers/plan/render.h"

#include "consumers/base/decimal.h"
#include "consumers/base/hash.h"
#include "consumers/plan/key_set.h"
#include "consumers/rules/match.h"

enum { FIRST_TEXTS = 16 };

/* One event on its way through the rules. */
struct renderer {
    struct render_context *context;
    struct event *event;
    struct row *row;
    const struct rule *rule;
    uint32_t record;
    bool is_planned;     /* ops enter the plan: a live rule, or one looked at on its own */
    size_t row_keys;     /* of this rule and row */
    size_t event_keys;   /* of all live rules */
    size_t prefix_bytes; /* of the cache's part of the texts; where `protect` counts */
    struct texts texts;  /* of one action; kept for the next */
    struct key_set seen; /* of this rule and row */
    struct slice first_texts[FIRST_TEXTS];
};

struct guard {
    enum guard_source source;
    int64_t number;
};

static bool is_same_failure(const struct failure *a, const struct failure *b)
{
    return a->reason == b->reason && a->rule == b->rule && a->verb == b->verb &&
           a->record == b->record && slice_equals(a->field, b->field);
}

/* Both sides, and every cache version, of a key fail alike: that is one failure. */
static void fail(struct renderer *r, const struct action *action,
                 const struct render_failure *failure)
{
    struct plan *plan = r->context->plan;
    struct failure entry = {failure->reason, r->rule,         action->verb,
                            failure->field,  failure->detail, r->record};

    if (r->rule->mode == RULE_SHADOW)
        return;
    if (r->rule->skip_missing && failure->reason == REASON_MISSING_FIELD)
        return;
    if (plan->failures_nr > 0 && is_same_failure(&plan->failures[plan->failures_nr - 1], &entry))
        return;
    plan_fail(plan, &entry);
}

static struct render_input input_of(const struct renderer *r, enum side side)
{
    return (struct render_input){r->event, r->row, side, r->context->arena};
}

static void render_side(struct renderer *r, const struct action *action,
                        const struct template *target, enum side side, unsigned *seen)
{
    struct render_failure failure = {.reason = REASON_NONE};
    struct render_input input = input_of(r, side);
    enum render_status status = template_render(target, &input, action->style, &r->texts, &failure);

    *seen |= 1U << status;
    if (status == RENDER_FAILED)
        fail(r, action, &failure);
}

/* The first placeholder, to name something where null left no key at all. */
static struct slice blamed_field(const struct template *target)
{
    for (size_t i = 0; i < target->segments_nr; i++) {
        if (!slice_is_absent(target->segments[i].text))
            return target->segments[i].text;
    }
    return SLICE_ABSENT;
}

static void render_target(struct renderer *r, const struct action *action,
                          const struct template *target)
{
    size_t before = r->texts.nr;
    unsigned seen = 0;

    if (!target->uses_row || action->verb == VERB_REFRESH) {
        render_side(r, action, target, SIDE_NEW, &seen);
    } else {
        if (field_has_side(r->event, r->row, SIDE_OLD))
            render_side(r, action, target, SIDE_OLD, &seen);
        if (field_has_side(r->event, r->row, SIDE_NEW))
            render_side(r, action, target, SIDE_NEW, &seen);
    }
    if (r->texts.nr == before && (seen & ~(1U << RENDER_OK)) == 1U << RENDER_NULL_DROPPED)
        fail(r, action,
             &(struct render_failure){REASON_NULL_FIELD, blamed_field(target),
                                      SLICE("null leaves no key at all in a raw cache")});
}

/* An explicit version is what the database orders; without one the clock stands in. */
static struct guard guard_of_version(const struct event *event)
{
    if (event->has_version)
        return (struct guard){OP_GUARD_EXPLICIT, (int64_t)event->version};
    if (event->has_ts)
        return (struct guard){OP_GUARD_CLOCK, event->ts_ms * 1000};
    return (struct guard){OP_UNGUARDED, 0};
}

static bool guard_of_template(struct renderer *r, const struct action *action, struct guard *guard)
{
    struct render_style style = {.is_django = true, .null_is_error = true};
    struct render_failure failure = {.reason = REASON_NONE};
    struct slice item[1];
    struct texts texts = {item, 0, 1};
    enum side side = field_has_side(r->event, r->row, SIDE_NEW) ? SIDE_NEW : SIDE_OLD;
    struct render_input input = input_of(r, side);
    enum render_status status =
        template_render(&action->guard_template, &input, style, &texts, &failure);

    guard->source = OP_GUARD_EXPLICIT;
    if (status == RENDER_OK && texts.nr == 1 && decimal_to_int64(texts.items[0], &guard->number) &&
        guard->number >= 0)
        return true;
    if (status != RENDER_FAILED)
        failure = (struct render_failure){REASON_BAD_VALUE, blamed_field(&action->guard_template),
                                          SLICE("a guard must be an integer from 0 to 2^63-1")};
    fail(r, action, &failure);
    *guard = (struct guard){OP_UNGUARDED, 0};
    return false;
}

static bool find_guard(struct renderer *r, const struct action *action, struct guard *guard)
{
    *guard = (struct guard){OP_UNGUARDED, 0};
    if (action->guard == GUARD_TEMPLATE)
        return guard_of_template(r, action, guard);
    if (action->guard == GUARD_VERSION)
        *guard = guard_of_version(r->event);
    return true;
}

/*
 * A guarded key has a companion in the same cluster slot: the key has no brace, or a single hash tag.
 */
static bool can_be_guarded(struct slice key)
{
    const char *open = memchr(key.ptr, '{', key.len);
    const char *close = memchr(key.ptr, '}', key.len);
    const char *end = key.ptr + key.len;

    if (open == NULL && close == NULL)
        return true;
    return open && close && close > open + 1 &&
           memchr(open + 1, '{', (size_t)(end - open - 1)) == NULL &&
           memchr(close + 1, '}', (size_t)(end - close - 1)) == NULL;
}

static bool render_value(struct renderer *r, const struct action *action, struct slice *value)
{
    struct render_failure failure = {.reason = REASON_NONE};
    struct render_input input = input_of(r, SIDE_NEW);
    enum render_status status;

    *value = SLICE_ABSENT;
    if (action->verb != VERB_REFRESH || r->context->refresh_as_delete)
        return true;
    status =
        value_template_render(action->value, &input, action->cache->serializer, value, &failure);
    if (status == RENDER_FAILED)
        fail(r, action, &failure);
    return status == RENDER_OK;
}

static int64_t least_bump(const struct event *event, const struct action *action)
{
    return action->verb == VERB_BUMP && event->has_ts && !action->to_increment ? event->ts_ms : -1;
}

static bool is_as_delete(const struct render_context *context, const struct action *action,
                         struct guard guard)
{
    return action->verb == VERB_REFRESH &&
           (context->refresh_as_delete ||
            (context->unguarded_as_delete && guard.source == OP_UNGUARDED));
}

static void add_op(struct renderer *r, const struct key_entry *entry, struct slice value,
                   struct guard guard)
{
    const struct action *action = entry->action;

    *plan_add_bare(r->context->plan) =
        (struct op){.verb = action->verb,
                    .guard_source = guard.source,
                    .action = action,
                    .cache = action->cache,
                    .key = entry->key,
                    .prefix_bytes = r->prefix_bytes,
                    .hash = entry->hash,
                    .value = value,
                    .guard = guard.number,
                    .at_least = least_bump(r->event, action),
                    .times = 1,
                    .record = r->record,
                    .merged_into = OP_LIVE,
                    .previous = OP_NONE,
                    .as_delete = is_as_delete(r->context, action, guard),
                    .result = OP_PENDING,
                    .found = OP_FOUND_UNKNOWN};
}

/* False once the cap is reached. */
static bool has_room(struct renderer *r, const struct action *action)
{
    bool is_row = r->row_keys >= r->rule->max_keys;

    if (!is_row && (r->rule->mode == RULE_SHADOW || r->event_keys < EVENT_MAX_KEYS))
        return true;
    fail(r, action,
         &(struct render_failure){REASON_MAX_KEYS, SLICE_ABSENT,
                                  is_row ? arena_printf(r->context->arena,
                                                        "more than %zu keys (max_keys) for one row",
                                                        r->rule->max_keys)
                                         : SLICE("more than 200000 keys for one event")});
    return false;
}

static void emit(struct renderer *r, const struct key_entry *entry, struct slice value,
                 struct guard guard)
{
    const struct action *action = entry->action;
    struct rule_count *counts = r->context->counts;

    if (guard.source != OP_UNGUARDED && !can_be_guarded(entry->key)) {
        fail(r, action,
             &(struct render_failure){REASON_BAD_VALUE, SLICE_ABSENT,
                                      SLICE("a guarded key may hold one hash tag only")});
        if (action->verb != VERB_DELETE)
            return;
        guard = (struct guard){OP_UNGUARDED, 0};
    }
    r->row_keys++;
    if (r->rule->mode == RULE_LIVE)
        r->event_keys++;
    if (counts)
        counts[r->rule->index].ops[action->verb]++;
    if (r->is_planned)
        add_op(r, entry, value, guard);
}

static void emit_all(struct renderer *r, const struct action *action, struct slice value,
                     struct guard guard)
{
    bool may_repeat = r->rule->actions_nr > 1 || action->targets_nr > 1 || r->texts.nr > 1;

    for (size_t i = 0; i < r->texts.nr; i++) {
        struct slice key = r->texts.items[i];
        struct key_entry entry = {action, key,
                                  hash_mix(hash_slice(key), action->cache->redis_hash)};

        if (may_repeat && !key_set_add(&r->seen, &entry))
            continue;
        if (!has_room(r, action))
            return;
        emit(r, &entry, value, guard);
    }
}

/*
 * What `protect` looks behind: the cache's prefix as it stands in keys, so without the escapes of the
 * pattern. It is the event's (its tenant, say), not a side's.
 */
static size_t count_prefix(const struct renderer *r, const struct action *action,
                           const struct template *head)
{
    struct render_failure failure;
    struct slice item[1];
    struct texts texts = {item, 0, 1};
    enum side side = field_has_side(r->event, r->row, SIDE_NEW) ? SIDE_NEW : SIDE_OLD;
    struct render_input input = input_of(r, side);
    struct render_style style = {.is_django = action->style.is_django};

    if (template_render(head, &input, style, &texts, &failure) != RENDER_OK)
        return 0;
    return texts.nr == 1 ? texts.items[0].len : 0;
}

/* A delete goes out even if its guard cannot be told: it is the safe half of the two. */
static void render_action(struct renderer *r, const struct action *action)
{
    bool has_prefix = action->is_pattern || action->verb == VERB_PURGE_TAG;
    struct guard guard;
    struct slice value;

    if (action->verb == VERB_REFRESH &&
        (r->event->op == EVENT_DELETE || r->event->op == EVENT_TRUNCATE))
        return;
    if (!find_guard(r, action, &guard) && action->verb != VERB_DELETE)
        return;
    if (!render_value(r, action, &value))
        return;
    for (size_t i = 0; i < action->targets_nr; i++) {
        const struct template *head = action->targets[i].head;

        r->texts.nr = 0;
        render_target(r, action, &action->targets[i]);
        r->prefix_bytes = has_prefix && head ? count_prefix(r, action, head) : 0;
        emit_all(r, action, value, guard);
    }
}

static bool render_rows(struct renderer *r, const struct rule *rule)
{
    bool matched = false;

    r->rule = rule;
    for (size_t i = 0; i < r->event->rows_nr; i++) {
        r->row = &r->event->rows[i];
        if (!match_rule(rule, r->event, r->row, r->context->arena))
            continue;
        matched = true;
        r->row_keys = 0;
        key_set_clear(&r->seen);
        for (size_t j = 0; j < rule->actions_nr; j++)
            render_action(r, &rule->actions[j]);
    }
    if (matched && r->context->counts)
        r->context->counts[rule->index].matches++;
    return matched;
}

static void begin(struct renderer *r, struct render_context *context, struct event *event,
                  uint32_t record)
{
    r->context = context;
    r->event = event;
    r->record = record;
    r->event_keys = r->prefix_bytes = 0;
    r->texts = (struct texts){r->first_texts, 0, FIRST_TEXTS};
    key_set_init(&r->seen, context->arena);
}

void render_event(struct render_context *context, struct event *event, uint32_t record)
{
    struct rule_list list =
        ruleset_candidates_next(context->ruleset, event, &context->memo, context->arena);
    struct renderer r;

    if (list.nr == 0)
        return;
    begin(&r, context, event, record);
    for (size_t i = 0; i < list.nr; i++) {
        r.is_planned = list.rules[i]->mode == RULE_LIVE;
        render_rows(&r, list.rules[i]);
    }
}

bool render_rule(struct render_context *context, const struct rule *rule, struct event *event,
                 uint32_t record)
{
    struct renderer r;

    begin(&r, context, event, record);
    r.is_planned = true;
    return render_rows(&r, rule);
}
