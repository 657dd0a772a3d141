/*
 * envelope - one wire format of events, as decode_record() tries them; private to this room.
 *
 * Each format is a file of its own and one constant here. The first that claims a record reads it;
 * native stands last, is not asked, and takes the rest. Sizes and the record's time are the caller's.
 */
#ifndef CONSUMERS_EVENT_ENVELOPE_H
#define CONSUMERS_EVENT_ENVELOPE_H

#include "consumers/event/decode.h"

struct envelope_input {
    const struct record *record;
    const struct value *root;
    struct arena *arena;
};

struct envelope_format {
    bool (*claims)(const struct envelope_input *input); /* NULL in the last one */
    /* Fills *event, which is all zero, or sets *skipped (DECODE_SKIPPED) or *err (DECODE_BAD). */
    enum decode_result (*read)(const struct envelope_input *input, struct event *event,
                               const char **skipped, struct error *err);
};

extern const struct envelope_format envelope_native;

#endif
