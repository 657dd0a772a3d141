#include "consumers/redis/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

/* hiredis may look at a reply's type, so it must be a real one; nothing ever writes to it. */
static const redisReply nothing = {.type = REDIS_REPLY_NIL};

static void *object(void)
{
    return (void *)(uintptr_t)&nothing;
}

static int depth_of(const redisReadTask *task)
{
    int depth = 0;

    for (const redisReadTask *up = task->parent; up != NULL; up = up->parent)
        depth++;
    return depth;
}

/* NULL of a function below ends the reading: the stream is broken. */
static void *broken(void)
{
    return NULL;
}

/* False when there are too many. */
static bool on_element(struct answers *answers, const redisReadTask *task, struct slice text)
{
    if (answers->keeps_words) {
        if (text.len >= REPLY_WORDS_BYTES - answers->words.len)
            return false;
        buffer_add(&answers->words, text);
        buffer_add_char(&answers->words, '\n');
    } else if (answers->element != NULL) {
        answers->element(answers->sink, depth_of(task), text);
    }
    return true;
}

static struct slice error_text(struct slice text)
{
    return (struct slice){text.ptr, text.len < REPLY_ERROR_BYTES ? text.len : REPLY_ERROR_BYTES};
}

static void *on_string(const redisReadTask *task, char *bytes, size_t len)
{
    struct answers *answers = task->privdata;
    struct slice text = {bytes, len};
    bool is_error = task->type == REDIS_REPLY_ERROR;

    if (!is_error && task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_STATUS)
        return broken();
    if (task->parent != NULL)
        return on_element(answers, task, text) ? object() : broken();
    buffer_clear(&answers->text);
    buffer_add(&answers->text, is_error ? error_text(text) : text);
    answers->current = (struct answer){
        .kind = is_error ? ANSWER_ERROR : ANSWER_TEXT,
        .text = buffer_slice(&answers->text),
    };
    return object();
}

static void *on_other(const redisReadTask *task, enum answer_kind kind, int64_t integer)
{
    struct answers *answers = task->privdata;

    if (task->parent == NULL)
        answers->current = (struct answer){.kind = kind, .integer = integer};
    return object();
}

static void *on_array(const redisReadTask *task, size_t elements)
{
    if (task->type != REDIS_REPLY_ARRAY || depth_of(task) >= REPLY_MAX_DEPTH)
        return broken();
    return on_other(task, ANSWER_ARRAY, (int64_t)elements);
}

static void *on_integer(const redisReadTask *task, long long integer)
{
    char digits[24];
    int len;

    if (task->parent != NULL) {
        len = snprintf(digits, sizeof(digits), "%lld", integer);
        if (!on_element(task->privdata, task, (struct slice){digits, (size_t)len}))
            return broken();
    }
    return on_other(task, ANSWER_INTEGER, integer);
}

static void *on_double(const redisReadTask *task, double number, char *text, size_t len)
{
    (void)task, (void)number, (void)text, (void)len;
    return broken();
}

static void *on_nil(const redisReadTask *task)
{
    if (task->parent != NULL && !on_element(task->privdata, task, SLICE("")))
        return broken();
    return on_other(task, ANSWER_NIL, 0);
}

static void *on_bool(const redisReadTask *task, int value)
{
    (void)task, (void)value;
    return broken();
}

static void on_free(void *reply)
{
    (void)reply;
}

static void reader_make(struct answers *answers)
{
    static const redisReplyObjectFunctions functions = {
        .createString = on_string,
        .createArray = on_array,
        .createInteger = on_integer,
        .createDouble = on_double,
        .createNil = on_nil,
        .createBool = on_bool,
        .freeObject = on_free,
    };

    answers->reader =
        redisReaderCreateWithFunctions((redisReplyObjectFunctions *)(uintptr_t)&functions);
    if (answers->reader == NULL)
        abort();
    answers->reader->maxbuf = 0; /* keep the buffer: a batch in steady state allocates nothing */
    answers->reader->privdata = answers;
}

void answers_init(struct answers *answers)
{
    *answers = (struct answers){.element = NULL};
    buffer_init(&answers->text);
    buffer_init(&answers->words);
    reader_make(answers);
}

void answers_release(struct answers *answers)
{
    redisReaderFree(answers->reader);
    buffer_release(&answers->text);
    buffer_release(&answers->words);
}

void answers_clear(struct answers *answers)
{
    redisReaderFree(answers->reader);
    reader_make(answers);
    answers->fed_bytes = 0;
}

bool answers_feed(struct answers *answers, const char *bytes, size_t len)
{
    answers->fed_bytes += len;
    return answers->fed_bytes <= REPLY_MAX_BYTES &&
           redisReaderFeed(answers->reader, bytes, len) == REDIS_OK;
}

enum answers_state answers_take(struct answers *answers, struct answer *answer)
{
    void *reply = NULL;

    if (redisReaderGetReply(answers->reader, &reply) != REDIS_OK)
        return ANSWERS_BROKEN;
    if (reply == NULL)
        return ANSWERS_NONE;
    *answer = answers->current;
    answers->fed_bytes = answers->reader->len - answers->reader->pos;
    return ANSWERS_ONE;
}

bool answer_is_ok(const struct answer *answer)
{
    return answer->kind == ANSWER_TEXT && slice_equals(answer->text, SLICE("OK"));
}

bool answer_is_count(const struct answer *answer, int64_t most)
{
    return answer->kind == ANSWER_INTEGER && answer->integer >= 0 && answer->integer <= most;
}
