#include "consumers/kafka/dead_letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/buffer.h"
#include "consumers/base/clock.h"
#include "consumers/base/hash.h"
#include "consumers/base/kill_point.h"
#include "consumers/base/log.h"
#include "consumers/kafka/client.h"
#include "consumers/kafka/headers.h"

enum {
    RETRY_EVERY_MS = 1000,
    STUB_BYTES = 64 << 10,
    SMALLEST_STUB_BYTES = 1 << 10,
    TROUBLE_BYTES = 512
};

/* Whole; a stub; a stub that left out the original headers too. */
enum letter_form { FORM_WHOLE, FORM_STUB, FORM_SMALLEST };

enum letter_state { LETTER_WAITS, LETTER_SENT, LETTER_CONFIRMED };

struct letter {
    struct letter *next;
    struct offset_mark mark;
    char *bytes; /* key, then value */
    size_t key_len, value_len, whole_len;
    bool has_key, has_value;
    int64_t timestamp_ms;
    rd_kafka_headers_t *headers;
    size_t original_headers_nr;
    enum letter_form form;
    enum letter_state state;
};

struct dead_letters {
    rd_kafka_t *kafka;
    char *brokers, *topic;
    struct kafka_option *options;
    size_t options_nr;
    struct letter *first, **end; /* in the order they came; confirmed ones leave with take() */
    size_t pending;              /* not handed out by take() */
    int64_t retry_ms;            /* when those that wait are sent again; 0: none waits */
    bool is_fatal;
    char trouble[TROUBLE_BYTES];
};

static void put_header(rd_kafka_headers_t *headers, const char *name, struct slice value)
{
    if (!slice_is_absent(value))
        rd_kafka_header_add(headers, name, -1, value.ptr, (ssize_t)value.len);
}

static void put_number(rd_kafka_headers_t *headers, const char *name, int64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRId64, number);
    put_header(headers, name, (struct slice){text, (size_t)len});
}

static rd_kafka_headers_t *make_headers(const struct dead_letter *letter, size_t *original_nr)
{
    const struct record *record = letter->record;
    rd_kafka_headers_t *headers = headers_make(record);
    rd_kafka_header_remove(headers, "unstale.attempts"); /* of a record that was sent again */
    *original_nr = rd_kafka_header_cnt(headers);
    put_header(headers, "__connect.errors.topic", record->topic);
    put_number(headers, "__connect.errors.partition", record->partition);
    put_number(headers, "__connect.errors.offset", record->offset);
    put_header(headers, "__connect.errors.exception.class.name", slice_of(letter->exception_class));
    put_header(headers, "__connect.errors.exception.message", letter->message);
    put_header(headers, "unstale.reason", slice_of(letter->reason));
    put_header(headers, "unstale.rule", letter->rule);
    put_header(headers, "unstale.action", letter->action);
    put_header(headers, "unstale.field", letter->field);
    put_header(headers, "unstale.rules_hash", letter->rules_hash);
    put_number(headers, "unstale.attempts", letter->attempts);
    put_header(headers, "unstale.failures", letter->failures);
    return headers;
}

static struct letter *copy_letter(const struct dead_letter *letter, struct offset_mark mark)
{
    const struct record *record = letter->record;
    struct letter *copy = alloc_zero(1, sizeof(*copy));
    copy->mark = mark;
    copy->key_len = record->key.len;
    copy->value_len = copy->whole_len = record->value.len;
    copy->has_key = !slice_is_absent(record->key);
    copy->has_value = !slice_is_absent(record->value);
    copy->bytes = alloc_bytes(copy->key_len + copy->value_len + 1);
    if (copy->key_len)
        memcpy(copy->bytes, record->key.ptr, copy->key_len);
    if (copy->value_len)
        memcpy(copy->bytes + copy->key_len, record->value.ptr, copy->value_len);
    copy->timestamp_ms = record->timestamp_ms;
    copy->headers = make_headers(letter, &copy->original_headers_nr);
    return copy;
}

static void free_letter(struct letter *letter)
{
    rd_kafka_headers_destroy(letter->headers);
    free(letter->bytes);
    free(letter);
}

static void put_stub_headers(struct letter *letter)
{
    char hex[DIGEST_HEX_BYTES];
    struct slice value = {letter->bytes + letter->key_len, letter->whole_len};
    size_t len = digest_hex(DIGEST_SHA256, value, hex);
    put_number(letter->headers, "unstale.value_size", (int64_t)letter->whole_len);
    put_header(letter->headers, "unstale.value_sha256", (struct slice){hex, len});
}

