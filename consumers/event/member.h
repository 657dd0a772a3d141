/*
 * member - the members of a native event: their names, what they may be, how a wrong one is refused;
 * private to this room.
 *
 * A refusal names the member, what was expected and what was there: `"pk" must be a string, an
 * integer or an array, not an object`. Members are found by one pass over the message, whatever
 * their order.
 */
#ifndef CONSUMERS_EVENT_MEMBER_H
#define CONSUMERS_EVENT_MEMBER_H

#include "consumers/base/error.h"
#include "consumers/event/event.h"
#include "consumers/event/tree.h"

enum member {
    MEMBER_EVENT,
    MEMBER_MODEL,
    MEMBER_PK,
    MEMBER_PKS,
    MEMBER_ROWS,
    MEMBER_CREATED,
    MEMBER_CHANGED,
    MEMBER_BEFORE,
    MEMBER_AFTER,
    MEMBER_ID,
    MEMBER_TS,
    MEMBER_VERSION,
    MEMBER_SOURCE,
    MEMBER_TENANT,
    MEMBER_TRACE,
    MEMBER_SENDER,
    MEMBER_M2M,
    MEMBER_META,
    MEMBER_PARENTS,
    MEMBER_NR
};

enum {
    IS_STRING = 1 << VALUE_STRING,
    IS_NUMBER = 1 << VALUE_NUMBER,
    IS_BOOLEAN = 1 << VALUE_TRUE | 1 << VALUE_FALSE,
    IS_ARRAY = 1 << VALUE_ARRAY,
    IS_OBJECT = 1 << VALUE_OBJECT,
    IS_NULL = 1 << VALUE_NULL
};

struct expected {
    const char *name;
    unsigned types;
    const char *text;
};

extern const struct expected member_expected[MEMBER_NR];

/* What stood in one message; NULL where nothing did. */
struct members {
    const struct value *value[MEMBER_NR];
    unsigned unknown;
};

/* What the members of one message are read with. */
struct reader {
    const struct members *members;
    struct arena *arena;
    struct event *event;
    struct error *err;
};

/* Sorts the members of an object and checks their types. */
bool member_collect(const struct value *root, struct members *members, struct error *err) CHECKED;

/*
 * tree_check() and member_collect() in one walk, for what nearly every message is. False says nothing: the
 * message may be fine all the same (it has two members that nobody knows), so go the long way then.
 */
bool member_take(const struct value *root, struct members *members, struct arena *arena) CHECKED;

/* Refuses a value of the wrong type; always false. */
bool member_fail_type(const struct expected *expected, const struct value *value,
                      struct error *err);

/*
 * Refuses a message without a member it needs, with `text`; always false. A member that nobody
 * knows and whose name is near is probably what was meant, and is named.
 */
bool member_fail_missing(const struct value *root, const char *name, const char *text,
                         struct error *err);

/* Every element of an array is a string; NULL is an array without elements. */
bool member_check_strings(const struct value *array, const struct expected *expected,
                          struct error *err) CHECKED;

/* The primary key in *pk: that of one column unwrapped, of several as their array. */
bool member_read_pk(const struct value *value, const struct value **pk, struct error *err) CHECKED;

/* True for a number written without fraction and exponent. */
bool member_is_integer(struct slice number);

static inline bool member_check_type(const struct expected *expected, const struct value *value,
                                     struct error *err)
{
    if (expected->types & (1u << tree_type_of(value)))
        return true;
    return member_fail_type(expected, value, err);
}

#endif
