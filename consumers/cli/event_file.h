/*
 * event_file - events as people keep them: JSON Lines or one JSON array, from a file or standard
 * input.
 *
 * An item is the bytes of one event where they stand, not yet looked at: what is wrong with it is
 * found by whoever decodes it. In JSON Lines an object may run over several lines, as an editor
 * formats it; a line that begins with `{` always begins a new one, so that a torn line harms only
 * itself. An object marked "record": true is a record with its key and headers around a value:
 *
 *   {"record": true, "key": "shop.Product:42", "headers": {"n": "v"}, "value": {...}}
 *
 * A key or value that is a JSON string is its bytes, other JSON its compact text, null is none.
 */
#ifndef CONSUMERS_CLI_EVENT_FILE_H
#define CONSUMERS_CLI_EVENT_FILE_H

#include "consumers/base/arena.h"
#include "consumers/base/buffer.h"
#include "consumers/base/error.h"
#include "consumers/base/record.h"

struct event_file {
    struct buffer text;
    size_t at;       /* of the next item */
    unsigned line;   /* there, from 1 */
    size_t measured; /* as far as `before` is counted, at most `at` */
    size_t before;   /* characters of its line up to there */
    bool is_array, is_done;
    struct record defaults; /* topic, key and headers of items that are no records; the caller's */
};

struct event_item {
    unsigned line, column; /* where it begins, from 1; columns in characters */
    struct slice text;     /* as it stands in the file */
    struct record record;  /* value, key and headers; offset counts items from 0 */
};

enum event_file_step { EVENT_FILE_ITEM, EVENT_FILE_END, EVENT_FILE_BAD };

/* Reads everything; "-" is standard input. */
bool event_file_open(struct event_file *file, const char *path, struct error *err) CHECKED;
/* The same of a text that is there; it is copied. */
void event_file_over(struct event_file *file, struct slice text);
void event_file_release(struct event_file *file);

/*
 * EVENT_FILE_BAD: *err says why, with line and column: an array that does not end, something between
 * its elements, a record object of the wrong shape. In the last case *item is set and the walk may
 * go on; otherwise the next step is EVENT_FILE_END.
 */
enum event_file_step event_file_next(struct event_file *file, struct arena *arena,
                                     struct event_item *item, struct error *err);

#endif