static void drop_original_headers(struct letter *letter)
{
    rd_kafka_headers_t *kept = rd_kafka_headers_new(16);
    const char *name;
    const void *value;
    size_t len;
    for (size_t i = letter->original_headers_nr;
         !rd_kafka_header_get_all(letter->headers, i, &name, &value, &len); i++)
        rd_kafka_header_add(kept, name, -1, value, (ssize_t)len);
    rd_kafka_headers_destroy(letter->headers);
    letter->headers = kept;
    letter->original_headers_nr = 0;
}

/* The broker takes no record of that size. False when it is as small as it gets. */
static bool shrink(struct letter *letter)
{
    size_t most = letter->form == FORM_WHOLE ? STUB_BYTES : SMALLEST_STUB_BYTES;
    if (letter->form == FORM_SMALLEST)
        return false;
    if (letter->form == FORM_WHOLE)
        put_stub_headers(letter);
    else
        drop_original_headers(letter);
    if (letter->value_len > most)
        letter->value_len = most;
    letter->form++;
    return true;
}

static void wait_and_retry(struct dead_letters *letters, struct letter *letter)
{
    letter->state = LETTER_WAITS;
    if (!letters->retry_ms)
        letters->retry_ms = clock_steady_ms() + RETRY_EVERY_MS;
}

static void set_trouble(struct dead_letters *letters, const char *text)
{
    if (strcmp(letters->trouble, text) == 0)
        return;
    snprintf(letters->trouble, sizeof(letters->trouble), "%s", text);
    if (text[0])
        log_warn("dead letters do not get through", LOG_TEXT("why", text),
                 LOG_TEXT("effect", "tried again; their offsets wait"));
    else
        log_info("dead letters get through again", LOG_TEXT("topic", letters->topic));
}

/* Why it failed, and what is done about it: it is sent again, smaller if need be. */
static void fail(struct dead_letters *letters, struct letter *letter, rd_kafka_resp_err_t code)
{
    char text[TROUBLE_BYTES];
    wait_and_retry(letters, letter);
    switch (code) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
        return;
    case RD_KAFKA_RESP_ERR__FATAL:
        letters->is_fatal = true;
        return;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        if (shrink(letter)) {
            letters->retry_ms = clock_steady_ms();
            return;
        }
        snprintf(text, sizeof(text), "dead-letter topic \"%s\": even a stub is too large: %s",
                 letters->topic, rd_kafka_err2str(code));
        break;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        snprintf(text, sizeof(text),
                 "dead-letter topic \"%s\" does not exist; create it: unstale doctor "
                 "--create-topics",
                 letters->topic);
        break;
    default:
        snprintf(text, sizeof(text), "dead-letter topic \"%s\": %s", letters->topic,
                 rd_kafka_err2str(code));
        break;
    }
    set_trouble(letters, text);
}

static void note_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    struct dead_letters *letters = opaque;
    struct letter *letter = message->_private;
    (void)kafka; /* of use to a fault point alone */
    if (message->err) {
        fail(letters, letter, message->err);
        return;
    }
    letter->state = LETTER_CONFIRMED;
    set_trouble(letters, "");
    if (fault_point("letters-fatal"))
        rd_kafka_test_fatal_error(kafka, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                  "a fault point");
}

static void note_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
    struct dead_letters *letters = opaque;
    (void)kafka;
    (void)reason;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        letters->is_fatal = true;
}

static rd_kafka_t *open_producer(struct dead_letters *letters, struct error *err)
{
    static const struct client_setting settings[] = {
        {"enable.idempotence", "true"},
        {"message.timeout.ms", "0"},
        {"message.max.bytes", "1000000000"},
        {"batch.num.messages", "1"}, /* a broker that refuses a size refuses the whole batch */
        {"partitioner", "murmur2_random"},
        {"topic.metadata.propagation.max.ms", "1000"}, /* soon said that the topic is missing */
    };
    rd_kafka_conf_t *conf =
        client_conf(CLIENT_PRODUCER, letters->brokers, letters->options, letters->options_nr, err);
    if (!conf)
        return NULL;
    rd_kafka_conf_set_opaque(conf, letters);
    rd_kafka_conf_set_dr_msg_cb(conf, note_delivery);
    rd_kafka_conf_set_error_cb(conf, note_error);
    if (client_set_all(conf, settings, ARRAY_NR(settings), err))
        return client_open(RD_KAFKA_PRODUCER, conf, err);
    rd_kafka_conf_destroy(conf);
    return NULL;
}

/* A producer that is made anew needs them again. */
static void copy_options(struct dead_letters *letters, const struct kafka_option *options,
                         size_t nr)
{
    letters->options = alloc_zero(nr + 1, sizeof(*letters->options));
    letters->options_nr = nr;
    for (size_t i = 0; i < nr; i++)
        letters->options[i] =
            (struct kafka_option){alloc_text(options[i].name), alloc_text(options[i].value)};
}

