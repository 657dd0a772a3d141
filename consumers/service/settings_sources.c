/* Environment and flags. */
#include <string.h>

#include "consumers/base/suggest.h"
#include "consumers/service/settings_draft.h"

static const char prefix[] = "UNSTALE_";

/* Variables that are ours but no settings, and those Kubernetes injects for a Service named unstale. */
static bool is_foreign(struct slice name)
{
    return slice_equals(name, SLICE("UNSTALE_CONFIG")) ||
           slice_starts_with(name, SLICE("UNSTALE_SERVICE_")) ||
           slice_equals(name, SLICE("UNSTALE_PORT")) ||
           slice_starts_with(name, SLICE("UNSTALE_PORT_"));
}

static bool names_file_of(struct slice name, const char *variable)
{
    size_t len = strlen(variable);
    return name.len == len + 5 && memcmp(name.ptr, variable, len) == 0 &&
           memcmp(name.ptr + len, "_FILE", 5) == 0;
}

static bool read_known(struct settings_draft *draft, struct slice name, const char *value)
{
    for (unsigned id = 0; id < SETTINGS_NR; id++) {
        const struct setting_row *row = &setting_rows[id];
        if (slice_equals(name, slice_of(row->variable))) {
            draft_set_variable(draft, id, value);
            return true;
        }
        if (row->type == SETTING_SECRET && names_file_of(name, row->variable)) {
            struct buffer origin;
            buffer_init(&origin);
            buffer_printf(&origin, "%s_FILE", row->variable);
            draft_set_secret_file(draft, id, value, origin.ptr);
            buffer_release(&origin);
            return true;
        }
    }
    return false;
}

static void unknown_variable(struct settings_draft *draft, struct slice name)
{
    struct suggest suggest;
    suggest_init(&suggest, name);
    for (unsigned id = 0; id < SETTINGS_NR; id++)
        suggest_offer(&suggest, slice_of(setting_rows[id].variable));
    suggest_offer(&suggest, SLICE("UNSTALE_REDIS_URL"));
    suggest_offer(&suggest, SLICE("UNSTALE_CONFIG"));
    if (slice_is_absent(suggest.best))
        draft_error(draft, "environment", "unknown variable %.*s", SLICE_ARG(name));
    else
        draft_error(draft, "environment", "unknown variable %.*s, did you mean %.*s?",
                    SLICE_ARG(name), SLICE_ARG(suggest.best));
}

/* UNSTALE_REDIS_URL and its _FILE form, for the target "default". */
static bool read_redis_url(struct settings_draft *draft, struct slice name, const char *value)
{
    bool is_file = slice_equals(name, SLICE("UNSTALE_REDIS_URL_FILE"));
    if (!is_file && !slice_equals(name, SLICE("UNSTALE_REDIS_URL")))
        return false;
    struct given *url = &draft_redis(draft, SLICE("default"))->url;
    if (is_file) {
        given_read_file(draft, url, value, "UNSTALE_REDIS_URL_FILE");
        return true;
    }
    given_start(url, "UNSTALE_REDIS_URL");
    given_add(url, slice_of(value));
    return true;
}

void draft_read_environment(struct settings_draft *draft, char *const *environment)
{
    for (; environment && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (!equals || strncmp(*environment, prefix, sizeof(prefix) - 1) != 0)
            continue;
        struct slice name = {*environment, (size_t)(equals - *environment)};
        if (is_foreign(name) || read_redis_url(draft, name, equals + 1) ||
            read_known(draft, name, equals + 1))
            continue;
        unknown_variable(draft, name);
    }
}

void draft_read_flags(struct settings_draft *draft, const struct settings_flag *flags, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        if (strcmp(flags[i].name, "--redis") == 0) {
            struct given *url = &draft_redis(draft, SLICE("default"))->url;
            given_start(url, "--redis");
            given_add(url, slice_of(flags[i].value));
            continue;
        }
        for (unsigned id = 0; id < SETTINGS_NR; id++)
            if (setting_rows[id].flag && strcmp(flags[i].name, setting_rows[id].flag) == 0)
                draft_add_flag(draft, id, flags[i].value);
    }
}

const char *settings_flag_name(size_t index)
{
    for (unsigned id = 0; id < SETTINGS_NR; id++)
        if (setting_rows[id].flag && index-- == 0)
            return setting_rows[id].flag;
    return index == 0 ? "--redis" : NULL;
}
