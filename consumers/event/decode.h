/*
 * decode - a record's bytes to an event: envelope detection, then one file an envelope.
 *
 * Detected in this order, unless the format is pinned: a value that says `event` and `model` itself
 * is native, whatever its headers say (so its headers are not even looked at); then CloudEvents, by
 * headers or by `specversion` and `type` in the value; Debezium; Maxwell; anything else is read, and
 * mostly refused, as native.
 *
 * Pure: no I/O, no clock. The value is copied into the arena with the padding yyjson wants and is
 * parsed in place there, so the record itself stays byte for byte what it was (a dead letter must
 * be). All memory comes from the arena: no malloc in steady state. Refused, each with a reason that
 * names what was expected: no JSON (with the byte position), duplicate names in an object, nesting
 * deeper than DECODE_MAX_DEPTH, more than max_bytes, members of the wrong type, no model, none of
 * pk, pks, rows. Unknown top-level members are ignored and counted.
 */
#ifndef CONSUMERS_EVENT_DECODE_H
#define CONSUMERS_EVENT_DECODE_H

#include "consumers/base/error.h"
#include "consumers/base/record.h"
#include "consumers/event/event.h"
#include "consumers/event/tables.h"

enum {
    DECODE_MAX_DEPTH = 64,
    DECODE_MAX_BYTES = 1 << 20,
    DECODE_MAX_PKS = 10000,
    DECODE_MAX_ROWS = 1000
};

enum decode_format {
    FORMAT_DETECT,
    FORMAT_NATIVE,
    FORMAT_CLOUDEVENTS,
    FORMAT_DEBEZIUM,
    FORMAT_MAXWELL,
    FORMAT_NR
};

/* "native", "cloudevents", "debezium", "maxwell"; FORMAT_DETECT has no name. */
extern const char *const decode_format_names[FORMAT_NR];

/* False, and *format untouched, when no format has that name. */
bool decode_format_parse(struct slice name, enum decode_format *format);

/* A topic whose records all have one format, by its whole name. */
struct topic_format {
    struct slice topic;
    enum decode_format format;
};

/* The format pinned for that topic, else FORMAT_DETECT. */
enum decode_format decode_topic_format(const struct topic_format *formats, size_t nr,
                                       struct slice topic);

struct decode_options {
    size_t max_bytes; /* of a record's value; 0: DECODE_MAX_BYTES */
    enum decode_format format;
    const struct tables *tables; /* models of change data capture; NULL: none is declared */
    /* Called at most once, when headers are wanted, to put them into the record; NULL: they are. */
    void (*load_headers)(void *context);
    void *load_context;
};

enum decode_result {
    DECODE_EVENT,    /* *event is set */
    DECODE_SKIPPED,  /* nothing to do; *skipped says what it was ("tombstone", "heartbeat", ...) */
    DECODE_BAD,      /* *err says why */
    DECODE_TOO_LARGE /* larger than max_bytes; *err says how large */
};

enum decode_result decode_record(const struct record *record, const struct decode_options *options,
                                 struct arena *arena, struct event *event, const char **skipped,
                                 struct error *err);

/*
 * Parses JSON text on its own (emit's files, explain's wrapped records): same refusals, *root lives in
 * the arena. On failure *position is the byte it failed at.
 */
const struct value *decode_json(struct slice text, struct arena *arena, size_t *position,
                                struct error *err);

/* A native event from a parsed value; what decode_record does after parsing. */
enum decode_result decode_native(const struct value *root, struct arena *arena, struct event *event,
                                 struct error *err);

/* "0.10.0", of yyjson, for --version. In the caller's buffer. */
void decode_library_version(char *out, size_t bytes);

#endif
