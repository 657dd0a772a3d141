#include "consumers/cli/event_file.h"

#include "consumers/base/text.h"
#include "consumers/cli/read_text.h"
#include "consumers/event/written.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct event_file *file)
{
    for (; file->at < file->text.len && is_blank(file->text.ptr[file->at]); file->at++)
        file->line += file->text.ptr[file->at] == '\n';
}

static void init(struct event_file *file)
{
    *file = (struct event_file){.line = 1, .defaults = {.timestamp_ms = -1}};
    buffer_init(&file->text);
}

static void begin(struct event_file *file)
{
    if (slice_starts_with(buffer_slice(&file->text), SLICE("\xef\xbb\xbf")))
        file->at = 3;
    skip_blanks(file);
    file->is_array = file->at < file->text.len && file->text.ptr[file->at] == '[';
    if (file->is_array)
        file->at++;
}

bool event_file_open(struct event_file *file, const char *path, struct error *err)
{
    init(file);
    if (!read_text(path, &file->text, err))
        return false;
    begin(file);
    return true;
}

void event_file_over(struct event_file *file, struct slice text)
{
    init(file);
    buffer_add(&file->text, text);
    begin(file);
}

void event_file_release(struct event_file *file)
{
    buffer_release(&file->text);
}

/* Nesting as far as it was read. */
struct scan {
    unsigned depth;
    bool in_string, is_escaped;
};

static void scan_char(struct scan *scan, char c)
{
    if (scan->in_string) {
        if (scan->is_escaped)
            scan->is_escaped = false;
        else if (c == '\\')
            scan->is_escaped = true;
        else if (c == '"')
            scan->in_string = false;
    } else if (c == '"') {
        scan->in_string = true;
    } else if (c == '{' || c == '[') {
        scan->depth++;
    } else if ((c == '}' || c == ']') && scan->depth > 0) {
        scan->depth--;
    }
}

/* To the end of the line on which the value closes, or before the next line that begins with `{`. */
static size_t find_line_end(const struct event_file *file)
{
    const char *text = file->text.ptr;
    struct scan scan = {.depth = 0};
    size_t end = file->at;

    for (; end < file->text.len; end++) {
        if (text[end] == '\n' && (scan.depth == 0 || text[end + 1] == '{' || scan.in_string))
            break;
        scan_char(&scan, text[end]);
    }
    return end;
}

static size_t find_element_end(const struct event_file *file)
{
    const char *text = file->text.ptr;
    struct scan scan = {.depth = 0};
    size_t end = file->at;

    for (; end < file->text.len; end++) {
        if (scan.depth == 0 && !scan.in_string && (text[end] == ',' || text[end] == ']'))
            break;
        scan_char(&scan, text[end]);
    }
    return end;
}

/* From where it was last measured, because all events may stand in one line. */
static unsigned measure_column(struct event_file *file)
{
    const char *text = file->text.ptr;
    const char *last = memrchr(text + file->measured, '\n', file->at - file->measured);

    if (last) {
        file->measured = (size_t)(last - text) + 1;
        file->before = 0;
    }
    file->before += text_chars((struct slice){text + file->measured, file->at - file->measured});
    file->measured = file->at;
    return (unsigned)file->before + 1;
}

static void take_item(struct event_file *file, size_t end, struct event_item *item)
{
    const char *text = file->text.ptr;
    size_t start = file->at;
    int64_t nr = file->defaults.offset++;

    *item = (struct event_item){
        .line = file->line,
        .column = measure_column(file),
        .record = file->defaults,
    };
    for (; file->at < end; file->at++)
        file->line += text[file->at] == '\n';
    while (end > start && is_blank(text[end - 1]))
        end--;
    item->record.offset = nr;
    item->text = item->record.value = (struct slice){text + start, end - start};
}

static bool unwrap(struct event_item *item, struct arena *arena, struct error *err)
{
    if (written_record(item->text, arena, &item->record, err))
        return true;
    error_wrap(err, "line %u, column %u", item->line, item->column);
    return false;
}

static enum event_file_step fail(struct event_file *file, struct error *err, const char *what)
{
    file->is_done = true;
    error_fail(err, ERROR_REJECT, "line %u: %s", file->line, what);
    return EVENT_FILE_BAD;
}

/* After an element: past the comma, or the end of the array with nothing but blanks behind. */
static enum event_file_step close_element(struct event_file *file, struct error *err)
{
    skip_blanks(file);
    if (file->at == file->text.len)
        return fail(file, err, "the array does not end");
    if (file->text.ptr[file->at++] == ',')
        return EVENT_FILE_ITEM;
    skip_blanks(file);
    file->is_done = true;
    return file->at == file->text.len ? EVENT_FILE_ITEM
                                      : fail(file, err, "something stands behind the array");
}

enum event_file_step event_file_next(struct event_file *file, struct arena *arena,
                                     struct event_item *item, struct error *err)
{
    *item = (struct event_item){.line = file->line};
    skip_blanks(file);
    if (file->is_done || (file->at == file->text.len && !file->is_array))
        return EVENT_FILE_END;
    if (file->is_array && file->at < file->text.len && file->text.ptr[file->at] == ']' &&
        file->defaults.offset == 0)
        return close_element(file, err) == EVENT_FILE_BAD ? EVENT_FILE_BAD : EVENT_FILE_END;
    take_item(file, file->is_array ? find_element_end(file) : find_line_end(file), item);
    if (file->is_array && close_element(file, err) == EVENT_FILE_BAD)
        return EVENT_FILE_BAD;
    return unwrap(item, arena, err) ? EVENT_FILE_ITEM : EVENT_FILE_BAD;
}
