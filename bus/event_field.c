#include "bus/event.h"

#include "bus/json.h"

static uint64_t name_bit(const char *text, size_t length)
{
    uint32_t hash = (uint32_t)length;

    for (size_t i = 0; i < length; i++)
        hash = hash * 31 + (unsigned char)text[i];
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
static bool note_name(struct unstale_event *event, enum unstale_image image,
                      const struct name_span *name)
{
    struct bus_buffer *members = &event->pieces[PIECE_IMAGES + (int)image];
    struct bus_buffer *names = &event->pieces[PIECE_NAMES + (int)image];
    uint64_t bit = name_bit(members->data + name->start, name->length);

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

/* Adds ,"name" and says where. */
static bool add_name(struct unstale_event *event, struct bus_buffer *buffer, const char *name,
                     struct name_span *span)
{
    if (!bus_buffer_add_char(buffer, ','))
        return bus_fail_memory(&event->error);
    span->start = buffer->length;
    if (!bus_json_string(buffer, name, strlen(name), &event->error)) {
        bus_error_wrap(&event->error, "a field's name");
        return false;
    }
    span->length = buffer->length - span->start;
    return true;
}

/* Writes ,"name": and returns where the value goes; NULL on failure. */
static struct bus_buffer *open_field(struct unstale_event *event, enum unstale_image image,
                                     const char *name)
{
    struct bus_buffer *buffer;
    struct name_span span = {0, 0};

    if (!bus_event_is_open(event))
        return NULL;
    if (!name || image > UNSTALE_META) {
        bus_event_reject(event, name ? "no such image" : "a field's name is NULL");
        return NULL;
    }
    buffer = &event->pieces[PIECE_IMAGES + (int)image];
    if (!add_name(event, buffer, name, &span))
        return NULL;
    if (!note_name(event, image, &span) ||
        !(bus_buffer_add_char(buffer, ':') || bus_fail_memory(&event->error))) {
        finish_field(event, name, false);
        return NULL;
    }
    return buffer;
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
