/*
 * record - a Kafka record between its bytes and a line of JSON. A key, value or header value is a
 * string where it is UTF-8, {"base64":"..."} where it is not, and null where Kafka has null. Both
 * ways are exact.
 */
#ifndef TESTS_TOOLS_RECORD_H
#define TESTS_TOOLS_RECORD_H

#include <string.h>

#include <jansson.h>
#include <librdkafka/rdkafka.h>

#include "tests/tools/client.h"

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct bytes {
    char *data; /* NULL is Kafka's null, not an empty value */
    size_t length;
};

static inline struct bytes base64_decode(const char *text)
{
    size_t length = strlen(text);
    struct bytes out = {.data = allocate(length), .length = 0};
    unsigned int bits = 0;
    int bit_nr = 0;

    for (size_t i = 0; i < length && text[i] != '='; i++) {
        const char *place = strchr(BASE64, text[i]);

        if (place == NULL)
            die("base64", text);
        bits = (bits << 6 | (unsigned int)(place - BASE64)) & 0xffff;
        bit_nr += 6;
        if (bit_nr >= 8) {
            bit_nr -= 8;
            out.data[out.length++] = (char)(bits >> bit_nr & 0xff);
        }
    }
    return out;
}

static inline json_t *base64_encode(const void *data, size_t length)
{
    const unsigned char *in = data;
    char *text = allocate((length + 2) / 3 * 4 + 1);
    char *out = text;

    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned int group = (unsigned int)in[i] << 16 |
                             (left > 1 ? (unsigned int)in[i + 1] << 8 : 0) |
                             (left > 2 ? (unsigned int)in[i + 2] : 0);

        *out++ = BASE64[group >> 18 & 63];
        *out++ = BASE64[group >> 12 & 63];
        *out++ = left > 1 ? BASE64[group >> 6 & 63] : '=';
        *out++ = left > 2 ? BASE64[group & 63] : '=';
    }
    *out = '\0';
    json_t *object = json_pack("{s:s}", "base64", text);
    free(text);
    return object;
}

static inline json_t *bytes_to_json(const void *data, size_t length)
{
    if (data == NULL)
        return json_null();
    json_t *text = json_stringn(data, length);
    return text != NULL ? text : base64_encode(data, length);
}

static inline struct bytes json_to_bytes(const json_t *json)
{
    struct bytes out = {.data = NULL, .length = 0};

    if (json_is_string(json)) {
        out.length = json_string_length(json);
        out.data = allocate(out.length);
        memcpy(out.data, json_string_value(json), out.length);
    } else if (json_is_object(json) && json_string_value(json_object_get(json, "base64"))) {
        out = base64_decode(json_string_value(json_object_get(json, "base64")));
    } else if (json != NULL && !json_is_null(json)) {
        die("record", "a key, value or header is a string, null or {\"base64\":...}");
    }
    return out;
}

struct record {
    struct bytes key;
    struct bytes value;
    rd_kafka_headers_t *headers; /* given away by record_send */
    int64_t timestamp_ms;        /* 0: now */
};

static inline rd_kafka_headers_t *headers_from_json(const json_t *json)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    const char *name;
    json_t *value;
    size_t index;

    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        struct bytes bytes = json_to_bytes(value);

        rd_kafka_header_add(headers, name, -1, bytes.data, (ssize_t)bytes.length);
        free(bytes.data);
    }
    json_array_foreach(json, index, value)
    {
        const json_t *label = json_array_get(value, 0);
        struct bytes bytes = json_to_bytes(json_array_get(value, 1));

        if (!json_is_string(label))
            die("record", "a header is [NAME, VALUE]");
        rd_kafka_header_add(headers, json_string_value(label), -1, bytes.data,
                            (ssize_t)bytes.length);
        free(bytes.data);
    }
    return headers;
}

static inline json_t *headers_to_json(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    json_t *list = json_array();
    const char *name;
    const void *value;
    size_t length;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return list;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &length) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        json_t *pair = json_array();

        json_array_append_new(pair, json_string(name));
        json_array_append_new(pair, bytes_to_json(value, length));
        json_array_append_new(list, pair);
    }
    return list;
}

static inline void record_print(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    json_t *json = json_pack("{s:i, s:I, s:I, s:o, s:o, s:o}", "partition", (int)message->partition,
                             "offset", (json_int_t)message->offset, "timestamp",
                             (json_int_t)rd_kafka_message_timestamp(message, &type), "key",
                             bytes_to_json(message->key, message->key_len), "value",
                             bytes_to_json(message->payload, message->len), "headers",
                             headers_to_json(message));

    if (json == NULL || json_dumpf(json, stdout, JSON_COMPACT) != 0)
        die("print", "a message could not be written");
    putchar('\n');
    json_decref(json);
}

#endif