struct dead_letters *dead_letters_new(const char *brokers, const char *topic,
                                      const struct kafka_option *options, size_t options_nr,
                                      struct error *err)
{
    struct dead_letters *letters = alloc_zero(1, sizeof(*letters));
    letters->end = &letters->first;
    letters->brokers = alloc_text(brokers);
    letters->topic = alloc_text(topic);
    copy_options(letters, options, options_nr);
    letters->kafka = open_producer(letters, err);
    if (letters->kafka)
        return letters;
    dead_letters_free(letters);
    return NULL;
}

static void produce(struct dead_letters *letters, struct letter *letter)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_copy(letter->headers);
    char *value = letter->has_value ? letter->bytes + letter->key_len : NULL;
    /* Without the copy flag the bytes stay ours, until the report. */
    const rd_kafka_vu_t arguments[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = letters->topic},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {letter->has_key ? letter->bytes : NULL, letter->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, letter->value_len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP,
         .u.i64 = letter->timestamp_ms > 0 ? letter->timestamp_ms : 0},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = letter},
    };
    letter->state = LETTER_SENT;
    rd_kafka_error_t *error = rd_kafka_produceva(letters->kafka, arguments, ARRAY_NR(arguments));
    if (!error)
        return;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    rd_kafka_headers_destroy(headers);
    fail(letters, letter, code);
}

void dead_letters_send(struct dead_letters *letters, const struct dead_letter *letter,
                       struct offset_mark mark)
{
    struct letter *copy = copy_letter(letter, mark);
    *letters->end = copy;
    letters->end = &copy->next;
    letters->pending++;
    produce(letters, copy);
}

static void close_producer(struct dead_letters *letters)
{
    rd_kafka_purge(letters->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(letters->kafka, 0);
    rd_kafka_destroy(letters->kafka);
    letters->kafka = NULL;
}

/* Whatever has no report may or may not have arrived: it is sent again, a double does no harm. */
static void reopen(struct dead_letters *letters)
{
    struct error err = ERROR_INIT;
    log_warn("the dead-letter producer is made anew", LOG_INT("letters", letters->pending));
    close_producer(letters);
    for (struct letter *letter = letters->first; letter; letter = letter->next)
        if (letter->state == LETTER_SENT)
            letter->state = LETTER_WAITS;
    letters->is_fatal = false;
    letters->kafka = open_producer(letters, &err);
    letters->retry_ms = clock_steady_ms() + RETRY_EVERY_MS;
    if (letters->kafka)
        return;
    letters->is_fatal = true;
    set_trouble(letters, err.text);
}

static void retry(struct dead_letters *letters)
{
    if (!letters->retry_ms || clock_steady_ms() < letters->retry_ms)
        return;
    letters->retry_ms = 0;
    for (struct letter *letter = letters->first; letter && !letters->retry_ms;
         letter = letter->next)
        if (letter->state == LETTER_WAITS)
            produce(letters, letter);
}

static size_t take_confirmed(struct dead_letters *letters, struct offset_mark *out, size_t max)
{
    size_t nr = 0;
    struct letter **at = &letters->first;
    letters->end = &letters->first;
    while (*at) {
        struct letter *letter = *at;
        if (letter->state != LETTER_CONFIRMED || nr == max) {
            at = &letter->next;
            letters->end = at;
            continue;
        }
        *at = letter->next;
        out[nr++] = letter->mark;
        free_letter(letter);
    }
    letters->pending -= nr;
    return nr;
}

size_t dead_letters_take(struct dead_letters *letters, int timeout_ms, struct offset_mark *out,
                         size_t max)
{
    if (letters->pending == 0)
        timeout_ms = 0;
    if (letters->kafka)
        rd_kafka_poll(letters->kafka, timeout_ms);
    if (letters->is_fatal && (!letters->retry_ms || clock_steady_ms() >= letters->retry_ms))
        reopen(letters);
    if (letters->kafka)
        retry(letters);
    return letters->pending > 0 ? take_confirmed(letters, out, max) : 0;
}

size_t dead_letters_pending(const struct dead_letters *letters)
{
    return letters->pending;
}

const char *dead_letters_trouble(const struct dead_letters *letters)
{
    return letters->trouble[0] ? letters->trouble : NULL;
}

void dead_letters_free(struct dead_letters *letters)
{
    if (!letters)
        return;
    if (letters->kafka)
        close_producer(letters);
    while (letters->first) {
        struct letter *letter = letters->first;
        letters->first = letter->next;
        free_letter(letter);
    }
    for (size_t i = 0; i < letters->options_nr; i++) {
        free(letters->options[i].name);
        free(letters->options[i].value);
    }
    free(letters->options);
    free(letters->brokers);
    free(letters->topic);
    free(letters);
}
