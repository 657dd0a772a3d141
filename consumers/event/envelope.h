/*
 * envelope - one wire format of events, as decode_record() tries them; private to this room.
 *
 * Each format is a file of its own and one constant here. The first that claims a record reads it;
 * native is not asked and takes the rest. Sizes and the record's time are the caller's. A format
 * that was pinned reads whatever comes, so `read` must not rely on what `claims` found.
 */
#ifndef CONSUMERS_EVENT_ENVELOPE_H
#define CONSUMERS_EVENT_ENVELOPE_H

#include "consumers/event/decode.h"

struct envelope_input {
    const struct record *record; /* its headers are there */
    const struct value *root;
    const struct tables *tables;
    struct arena *arena;
};

struct envelope_format {
    bool (*claims)(const struct envelope_input *input); /* NULL: of native */
    /* Fills *event, which is all zero, or sets *skipped (DECODE_SKIPPED) or *err (DECODE_BAD). */
    enum decode_result (*read)(const struct envelope_input *input, struct event *event,
                               const char **skipped, struct error *err);
};

extern const struct envelope_format envelope_native;
extern const struct envelope_format envelope_cloudevents;
extern const struct envelope_format envelope_debezium;
extern const struct envelope_format envelope_maxwell;

/* The value of the record's first header of that name; absent: none, or a null one. */
struct slice envelope_header(const struct record *record, struct slice name);

#endif
