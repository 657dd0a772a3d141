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

static bool is_name_there(const struct bus_buffer *image, const struct bus_buffer *names,
                          const struct name_span *name)
{
    for (size_t at = 0; at < names->length; at += sizeof(struct name_span)) {
        struct name_span other;
        memcpy(&other, names->data + at, sizeof(other));
        if (other.length == name->length &&
            memcmp(image->data + other.start, image->data + name->start, name->length) == 0)
            return true;
    }
    return false;
}

/* An object with a name twice is refused by the service, whichever value would win. */
static bool note_name(struct unstale_event *event, enum unstale_image image, uint64_t bit,
                      const struct name_span *name)
{
    struct bus_buffer *members = &event->pieces[PIECE_IMAGES + (int)image];
    struct bus_buffer *names = &event->pieces[PIECE_NAMES + (int)image];

    if ((event->names[image] & bit) && is_name_there(members, names, name))
        return bus_event_reject(event, "this name is there already");
    event->names[image] |= bit;
    return bus_buffer_add(names, name, sizeof(*name)) || bus_fail_memory(&event->error);
}

static bool finish_field(struct unstale_event *event, const char *name, bool ok)
{
    if (!ok)
        bus_error_wrap(&event->error, "field %s", name);
    return ok;
}

/* Writes ,"name": and returns where the value goes; NULL on failure. */
static inline struct bus_buffer *open_field(struct unstale_event *event, enum unstale_image image,
                                            const char *name)
{
    struct bus_buffer *buffer;
    struct name_span span;
    size_t length;

    if (!bus_event_is_open(event))
        return NULL;
    if (!name || image > UNSTALE_META) {
        bus_event_reject(event, name ? "no such image" : "a field's name is NULL");
        return NULL;
    }
    buffer = &event->pieces[PIECE_IMAGES + (int)image];
    length = strlen(name);
    span.start = buffer->length;
    if (!bus_json_member(buffer, name, length, &event->error)) {
        bus_error_wrap(&event->error, "a field's name");
        return NULL;
    }
    span.length = buffer->length - span.start;
    if (note_name(event, image, name_bit(name, length), &span))
        return buffer;
    finish_field(event, name, false);
    return NULL;
}

bool unstale_event_add_string(struct unstale_event *event, enum unstale_image image,
                              const char *name, const char *text, size_t length)
{
    struct bus_buffer *buffer = open_field(event, image, name);

    return buffer &&
           finish_field(event, name, bus_json_string(buffer, text, length, &event->error));
}

bool unstale_event_add_int(struct unstale_event *event, enum unstale_image image, const char *name,
                           int64_t value)
{
    struct bus_buffer *buffer = open_field(event, image, name);

    return buffer && finish_field(event, name, bus_json_int(buffer, value, &event->error));
}

bool unstale_event_add_double(struct unstale_event *event, enum unstale_image image,
                              const char *name, double value)
{
    struct bus_buffer *buffer = open_field(event, image, name);

    return buffer && finish_field(event, name, bus_json_double(buffer, value, &event->error));
}

bool unstale_event_add_decimal(struct unstale_event *event, enum unstale_image image,
                               const char *name, const char *digits, size_t length)
{
    struct bus_buffer *buffer = open_field(event, image, name);
    bool ok;

    if (!buffer)
        return false;
    if (length == 0 || bus_json_number_length(digits, length) != length)
        ok = bus_event_reject(event, "not a decimal number");
    else
        ok = bus_buffer_add(buffer, digits, length) || bus_fail_memory(&event->error);
    return finish_field(event, name, ok);
}

static bool add_literal(struct unstale_event *event, enum unstale_image image, const char *name,
                        const char *literal)
{
    struct bus_buffer *buffer = open_field(event, image, name);

    return buffer &&
           finish_field(event, name,
                        bus_buffer_add_text(buffer, literal) || bus_fail_memory(&event->error));
}

bool unstale_event_add_bool(struct unstale_event *event, enum unstale_image image, const char *name,
                            bool value)
{
    return add_literal(event, image, name, value ? "true" : "false");
}

bool unstale_event_add_null(struct unstale_event *event, enum unstale_image image, const char *name)
{
    return add_literal(event, image, name, "null");
}

bool unstale_event_add_json(struct unstale_event *event, enum unstale_image image, const char *name,
                            const char *json, size_t length)
{
    struct bus_buffer *buffer = open_field(event, image, name);

    return buffer && finish_field(event, name, bus_json_copy(buffer, json, length, &event->error));
}
