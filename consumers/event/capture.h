/*
 * capture - what the formats of change data capture share: models by table, keys, one row; private
 * to this room.
 */
#ifndef CONSUMERS_EVENT_CAPTURE_H
#define CONSUMERS_EVENT_CAPTURE_H

#include "consumers/event/envelope.h"

/* The model that `tables` declares for schema.table, else that name itself. */
struct slice capture_model(const struct envelope_input *input, struct slice schema,
                           struct slice table);

/* The primary key of those columns: one alone, of several an array; NULL (unknown) for none. */
const struct value *capture_pk(const struct value *const *columns, size_t nr, struct arena *arena);

/* True for what a column of a primary key may hold. */
bool capture_is_column(const struct value *value);

/* An image that is an object or null; false for anything else. */
bool capture_image(const struct value *value, const char *name, const struct value **image,
                   struct error *err) CHECKED;

/* Sets the names of a known op. */
void capture_op(struct event *event, enum event_op op);

/* The event's one row, all zero. */
struct row *capture_row(struct event *event, struct arena *arena);

#endif
