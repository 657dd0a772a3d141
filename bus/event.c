#include "bus/event.h"

#include "bus/json.h"

/* Bits of unstale_event.set beyond those of enum unstale_text. */
enum { SET_CREATED = 8, SET_CHANGED, SET_TS, SET_VERSION, SET_PARENTS, SET_M2M };

bool bus_event_reject(struct unstale_event *event, const char *text)
{
    return bus_fail(&event->error, UNSTALE_REJECT, "%s", text);
}

struct unstale_event *bus_event_new(const struct bus_allocator *allocator,
                                    struct unstale_error *err)
{
    struct unstale_event *event = bus_new(allocator, sizeof(*event));

    if (!event) {
        bus_fail_memory(err);
        return NULL;
    }
    event->allocator = allocator;
    for (int i = 0; i < PIECE_NR; i++)
        bus_buffer_init(&event->pieces[i], allocator);
    for (int i = 0; i < IMAGE_NR; i++) {
        bus_buffer_init(&event->images[i].members, allocator);
        bus_buffer_init(&event->images[i].starts, allocator);
    }
    return event;
}

struct unstale_event *unstale_event_new(struct unstale_error *err)
{
    return bus_event_new(&bus_system_allocator, err);
}

void unstale_event_free(struct unstale_event *event)
{
    if (!event)
        return;
    for (int i = 0; i < PIECE_NR; i++)
        bus_buffer_release(&event->pieces[i]);
    for (int i = 0; i < IMAGE_NR; i++) {
        bus_buffer_release(&event->images[i].members);
        bus_buffer_release(&event->images[i].starts);
    }
    bus_free(event->allocator, event);
}

static void clear(struct unstale_event *event)
{
    event->error.kind = UNSTALE_OK;
    event->is_begun = false;
    event->is_truncate = false;
    event->has_rows = false;
    event->set = 0;
    event->pk_nr = event->pks_nr = event->m2m_pks_nr = event->rows_nr = 0;
    for (int i = 0; i < PIECE_NR; i++)
        event->pieces[i].length = 0;
    for (int i = 0; i < IMAGE_NR; i++)
        bus_image_clear(&event->images[i]);
}

/* A JSON string behind "member": that is written already. */
static inline bool add_text(struct unstale_event *event, enum event_piece piece, const char *member,
                            const char *text, size_t length)
{
    if (bus_json_string(&event->pieces[piece], text, length, &event->error))
        return true;
    bus_error_wrap(&event->error, "%s", member);
    return false;
}

BUS_COLD static bool fail_null(struct unstale_event *event, const char *member)
{
    return bus_fail(&event->error, UNSTALE_REJECT, "%s is NULL", member);
}

static inline bool add_raw(struct unstale_event *event, enum event_piece piece, const char *json,
                           size_t length)
{
    return bus_buffer_add(&event->pieces[piece], json, length) || bus_fail_memory(&event->error);
}

/* A text with no more bytes than it may have characters need not be counted. */
static bool check_length(struct unstale_event *event, const char *member, const char *text,
                         size_t length, size_t max)
{
    if (length <= max || bus_utf8_characters(text, length) <= max)
        return true;
    return bus_fail(&event->error, UNSTALE_REJECT, "%s is longer than %zu characters", member, max);
}

static bool add_event(struct unstale_event *event, const char *name)
{
    size_t length;

    if (!name)
        return fail_null(event, "event");
    length = strlen(name);
    event->is_truncate = length == 8 && memcmp(name, "truncate", 8) == 0;
    return add_raw(event, PIECE_JSON, "{\"event\":", 9) &&
           add_text(event, PIECE_JSON, "event", name, length);
}

static bool add_model(struct unstale_event *event, const char *model)
{
    size_t length;

    if (!model)
        return fail_null(event, "model");
    length = event->model_bytes = strlen(model);
    return add_raw(event, PIECE_JSON, ",\"model\":", 9) &&
           add_text(event, PIECE_JSON, "model", model, length) &&
           check_length(event, "model", model, length, UNSTALE_MODEL_MAX) &&
           add_raw(event, PIECE_KEY, model, length);
}

bool unstale_event_begin(struct unstale_event *event, const char *name, const char *model)
{
    clear(event);
    if (!add_event(event, name) || !add_model(event, model))
        return false;
    if (!*name || !*model)
        return bus_event_reject(event, *name ? "model is empty" : "event is empty");
    event->head_bytes = event->pieces[PIECE_JSON].length;
    event->is_begun = true;
    return true;
}

bool bus_event_fail_unopened(struct unstale_event *event)
{
    if (event->error.kind == UNSTALE_OK)
        bus_event_reject(event, "the event was not begun");
    return false;
}

/* A member of the tail: its name for people, and as it begins in JSON. */
struct member {
    char opening[16]; /* wide enough for any, so that copying it is copying one register */
    unsigned char opening_length;
    char name[15];
};

