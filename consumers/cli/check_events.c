#include "consumers/cli/check_events.h"

#include <stdio.h>

#include "consumers/cli/event_file.h"
#include "consumers/event/decode.h"

static void read_item(struct coverage *coverage, const struct event_item *item, struct arena *arena)
{
    struct error err = ERROR_INIT;
    struct event event = {.rows_nr = 0};
    const char *skipped;

    switch (decode_record(&item->record, NULL, arena, &event, &skipped, &err)) {
    case DECODE_EVENT:
        coverage_add(coverage, &event, arena);
        break;
    case DECODE_SKIPPED:
        break;
    default:
        coverage->unread++;
    }
}

static void read_items(struct coverage *coverage, struct event_file *file, const char *path)
{
    struct event_item item;
    struct arena arena;
    bool goes_on = true;

    arena_init(&arena, 1 << 16);
    while (goes_on) {
        struct error err = ERROR_INIT;

        arena_reset(&arena, 0);
        switch (event_file_next(file, &arena, &item, &err)) {
        case EVENT_FILE_ITEM:
            read_item(coverage, &item, &arena);
            break;
        case EVENT_FILE_BAD:
            fprintf(stderr, "unstale: %s: %s\n", path, err.text);
            coverage->unread++;
            break;
        case EVENT_FILE_END:
            goes_on = false;
        }
    }
    arena_release(&arena);
}

bool check_events_read(struct coverage *coverage, const char *path)
{
    struct error err = ERROR_INIT;
    struct event_file file;
    bool is_open = event_file_open(&file, path, &err);

    if (is_open)
        read_items(coverage, &file, path);
    else
        fprintf(stderr, "unstale: %s\n", err.text);
    event_file_release(&file);
    return is_open;
}

static bool is_unmatched(const struct coverage *coverage, size_t rule)
{
    return coverage->set->rules[rule].is_enabled && !coverage->is_matched[rule];
}

static const char *plural(size_t nr)
{
    return nr == 1 ? "" : "s";
}

static void add_model_text(const struct coverage_model *model, struct buffer *out)
{
    const char *comma = "; named by no rule: ";

    buffer_add_text(out, "  ");
    buffer_add_printable(out, model->label);
    buffer_printf(out, "  %zu event%s, ", model->events, plural(model->events));
    if (model->rules_nr == 0)
        buffer_add_text(out, "no rule");
    else
        buffer_printf(out, "%zu rule%s", model->rules_nr, plural(model->rules_nr));
    for (size_t i = 0; i < model->nr && model->rules_nr > 0; i++) {
        if (model->fields[i].is_named)
            continue;
        buffer_add_text(out, comma);
        buffer_add_printable(out, model->fields[i].name);
        comma = ", ";
    }
    buffer_add_char(out, '\n');
}

void check_events_print_text(const struct coverage *coverage, struct buffer *out)
{
    const char *comma = "rules that no event matched: ";

    buffer_printf(out, "sample: %zu event%s of %zu model%s", coverage->events,
                  plural(coverage->events), coverage->models_nr, plural(coverage->models_nr));
    if (coverage->unread > 0)
        buffer_printf(out, ", %zu could not be read", coverage->unread);
    buffer_add_char(out, '\n');
    for (size_t i = 0; i < coverage->models_nr; i++)
        add_model_text(&coverage->models[i], out);
    for (size_t i = 0; i < coverage->set->rules_nr; i++) {
        if (!is_unmatched(coverage, i))
            continue;
        buffer_add_text(out, comma);
        buffer_add_printable(out, coverage->set->rules[i].name);
        comma = ", ";
    }
    if (comma[0] == ',')
        buffer_add_char(out, '\n');
}

static void add_model_json(const struct coverage_model *model, struct buffer *out)
{
    const char *comma = "";

    buffer_add_text(out, "{\"model\":");
    buffer_add_json_string(out, model->label);
    buffer_printf(out, ",\"events\":%zu,\"rules\":%zu,\"unnamed_fields\":[", model->events,
                  model->rules_nr);
    for (size_t i = 0; i < model->nr; i++) {
        if (model->fields[i].is_named)
            continue;
        buffer_add_text(out, comma);
        buffer_add_json_string(out, model->fields[i].name);
        comma = ",";
    }
    buffer_add_text(out, "]}");
}

void check_events_print_json(const struct coverage *coverage, struct buffer *out)
{
    const char *comma = "";

    buffer_printf(out, "{\"events\":%zu,\"unread\":%zu,\"models\":[", coverage->events,
                  coverage->unread);
    for (size_t i = 0; i < coverage->models_nr; i++) {
        buffer_add_text(out, i ? "," : "");
        add_model_json(&coverage->models[i], out);
    }
    buffer_add_text(out, "],\"unmatched_rules\":[");
    for (size_t i = 0; i < coverage->set->rules_nr; i++) {
        if (!is_unmatched(coverage, i))
            continue;
        buffer_add_text(out, comma);
        buffer_add_json_string(out, coverage->set->rules[i].name);
        comma = ",";
    }
    buffer_add_text(out, "]}");
}
