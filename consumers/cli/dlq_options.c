/* The command line of dlq: which option means something to which action. */
#include <inttypes.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/cli/dlq.h"
#include "consumers/cli/format_arg.h"
#include "consumers/cli/rate_arg.h"
#include "consumers/cli/time_arg.h"

enum extra {
    EXTRA_RULE,
    EXTRA_REASON,
    EXTRA_MODEL,
    EXTRA_TOPIC,
    EXTRA_SINCE,
    EXTRA_UNTIL,
    EXTRA_LIMIT,
    EXTRA_ALL,
    EXTRA_RATE,
    EXTRA_DRY_RUN,
    EXTRA_QUIET,
    EXTRA_DONE,
    EXTRA_SUMMARY,
    EXTRA_FORMAT
};

const struct settings_arg_extra dlq_extras[] = {
    [EXTRA_RULE] = {"--rule", true},
    [EXTRA_REASON] = {"--reason", true},
    [EXTRA_MODEL] = {"--model", true},
    [EXTRA_TOPIC] = {"--topic", true},
    [EXTRA_SINCE] = {"--since", true},
    [EXTRA_UNTIL] = {"--until", true},
    [EXTRA_LIMIT] = {"--limit", true},
    [EXTRA_ALL] = {"--all", false},
    [EXTRA_RATE] = {"--rate", true},
    [EXTRA_DRY_RUN] = {"--dry-run", false},
    [EXTRA_QUIET] = {"--quiet", false},
    [EXTRA_DONE] = {"--done", false},
    [EXTRA_SUMMARY] = {"--summary", false},
    [EXTRA_FORMAT] = {"--format", true},
    {NULL, false},
};

enum {
    CHOOSING = 1 << EXTRA_RULE | 1 << EXTRA_REASON | 1 << EXTRA_MODEL | 1 << EXTRA_TOPIC |
               1 << EXTRA_SINCE | 1 << EXTRA_UNTIL | 1 << EXTRA_LIMIT,
    LISTING = CHOOSING | 1 << EXTRA_DONE,
    SENDING = CHOOSING | 1 << EXTRA_ALL | 1 << EXTRA_RATE | 1 << EXTRA_DRY_RUN | 1 << EXTRA_QUIET
};

static const struct {
    const char *name;
    unsigned extras; /* that mean something to it */
} actions[DLQ_ACTIONS] = {
    [DLQ_LS] = {"ls", LISTING | 1 << EXTRA_SUMMARY | 1 << EXTRA_FORMAT},
    [DLQ_SHOW] = {"show", 1 << EXTRA_FORMAT},
    [DLQ_RETRY] = {"retry", SENDING},
    [DLQ_DROP] = {"drop", SENDING},
    [DLQ_EXPORT] = {"export", LISTING},
};

static bool read_action(struct dlq_options *options, const struct settings_args *args)
{
    const char *name = args->plain_nr > 0 ? args->plain[0] : NULL;

    if (!name) {
        cli_usage_error(&verb_dlq, "ls, show, retry, drop or export?");
        return false;
    }
    for (int i = 0; i < DLQ_ACTIONS; i++) {
        options->action = (enum dlq_action)i;
        if (strcmp(actions[i].name, name) == 0)
            return true;
    }
    cli_usage_error(&verb_dlq, "there are ls, show, retry, drop and export, not \"%s\"", name);
    return false;
}

static bool check_extras(const struct dlq_options *options, const struct settings_args *args)
{
    for (unsigned i = 0; dlq_extras[i].name; i++)
        if (args->extra_given[i] && !(actions[options->action].extras & 1U << i)) {
            cli_usage_error(&verb_dlq, "%s means nothing to dlq %s", dlq_extras[i].name,
                            actions[options->action].name);
            return false;
        }
    return true;
}

