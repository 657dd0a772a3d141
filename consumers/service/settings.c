#include "consumers/service/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/base/duration.h"
#include "consumers/base/suggest.h"
#include "consumers/service/settings_draft.h"

static const char *only(const struct given *given)
{
    return given->nr > 0 ? given->items[given->nr - 1] : NULL;
}

static char *text_of(const struct settings_draft *draft, enum setting_id id)
{
    const char *text = only(&draft->rows[id]);
    return text ? alloc_text(text) : NULL;
}

static void refuse_empty(struct settings_draft *draft, enum setting_id id)
{
    draft_error(draft, draft->rows[id].origin, "\"%s\" must not be empty", setting_rows[id].key);
}

static char *needed_text_of(struct settings_draft *draft, enum setting_id id)
{
    char *text = text_of(draft, id);
    if (!text || !*text)
        refuse_empty(draft, id);
    return text;
}

static char **texts_of(struct settings_draft *draft, enum setting_id id, size_t *nr)
{
    const struct given *given = &draft->rows[id];
    if (given->nr == 0)
        refuse_empty(draft, id);
    char **items = alloc_zero(given->nr + 1, sizeof(*items));
    for (size_t i = 0; i < given->nr; i++)
        items[i] = alloc_text(given->items[i]);
    *nr = given->nr;
    return items;
}

static long int_of(struct settings_draft *draft, enum setting_id id)
{
    const struct setting_row *row = &setting_rows[id];
    const char *text = only(&draft->rows[id]);
    if (!text)
        return row->min;
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || *end || end == text || number < row->min || number > row->max)
        draft_error(draft, draft->rows[id].origin,
                    "\"%s\" must be an integer from %ld to %ld, not \"%s\"", row->key, row->min,
                    row->max, text);
    return number;
}

static int64_t duration_of(struct settings_draft *draft, enum setting_id id)
{
    int64_t ms = 0;
    const char *text = only(&draft->rows[id]);
    if (text && !duration_parse(slice_of(text), &ms))
        draft_error(draft, draft->rows[id].origin,
                    "\"%s\" must be a number and one of ms, s, m, h, d, such as \"20s\", not "
                    "\"%s\"",
                    setting_rows[id].key, text);
    return ms;
}

/* Index of the value among the row's choices; -1 when unset. */
static int choice_of(struct settings_draft *draft, enum setting_id id)
{
    const struct setting_row *row = &setting_rows[id];
    const char *text = only(&draft->rows[id]);
    if (!text)
        return -1;
    struct suggest suggest;
    suggest_init(&suggest, slice_of(text));
    int index = 0;
    for (const char *at = row->choices;; index++) {
        size_t len = strcspn(at, "|");
        if (len == strlen(text) && memcmp(at, text, len) == 0)
            return index;
        suggest_offer(&suggest, (struct slice){at, len});
        if (at[len] == '\0')
            break;
        at += len + 1;
    }
    if (slice_is_absent(suggest.best))
        draft_error(draft, draft->rows[id].origin, "\"%s\" must be one of %s, not \"%s\"", row->key,
                    row->choices, text);
    else
        draft_error(draft, draft->rows[id].origin,
                    "\"%s\" must be one of %s, not \"%s\"; did you mean \"%.*s\"?", row->key,
                    row->choices, text, SLICE_ARG(suggest.best));
    return -1;
}

static void build_listen(struct settings_draft *draft, struct settings *settings)
{
    const char *text = only(&draft->rows[SET_HTTP_LISTEN]);
    const char *colon = text ? strrchr(text, ':') : NULL;
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;
    if (!colon || end == colon + 1 || *end || port < 0 || port > 65535) {
        draft_error(draft, draft->rows[SET_HTTP_LISTEN].origin,
                    "\"http.listen\" must be host:port, such as \"127.0.0.1:8089\", not \"%s\"",
                    text ? text : "");
        return;
    }
    size_t len = (size_t)(colon - text);
    bool has_brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    settings->http_host = has_brackets ? alloc_text_n(text + 1, len - 2) : alloc_text_n(text, len);
    settings->http_port = (int)port;
}

static void set_option(struct settings *settings, struct slice name, const char *value)
{
    for (size_t i = 0; i < settings->options_nr; i++) {
        if (!slice_equals(slice_of(settings->options[i].name), name))
            continue;
        free(settings->options[i].value);
        settings->options[i].value = alloc_text(value);
        return;
    }
    settings->options[settings->options_nr++] =
        (struct kafka_option){.name = alloc_text_n(name.ptr, name.len), .value = alloc_text(value)};
}

static void build_options(struct settings_draft *draft, struct settings *settings)
{
    const struct given *given = &draft->rows[SET_OPTIONS];
    settings->options = alloc_zero(given->nr + 1, sizeof(*settings->options));
    for (size_t i = 0; i < given->nr; i++) {
        const char *equals = strchr(given->items[i], '=');
        if (!equals || equals == given->items[i])
            draft_error(draft, given->origin, "\"kafka.options\": \"%s\" is not NAME=VALUE",
                        given->items[i]);
        else
            set_option(settings,
                       (struct slice){given->items[i], (size_t)(equals - given->items[i])},
                       equals + 1);
    }
}

static void set_format(struct settings *settings, struct slice topic, enum decode_format format)
{
    for (size_t i = 0; i < settings->formats_nr; i++) {
        if (slice_equals(settings->formats[i].topic, topic)) {
            settings->formats[i].format = format;
            return;
        }
    }
    settings->formats[settings->formats_nr++] = (struct topic_format){
        .topic = {alloc_text_n(topic.ptr, topic.len), topic.len}, .format = format};
}