/* clang-format off */
#define MEMBER(name) {",\"" name "\":", sizeof(",\"" name "\":") - 1, name}
/* clang-format on */

/* Marks the member as set and opens it. */
static inline struct bus_buffer *open_member(struct unstale_event *event, unsigned bit,
                                             const struct member *member)
{
    struct bus_buffer *tail = &event->pieces[PIECE_TAIL];

    if (!bus_event_is_open(event))
        return NULL;
    if (event->set & 1u << bit) {
        bus_fail(&event->error, UNSTALE_REJECT, "%s is set already", member->name);
        return NULL;
    }
    event->set |= 1u << bit;
    if (!bus_buffer_reserve(tail, sizeof(member->opening))) {
        bus_fail_memory(&event->error);
        return NULL;
    }
    memcpy(bus_buffer_end(tail), member->opening, sizeof(member->opening));
    tail->length += member->opening_length;
    return tail;
}

bool unstale_event_set_created(struct unstale_event *event, bool created)
{
    static const struct member member = MEMBER("created");

    return open_member(event, SET_CREATED, &member) &&
           (created ? add_raw(event, PIECE_TAIL, "true", 4)
                    : add_raw(event, PIECE_TAIL, "false", 5));
}

static bool add_strings(struct unstale_event *event, const char *const *texts, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        if (!texts[i])
            return bus_event_reject(event, "an element is NULL");
        if (!add_raw(event, PIECE_TAIL, i > 0 ? "," : "[", 1) ||
            !bus_json_string(&event->pieces[PIECE_TAIL], texts[i], strlen(texts[i]), &event->error))
            return false;
    }
    return nr > 0 ? add_raw(event, PIECE_TAIL, "]", 1) : add_raw(event, PIECE_TAIL, "[]", 2);
}

static bool set_strings(struct unstale_event *event, unsigned bit, const struct member *member,
                        const char *const *texts, size_t nr)
{
    if (!open_member(event, bit, member))
        return false;
    if (add_strings(event, texts, nr))
        return true;
    bus_error_wrap(&event->error, "%s", member->name);
    return false;
}

bool unstale_event_set_changed(struct unstale_event *event, const char *const *names,
                               size_t names_nr)
{
    static const struct member member = MEMBER("changed");

    return set_strings(event, SET_CHANGED, &member, names, names_nr);
}

bool unstale_event_set_parents(struct unstale_event *event, const char *const *labels,
                               size_t labels_nr)
{
    static const struct member member = MEMBER("parents");

    return set_strings(event, SET_PARENTS, &member, labels, labels_nr);
}

bool unstale_event_set_ts(struct unstale_event *event, int64_t ts_ms)
{
    static const struct member member = MEMBER("ts");
    struct bus_buffer *tail = open_member(event, SET_TS, &member);

    if (!tail)
        return false;
    if (ts_ms < 0)
        return bus_event_reject(event, "ts is below 0");
    return bus_json_int(tail, ts_ms, &event->error);
}

bool unstale_event_set_version(struct unstale_event *event, int64_t version)
{
    static const struct member member = MEMBER("version");
    struct bus_buffer *tail = open_member(event, SET_VERSION, &member);

    if (!tail)
        return false;
    if (version < 0 || version > UNSTALE_VERSION_MAX)
        return bus_event_reject(event, "version is outside 0 .. 2^53-1");
    return bus_json_int(tail, version, &event->error);
}

bool unstale_event_set_text(struct unstale_event *event, enum unstale_text member, const char *text)
{
    static const struct member members[] = {
        MEMBER("id"), MEMBER("source"), MEMBER("tenant"), MEMBER("trace"), MEMBER("sender"),
    };
    const char *name;
    size_t length;

    if (member > UNSTALE_SENDER)
        return bus_event_is_open(event) && bus_event_reject(event, "no such member");
    name = members[member].name;
    if (!open_member(event, member, &members[member]))
        return false;
    if (!text)
        return fail_null(event, name);
    length = strlen(text);
    return add_text(event, PIECE_TAIL, name, text, length) &&
           (member != UNSTALE_ID || check_length(event, name, text, length, UNSTALE_ID_MAX));
}

bool unstale_event_set_m2m(struct unstale_event *event, const char *field,
                           enum unstale_m2m_action action)
{
    static const char *const actions[] = {
        ",\"action\":\"add\"",
        ",\"action\":\"remove\"",
        ",\"action\":\"clear\"",
    };
    bool is_set = event->pieces[PIECE_M2M].length > 0;

    if (!bus_event_is_open(event))
        return false;
    if (is_set || action > UNSTALE_M2M_CLEAR)
        return bus_event_reject(event, is_set ? "m2m is set already" : "no such m2m action");
    if (!field)
        return fail_null(event, "m2m field");
    return add_raw(event, PIECE_M2M, "\"field\":", 8) &&
           add_text(event, PIECE_M2M, "m2m field", field, strlen(field)) &&
           add_raw(event, PIECE_M2M, actions[action], strlen(actions[action]));
}
