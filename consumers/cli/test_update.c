#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/read_text.h"
#include "consumers/cli/test_suite.h"

struct change {
    struct test_span span;
    const struct test_outcome *result;
};

struct changes {
    struct change *items;
    size_t nr, capacity;
};

static void add_change(struct changes *changes, struct test_span span,
                       const struct test_outcome *result)
{
    changes->items =
        alloc_grow(changes->items, changes->nr, &changes->capacity, sizeof(*changes->items));
    changes->items[changes->nr++] = (struct change){span, result};
}

static bool has_all(const struct test_outcome *result, struct slice_list list)
{
    for (size_t i = 0; i < list.nr; i++) {
        bool is_sent = false;

        for (size_t j = 0; j < result->commands_nr && !is_sent; j++)
            is_sent = test_command_is(&result->commands[j], list.items[i]);
        if (!is_sent)
            return false;
    }
    return true;
}

static bool has_no_other(const struct test_outcome *result, struct slice_list list)
{
    for (size_t i = 0; i < result->commands_nr; i++) {
        bool is_listed = false;

        for (size_t j = 0; j < list.nr && !is_listed; j++)
            is_listed = test_command_is(&result->commands[i], list.items[j]);
        if (!is_listed)
            return false;
    }
    return true;
}

static void collect(struct changes *changes, const struct test_outcome *result)
{
    const struct test_expect *expect = &result->test->expect;

    if (expect->has_includes && !has_all(result, expect->includes))
        add_change(changes, expect->includes_span, result);
    if (expect->has_exactly &&
        !(has_all(result, expect->exactly) && has_no_other(result, expect->exactly)))
        add_change(changes, expect->exactly_span, result);
}

static int by_place(const void *a, const void *b)
{
    size_t x = ((const struct change *)a)->span.start, y = ((const struct change *)b)->span.start;

    return (x > y) - (x < y);
}

/* The blanks that the line of this place begins with. */
static struct slice indent_of(struct slice text, size_t at)
{
    size_t start = at, end;

    while (start > 0 && text.ptr[start - 1] != '\n')
        start--;
    for (end = start; end < at && (text.ptr[end] == ' ' || text.ptr[end] == '\t');)
        end++;
    return (struct slice){text.ptr + start, end - start};
}

static void add_list(struct buffer *out, const struct test_outcome *result, struct slice indent)
{
    bool is_long = result->commands_nr > 1;

    buffer_add_char(out, '[');
    for (size_t i = 0; i < result->commands_nr; i++) {
        if (i > 0)
            buffer_add_char(out, ',');
        if (is_long) {
            buffer_add_char(out, '\n');
            buffer_add(out, indent);
            buffer_add_text(out, "  ");
        }
        buffer_add_json_string(out, result->commands[i].plain);
    }
    if (is_long) {
        buffer_add_char(out, '\n');
        buffer_add(out, indent);
    }
    buffer_add_char(out, ']');
}

/* Spans count from behind a byte order mark. */
static void rewrite(struct slice text, const struct changes *changes, struct buffer *out)
{
    size_t mark = slice_starts_with(text, SLICE("\xef\xbb\xbf")) ? 3 : 0, at = 0;

    for (size_t i = 0; i < changes->nr; i++) {
        const struct change *change = &changes->items[i];
        size_t start = change->span.start + mark;

        buffer_add(out, (struct slice){text.ptr + at, start - at});
        add_list(out, change->result, indent_of(text, start));
        at = change->span.end + mark;
    }
    buffer_add(out, (struct slice){text.ptr + at, text.len - at});
}

/* Whole or not at all: a service may be looking at the file. */
static bool write_file(const char *path, struct slice text, struct error *err)
{
    struct stat status;
    struct buffer name;
    FILE *file;
    bool ok;

    buffer_init(&name);
    buffer_printf(&name, "%s.new", path);
    file = fopen(name.ptr, "we");
    ok = file && stat(path, &status) == 0 && fchmod(fileno(file), status.st_mode & 07777) == 0 &&
         fwrite(text.ptr, 1, text.len, file) == text.len;
    if (file)
        ok = fclose(file) == 0 && ok;
    ok = ok && rename(name.ptr, path) == 0;
    if (!ok)
        error_fail(err, ERROR_CONFIG, "%s cannot be written: %s", path, strerror(errno));
    if (!ok && file)
        (void)remove(name.ptr);
    buffer_release(&name);
    return ok;
}

static void update_file(const char *path, struct changes *changes)
{
    struct error err = ERROR_INIT;
    struct buffer before, after;

    qsort(changes->items, changes->nr, sizeof(*changes->items), by_place);
    buffer_init(&before);
    buffer_init(&after);
    if (read_text(path, &before, &err)) {
        rewrite(buffer_slice(&before), changes, &after);
        if (write_file(path, buffer_slice(&after), &err))
            fprintf(stderr, "unstale: %s: %zu list%s updated\n", path, changes->nr,
                    changes->nr == 1 ? "" : "s");
    }
    if (err.kind != ERROR_NONE)
        fprintf(stderr, "unstale: %s\n", err.text);
    buffer_release(&after);
    buffer_release(&before);
}

static bool is_first_of_file(const struct test_suite *suite, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (slice_equals(suite->results[i].test->file, suite->results[index].test->file))
            return false;
    }
    return true;
}

void test_update(const struct test_suite *suite)
{
    struct arena arena;

    arena_init(&arena, 1 << 12);
    for (size_t i = 0; i < suite->results_nr; i++) {
        struct changes changes = {NULL, 0, 0};
        struct slice file = suite->results[i].test->file;

        for (size_t j = i; is_first_of_file(suite, i) && j < suite->results_nr; j++) {
            if (slice_equals(suite->results[j].test->file, file))
                collect(&changes, &suite->results[j]);
        }
        if (changes.nr > 0 && !slice_equals(file, SLICE("<stdin>")))
            update_file(arena_text(&arena, file), &changes);
        free(changes.items);
    }
    arena_release(&arena);
}
