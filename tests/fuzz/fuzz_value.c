/*
 * fuzz_value - any JSON as what a refresh writes, for each serializer, from any event.
 *
 * The JSON that comes out is JSON; the pickle and the msgpack, read here by readers of their own, hold
 * what the JSON holds, doubles to the bit; an integer alone is its digits. Parts: value, event (a
 * stock one when there is none).
 */
#include <jansson.h>
#include <stdio.h>

#include "consumers/base/decimal.h"
#include "consumers/event/decode.h"
#include "consumers/rules/value_template.h"
#include "tests/fuzz/fuzz.h"

static const char stock[] =
    "{\"event\":\"post_save\",\"created\":false,\"model\":\"shop.Product\",\"pk\":42,"
    "\"before\":{\"a\":0},\"after\":{\"a\":-0.0,\"n\":1.50,\"x\":null,\"big\":18446744073709551615,"
    "\"neg\":-9223372036854775808,\"huge\":123456789012345678901234567890,\"f\":1e308,"
    "\"o\":{\"a\":[1,{\"\":[]}],\"b\":{}},\"t\":true,\"u\":\"\xc3\x84\xf0\x9f\x98\x80\\u0000\"}}";

struct reader {
    const unsigned char *at, *end;
    struct arena *arena;
};

static const unsigned char *take(struct reader *r, size_t nr)
{
    const unsigned char *from = r->at;

    need((size_t)(r->end - r->at) >= nr);
    r->at += nr;
    return from;
}

static uint64_t little_endian(struct reader *r, size_t nr)
{
    const unsigned char *bytes = take(r, nr);
    uint64_t number = 0;

    for (size_t i = nr; i-- > 0;)
        number = number << 8 | bytes[i];
    return number;
}

static uint64_t big_endian(struct reader *r, size_t nr)
{
    const unsigned char *bytes = take(r, nr);
    uint64_t number = 0;

    for (size_t i = 0; i < nr; i++)
        number = number << 8 | bytes[i];
    return number;
}

static void need_text(struct reader *r, size_t nr, struct slice want)
{
    need(slice_equals((struct slice){(const char *)take(r, nr), nr}, want));
}

static bool is_integer(const struct value *value)
{
    struct slice text = value_text(value);

    return value_type(value) == VALUE_NUMBER && !memchr(text.ptr, '.', text.len) &&
           !memchr(text.ptr, 'e', text.len) && !memchr(text.ptr, 'E', text.len);
}

static void need_integer(struct slice digits, const struct value *want)
{
    need(is_integer(want));
    need(decimal_compare(digits, value_text(want)) == 0);
}

static void need_double(uint64_t bits, struct reader *r, const struct value *want)
{
    double number;
    uint64_t want_bits;

    need(value_type(want) == VALUE_NUMBER);
    number = strtod(arena_text(r->arena, value_text(want)), NULL);
    memcpy(&want_bits, &number, sizeof(bits));
    need(bits == want_bits);
}

static void need_signed(int64_t number, struct reader *r, const struct value *want)
{
    need_integer(arena_printf(r->arena, "%lld", (long long)number), want);
}

/* Two's complement, little-endian: made positive and divided by ten again and again. */
static void need_long(struct reader *r, size_t nr, const struct value *want)
{
    unsigned char *bytes = arena_alloc(r->arena, nr + 1);
    char *digits = arena_bytes(r->arena, nr * 3 + 3), *to = digits + nr * 3 + 2;
    bool is_negative;
    size_t left = nr;

    need(nr > 0);
    memcpy(bytes, take(r, nr), nr);
    is_negative = bytes[nr - 1] >> 7;
    for (size_t i = 0, carry = 1; is_negative && i < nr; i++) {
        carry += (unsigned char)~bytes[i];
        bytes[i] = (unsigned char)carry;
        carry >>= 8;
    }
    do {
        unsigned rest = 0;

        for (size_t i = left; i-- > 0;) {
            rest = rest << 8 | bytes[i];
            bytes[i] = (unsigned char)(rest / 10);
            rest %= 10;
        }
        *--to = (char)('0' + rest);
        while (left > 0 && bytes[left - 1] == 0)
            left--;
    } while (left > 0);
    if (is_negative)
        *--to = '-';
    need_integer((struct slice){to, (size_t)(digits + nr * 3 + 2 - to)}, want);
}

