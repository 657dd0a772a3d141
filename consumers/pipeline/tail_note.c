#include "consumers/pipeline/tail_note.h"

#include <inttypes.h>

#include "consumers/base/glob.h"
#include "consumers/plan/op_json.h"

enum { TEXT_MAX = 512, NAMES_MAX = 50, PKS_MAX = 10 };

/* ---- does anybody want it ---- */

static bool has_matched(const struct tail_look *look, size_t i)
{
    size_t index = look->rules.rules[i]->index;

    return look->render->counts[index].matches != look->matches_before[i];
}

static bool rule_passes(const struct tail_look *look, struct slice name)
{
    for (size_t i = 0; i < look->rules.nr; i++)
        if (slice_equals(look->rules.rules[i]->name, name) && has_matched(look, i))
            return true;
    return false;
}

static bool key_passes(const struct tail_look *look, struct slice glob)
{
    const struct plan *plan = look->render->plan;

    for (size_t i = look->ops_before; i < plan->ops_nr && i < look->ops_before + TAIL_OPS_LOOKED_AT;
         i++) {
        const struct op *op = &plan->ops[i];

        if (op->action->is_pattern ? glob_may_meet(glob, op->key) : glob_match(glob, op->key))
            return true;
    }
    return false;
}

static bool passes(const struct tail_look *look, const struct tail_filter *filter)
{
    bool wants_all = slice_is_absent(filter->model) && slice_is_absent(filter->rule) &&
                     slice_is_absent(filter->key);

    if (wants_all || !look->event)
        return wants_all;
    return (slice_is_absent(filter->model) ||
            slice_equals_nocase(filter->model, look->event->model)) &&
           (slice_is_absent(filter->rule) || rule_passes(look, filter->rule)) &&
           (slice_is_absent(filter->key) || key_passes(look, filter->key));
}

static uint32_t find_watches(const struct tail_look *look)
{
    const struct tail_watching *watching = tail_writer_watching(look->writer);
    uint32_t found = 0;

    for (size_t i = 0; i < TAIL_WATCHES; i++)
        if (watching->numbers[i] && passes(look, &watching->filters[i]))
            found |= 1U << i;
    return found;
}

/* ---- the head ---- */

/* Cut between characters. */
static struct slice cut(struct slice text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && (text.ptr[max] & 0xc0) == 0x80)
        max--;
    return (struct slice){text.ptr, max};
}

static void add_text(struct buffer *out, struct slice text)
{
    struct slice shown = cut(text, TEXT_MAX);

    buffer_add_json_string(out, shown);
    if (shown.len == text.len)
        return;
    out->len--; /* the closing quote */
    buffer_add_text(out, "...\"");
}

static void add_value(const struct value *value, struct buffer *out)
{
    size_t before = out->len;

    if (!value) {
        buffer_add_text(out, "null");
    } else if (value_type(value) == VALUE_STRING) {
        add_text(out, value_text(value));
    } else {
        value_print(value, out);
        if (out->len - before <= TEXT_MAX)
            return;
        out->len = before;
        buffer_add_text(out, "\"...\"");
    }
}

static void add_pks(const struct event *event, struct buffer *out)
{
    if (event->rows_nr == 1) {
        if (event->rows[0].pk) {
            buffer_add_text(out, ",\"pk\":");
            add_value(event->rows[0].pk, out);
        }
        return;
    }
    buffer_printf(out, ",\"rows\":%zu,\"pks\":[", event->rows_nr);
    for (size_t i = 0; i < event->rows_nr && i < PKS_MAX; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        add_value(event->rows[i].pk, out);
    }
    buffer_add_char(out, ']');
}

static void add_changed(struct event *event, struct arena *arena, struct buffer *out)
{
    const struct changed *changed = event_changed(event, &event->rows[0], arena);

    buffer_add_text(out, ",\"changed\":");
    if (changed->state == CHANGED_UNKNOWN) {
        buffer_add_text(out, "null");
        return;
    }
    buffer_add_char(out, '[');
    for (size_t i = 0; i < changed->nr && i < NAMES_MAX; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        add_text(out, changed->names[i]);
    }
    buffer_add_char(out, ']');
}

static void add_event(const struct tail_look *look, struct buffer *out)
{
    struct event *event = look->event;

    buffer_add_text(out, "{\"model\":");
    add_text(out, event->model);
    buffer_add_text(out, ",\"op\":");
    add_text(out, event->op_name);
    add_pks(event, out);
    add_changed(event, look->scratch, out);
    if (event->has_version)
        buffer_printf(out, ",\"version\":%" PRIu64, event->version);
    buffer_add_char(out, '}');
}

static void add_rules(const struct tail_look *look, struct buffer *out)
{
    size_t shown = 0;

    for (size_t i = 0; i < look->rules.nr && shown < NAMES_MAX; i++) {
        if (!has_matched(look, i))
            continue;
        buffer_add_text(out, shown++ > 0 ? ",{\"name\":" : "{\"name\":");
        add_text(out, look->rules.rules[i]->name);
        buffer_printf(out, ",\"mode\":\"%s\"}",
                      look->rules.rules[i]->mode == RULE_SHADOW ? "shadow" : "live");
    }
}

