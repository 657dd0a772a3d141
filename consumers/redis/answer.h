/*
 * answer - replies of Redis, parsed without an allocation each.
 *
 * hiredis' reader does the parsing; its objects are replaced by one static reply, and what matters
 * is caught on the way: the top of a reply in struct answer, strings inside arrays by a callback
 * while they still lie in the reader's buffer.
 *
 * Nothing is believed of a length: a reply takes memory as it comes, REPLY_MAX_BYTES of it at the
 * most, nested no deeper than REPLY_MAX_DEPTH, and what only RESP3 knows (pushes, maps, sets, …) was never asked for. What
 * is beyond breaks the stream. The text of an error ends after REPLY_ERROR_BYTES: it goes into logs and
 * headers.
 */
#ifndef CONSUMERS_REDIS_ANSWER_H
#define CONSUMERS_REDIS_ANSWER_H

#include "consumers/base/buffer.h"

enum {
    REPLY_MAX_BYTES = 64 << 20,
    REPLY_MAX_DEPTH = 8,
    REPLY_ERROR_BYTES = 1 << 10,
    REPLY_WORDS_BYTES = 1 << 20
};

enum answer_kind { ANSWER_TEXT, ANSWER_ERROR, ANSWER_INTEGER, ANSWER_NIL, ANSWER_ARRAY };

struct answer {
    enum answer_kind kind;
    int64_t integer;
    struct slice text; /* of a status, string or error; valid until the next answer is taken */
};

/*
 * A string inside an array: depth 1 in the array of the reply, 2 in an array of that, ... An integer
 * is told by its digits, nil as an empty string.
 */
typedef void (*answer_element)(void *sink, int depth, struct slice text);

struct redisReader;

struct answers {
    struct redisReader *reader;
    struct answer current;
    struct buffer text;     /* what current.text points into */
    answer_element element; /* NULL: strings inside arrays are dropped */
    void *sink;
    bool keeps_words;    /* strings inside arrays go to `words`, a line each, and to nobody else */
    struct buffer words; /* REPLY_WORDS_BYTES at the most */
    size_t fed_bytes;    /* since the last whole reply */
};

void answers_init(struct answers *answers);
void answers_release(struct answers *answers);

/* Forgets what was fed: for a new connection. */
void answers_clear(struct answers *answers);

/* False when the reply grew beyond REPLY_MAX_BYTES or memory ran out: the connection is of no use. */
bool answers_feed(struct answers *answers, const char *bytes, size_t len) CHECKED;

enum answers_state { ANSWERS_NONE, ANSWERS_ONE, ANSWERS_BROKEN };

/* Parses the next reply into *answer, if it is there. */
enum answers_state answers_take(struct answers *answers, struct answer *answer);

/* "+OK", and a count of 0 to most. */
bool answer_is_ok(const struct answer *answer);
bool answer_is_count(const struct answer *answer, int64_t most);

#endif
