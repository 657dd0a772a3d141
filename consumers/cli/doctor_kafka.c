/* Brokers, topics, and how far the group is behind. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "consumers/base/clock.h"
#include "consumers/cli/doctor.h"
#include "consumers/kafka/admin.h"
#include "consumers/kafka/offsets.h"

enum { APPEARS_WITHIN_MS = 10000, LOOK_EVERY_MS = 100 };

static const char *plural(int64_t nr)
{
    return nr == 1 ? "" : "s";
}

static void say_trouble(struct doctor *doctor, const struct error *err)
{
    doctor_say(doctor, err->kind == ERROR_RETRY ? DOCTOR_UNREACHABLE : DOCTOR_WRONG, "kafka",
               "%s: %s", doctor->settings->brokers, err->text);
}

static bool look_at_brokers(struct doctor *doctor, struct admin *admin)
{
    struct error err = ERROR_INIT;
    struct admin_cluster cluster;

    if (!admin_describe(admin, DOCTOR_TIMEOUT_MS, &doctor->arena, &cluster, &err)) {
        say_trouble(doctor, &err);
        return false;
    }
    doctor_say(doctor, DOCTOR_GOOD, "kafka", "%s: %d broker%s, cluster %.*s",
               doctor->settings->brokers, cluster.brokers_nr, plural(cluster.brokers_nr),
               SLICE_ARG(cluster.id));
    return true;
}

/* ---- topics ---- */

/* A topic that was just made takes a moment to be known everywhere. */
static bool await_topic(struct admin *admin, const char *name, struct admin_topic *topic,
                        struct error *err)
{
    int64_t until_ms = clock_steady_ms() + APPEARS_WITHIN_MS;

    while (admin_topic(admin, name, DOCTOR_TIMEOUT_MS, topic, err)) {
        if (topic->exists && topic->partitions > 0)
            return true;
        if (clock_steady_ms() >= until_ms)
            return error_fail(err, ERROR_CONFIG, "topic \"%s\" was made and is not there", name);
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    }
    return false;
}

/* Dead letters keep the time of the record they were: an age limit would soon take them. */
static const struct admin_setting keep_for_ever[] = {
    {"retention.ms", "-1"},
    {"retention.bytes", "-1"},
};

static bool is_dead_letter_topic(const struct doctor *doctor, const char *name)
{
    return strcmp(name, doctor->settings->dead_letter_topic) == 0;
}

static void create_topic(struct doctor *doctor, struct admin *admin, const char *name,
                         struct admin_topic *topic)
{
    struct error err = ERROR_INIT;
    struct admin_new_topic wanted = {
        .name = name, .partitions = doctor->partitions, .replicas = -1};

    if (is_dead_letter_topic(doctor, name)) {
        wanted.settings = keep_for_ever;
        wanted.settings_nr = ARRAY_NR(keep_for_ever);
    }
    if (!admin_create_topic(admin, &wanted, DOCTOR_TIMEOUT_MS, &err) ||
        !await_topic(admin, name, topic, &err)) {
        say_trouble(doctor, &err);
        return;
    }
    doctor_say(doctor, DOCTOR_GOOD, "kafka", "topic \"%s\": created, %d partition%s", name,
               topic->partitions, plural(topic->partitions));
}

/* True when it was there before: in one that was just made no group has been. */
static bool look_at_topic(struct doctor *doctor, struct admin *admin, const char *name)
{
    struct error err = ERROR_INIT;
    struct admin_topic topic;

    if (!admin_topic(admin, name, DOCTOR_TIMEOUT_MS, &topic, &err)) {
        say_trouble(doctor, &err);
        return false;
    }
    if (topic.exists) {
        doctor_say(doctor, DOCTOR_GOOD, "kafka", "topic \"%s\": %d partition%s, %d replica%s", name,
                   topic.partitions, plural(topic.partitions), topic.replicas,
                   plural(topic.replicas));
        return true;
    }
    if (doctor->creates_topics)
        create_topic(doctor, admin, name, &topic);
    else
        doctor_say(doctor, DOCTOR_WRONG, "kafka",
                   "topic \"%s\" does not exist; the same command with --create-topics makes it",
                   name);
    return false;
}

