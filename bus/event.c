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
    memset(event->names, 0, sizeof(event->names));
    for (int i = 0; i < PIECE_NR; i++)
        event->pieces[i].length = 0;
}

/* The text as a JSON string behind "member": that is written already. */
static inline bool add_text(struct unstale_event *event, enum event_piece piece, const char *member,
                            const char *text)
{
    if (!text)
        return bus_fail(&event->error, UNSTALE_REJECT, "%s is NULL", member);
    if (bus_json_string(&event->pieces[piece], text, strlen(text), &event->error))
        return true;
    bus_error_wrap(&event->error, "%s", member);
    return false;
}

static inline bool add_raw(struct unstale_event *event, enum event_piece piece, const char *json)
{
    return bus_buffer_add_text(&event->pieces[piece], json) || bus_fail_memory(&event->error);
}

/* A text with no more bytes than it may have characters need not be counted. */
static bool check_length(struct unstale_event *event, const char *member, const char *text,
                         size_t max)
{
    size_t bytes = strlen(text);

    if (bytes <= max || bus_utf8_characters(text, bytes) <= max)
        return true;
    return bus_fail(&event->error, UNSTALE_REJECT, "%s is longer than %zu characters", member, max);
}

bool unstale_event_begin(struct unstale_event *event, const char *name, const char *model)
{
    clear(event);
    if (!add_raw(event, PIECE_HEAD, "\"event\":") || !add_text(event, PIECE_HEAD, "event", name) ||
        !add_raw(event, PIECE_HEAD, ",\"model\":") ||
        !add_text(event, PIECE_HEAD, "model", model) ||
        !check_length(event, "model", model, UNSTALE_MODEL_MAX) ||
        !add_raw(event, PIECE_KEY, model))
        return false;
    if (!*name || !*model)
        return bus_event_reject(event, *name ? "model is empty" : "event is empty");
    event->model_bytes = event->pieces[PIECE_KEY].length;
    event->is_truncate = strcmp(name, "truncate") == 0;
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
    const char *name;
    const char *opening;
};

/* Marks the member as set and opens it. */
static inline bool open_member(struct unstale_event *event, unsigned bit,
                               const struct member *member)
{
    if (!bus_event_is_open(event))
        return false;
    if (event->set & 1u << bit)
        return bus_fail(&event->error, UNSTALE_REJECT, "%s is set already", member->name);
    event->set |= 1u << bit;
    return add_raw(event, PIECE_TAIL, member->opening);
}

bool unstale_event_set_created(struct unstale_event *event, bool created)
{
    static const struct member member = {"created", ",\"created\":"};

    return open_member(event, SET_CREATED, &member) &&
           add_raw(event, PIECE_TAIL, created ? "true" : "false");
}

static bool add_strings(struct unstale_event *event, const char *const *texts, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        if (!texts[i])
            return bus_event_reject(event, "an element is NULL");
        if (!add_raw(event, PIECE_TAIL, i > 0 ? "," : "") ||
            !bus_json_string(&event->pieces[PIECE_TAIL], texts[i], strlen(texts[i]), &event->error))
            return false;
    }
    return add_raw(event, PIECE_TAIL, "]");
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
    static const struct member member = {"changed", ",\"changed\":["};

    return set_strings(event, SET_CHANGED, &member, names, names_nr);
}

bool unstale_event_set_parents(struct unstale_event *event, const char *const *labels,
                               size_t labels_nr)
{
    static const struct member member = {"parents", ",\"parents\":["};

    return set_strings(event, SET_PARENTS, &member, labels, labels_nr);
}

bool unstale_event_set_ts(struct unstale_event *event, int64_t ts_ms)
{
    static const struct member member = {"ts", ",\"ts\":"};

    if (!open_member(event, SET_TS, &member))
        return false;
    if (ts_ms < 0)
        return bus_event_reject(event, "ts is below 0");
    return bus_json_int(&event->pieces[PIECE_TAIL], ts_ms, &event->error);
}

bool unstale_event_set_version(struct unstale_event *event, int64_t version)
{
    static const struct member member = {"version", ",\"version\":"};

    if (!open_member(event, SET_VERSION, &member))
        return false;
    if (version < 0 || version > UNSTALE_VERSION_MAX)
        return bus_event_reject(event, "version is outside 0 .. 2^53-1");
    return bus_json_int(&event->pieces[PIECE_TAIL], version, &event->error);
}

bool unstale_event_set_text(struct unstale_event *event, enum unstale_text member, const char *text)
{
    static const struct member members[] = {
        {"id", ",\"id\":"},       {"source", ",\"source\":"}, {"tenant", ",\"tenant\":"},
        {"trace", ",\"trace\":"}, {"sender", ",\"sender\":"},
    };

    if (member > UNSTALE_SENDER)
        return bus_event_is_open(event) && bus_event_reject(event, "no such member");
    return open_member(event, member, &members[member]) &&
           add_text(event, PIECE_TAIL, members[member].name, text) &&
           (member != UNSTALE_ID || check_length(event, "id", text, UNSTALE_ID_MAX));
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
    return add_raw(event, PIECE_M2M, "\"field\":") &&
           add_text(event, PIECE_M2M, "m2m field", field) &&
           add_raw(event, PIECE_M2M, actions[action]);
}