static void unknown_format(struct settings_draft *draft, const char *origin, const char *name)
{
    struct suggest suggest;
    suggest_init(&suggest, slice_of(name));
    for (unsigned i = FORMAT_NATIVE; i < FORMAT_NR; i++)
        suggest_offer(&suggest, slice_of(decode_format_names[i]));
    draft_error(draft, origin,
                "\"kafka.formats\": a format is one of native, cloudevents, debezium, maxwell, not "
                "\"%s\"%s%.*s%s",
                name, suggest.best.len ? "; did you mean \"" : "", SLICE_ARG(suggest.best),
                suggest.best.len ? "\"?" : "");
}

static void build_formats(struct settings_draft *draft, struct settings *settings)
{
    const struct given *given = &draft->rows[SET_FORMATS];
    settings->formats = alloc_zero(given->nr + 1, sizeof(*settings->formats));
    for (size_t i = 0; i < given->nr; i++) {
        const char *equals = strchr(given->items[i], '=');
        enum decode_format format;
        if (!equals || equals == given->items[i])
            draft_error(draft, given->origin, "\"kafka.formats\": \"%s\" is not TOPIC=FORMAT",
                        given->items[i]);
        else if (!decode_format_parse(slice_of(equals + 1), &format))
            unknown_format(draft, given->origin, equals + 1);
        else
            set_format(settings,
                       (struct slice){given->items[i], (size_t)(equals - given->items[i])}, format);
    }
}

/* A service that read its own dead letters would set them aside again, for ever. */
static void refuse_own_letters(struct settings_draft *draft, const struct settings *settings)
{
    for (size_t i = 0; i < settings->topics_nr; i++)
        if (settings->dead_letter_topic &&
            strcmp(settings->topics[i], settings->dead_letter_topic) == 0)
            draft_error(draft, draft->rows[SET_DEAD_LETTER_TOPIC].origin,
                        "\"kafka.dead_letter_topic\" \"%s\" must not be one of \"kafka.topics\"",
                        settings->dead_letter_topic);
}

static void build(struct settings_draft *draft, struct settings *settings)
{
    settings->brokers = needed_text_of(draft, SET_BROKERS);
    settings->topics = texts_of(draft, SET_TOPICS, &settings->topics_nr);
    settings->group = needed_text_of(draft, SET_GROUP);
    settings->dead_letter_topic = needed_text_of(draft, SET_DEAD_LETTER_TOPIC);
    refuse_own_letters(draft, settings);
    build_options(draft, settings);
    build_formats(draft, settings);
    settings->max_event_bytes = (size_t)int_of(draft, SET_MAX_EVENT_BYTES);
    draft_build_targets(draft, settings);
    settings->rules = texts_of(draft, SET_RULES, &settings->rules_nr);
    settings->workers = (int)int_of(draft, SET_WORKERS);
    build_listen(draft, settings);
    settings->http_token = text_of(draft, SET_HTTP_TOKEN);
    int on_gap = choice_of(draft, SET_ON_GAP);
    settings->on_gap = on_gap < 0 ? ON_GAP_STOP : (enum on_gap)on_gap;
    settings->drain_timeout_ms = duration_of(draft, SET_DRAIN_TIMEOUT);
    int level = choice_of(draft, SET_LOG_LEVEL);
    settings->log_level = level < 0 ? LOG_LEVEL_INFO : (enum log_level)level;
    int format = choice_of(draft, SET_LOG_FORMAT);
    bool is_terminal = isatty(STDERR_FILENO);
    settings->log_format =
        format < 0 ? (is_terminal ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON) : (enum log_format)format;
}

static const char *find_in(char *const *environment, const char *name)
{
    size_t len = strlen(name);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
            return *environment + len + 1;
    return NULL;
}

static const char *choose_file(const char *config_path, char *const *environment)
{
    if (config_path)
        return config_path;
    const char *from_environment = find_in(environment, "UNSTALE_CONFIG");
    if (from_environment && *from_environment)
        return from_environment;
    const char *path;
    for (size_t i = 0; (path = settings_default_path(i)); i++)
        if (access(path, F_OK) == 0)
            return path;
    return NULL;
}

struct settings *settings_load(const char *config_path, const struct settings_flag *flags,
                               size_t flags_nr, char *const *environment, struct buffer *errors)
{
    struct settings_draft *draft = alloc_zero(1, sizeof(*draft));
    struct settings *settings = alloc_zero(1, sizeof(*settings));
    settings->draft = draft;
    size_t before = errors->len;
    draft_init(draft, errors);
    const char *path = choose_file(config_path, environment);
    if (path)
        draft_read_file(draft, path);
    draft_read_environment(draft, environment);
    draft_read_flags(draft, flags, flags_nr);
    build(draft, settings);
    if (errors->len == before)
        return settings;
    settings_free(settings);
    return NULL;
}

static void free_texts(char **items, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        free(items[i]);
    free(items);
}

void settings_free(struct settings *settings)
{
    if (!settings)
        return;
    free(settings->brokers);
    free_texts(settings->topics, settings->topics_nr);
    free(settings->group);
    free(settings->dead_letter_topic);
    for (size_t i = 0; i < settings->options_nr; i++) {
        free(settings->options[i].name);
        free(settings->options[i].value);
    }
    free(settings->options);
    for (size_t i = 0; i < settings->formats_nr; i++)
        free((char *)settings->formats[i].topic.ptr);
    free(settings->formats);
    for (size_t i = 0; i < settings->targets_nr; i++)
        redis_target_release(&settings->targets[i]);
    free(settings->targets);
    free_texts(settings->rules, settings->rules_nr);
    free(settings->http_host);
    free(settings->http_token);
    draft_release(settings->draft);
    free(settings->draft);
    free(settings);
}
