#include "consumers/service/reload.h"

#include <pthread.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/plan/test_run.h"
#include "consumers/rules/load.h"

struct reload {
    const struct settings *settings;
    struct rules_handle *handle;
    pthread_mutex_t mutex; /* guards all below; one load at a time */
    struct reload_status status;
    struct buffer diagnostics; /* JSON of the last refusal, "[]" if none */
    uint64_t loaded;           /* fingerprint of what was last tried */
    uint64_t seen;             /* fingerprint of the look before this one */
    bool is_unreadable;        /* said once, until the files are readable again */
};

struct reload *reload_new(const struct settings *settings, struct rules_handle *handle)
{
    struct reload *reload = alloc_zero(1, sizeof(*reload));
    reload->settings = settings;
    reload->handle = handle;
    pthread_mutex_init(&reload->mutex, NULL);
    buffer_init(&reload->diagnostics);
    buffer_add_text(&reload->diagnostics, "[]");
    return reload;
}

void reload_free(struct reload *reload)
{
    if (!reload)
        return;
    buffer_release(&reload->diagnostics);
    pthread_mutex_destroy(&reload->mutex);
    free(reload);
}

static size_t count_live(const struct ruleset *ruleset)
{
    size_t live = 0;
    for (size_t i = 0; i < ruleset->rules_nr; i++)
        live += ruleset->rules[i].is_enabled && ruleset->rules[i].mode == RULE_LIVE;
    return live;
}

static bool bind_targets(struct ruleset *ruleset, const struct settings *settings,
                         struct error *err)
{
    struct slice *names = alloc_zero(settings->targets_nr, sizeof(*names));
    for (size_t i = 0; i < settings->targets_nr; i++)
        names[i] = slice_of(settings->targets[i].name);
    bool ok = ruleset_bind_targets(ruleset, names, settings->targets_nr, err);
    free(names);
    return ok;
}

static void add_problem(struct diagnostics *found, const struct settings *settings,
                        const char *code, const char *message)
{
    struct diagnostic problem = {.severity = SEVERITY_ERROR,
                                 .file = slice_of(settings->rules[0]),
                                 .message = slice_of(message)};
    memcpy(problem.code, code, 5);
    diagnostics_add(found, &problem);
}

/*
 * What a loader cannot know: the targets there are, that a service without a live rule is a mistake,
 * and whether the rules do what the tests beside them say.
 */
static struct ruleset *load_usable(const struct settings *settings, struct diagnostics *found)
{
    struct ruleset *ruleset =
        load_paths((const char *const *)settings->rules, settings->rules_nr, found);
    if (!ruleset)
        return NULL;
    struct error err = ERROR_INIT;
    if (!bind_targets(ruleset, settings, &err))
        add_problem(found, settings, "E207", err.text);
    else if (count_live(ruleset) == 0)
        add_problem(found, settings, "E103", "no live rule: nothing would ever be invalidated");
    else if (test_run_own(ruleset, found))
        return ruleset;
    ruleset_free(ruleset);
    return NULL;
}

static void log_diagnostics(const struct diagnostics *found)
{
    for (size_t i = 0; i < found->nr; i++) {
        const struct diagnostic *item = &found->items[i];
        bool is_error = item->severity == SEVERITY_ERROR;
        log_line(is_error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
                 is_error ? "rule refused" : "rule warning", LOG_SLICE("file", item->file),
                 LOG_INT("line", item->line), LOG_INT("column", item->column),
                 LOG_TEXT("code", item->code), LOG_SLICE("message", item->message));
    }
}

static void accept(struct reload *reload, struct ruleset *ruleset, const char *reason)
{
    struct reload_status *status = &reload->status;
    status->last_ok = true;
    status->last_ok_ms = clock_wall_ms();
    status->ok_nr++;
    memcpy(status->hash, ruleset->hash, sizeof(status->hash));
    status->rules_nr = ruleset->rules_nr;
    status->files_nr = ruleset->files_nr;
    status->live_nr = count_live(ruleset);
    buffer_clear(&reload->diagnostics);
    buffer_add_text(&reload->diagnostics, "[]");
    log_info("rules loaded", LOG_TEXT("reason", reason), LOG_TEXT("hash", status->hash),
             LOG_INT("files", status->files_nr), LOG_INT("rules", status->rules_nr),
             LOG_INT("live", status->live_nr));
    rules_handle_publish(reload->handle, ruleset);
}

static void refuse(struct reload *reload, const struct diagnostics *found, const char *reason,
                   struct buffer *report)
{
    reload->status.last_ok = false;
    reload->status.failed_nr++;
    buffer_clear(&reload->diagnostics);
    diagnostics_print_json(found, &reload->diagnostics);
    diagnostics_print_text(found, false, report);
    bool keeps_old = reload->status.last_ok_ms != 0;
    log_error("rules refused", LOG_TEXT("reason", reason), LOG_INT("errors", found->errors),
              LOG_TEXT("effect", keeps_old ? "the old rules stay in force" : "no start"));
}

bool reload_now(struct reload *reload, const char *reason, struct buffer *report)
{
    const struct settings *settings = reload->settings;
    struct diagnostics found;
    diagnostics_init(&found);
    pthread_mutex_lock(&reload->mutex);
    uint64_t fingerprint = 0;
    if (load_fingerprint((const char *const *)settings->rules, settings->rules_nr, &fingerprint))
        reload->loaded = reload->seen = fingerprint;
    struct ruleset *ruleset = load_usable(settings, &found);
    diagnostics_sort(&found);
    /* Refused at start: the caller prints the report, as people read it. */
    if (ruleset || reload->status.last_ok_ms != 0)
        log_diagnostics(&found);
    if (ruleset)
        accept(reload, ruleset, reason);
    else
        refuse(reload, &found, reason, report);
    pthread_mutex_unlock(&reload->mutex);
    diagnostics_release(&found);
    return ruleset != NULL;
}

/* True when the files differ from what was last tried and stood still since the last look. */
static bool has_settled(struct reload *reload)
{
    const struct settings *settings = reload->settings;
    uint64_t now = 0;
    if (!load_fingerprint((const char *const *)settings->rules, settings->rules_nr, &now)) {
        bool is_news = !reload->is_unreadable;
        reload->is_unreadable = true;
        reload->loaded = reload->seen = 0; /* the same files, come back, are news again */
        return is_news;
    }
    reload->is_unreadable = false;
    bool is_still = now == reload->seen;
    reload->seen = now;
    return is_still && now != reload->loaded;
}

void reload_look(struct reload *reload)
{
    pthread_mutex_lock(&reload->mutex);
    bool wanted = has_settled(reload);
    pthread_mutex_unlock(&reload->mutex);
    if (!wanted)
        return;
    struct buffer report;
    buffer_init(&report);
    (void)reload_now(reload, "files changed", &report);
    buffer_release(&report);
}

void reload_status(struct reload *reload, struct reload_status *out)
{
    pthread_mutex_lock(&reload->mutex);
    *out = reload->status;
    pthread_mutex_unlock(&reload->mutex);
}

void reload_diagnostics_json(struct reload *reload, struct buffer *out)
{
    pthread_mutex_lock(&reload->mutex);
    buffer_add(out, buffer_slice(&reload->diagnostics));
    pthread_mutex_unlock(&reload->mutex);
}
