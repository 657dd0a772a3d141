#include "consumers/redis/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/decimal.h"

enum { FIELD_HOST, FIELD_PORT, FIELD_DONE, MAX_PORT = 65535 };

/* XMODEM: polynomial x^16 + x^12 + x^5 + 1, nothing reflected; four bits at a time. */
static uint16_t crc16(struct slice text)
{
    static const uint16_t of_nibble[16] = {
        0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
        0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
    };
    unsigned crc = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned byte = (unsigned char)text.ptr[i];

        crc = (crc << 4 & 0xffff) ^ of_nibble[crc >> 12 ^ byte >> 4];
        crc = (crc << 4 & 0xffff) ^ of_nibble[crc >> 12 ^ (byte & 15)];
    }
    return (uint16_t)crc;
}

uint16_t slots_of_key(struct slice key)
{
    const char *open = key.len > 0 ? memchr(key.ptr, '{', key.len) : NULL;
    const char *close;

    if (open == NULL)
        return crc16(key) % SLOTS_NR;
    close = memchr(open, '}', (size_t)(key.ptr + key.len - open));
    if (close == NULL || close == open + 1)
        return crc16(key) % SLOTS_NR;
    return crc16((struct slice){open + 1, (size_t)(close - open - 1)}) % SLOTS_NR;
}

static void forget_owners(struct slots *slots)
{
    slots->owners_nr = 0;
    for (size_t i = 0; i < SLOTS_NR; i++)
        slots->owner[i] = SLOTS_NO_OWNER;
}

void slots_init(struct slots *slots)
{
    *slots = (struct slots){.epoch = 0};
    forget_owners(slots);
}

void slots_release(struct slots *slots)
{
    free(slots->owners);
}

void slots_begin(struct slots *slots, const struct redis_address *asked)
{
    forget_owners(slots);
    slots->asked = *asked;
    slots->first = slots->last = -1;
    slots->field = FIELD_DONE;
    slots->ranges_nr = 0;
    slots->is_bad = false;
    slots->epoch = 0;
}

static uint16_t find_or_add(struct slots *slots, const struct redis_address *address)
{
    for (size_t i = 0; i < slots->owners_nr; i++) {
        if (redis_address_equals(&slots->owners[i], address))
            return (uint16_t)i;
    }
    slots->owners = alloc_grow(slots->owners, slots->owners_nr, &slots->owners_capacity,
                               sizeof(*slots->owners));
    slots->owners[slots->owners_nr++] = *address;
    return (uint16_t)(slots->owners_nr - 1);
}

static void add_range(struct slots *slots)
{
    uint16_t owner;

    slots->is_bad = ++slots->ranges_nr > SLOTS_NR;
    if (slots->is_bad)
        return;
    owner = find_or_add(slots, &slots->reading);
    for (int64_t slot = slots->first; slot <= slots->last; slot++)
        slots->owner[slot] = owner;
}

static bool is_unknown_host(struct slice host)
{
    return host.len == 0 || slice_equals(host, SLICE("?"));
}

static bool read_host(struct redis_address *address, struct slice host,
                      const struct redis_address *asked)
{
    if (is_unknown_host(host))
        host = slice_of(asked->host);
    if (host.len >= sizeof(address->host))
        return false;
    (void)snprintf(address->host, sizeof(address->host), "%.*s", SLICE_ARG(host));
    return true;
}

static bool read_port(struct redis_address *address, struct slice port)
{
    int64_t number;

    if (!decimal_to_int64(port, &number) || number < 0 || number > MAX_PORT)
        return false;
    address->port = (int)number;
    return true;
}

/* A range is its first and last slot, then its nodes, of which the first is the owner. */
static void read_bound(struct slots *slots, struct slice text)
{
    int64_t number;
    bool is_slot = decimal_to_int64(text, &number) && number >= 0 && number < SLOTS_NR;

    if (!is_slot) {
        slots->is_bad = true;
    } else if (slots->first < 0 || slots->last >= 0) {
        slots->first = number;
        slots->last = -1;
        slots->is_bad = slots->is_bad || slots->field != FIELD_DONE;
    } else {
        slots->last = number;
        slots->field = FIELD_HOST;
        slots->is_bad = slots->is_bad || number < slots->first;
    }
}

void slots_element(struct slots *slots, int depth, struct slice text)
{
    if (depth == 2)
        read_bound(slots, text);
    if (depth != 3 || slots->is_bad || slots->field == FIELD_DONE)
        return;
    if (slots->field == FIELD_HOST)
        slots->is_bad = !read_host(&slots->reading, text, &slots->asked);
    else
        slots->is_bad = !read_port(&slots->reading, text);
    slots->field++;
    if (slots->field == FIELD_DONE && !slots->is_bad)
        add_range(slots);
}

bool slots_end(struct slots *slots, struct error *err)
{
    if (!slots->is_bad && slots->field == FIELD_DONE)
        return true;
    return error_fail(err, ERROR_RETRY, "the reply to CLUSTER SLOTS makes no sense");
}

size_t slots_uncovered(const struct slots *slots)
{
    size_t uncovered = 0;

    for (size_t i = 0; i < SLOTS_NR; i++)
        uncovered += slots->owner[i] == SLOTS_NO_OWNER;
    return uncovered;
}

const struct redis_address *slots_owner(const struct slots *slots, uint16_t slot)
{
    uint16_t owner = slots->owner[slot];

    return owner != SLOTS_NO_OWNER ? &slots->owners[owner] : NULL;
}

void slots_move(struct slots *slots, uint16_t slot, const struct redis_address *to)
{
    slots->owner[slot] = find_or_add(slots, to);
}

static bool is_same_owner(const struct redis_address *a, const struct redis_address *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return redis_address_equals(a, b);
}

bool slots_equal(const struct slots *a, const struct slots *b)
{
    for (size_t slot = 0; slot < SLOTS_NR; slot++) {
        if (!is_same_owner(slots_owner(a, (uint16_t)slot), slots_owner(b, (uint16_t)slot)))
            return false;
    }
    return true;
}

void slots_swap(struct slots *from, struct slots *to)
{
    struct slots *other = alloc_bytes(sizeof(*other));

    *other = *from;
    *from = *to;
    *to = *other;
    free(other);
}

bool slots_redirection(struct slice error_text, const struct redis_address *asked,
                       struct redis_address *to)
{
    const char *space = memrchr(error_text.ptr, ' ', error_text.len);
    const char *end = error_text.ptr + error_text.len;
    const char *colon = memrchr(error_text.ptr, ':', error_text.len);

    if (space == NULL || colon == NULL || colon < space)
        return false;
    return read_host(to, (struct slice){space + 1, (size_t)(colon - space - 1)}, asked) &&
           read_port(to, (struct slice){colon + 1, (size_t)(end - colon - 1)});
}