static void read_pickle(struct reader *r, const struct value *want);

/* The opcode of the container is taken; (…e or (…u follow unless it is empty. */
static void read_pickle_items(struct reader *r, const struct value *want)
{
    struct value_iter it = value_walk(want);

    if (value_nr(want) == 0)
        return;
    need(*take(r, 1) == '(');
    while (value_next(&it)) {
        if (it.is_object) {
            need(*take(r, 1) == 'X');
            need_text(r, little_endian(r, 4), it.name);
        }
        read_pickle(r, it.item);
    }
    need(*take(r, 1) == (value_type(want) == VALUE_OBJECT ? 'u' : 'e'));
}

static void read_pickle(struct reader *r, const struct value *want)
{
    unsigned char code = *take(r, 1);

    switch (code) {
    case 'N':
        need(value_type(want) == VALUE_NULL);
        return;
    case 0x88:
    case 0x89:
        need(value_type(want) == (code == 0x88 ? VALUE_TRUE : VALUE_FALSE));
        return;
    case 'K':
    case 'M':
        need_signed((int64_t)little_endian(r, code == 'K' ? 1 : 2), r, want);
        return;
    case 'J':
        need_signed((int32_t)(uint32_t)little_endian(r, 4), r, want);
        return;
    case 0x8a:
    case 0x8b:
        need_long(r, little_endian(r, code == 0x8a ? 1 : 4), want);
        return;
    case 'G':
        need_double(big_endian(r, 8), r, want);
        return;
    case 'X':
        need(value_type(want) == VALUE_STRING);
        need_text(r, little_endian(r, 4), value_text(want));
        return;
    default:
        need(code == (value_type(want) == VALUE_OBJECT ? '}' : ']'));
        need(value_type(want) == VALUE_OBJECT || value_type(want) == VALUE_ARRAY);
        read_pickle_items(r, want);
    }
}

static void read_msgpack(struct reader *r, const struct value *want);

static void read_msgpack_text(struct reader *r, unsigned code, struct slice want)
{
    size_t nr;

    if (code >= 0xa0 && code <= 0xbf) {
        nr = code & 0x1f;
    } else {
        need(code >= 0xd9 && code <= 0xdb);
        nr = big_endian(r, (size_t)1 << (code - 0xd9));
    }
    need_text(r, nr, want);
}

static void read_msgpack_items(struct reader *r, unsigned code, const struct value *want)
{
    struct value_iter it = value_walk(want);
    bool is_object = value_type(want) == VALUE_OBJECT;
    size_t nr;

    need(is_object || value_type(want) == VALUE_ARRAY);
    if (code >= 0xdc)
        nr = big_endian(r, code & 1 ? 4 : 2);
    else
        nr = code & 0x0f;
    need(code >= 0xde || (code >= 0x80 && code < 0x90) ? is_object : !is_object);
    need(nr == value_nr(want));
    while (value_next(&it)) {
        if (is_object)
            read_msgpack_text(r, *take(r, 1), it.name);
        read_msgpack(r, it.item);
    }
}

static void read_msgpack_number(struct reader *r, unsigned code, const struct value *want)
{
    size_t bytes = (size_t)1 << (code & 3);
    uint64_t number;

    if (code == 0xcb) {
        need_double(big_endian(r, 8), r, want);
        return;
    }
    need(bytes >= 1 && bytes <= 8);
    number = big_endian(r, bytes);
    if (code < 0xd0)
        need_integer(arena_printf(r->arena, "%llu", (unsigned long long)number), want);
    else
        need_signed((int64_t)(number << (64 - 8 * bytes)) >> (64 - 8 * bytes), r, want);
}

