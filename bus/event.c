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

/* "member":"text" with nothing in front. */
static bool add_text_member(struct unstale_event *event, enum event_piece piece, const char *member,
                            const char *text)
{
    struct bus_buffer *buffer = &event->pieces[piece];

    if (!text)
        return bus_fail(&event->error, UNSTALE_REJECT, "%s is NULL", member);
    if (!bus_buffer_add_char(buffer, '"') || !bus_buffer_add_text(buffer, member) ||
        !bus_buffer_add(buffer, "\":", 2))
        return bus_fail_memory(&event->error);
    if (bus_json_string(buffer, text, strlen(text), &event->error))
        return true;
    bus_error_wrap(&event->error, "%s", member);
    return false;
}

static bool check_length(struct unstale_event *event, const char *member, const char *text,
                         size_t max)
{
    if (bus_utf8_characters(text, strlen(text)) <= max)
        return true;
    return bus_fail(&event->error, UNSTALE_REJECT, "%s is longer than %zu characters", member, max);
}

bool unstale_event_begin(struct unstale_event *event, const char *name, const char *model)
{
    struct bus_buffer *head = &event->pieces[PIECE_HEAD];

    clear(event);
    if (!add_text_member(event, PIECE_HEAD, "event", name))
        return false;
    if (!bus_buffer_add_char(head, ','))
        return bus_fail_memory(&event->error);
    if (!add_text_member(event, PIECE_HEAD, "model", model) ||
        !check_length(event, "model", model, UNSTALE_MODEL_MAX))
        return false;
    if (!*name || !*model)
        return bus_event_reject(event, *name ? "model is empty" : "event is empty");
    if (!bus_buffer_add_text(&event->pieces[PIECE_KEY], model))
        return bus_fail_memory(&event->error);
    event->model_bytes = strlen(model);
    event->is_truncate = strcmp(name, "truncate") == 0;
    event->is_begun = true;
    return true;
}

bool bus_event_is_open(struct unstale_event *event)
{
    if (!event->is_begun && event->error.kind == UNSTALE_OK)
        bus_event_reject(event, "the event was not begun");
    return event->error.kind == UNSTALE_OK;
}

/* Marks a member as set and writes a comma for it at the end of the tail. */
static bool open_member(struct unstale_event *event, unsigned bit, const char *member)
{
    if (!bus_event_is_open(event))
        return false;
    if (event->set & 1u << bit)
        return bus_fail(&event->error, UNSTALE_REJECT, "%s is set already", member);
    event->set |= 1u << bit;
    return bus_buffer_add_char(&event->pieces[PIECE_TAIL], ',') || bus_fail_memory(&event->error);
}

static bool add_tail(struct unstale_event *event, const char *text)
{
    return bus_buffer_add_text(&event->pieces[PIECE_TAIL], text) || bus_fail_memory(&event->error);
}

bool unstale_event_set_created(struct unstale_event *event, bool created)
{
    return open_member(event, SET_CREATED, "created") &&
           add_tail(event, created ? "\"created\":true" : "\"created\":false");
}

static bool add_strings(struct unstale_event *event, const char *const *texts, size_t nr)
{
    struct bus_buffer *tail = &event->pieces[PIECE_TAIL];

    for (size_t i = 0; i < nr; i++) {
        if (!texts[i])
            return bus_event_reject(event, "an element is NULL");
        if (!add_tail(event, i > 0 ? "," : "") ||
            !bus_json_string(tail, texts[i], strlen(texts[i]), &event->error))
            return false;
    }
    return add_tail(event, "]");
}

bool unstale_event_set_changed(struct unstale_event *event, const char *const *names,
                               size_t names_nr)
{
    if (!open_member(event, SET_CHANGED, "changed") || !add_tail(event, "\"changed\":["))
        return false;
    if (add_strings(event, names, names_nr))
        return true;
    bus_error_wrap(&event->error, "changed");
    return false;
}

bool unstale_event_set_parents(struct unstale_event *event, const char *const *labels,
                               size_t labels_nr)
{
    if (!open_member(event, SET_PARENTS, "parents") || !add_tail(event, "\"parents\":["))
        return false;
    if (add_strings(event, labels, labels_nr))
        return true;
    bus_error_wrap(&event->error, "parents");
    return false;
}

bool unstale_event_set_ts(struct unstale_event *event, int64_t ts_ms)
{
    if (!open_member(event, SET_TS, "ts"))
        return false;
    if (ts_ms < 0)
        return bus_event_reject(event, "ts is below 0");
    return add_tail(event, "\"ts\":") &&
           bus_json_int(&event->pieces[PIECE_TAIL], ts_ms, &event->error);
}

bool unstale_event_set_version(struct unstale_event *event, int64_t version)
{
    if (!open_member(event, SET_VERSION, "version"))
        return false;
    if (version < 0 || version > UNSTALE_VERSION_MAX)
        return bus_event_reject(event, "version is outside 0 .. 2^53-1");
    return add_tail(event, "\"version\":") &&
           bus_json_int(&event->pieces[PIECE_TAIL], version, &event->error);
}

bool unstale_event_set_text(struct unstale_event *event, enum unstale_text member, const char *text)
{
    static const char *const names[] = {"id", "source", "tenant", "trace", "sender"};

    if (member > UNSTALE_SENDER)
        return bus_event_is_open(event) && bus_event_reject(event, "no such member");
    return open_member(event, member, names[member]) &&
           add_text_member(event, PIECE_TAIL, names[member], text) &&
           (member != UNSTALE_ID || check_length(event, "id", text, UNSTALE_ID_MAX));
}

bool unstale_event_set_m2m(struct unstale_event *event, const char *field,
                           enum unstale_m2m_action action)
{
    static const char *const actions[] = {"add", "remove", "clear"};
    struct bus_buffer *m2m = &event->pieces[PIECE_M2M];

    if (!bus_event_is_open(event))
        return false;
    if (m2m->length > 0 || action > UNSTALE_M2M_CLEAR)
        return bus_event_reject(event,
                                m2m->length > 0 ? "m2m is set already" : "no such m2m action");
    if (!add_text_member(event, PIECE_M2M, "field", field)) {
        bus_error_wrap(&event->error, "m2m");
        return false;
    }
    if (!bus_buffer_add_char(m2m, ','))
        return bus_fail_memory(&event->error);
    return add_text_member(event, PIECE_M2M, "action", actions[action]);
}
