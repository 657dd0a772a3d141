/* The input of emit: items decoded one by one, and their record keys. */
#include "consumers/cli/emit.h"

enum { ITEM_ARENA_BYTES = 64 << 10, ITEM_ARENA_KEEP_BYTES = 4 << 20 };

bool emit_input_open(struct emit_input *input, const struct emit_options *options,
                     size_t max_event_bytes, struct error *err)
{
    bool is_stdin = strcmp(options->path, "-") == 0;

    *input = (struct emit_input){.name = is_stdin ? "<stdin>" : options->path,
                                 .decode = {.max_bytes = max_event_bytes}};
    arena_init(&input->arena, ITEM_ARENA_BYTES);
    if (!event_file_open(&input->file, options->path, err)) {
        emit_input_release(input);
        return false;
    }
    input->file.defaults.key = options->key;
    input->file.defaults.headers = options->headers;
    input->file.defaults.headers_nr = options->headers_nr;
    input->start = input->file;
    return true;
}

void emit_input_over(struct emit_input *input, struct slice text, size_t max_event_bytes)
{
    *input = (struct emit_input){.name = "<body>", .decode = {.max_bytes = max_event_bytes}};
    arena_init(&input->arena, ITEM_ARENA_BYTES);
    event_file_over(&input->file, text);
    input->start = input->file;
}

void emit_input_release(struct emit_input *input)
{
    event_file_release(&input->file);
    arena_release(&input->arena);
}

void emit_input_rewind(struct emit_input *input)
{
    input->file = input->start;
}

enum emit_step emit_input_next(struct emit_input *input, struct emit_item *item)
{
    const char *skipped = NULL;

    arena_reset(&input->arena, ITEM_ARENA_KEEP_BYTES);
    error_clear(&item->err);
    switch (event_file_next(&input->file, &input->arena, &item->item, &item->err)) {
    case EVENT_FILE_END:
        return EMIT_END;
    case EVENT_FILE_BAD:
        return EMIT_BAD;
    case EVENT_FILE_ITEM:
        break;
    }
    switch (decode_record(&item->item.record, &input->decode, &input->arena, &item->event, &skipped,
                          &item->err)) {
    case DECODE_EVENT:
        return EMIT_EVENT;
    case DECODE_SKIPPED:
        (void)error_fail(&item->err, ERROR_REJECT, "a %s is no event", skipped);
        return EMIT_BAD;
    case DECODE_BAD:
    case DECODE_TOO_LARGE:
        break;
    }
    return EMIT_BAD;
}

static bool is_about_many(const struct event *event)
{
    return event->rows_nr != 1 || event->rows[0].pk == NULL ||
           value_get(event->root, SLICE("pks")) || value_get(event->root, SLICE("rows"));
}

struct slice emit_key(const struct emit_item *item, struct arena *arena)
{
    const struct event *event = &item->event;
    struct buffer pk;

    if (!slice_is_absent(item->item.record.key))
        return item->item.record.key;
    if (is_about_many(event))
        return event->model;
    struct slice text = value_text(event->rows[0].pk);
    buffer_init(&pk);
    buffer_add(&pk, event->model);
    buffer_add_char(&pk, ':');
    if (slice_is_absent(text))
        value_print(event->rows[0].pk, &pk);
    else
        buffer_add(&pk, text);
    struct slice key = arena_copy(arena, buffer_slice(&pk));
    buffer_release(&pk);
    return key;
}
