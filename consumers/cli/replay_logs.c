/* Which stretches of which partitions are replayed. */
#include <regex.h>
#include <stdio.h>

#include "consumers/cli/replay.h"

static bool is_regex(const char *topic)
{
    return topic[0] == '^';
}

/* A pattern takes neither Kafka's own topics, which hold no events, nor the letters, which are dlq's to send again. */
static bool is_meant(const struct settings *settings, const char *topic)
{
    return strncmp(topic, "__", 2) != 0 && strcmp(topic, settings->dead_letter_topic) != 0;
}

static bool matches_any(const struct settings *settings, const regex_t *wanted, const char *topic)
{
    for (size_t i = 0; i < settings->topics_nr; i++)
        if (is_regex(settings->topics[i])
                ? is_meant(settings, topic) && regexec(&wanted[i], topic, 0, NULL, 0) == 0
                : strcmp(settings->topics[i], topic) == 0)
            return true;
    return false;
}

/* As librdkafka reads them: POSIX, extended. */
static bool compile(const struct settings *settings, regex_t *wanted, size_t *nr, struct error *err)
{
    for (*nr = 0; *nr < settings->topics_nr; ++*nr)
        if (regcomp(&wanted[*nr], is_regex(settings->topics[*nr]) ? settings->topics[*nr] : "^$",
                    REG_EXTENDED | REG_NOSUB) != 0)
            return error_fail(err, ERROR_CONFIG, "kafka.topics: \"%s\" is no regular expression",
                              settings->topics[*nr]);
    return true;
}

/* Names of the topics there are, those of the settings only, sorted. */
static bool list_topics(struct replay *replay, const char ***names, struct error *err)
{
    const struct settings *settings = replay->settings;
    regex_t *wanted = arena_zero(&replay->arena, settings->topics_nr + 1, sizeof(*wanted));
    size_t compiled, kept = 0;
    bool ok = compile(settings, wanted, &compiled, err) &&
              reader_list_topics(replay->reader, &replay->arena, names, err);

    for (size_t i = 0; ok && (*names)[i]; i++)
        if (matches_any(settings, wanted, (*names)[i]))
            (*names)[kept++] = (*names)[i];
    if (ok)
        (*names)[kept] = NULL;
    for (size_t i = 0; i < compiled; i++)
        regfree(&wanted[i]);
    return ok;
}

static bool is_in(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* Those that are named must be there. */
static bool check_named(const struct settings *settings, const char *const *names,
                        struct error *err)
{
    for (size_t i = 0; i < settings->topics_nr; i++)
        if (!is_regex(settings->topics[i]) && !is_in(names, settings->topics[i]))
            return error_fail(
                err, ERROR_CONFIG,
                "topic \"%s\" does not exist; create it: unstale doctor --create-topics",
                settings->topics[i]);
    return true;
}

/* What lies before the place to go on from is done. */
static void skip_done(const struct replay_place *after, struct replay_log *log)
{
    int order = slice_is_absent(after->topic) ? 1 : strcmp(log->topic, after->topic.ptr);

    if (order == 0)
        order = log->partition - after->partition;
    if (order < 0)
        log->from = log->to;
    else if (order == 0 && log->from <= after->offset)
        log->from = after->offset + 1;
}

static bool find_logs_of(struct replay *replay, const char *topic, const struct replay_place *after,
                         struct error *err)
{
    const struct replay_options *options = replay->options;
    struct reader_logs logs = {.topic = topic};

    if (!reader_find_logs(replay->reader, &logs, &replay->arena, err))
        return false;
    int64_t *from = arena_zero(&replay->arena, logs.nr + 1, sizeof(*from));
    int64_t *to = arena_zero(&replay->arena, logs.nr + 1, sizeof(*to));
    if (!reader_find_time(replay->reader, &logs, options->from_ms, from, err) ||
        !reader_find_time(replay->reader, &logs, options->to_ms, to, err))
        return false;
    for (size_t i = 0; i < logs.nr; i++) {
        replay->logs = arena_grow(&replay->arena, replay->logs, replay->logs_nr,
                                  &replay->logs_capacity, sizeof(*replay->logs));
        struct replay_log *log = &replay->logs[replay->logs_nr++];
        int64_t high = logs.items[i].high;

        *log = (struct replay_log){topic, logs.items[i].partition, from[i], to[i]};
        log->to = log->to < high ? log->to : high;
        skip_done(after, log);
    }
    return true;
}

bool replay_find_logs(struct replay *replay, struct error *err)
{
    struct replay_place after = replay->options->after;
    const char **names;

    after.topic = slice_is_absent(after.topic) ? SLICE_ABSENT
                                               : slice_of(arena_text(&replay->arena, after.topic));
    if (!list_topics(replay, &names, err) || !check_named(replay->settings, names, err))
        return false;
    if (!slice_is_absent(after.topic) && !is_in(names, after.topic.ptr))
        return error_fail(err, ERROR_CONFIG, "--after: \"%s\" is none of the topics",
                          after.topic.ptr);
    for (; *names; names++)
        if (!find_logs_of(replay, *names, &after, err))
            return false;
    return true;
}