static bool read_place(const char *text, struct dlq_place *place)
{
    char *end, *colon;
    long long partition = strtoll(text, &colon, 10);

    if (colon == text || *colon != ':' || partition < 0 || partition > INT32_MAX)
        return false;
    place->partition = (int32_t)partition;
    place->offset = strtoll(colon + 1, &end, 10);
    return end > colon + 1 && !*end && place->offset >= 0;
}

static bool read_places(struct dlq_options *options, const struct settings_args *args)
{
    options->places = alloc_zero(args->plain_nr, sizeof(*options->places));
    for (size_t i = 1; i < args->plain_nr; i++)
        if (!read_place(args->plain[i], &options->places[options->places_nr++])) {
            cli_usage_error(&verb_dlq,
                            "a letter is PARTITION:OFFSET, as dlq ls names it, not \"%s\"",
                            args->plain[i]);
            return false;
        }
    if (options->action != DLQ_SHOW || options->places_nr == 1)
        return true;
    cli_usage_error(&verb_dlq, "show one letter: PARTITION:OFFSET");
    return false;
}

static bool read_moment(const struct settings_args *args, enum extra extra, int64_t *ms)
{
    const char *text = args->extra_value[extra];

    *ms = -1;
    if (!text || time_arg_parse(text, clock_wall_ms(), ms))
        return true;
    cli_usage_error(&verb_dlq,
                    "%s is how long ago (15m, 2d) or a time like 2026-11-25T02:06:31Z, not \"%s\"",
                    dlq_extras[extra].name, text);
    return false;
}

static bool read_limit(struct dlq_options *options, const char *text)
{
    char *end;

    if (!text)
        return true;
    long long limit = strtoll(text, &end, 10);
    options->limit = (size_t)limit;
    if (end > text && !*end && limit > 0)
        return true;
    cli_usage_error(&verb_dlq, "--limit is a number from 1, not \"%s\"", text);
    return false;
}

bool dlq_is_choosy(const struct dlq_options *options)
{
    return options->places_nr > 0 || options->limit > 0 || options->since_ms >= 0 ||
           options->until_ms >= 0 || options->rule.ptr || options->reason.ptr ||
           options->model.ptr || options->topic.ptr;
}

/* What is dropped never comes back: all of them only where that is said. */
static bool check_all(const struct dlq_options *options)
{
    if (options->takes_all && dlq_is_choosy(options)) {
        cli_usage_error(&verb_dlq, "--all, or something to choose by, not both");
        return false;
    }
    if (options->action != DLQ_DROP || options->takes_all || dlq_is_choosy(options))
        return true;
    cli_usage_error(&verb_dlq, "drop which letters? --all drops all of them");
    return false;
}

bool dlq_options_read(struct dlq_options *options, const struct settings_args *args)
{
    const char *const *values = args->extra_value;

    *options = (struct dlq_options){
        .rule = slice_of(values[EXTRA_RULE]),
        .reason = slice_of(values[EXTRA_REASON]),
        .model = slice_of(values[EXTRA_MODEL]),
        .topic = slice_of(values[EXTRA_TOPIC]),
        .is_dry = args->extra_given[EXTRA_DRY_RUN],
        .is_quiet = args->extra_given[EXTRA_QUIET],
        .takes_all = args->extra_given[EXTRA_ALL],
        .shows_done = args->extra_given[EXTRA_DONE],
        .is_summary = args->extra_given[EXTRA_SUMMARY],
    };
    bool ok = read_action(options, args) && check_extras(options, args) &&
              format_arg(&verb_dlq, values[EXTRA_FORMAT], &options->as_json) &&
              read_places(options, args) && read_moment(args, EXTRA_SINCE, &options->since_ms) &&
              read_moment(args, EXTRA_UNTIL, &options->until_ms) &&
              read_limit(options, values[EXTRA_LIMIT]) &&
              rate_arg(&verb_dlq, values[EXTRA_RATE], &options->rate) && check_all(options);
    if (!ok)
        free(options->places);
    return ok;
}
