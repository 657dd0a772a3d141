/*
 * record_json - a record as explain and emit read it back: {"record":true,...}, in one line.
 *
 * Reading it gives every byte again. A value or key that is a JSON object stands as such where that loses
 * nothing (it is compact), so that it can be edited; other text is a JSON string, other bytes are
 * {"base64":"..."}. Read back by event/written.h.
 */
#ifndef CONSUMERS_CLI_RECORD_JSON_H
#define CONSUMERS_CLI_RECORD_JSON_H

#include "consumers/base/arena.h"
#include "consumers/base/buffer.h"
#include "consumers/base/record.h"

/* null, a string, an object or {"base64":"..."}. */
void record_json_bytes(struct slice bytes, struct arena *arena, struct buffer *out);

/* An object, or an array of pairs where a name comes twice. */
void record_json_headers(const struct record *record, struct arena *arena, struct buffer *out);

/* All but the closing brace, so that more members can follow. */
void record_json_begin(const struct record *record, struct arena *arena, struct buffer *out);

#endif