static void add_head(const struct tail_look *look, struct buffer *out)
{
    const struct record *record = &look->source->record;

    buffer_add_text(out, ",\"topic\":");
    add_text(out, record->topic);
    buffer_printf(out,
                  ",\"partition\":%d,\"offset\":%" PRId64 ",\"event\":", (int)record->partition,
                  record->offset);
    if (look->event)
        add_event(look, out);
    else
        buffer_add_text(out, "null");
    buffer_add_text(out, ",\"rules\":[");
    add_rules(look, out);
    buffer_add_char(out, ']');
}

static struct slice print_head(const struct tail_look *look)
{
    struct buffer text;

    buffer_init(&text);
    add_head(look, &text);
    struct slice head = arena_copy(look->render->arena, buffer_slice(&text));
    buffer_release(&text);
    return head;
}

/* ---- an event on its way ---- */

void tail_look_begin(struct tail_look *look, struct event *event)
{
    uint64_t *matches;

    if (!look->writer || !tail_writer_start(look->writer)) {
        look->writer = NULL;
        return;
    }
    look->event = event;
    look->rules = (struct rule_list){.nr = 0};
    look->ops_before = (uint32_t)look->render->plan->ops_nr;
    if (event)
        look->rules = ruleset_candidates(look->render->ruleset, event, look->scratch);
    matches = arena_zero(look->scratch, look->rules.nr + 1, sizeof(*matches));
    for (size_t i = 0; i < look->rules.nr; i++)
        matches[i] = look->render->counts[look->rules.rules[i]->index].matches;
    look->matches_before = matches;
    tail_writer_stop(look->writer);
}

void tail_look_end(struct tail_look *look)
{
    struct tail_notes *notes = look->notes;
    struct tail_note note = {.record = look->record};

    if (!look->writer || !tail_writer_start(look->writer))
        return;
    note.watches = find_watches(look);
    if (note.watches) {
        note.ops_from = look->ops_before;
        note.ops_to = (uint32_t)look->render->plan->ops_nr;
        note.head = print_head(look);
        memcpy(notes->numbers, tail_writer_watching(look->writer)->numbers, sizeof(notes->numbers));
        notes->items = arena_grow(look->render->arena, notes->items, notes->nr, &notes->capacity,
                                  sizeof(*notes->items));
        notes->items[notes->nr++] = note;
    }
    tail_writer_stop(look->writer);
}

/* ---- the line ---- */

static const char *result_text(const struct op *op)
{
    static const char *const found[] = {[OP_FOUND_UNKNOWN] = "done",
                                        [OP_FOUND] = "deleted",
                                        [OP_NOT_FOUND] = "not_there",
                                        [OP_FOUND_SOME] = "gone"};

    if (op_runs_beside(op))
        return "walking";
    return op->result == OP_REJECTED ? "refused" : found[op->found];
}

static void add_op(const struct plan *plan, uint32_t index, struct buffer *out)
{
    const struct op *op = &plan->ops[index];

    buffer_add_char(out, '{');
    if (op->key.len > TEXT_MAX) {
        struct op shorter = *op;

        shorter.key = cut(op->key, TEXT_MAX);
        op_print_name_json(&shorter, out);
        buffer_add_text(out, ",\"key_bytes\":");
        buffer_add_int(out, (int64_t)op->key.len);
    } else {
        op_print_name_json(op, out);
    }
    buffer_printf(out, ",\"result\":\"%s\"}",
                  result_text(&plan->ops[plan_standing_op(plan, index)]));
}

static void add_ops(const struct tail_note *note, const struct plan *plan, struct buffer *out)
{
    uint32_t nr = note->ops_to - note->ops_from;
    uint32_t shown = nr < TAIL_OPS_SHOWN ? nr : TAIL_OPS_SHOWN;

    buffer_add_text(out, ",\"ops\":[");
    for (uint32_t i = 0; i < shown; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        add_op(plan, note->ops_from + i, out);
    }
    buffer_add_char(out, ']');
    if (shown < nr)
        buffer_printf(out, ",\"ops_more\":%" PRIu32, nr - shown);
}

static void add_failures(const struct tail_note *note, const struct plan *plan, struct buffer *out)
{
    const struct failure *first = NULL;

    for (size_t i = 0; i < plan->failures_nr && !first; i++)
        if (plan->failures[i].record == note->record)
            first = &plan->failures[i];
    buffer_add_text(out, ",\"dead_letter\":");
    if (!first) {
        buffer_add_text(out, "null");
        return;
    }
    struct failure shorter = *first;
    shorter.detail = cut(first->detail, TEXT_MAX);
    failures_print_json(&shorter, 1, out);
}

void tail_notes_write(const struct tail_notes *notes, const struct plan *plan,
                      struct tail_writer *writer, int64_t wall_ms)
{
    struct buffer line;

    buffer_init(&line);
    for (size_t i = 0; i < notes->nr; i++) {
        const struct tail_note *note = &notes->items[i];

        if (!tail_writer_start(writer))
            continue;
        buffer_clear(&line);
        buffer_printf(&line, "{\"time\":%" PRId64, wall_ms);
        buffer_add(&line, note->head);
        add_ops(note, plan, &line);
        add_failures(note, plan, &line);
        buffer_add_char(&line, '}');
        tail_writer_add(writer, notes->numbers, note->watches, buffer_slice(&line));
        tail_writer_stop(writer);
    }
    buffer_release(&line);
    tail_writer_flush(writer);
}
