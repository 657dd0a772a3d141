/* `unstale settings`: every effective value and where it came from, secrets as ***. */
#include <stdlib.h>
#include <string.h>

#include "consumers/service/settings_draft.h"

static const char hidden[] = "***";

static bool option_is_secret(const char *name)
{
    return strstr(name, "password") || strstr(name, "secret") || strstr(name, "key.pem") ||
           strstr(name, "oauthbearer.config");
}

static json_t *text_json(const char *text)
{
    return json_string(text);
}

static json_t *options_json(const struct settings *settings)
{
    json_t *options = json_object();
    for (size_t i = 0; i < settings->options_nr; i++) {
        const struct kafka_option *option = &settings->options[i];
        json_object_set_new(options, option->name,
                            text_json(option_is_secret(option->name) ? hidden : option->value));
    }
    return options;
}

static json_t *formats_json(const struct settings *settings)
{
    json_t *formats = json_object();
    for (size_t i = 0; i < settings->formats_nr; i++)
        json_object_set_new(formats, settings->formats[i].topic.ptr,
                            text_json(decode_format_names[settings->formats[i].format]));
    return formats;
}

static json_t *row_json(const struct settings *settings, enum setting_id id)
{
    const struct given *given = &settings->draft->rows[id];
    const struct setting_row *row = &setting_rows[id];
    if (row->type == SETTING_OPTIONS)
        return id == SET_FORMATS ? formats_json(settings) : options_json(settings);
    if (row->type == SETTING_TEXTS) {
        json_t *array = json_array();
        for (size_t i = 0; i < given->nr; i++)
            json_array_append_new(array, text_json(given->items[i]));
        return array;
    }
    if (given->nr == 0)
        return json_null();
    if (row->type == SETTING_SECRET)
        return text_json(hidden);
    const char *text = given->items[given->nr - 1];
    return row->type == SETTING_INT ? json_integer(strtoll(text, NULL, 10)) : text_json(text);
}

/* The URL without what is between the user and the host. */
static json_t *url_json(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *at = scheme ? strrchr(scheme, '@') : NULL;
    const char *colon = scheme ? strchr(scheme + 3, ':') : NULL;
    if (!at || !colon || colon > at)
        return text_json(url);
    struct buffer shown;
    buffer_init(&shown);
    buffer_add(&shown, (struct slice){url, (size_t)(colon - url)});
    buffer_printf(&shown, ":%s%s", hidden, at);
    json_t *json = text_json(shown.ptr);
    buffer_release(&shown);
    return json;
}

static void print_one(const char *key, json_t *value, const char *origin, bool as_json,
                      struct buffer *out)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (as_json) {
        buffer_add_text(out, out->len > 1 ? ",\n " : "");
        buffer_add_json_string(out, slice_of(key));
        buffer_printf(out, ":{\"value\":%s,\"source\":", text ? text : "null");
        buffer_add_json_string(out, slice_of(origin));
        buffer_add_char(out, '}');
    } else {
        buffer_printf(out, "%-28s %-36s %s\n", key, text ? text : "", origin);
    }
    free(text);
    json_decref(value);
}

/* A member of a target; of a Sentinel's login the user alone. */
static json_t *member_json(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (json_object_get(value, "password"))
        json_object_set_new(value, "password", text_json(hidden));
    return value;
}

static void print_redis(const struct redis_draft *redis, bool as_json, struct buffer *out)
{
    struct buffer key;
    buffer_init(&key);
    buffer_printf(&key, "redis.%s.url", redis->name);
    const struct given *url = &redis->url;
    json_t *value = url->nr ? url_json(url->items[0])
                            : json_loads(redis_rows[REDIS_URL].fallback, JSON_DECODE_ANY, NULL);
    print_one(key.ptr, value, url->nr ? url->origin : "default", as_json, out);
    for (unsigned i = REDIS_CLUSTER; i < REDIS_MEMBERS_NR; i++) {
        const struct given *given = &redis->members[i];
        const char *text = given->nr ? given->items[0] : redis_rows[i].fallback;
        buffer_clear(&key);
        buffer_printf(&key, "redis.%s.%s", redis->name, redis_rows[i].name);
        print_one(key.ptr, member_json(text), given->nr ? given->origin : "default", as_json, out);
    }
    buffer_release(&key);
}

void settings_print(const struct settings *settings, bool as_json, struct buffer *out)
{
    const struct settings_draft *draft = settings->draft;
    if (as_json)
        buffer_add_char(out, '{');
    else
        buffer_printf(out, "# settings file: %s\n", draft->file ? draft->file : "none");
    for (unsigned id = 0; id < SETTINGS_NR; id++)
        print_one(setting_rows[id].key, row_json(settings, id), draft->rows[id].origin, as_json,
                  out);
    for (size_t i = 0; i < draft->redis_nr; i++)
        print_redis(&draft->redis[i], as_json, out);
    buffer_add_text(out, as_json ? "}\n" : "");
}
