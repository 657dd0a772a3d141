#include "bus/event.h"

#include "bus/json.h"

/* Of the name's length, ends and middle: enough to tell most names of one model apart. */
static uint64_t name_bit(const char *name, size_t length)
{
    uint32_t hash = (uint32_t)length * 31;

    if (length > 0)
        hash += (unsigned char)name[0] + (unsigned char)name[length / 2] * 17u +
                (unsigned char)name[length - 1] * 5u;
    return UINT64_C(1) << (hash * UINT32_C(2654435769) >> 26);
}

/*
 * Is there another member that opens as the last one does, ,"name": at `start`? A name's own quotes
 * are escaped, so that equal bytes are an equal name.
 */
BUS_SELDOM static bool is_name_there(const struct event_image *image, size_t start, size_t length)
{
    const char *members = image->members.data;
    size_t other;

    for (size_t at = 0; at < image->starts.length; at += sizeof(other)) {
        memcpy(&other, image->starts.data + at, sizeof(other));
        if (members[other + length - 1] == ':' &&
            memcmp(members + other, members + start, length) == 0)
            return true;
    }
    return false;
}

BUS_COLD static bool fail_field(struct unstale_event *event, const char *name)
{
    bus_error_wrap(&event->error, "field %s", name);
    return false;
}

BUS_COLD static bool fail_name(struct unstale_event *event)
{
    bus_error_wrap(&event->error, "a field's name");
    return false;
}

BUS_COLD static bool fail_room(struct unstale_event *event, const char *name)
{
    return bus_fail_memory(&event->error) || fail_field(event, name);
}

/* A name that is not plain; its comma stands behind the end. */
BUS_SELDOM static bool write_special_name(struct unstale_event *event, struct bus_buffer *members,
                                          const char *name, size_t length, size_t room)
{
    members->length++;
    if (!bus_json_special(members, name, length, &event->error))
        return fail_name(event);
    if (!bus_buffer_reserve(members, room + 1))
        return fail_room(event, name);
    members->data[members->length++] = ':';
    return true;
}

/* ,"name": */
static inline bool write_name(struct unstale_event *event, struct bus_buffer *members,
                              const char *name, size_t length, size_t room)
{
    char *to;

    if (!bus_buffer_reserve(members, length + 4 + room))
        return fail_room(event, name);
    to = bus_buffer_end(members);
    *to = ',';
    to = bus_json_write_plain(to + 1, name, length);
    if (!to)
        return write_special_name(event, members, name, length, room);
    *to = ':';
    bus_buffer_end_at(members, to + 1);
    return true;
}

/* An object with a name twice is refused by the service, whichever value would win. */
static inline bool note_name(struct unstale_event *event, struct event_image *image, uint64_t bit,
                             size_t start)
{
    if ((image->names & bit) && is_name_there(image, start, image->members.length - start))
        return bus_event_reject(event, "this name is there already");
    image->names |= bit;
    return bus_buffer_add(&image->starts, &start, sizeof(start)) || bus_fail_memory(&event->error);
}

static bool add_name(struct unstale_event *event, struct event_image *image, const char *name,
                     size_t room)
{
    size_t length = strlen(name);
    size_t start = image->members.length;

    return write_name(event, &image->members, name, length, room) &&
           (note_name(event, image, name_bit(name, length), start) || fail_field(event, name));
}

BUS_COLD static void refuse_field(struct unstale_event *event, const char *name)
{
    if (bus_event_is_open(event))
        bus_event_reject(event, name ? "no such image" : "a field's name is NULL");
}

/* Writes ,"name": and returns where the value goes, with room for it; NULL on failure. */
static inline struct bus_buffer *open_field(struct unstale_event *event, enum unstale_image image,
                                            const char *name, size_t room)
{
    if (!bus_event_is_open(event) || !name || image > UNSTALE_META) {
        refuse_field(event, name);
        return NULL;
    }
    return add_name(event, &event->images[image], name, room) ? &event->images[image].members
                                                              : NULL;
}

bool unstale_event_add_string(struct unstale_event *event, enum unstale_image image,
                              const char *name, const char *text, size_t length)
{
    struct bus_buffer *members = open_field(event, image, name, length + 2);
    char *end;

    if (!members)
        return false;
    end = bus_json_write_plain(bus_buffer_end(members), text, length);
    if (!end)
        return bus_json_special(members, text, length, &event->error) || fail_field(event, name);
    bus_buffer_end_at(members, end);
    return true;
}

bool unstale_event_add_int(struct unstale_event *event, enum unstale_image image, const char *name,
                           int64_t value)
{
    struct bus_buffer *members = open_field(event, image, name, BUS_JSON_INT_BYTES);

    if (!members)
        return false;
    bus_buffer_end_at(members, bus_json_write_int(bus_buffer_end(members), value));
    return true;
}

bool unstale_event_add_double(struct unstale_event *event, enum unstale_image image,
                              const char *name, double value)
{
    struct bus_buffer *members = open_field(event, image, name, 0);

    return members && (bus_json_double(members, value, &event->error) || fail_field(event, name));
}

bool unstale_event_add_decimal(struct unstale_event *event, enum unstale_image image,
                               const char *name, const char *digits, size_t length)
{
    struct bus_buffer *members = open_field(event, image, name, length);

    if (!members)
        return false;
    if (length == 0 || bus_json_number_length(digits, length) != length)
        return bus_event_reject(event, "not a decimal number") || fail_field(event, name);
    memcpy(bus_buffer_end(members), digits, length);
    members->length += length;
    return true;
}

static inline bool add_literal(struct unstale_event *event, enum unstale_image image,
                               const char *name, const char *literal, size_t length)
{
    struct bus_buffer *members = open_field(event, image, name, length);

    if (!members)
        return false;
    memcpy(bus_buffer_end(members), literal, length);
    members->length += length;
    return true;
}

bool unstale_event_add_bool(struct unstale_event *event, enum unstale_image image, const char *name,
                            bool value)
{
    return value ? add_literal(event, image, name, "true", 4)
                 : add_literal(event, image, name, "false", 5);
}

bool unstale_event_add_null(struct unstale_event *event, enum unstale_image image, const char *name)
{
    return add_literal(event, image, name, "null", 4);
}

bool unstale_event_add_json(struct unstale_event *event, enum unstale_image image, const char *name,
                            const char *json, size_t length)
{
    struct bus_buffer *members = open_field(event, image, name, 0);

    return members &&
           (bus_json_copy(members, json, length, &event->error) || fail_field(event, name));
}
