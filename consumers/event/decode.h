/*
 * decode - a record's bytes to an event: envelope detection, then one file an envelope.
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

enum {
    DECODE_MAX_DEPTH = 64,
    DECODE_MAX_BYTES = 1 << 20,
    DECODE_MAX_PKS = 10000,
    DECODE_MAX_ROWS = 1000
};

struct decode_options {
    size_t max_bytes; /* of a record's value; 0: DECODE_MAX_BYTES */
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
