/*
 * CloudEvents around a native event: what `data` does not say, the attributes do.
 *
 * Structured: the value is the event, its attributes are members. Binary: attributes are headers
 * with `ce_` in front, the value is the data. Source: CloudEvents 1.0.2, spec.md, json-format.md,
 * and kafka-protocol-binding.md.
 */
#include "consumers/event/build.h"
#include "consumers/event/envelope.h"
#include "consumers/event/instant.h"
#include "consumers/event/native.h"

enum { HEADER_NAME_BYTES = 32, PK_MAX_DIGITS = 18 };

static bool is_binary(const struct record *record)
{
    return !slice_is_absent(envelope_header(record, SLICE("ce_specversion"))) &&
           !slice_is_absent(envelope_header(record, SLICE("ce_type")));
}

static bool has_content_type(const struct record *record)
{
    static const struct slice structured = {"application/cloudevents", 23};

    for (size_t i = 0; i < record->headers_nr; i++) {
        struct slice value = record->headers[i].value;

        if (value.len >= structured.len &&
            slice_equals_nocase(record->headers[i].name, SLICE("content-type")) &&
            slice_equals_nocase((struct slice){value.ptr, structured.len}, structured))
            return true;
    }
    return false;
}

static bool has_attributes(const struct value *root)
{
    return value_type(value_get(root, SLICE("specversion"))) == VALUE_STRING &&
           value_type(value_get(root, SLICE("type"))) == VALUE_STRING;
}

static bool claims(const struct envelope_input *input)
{
    return has_content_type(input->record) || is_binary(input->record) ||
           has_attributes(input->root);
}

/* Structured wins: a bridge may have left the headers of an outer event. */
static bool is_structured(const struct envelope_input *input)
{
    return has_content_type(input->record) || !is_binary(input->record);
}

static struct slice attribute(const struct envelope_input *input, bool structured, const char *name)
{
    char header[HEADER_NAME_BYTES] = "ce_";
    struct slice text;

    if (structured) {
        text = value_text(value_get(input->root, slice_of(name)));
    } else {
        memccpy(header + 3, name, '\0', sizeof(header) - 4);
        text = envelope_header(input->record, slice_of(header));
    }
    return text.len == 0 ? SLICE_ABSENT : text;
}

/* "com.example.shop.post_save" -> "post_save" */
static struct slice suffix_of(struct slice type)
{
    size_t begin = type.len;

    if (slice_is_absent(type))
        return type;
    while (begin > 0 && !strchr("./:", type.ptr[begin - 1]))
        begin--;
    return (struct slice){type.ptr + begin, type.len - begin};
}

/* A subject is text; one that is an integer as it would be printed was one. */
static bool is_integer(struct slice text)
{
    size_t sign = slice_starts_with(text, SLICE("-"));

    if (text.len == sign || text.len > PK_MAX_DIGITS + sign)
        return false;
    for (size_t i = sign; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.ptr[sign] != '0' || text.len == 1;
}

/* "shop.Product/42" is the model and the pk, of which there may be only one. */
static void take_subject(struct members *members, struct slice subject, struct arena *arena)
{
    const char *slash = subject.len ? memchr(subject.ptr, '/', subject.len) : NULL;
    struct slice model = subject;
    struct slice pk = SLICE_ABSENT;

    if (slash) {
        model.len = (size_t)(slash - subject.ptr);
        pk = (struct slice){slash + 1, subject.len - model.len - 1};
    }
    if (members->value[MEMBER_MODEL] == NULL && model.len > 0)
        members->value[MEMBER_MODEL] = build_string(model, arena);
    if (members->value[MEMBER_PK] == NULL && members->value[MEMBER_PKS] == NULL &&
        members->value[MEMBER_ROWS] == NULL && pk.len > 0)
        members->value[MEMBER_PK] =
            is_integer(pk) ? build_number(pk, arena) : build_string(pk, arena);
}

/* An event that the data names stands only where the type ends in no op that is known. */
static void take_type(struct members *members, struct slice type, struct arena *arena)
{
    struct slice name = suffix_of(type);

    if (name.len == 0 || (native_op(name) == EVENT_CUSTOM && members->value[MEMBER_EVENT] != NULL))
        return;
    members->value[MEMBER_EVENT] = build_string(name, arena);
}

static bool collect(const struct envelope_input *input, bool structured, struct members *members,
                    struct error *err)
{
    static const struct expected expected_data = {"data", IS_OBJECT | IS_NULL, "an object"};
    const struct value *data = structured ? value_get(input->root, SLICE("data")) : input->root;

    if (structured && value_type(input->root) != VALUE_OBJECT)
        return error_fail(err, ERROR_REJECT, "a CloudEvent must be an object (one event a record)");
    if (structured && value_get(input->root, SLICE("data_base64")))
        return error_fail(err, ERROR_REJECT, "\"data_base64\" is not read: send JSON as \"data\"");
    if (data && !member_check_type(&expected_data, data, err))
        return false;
    if (value_type(data) == VALUE_OBJECT && !member_collect(data, members, err))
        return false;
    take_type(members, attribute(input, structured, "type"), input->arena);
    take_subject(members, attribute(input, structured, "subject"), input->arena);
    if (members->value[MEMBER_EVENT] == NULL)
        return error_fail(err, ERROR_REJECT, "a CloudEvent must have a \"type\"");
    if (members->value[MEMBER_MODEL] == NULL)
        return error_fail(err, ERROR_REJECT,
                          "neither \"data\" has a \"model\" nor the CloudEvent a \"subject\"");
    return true;
}

static void override(struct slice *text, struct slice attribute)
{
    if (!slice_is_absent(attribute))
        *text = attribute;
}

static void take_attributes(const struct envelope_input *input, bool structured,
                            struct event *event)
{
    struct slice time = attribute(input, structured, "time");
    int64_t ms;

    event->envelope = ENVELOPE_CLOUDEVENTS;
    override(&event->id, attribute(input, structured, "id"));
    override(&event->source, attribute(input, structured, "source"));
    override(&event->tenant, attribute(input, structured, "tenant"));
    override(&event->trace, attribute(input, structured, "traceparent"));
    if (slice_is_absent(time))
        return;
    if (instant_parse(time, &ms) && ms >= 0) {
        event->has_ts = true;
        event->ts_replaced = false;
        event->ts_ms = ms;
    } else if (!event->has_ts) {
        event->ts_replaced = true;
    }
}

static enum decode_result read_cloudevent(const struct envelope_input *input, struct event *event,
                                          const char **skipped, struct error *err)
{
    struct members members = {0};
    struct reader reader = {&members, input->arena, event, err};
    bool structured = is_structured(input);
    const struct value *data = structured ? value_get(input->root, SLICE("data")) : input->root;

    (void)skipped;
    if (!collect(input, structured, &members, err) || !native_read_members(&reader, data))
        return DECODE_BAD;
    take_attributes(input, structured, event);
    return DECODE_EVENT;
}

const struct envelope_format envelope_cloudevents = {claims, read_cloudevent};