/* Why Kafka would delete records of it, and the setting against that, or NULL. */
static const char *limit_of(const struct admin_keeping *keeping, char *why, size_t bytes)
{
    if (keeping->is_compacted) {
        snprintf(why, bytes, "only the last one of a key (it is compacted)");
        return "cleanup.policy=delete";
    }
    if (keeping->ms >= 0) {
        snprintf(why, bytes, "records for %" PRId64 " h, counted from the time of the event",
                 keeping->ms / 3600000);
        return "retention.ms=-1";
    }
    if (keeping->bytes >= 0) {
        snprintf(why, bytes, "%" PRId64 " bytes a partition", keeping->bytes);
        return "retention.bytes=-1";
    }
    return NULL;
}

static void look_at_keeping(struct doctor *doctor, struct admin *admin, const char *name)
{
    struct error err = ERROR_INIT;
    struct admin_keeping keeping;
    char why[120];

    if (!admin_keeping(admin, name, DOCTOR_TIMEOUT_MS, &keeping, &err)) {
        doctor_say(doctor, DOCTOR_NOTE, "kafka",
                   "topic \"%s\": how long Kafka keeps dead letters is not known: %s", name,
                   err.text);
        return;
    }
    const char *remedy = limit_of(&keeping, why, sizeof(why));
    if (remedy)
        doctor_say(doctor, DOCTOR_NOTE, "kafka",
                   "topic \"%s\": Kafka keeps %s, then dead letters are gone; keep them: "
                   "kafka-configs.sh --bootstrap-server %s --alter --entity-type topics "
                   "--entity-name %s --add-config %s",
                   name, why, doctor->settings->brokers, name, remedy);
}

/* ---- the group ---- */

static void say_partition(struct doctor *doctor, const char *topic, const struct admin_lag *row)
{
    if (row->committed == OFFSETS_NONE)
        doctor_say(doctor, DOCTOR_GOOD, "kafka",
                   "group \"%s\", \"%s\" partition %d: nothing committed; it would begin at the "
                   "first of %" PRId64 " event%s",
                   doctor->settings->group, topic, (int)row->partition, row->high - row->low,
                   plural(row->high - row->low));
    else if (row->committed < row->low || row->committed > row->high)
        doctor_say(doctor, DOCTOR_WRONG, "kafka",
                   "group \"%s\", \"%s\" partition %d: committed %" PRId64
                   ", but Kafka holds %" PRId64 " to %" PRId64 "; on_gap says what happens",
                   doctor->settings->group, topic, (int)row->partition, row->committed, row->low,
                   row->high);
    else
        doctor_say(doctor, DOCTOR_GOOD, "kafka",
                   "group \"%s\", \"%s\" partition %d: %" PRId64 " behind (at %" PRId64
                   " of %" PRId64 ")",
                   doctor->settings->group, topic, (int)row->partition, row->high - row->committed,
                   row->committed, row->high);
}

static void look_at_group(struct doctor *doctor, struct admin *admin, const char *topic)
{
    struct error err = ERROR_INIT;
    struct admin_lags lags = {.group = doctor->settings->group, .topic = topic};

    if (!admin_group_lag(admin, &lags, DOCTOR_TIMEOUT_MS, &doctor->arena, &err)) {
        say_trouble(doctor, &err);
        return;
    }
    for (size_t i = 0; i < lags.nr; i++)
        say_partition(doctor, topic, &lags.rows[i]);
}

static void look_at_topics(struct doctor *doctor, struct admin *admin)
{
    const struct settings *settings = doctor->settings;

    for (size_t i = 0; i < settings->topics_nr; i++) {
        const char *name = settings->topics[i];

        if (name[0] == '^')
            doctor_say(doctor, DOCTOR_NOTE, "kafka",
                       "topics \"%s\": a regular expression, not looked at", name);
        else if (look_at_topic(doctor, admin, name))
            look_at_group(doctor, admin, name);
    }
    if (look_at_topic(doctor, admin, settings->dead_letter_topic))
        look_at_keeping(doctor, admin, settings->dead_letter_topic);
}

void doctor_look_at_kafka(struct doctor *doctor)
{
    const struct settings *settings = doctor->settings;
    struct error err = ERROR_INIT;
    struct admin *admin =
        admin_open(settings->brokers, settings->options, settings->options_nr, &err);

    if (!admin)
        doctor_say(doctor, DOCTOR_WRONG, "kafka", "%s", err.text);
    else if (look_at_brokers(doctor, admin))
        look_at_topics(doctor, admin);
    admin_close(admin);
}