static void read_msgpack(struct reader *r, const struct value *want)
{
    unsigned code = *take(r, 1);

    if (code <= 0x7f || code >= 0xe0)
        need_signed((signed char)code, r, want);
    else if (code == 0xc0)
        need(value_type(want) == VALUE_NULL);
    else if (code == 0xc2 || code == 0xc3)
        need(value_type(want) == (code == 0xc3 ? VALUE_TRUE : VALUE_FALSE));
    else if (code >= 0xcb && code <= 0xd3)
        read_msgpack_number(r, code, want);
    else if (code <= 0x9f || code >= 0xdc)
        read_msgpack_items(r, code, want);
    else
        read_msgpack_text(r, code, (need(value_type(want) == VALUE_STRING), value_text(want)));
}

static void check_binary(enum serializer serializer, struct slice bytes, struct slice json,
                         const struct value *want, struct arena *arena)
{
    struct reader reader = {(const unsigned char *)bytes.ptr,
                            (const unsigned char *)bytes.ptr + bytes.len, arena};

    if (is_integer(want)) {
        need(slice_equals(bytes, json));
        return;
    }
    if (serializer == SERIALIZER_PICKLE) {
        need(little_endian(&reader, 2) == 0x0280);
        read_pickle(&reader, want);
        need(*take(&reader, 1) == '.');
    } else {
        read_msgpack(&reader, want);
    }
    need(reader.at == reader.end);
}

static enum render_status render(const struct value_template *value, enum serializer serializer,
                                 const struct render_input *input, struct slice *out)
{
    struct render_failure failure = {.reason = REASON_NONE};
    struct slice again;
    enum render_status status = value_template_render(value, input, serializer, out, &failure);

    need(status != RENDER_FAILED || (failure.reason != REASON_NONE && failure.detail.len > 0));
    need(value_template_render(value, input, serializer, &again, &failure) == status);
    need(status != RENDER_OK || slice_equals(*out, again));
    return status;
}

static void check_value(const struct value_template *value, const struct render_input *input)
{
    struct slice json, bytes;
    struct error err = ERROR_INIT;
    const struct value *want;
    size_t position;

    (void)render(value, SERIALIZER_RAW, input, &bytes);
    if (render(value, SERIALIZER_JSON, input, &json) != RENDER_OK)
        return;
    want = decode_json(json, input->arena, &position, &err);
    need(want != NULL || strstr(err.text, "nested deeper") != NULL);
    if (want == NULL)
        return;
    if (render(value, SERIALIZER_PICKLE, input, &bytes) == RENDER_OK)
        check_binary(SERIALIZER_PICKLE, bytes, json, want, input->arena);
    if (render(value, SERIALIZER_MSGPACK, input, &bytes) == RENDER_OK)
        check_binary(SERIALIZER_MSGPACK, bytes, json, want, input->arena);
}

static void check_event(struct slice text, const struct event *event, struct arena *arena)
{
    struct value_template_problems problems = {.nr = 0};
    const struct value_template *value;
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

    if (json == NULL)
        return;
    value = value_template_parse(json, arena, &problems);
    json_decref(json);
    need((value == NULL) == (problems.nr > 0));
    for (size_t i = 0; value && i < event->rows_nr && i < 3; i++)
        check_value(value, &(struct render_input){event, &event->rows[i], SIDE_NEW, arena});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size), text = fuzz_part(&rest);
    struct record record = {.timestamp_ms = 1795341600200, .value = rest};
    struct error err = ERROR_INIT;
    const char *skipped;
    struct event event;
    struct arena arena;

    arena_init(&arena, 1 << 12);
    if (rest.len == 0)
        record.value = SLICE(stock);
    if (decode_record(&record, NULL, &arena, &event, &skipped, &err) == DECODE_EVENT)
        check_event(text, &event, &arena);
    arena_release(&arena);
    return 0;
}
