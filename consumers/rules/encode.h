/*
 * encode - values to the bytes a cache reader expects, in arena memory.
 *
 * Compact JSON (UTF-8 as it is, numbers as the event has them) and pickle protocol 2 made of data
 * opcodes only: no memo, no frame, never a global. What is encoded is a struct field, so that a
 * number the event computed and a value it carried go the same way. Integers beyond 64 bits have no
 * msgpack.
 * Source: RFC 8259; pickletools of Python 3.
 */
#ifndef CONSUMERS_RULES_ENCODE_H
#define CONSUMERS_RULES_ENCODE_H

#include "consumers/base/arena.h"
#include "consumers/event/field.h"

/* Longest integer in a pickle: what Python itself still converts from text by default. */
enum { ENCODE_MAX_DIGITS = 4300 };

/* Bytes that grow in an arena. */
struct sink {
    struct arena *arena;
    char *ptr;
    size_t len, capacity;
};

void sink_init(struct sink *sink, struct arena *arena);
char *sink_reserve(struct sink *sink, size_t more); /* room for `more` beyond len */
void sink_add(struct sink *sink, struct slice text);
void sink_add_char(struct sink *sink, char c);
struct slice sink_slice(const struct sink *sink);

struct field field_of_value(const struct value *value); /* NULL: missing */
struct field field_of_text(struct slice text);          /* a string */

bool number_is_integer(struct slice number);

void encode_json(struct sink *sink, const struct field *field);
void encode_json_text(struct sink *sink, struct slice text); /* with quotes */

/* The pieces of a pickle, for shapes that are walked by the caller. */
void pickle_begin(struct sink *sink);
void pickle_text(struct sink *sink, struct slice text);
bool pickle_field(struct sink *sink,
                  const struct field *field) CHECKED; /* false: integer too long */
void pickle_end(struct sink *sink);

/*
 * The same for msgpack. A container is written as its items and then wrapped: its header, which holds
 * their number, goes to where the items start.
 * Source: msgpack specification.
 */
void msgpack_text(struct sink *sink, struct slice text);
bool msgpack_field(struct sink *sink,
                   const struct field *field) CHECKED; /* false: beyond 64 bits */
void msgpack_wrap(struct sink *sink, size_t start, bool is_object, size_t nr);

#endif
