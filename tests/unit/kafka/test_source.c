#include <stdio.h>
#include <string.h>
#include <time.h>

#include "consumers/base/arena.h"
#include "consumers/base/clock.h"
#include "tests/unit/check_main.h"
#include "tests/unit/kafka/world.h"

enum { WAIT_MS = 20000 };

static struct world world;
static struct member member, other;

static void setup(void)
{
    world_init(&world);
}

static void teardown(void)
{
    world_release(&world);
}

static void join(struct member *who, const char *topic)
{
    ck_assert_msg(member_init(who, &world, &(struct member_settings){.topic = topic}), "%s",
                  who->err.text);
}

static void ck_numbers(const struct member *who, size_t at, int from, int to)
{
    for (int i = from; i < to; i++, at++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        ck_assert_uint_lt(at, who->records_nr);
        ck_assert(slice_equals(who->records[at].record.value, slice_of(text)));
    }
}

START_TEST(test_starts_at_the_beginning_without_a_commit)
{
    world_topic(&world, "t", 1);
    world_put_numbers(&world, "t", 0, 0, 50);
    join(&member, "t");
    ck_assert(member_await(&member, 50, WAIT_MS));
    ck_numbers(&member, 0, 0, 50);
    ck_assert_int_eq(member.records[0].record.offset, 0);
    ck_assert(slice_equals(member.records[0].record.topic, SLICE("t")));
    ck_assert_uint_eq(counter_get(&member.stats.records), 50);
    ck_assert_int_gt(member.records[0].record.timestamp_ms, 0);
    member_leave(&member);
}
END_TEST

START_TEST(test_goes_on_where_the_group_committed)
{
    world_topic(&world, "t", 1);
    world_put_numbers(&world, "t", 0, 0, 30);
    join(&member, "t");
    ck_assert(member_await(&member, 30, WAIT_MS));
    offsets_advance(member.offsets, member.records[19].mark);
    source_store(member.source);
    member_leave(&member);
    join(&member, "t");
    ck_assert(member_await(&member, 10, WAIT_MS));
    ck_numbers(&member, 0, 20, 30);
    member_leave(&member);
}
END_TEST

START_TEST(test_what_was_not_stored_comes_again_after_a_crash)
{
    world_topic(&world, "t", 1);
    world_put_numbers(&world, "t", 0, 0, 30);
    join(&member, "t");
    ck_assert(member_await(&member, 30, WAIT_MS));
    member_release(&member);
    join(&member, "t");
    ck_assert(member_await(&member, 30, WAIT_MS));
    ck_numbers(&member, 0, 0, 30);
    member_leave(&member);
}
END_TEST

START_TEST(test_pausing_loses_nothing)
{
    world_topic(&world, "t", 2);
    world_put_numbers(&world, "t", 0, 0, 500);
    world_put_numbers(&world, "t", 1, 0, 500);
    join(&member, "t");
    source_pause_all(member.source, PAUSE_REDIS); /* in force for what is assigned later */
    ck_assert(member_await_joined(&member, WAIT_MS));
    member_poll_for(&member, 300);
    ck_assert_uint_eq(member.records_nr, 0);
    source_pause(member.source, 0, PAUSE_HELD);
    source_resume_all(member.source, PAUSE_REDIS);
    ck_assert(member_await(&member, 100, WAIT_MS));
    for (size_t i = 0; i < member.records_nr; i++)
        ck_assert_uint_eq(member.records[i].mark.slot, 1);
    for (int i = 0; i < 20; i++) {
        source_pause_all(member.source, PAUSE_REDIS);
        member_poll_for(&member, 5);
        source_resume(member.source, 0, PAUSE_HELD);
        source_resume_all(member.source, PAUSE_REDIS);
        member_poll_for(&member, 5);
    }
    ck_assert(member_await(&member, 1000, WAIT_MS));
    member_poll_for(&member, 200);
    ck_assert_uint_eq(member.records_nr, 1000);
    int64_t next[2] = {0, 0};
    for (size_t i = 0; i < member.records_nr; i++)
        ck_assert_int_eq(member.records[i].record.offset, next[member.records[i].mark.slot]++);
    member_leave(&member);
}
END_TEST

/* As often as a caller takes nothing: each call may bring one, more than are kept at most. */
START_TEST(test_taking_nothing_loses_nothing)
{
    world_topic(&world, "t", 1);
    world_put_numbers(&world, "t", 0, 0, 1000);
    join(&member, "t");
    ck_assert(member_await(&member, 1, WAIT_MS));
    for (int i = 0; i < 300; i++)
        ck_assert_uint_eq(source_poll(member.source, 1, NULL, 0, 0), 0);
    ck_assert(member_await(&member, 1000, WAIT_MS));
    ck_numbers(&member, 0, 0, 1000);
    member_poll_for(&member, 200);
    ck_assert_uint_eq(member.records_nr, 1000);
    member_leave(&member);
}
END_TEST

/* The long wait of a poll is cut short, also of one that begins only afterwards. */
START_TEST(test_a_wait_can_be_cut_short)
{
    struct source_record record;
    world_topic(&world, "t", 1);
    join(&member, "t");
    ck_assert(member_await_joined(&member, WAIT_MS));
    int64_t began = clock_steady_ms();
    source_wake(member.source);
    ck_assert_uint_eq(source_poll(member.source, 3 * WAIT_MS, &record, 1, 1000), 0);
    ck_assert_int_lt(clock_steady_ms() - began, 2 * WAIT_MS);
}
END_TEST

START_TEST(test_limits_of_a_poll_are_kept)
{
    struct source_record records[100];
    world_topic(&world, "t", 1);
    world_put_numbers(&world, "t", 0, 1000, 1100); /* four bytes each */
    join(&member, "t");
    ck_assert(member_await(&member, 1, WAIT_MS));
    size_t before = member.records_nr, nr = 0;
    int64_t deadline = clock_steady_ms() + WAIT_MS;
    while (nr == 0 && before < 100 && clock_steady_ms() < deadline)
        nr = source_poll(member.source, 100, records, 100, 1);
    ck_assert_uint_eq(nr, before < 100); /* one at least, whatever its size */
    for (size_t i = 0; i < nr; i++)
        source_give_back(&records[i]);
    member_leave(&member);
}
END_TEST

static void answer_on_revoke(struct member *who)
{
    for (size_t i = 0; i < who->records_nr; i++)
        offsets_advance(who->offsets, who->records[i].mark);
}

static void join_other(void)
{
    join(&other, "t");
    int64_t deadline = clock_steady_ms() + WAIT_MS;
    while (!source_is_joined(other.source) && clock_steady_ms() < deadline) {
        member_poll_for(&member, 20);
        member_poll_for(&other, 20);
    }
    ck_assert(source_is_joined(other.source));
}

/* Whether it is also committed only a real broker tells: the mock takes none while members join. */
START_TEST(test_revoke_stores_what_the_drain_finished)
{
    world_topic(&world, "t", 2);
    world_put_numbers(&world, "t", 0, 0, 20);
    world_put_numbers(&world, "t", 1, 0, 20);
    join(&member, "t");
    ck_assert(member_await(&member, 40, WAIT_MS));
    member.on_revoke = answer_on_revoke;
    for (uint32_t slot = 0; slot < 2; slot++)
        ck_assert_int_eq(offsets_slot(member.offsets, slot)->stored, OFFSETS_NONE);
    source_close(member.source);
    ck_assert_uint_eq(member.revokes_nr, 1);
    ck_assert_uint_eq(member.revoked_slots_nr, 2);
    ck_assert_uint_eq(member.lost_nr, 0);
    for (uint32_t slot = 0; slot < 2; slot++) {
        ck_assert_int_eq(offsets_slot(member.offsets, slot)->stored, 20);
        ck_assert(!offsets_slot(member.offsets, slot)->is_assigned);
    }
    member_release(&member);
    join(&member, "t");
    ck_assert(member_await_joined(&member, WAIT_MS));
    member_poll_for(&member, 300);
    ck_assert_uint_eq(member.records_nr, 0); /* leaving committed it */
    member_leave(&member);
}
END_TEST

/* The session ends while nobody polls: what was under way is lost, and nothing of it stored. */
START_TEST(test_a_lost_assignment_stores_nothing)
{
    struct member_settings settings = {.topic = "t"};
    char name[] = "max.poll.interval.ms", value[] = "2000";
    settings.options[0] = (struct kafka_option){name, value};
    world_topic(&world, "t", 1);
    world_put_numbers(&world, "t", 0, 0, 20);
    ck_assert(member_init(&member, &world, &settings));
    ck_assert(member_await(&member, 20, WAIT_MS));
    member.on_revoke = answer_on_revoke;
    struct timespec idle = {.tv_sec = 4};
    nanosleep(&idle, NULL); /* not a wait for something: the lack of polls is the test */
    int64_t deadline = clock_steady_ms() + WAIT_MS;
    while (member.lost_nr == 0 && clock_steady_ms() < deadline)
        member_poll_for(&member, 20);
    ck_assert_uint_eq(member.lost_nr, 1);
    ck_assert_int_eq(offsets_slot(member.offsets, 0)->stored, OFFSETS_NONE);
    size_t had = member.records_nr;
    ck_assert(member_await(&member, had + 20, WAIT_MS));
    ck_numbers(&member, had, 0, 20);
    ck_assert_uint_ge(counter_get(&member.stats.longest_poll_gap_ms), 3900);
    member_leave(&member);
}
END_TEST

START_TEST(test_a_new_assignment_is_a_new_epoch)
{
    world_topic(&world, "t", 1);
    world_put_numbers(&world, "t", 0, 0, 20);
    join(&member, "t");
    ck_assert(member_await(&member, 20, WAIT_MS));
    struct offset_mark old = member.records[19].mark;
    join_other();
    ck_assert_uint_ge(member.revokes_nr, 1);
    offsets_advance(member.offsets, old); /* comes too late */
    source_store(member.source);
    member_leave(&other);
    size_t had = member.records_nr;
    ck_assert(member_await(&member, had + 20, WAIT_MS));
    ck_numbers(&member, had, 0, 20);
    ck_assert_uint_ne(member.records[had].mark.epoch, old.epoch);
    member_leave(&member);
}
END_TEST

START_TEST(test_headers_are_loaded_on_demand)
{
    struct arena arena;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(3);
    rd_kafka_header_add(headers, "a", -1, "1\0002", 3);
    rd_kafka_header_add(headers, "none", -1, NULL, 0);
    rd_kafka_header_add(headers, "a", -1, "", 0);
    world_topic(&world, "t", 1);
    world_put(&world, &(struct world_message){
                          .topic = "t", .value = "with", .timestamp_ms = 1234, .headers = headers});
    world_put(&world, &(struct world_message){.topic = "t", .key = ""});
    join(&member, "t");
    ck_assert(member_await(&member, 2, WAIT_MS));
    arena_init(&arena, 1 << 12);
    const struct record *first = &member.records[0].record, *second = &member.records[1].record;
    ck_assert_uint_eq(first->headers_nr, 0);
    source_load_headers(&member.records[0], &arena);
    source_load_headers(&member.records[1], &arena);
    ck_assert_uint_eq(first->headers_nr, 3);
    ck_assert(slice_equals(first->headers[0].value, SLICE("1\0002")));
    ck_assert(slice_equals(first->headers[1].name, SLICE("none")));
    ck_assert(slice_is_absent(first->headers[1].value));
    ck_assert(!slice_is_absent(first->headers[2].value));
    ck_assert_int_eq(first->timestamp_ms, 1234);
    ck_assert(slice_is_absent(first->key));
    ck_assert_uint_eq(second->headers_nr, 0);
    ck_assert(slice_is_absent(second->value)); /* a tombstone */
    arena_release(&arena);
    member_leave(&member);
}
END_TEST

START_TEST(test_a_topic_that_is_missing_is_named_and_found_later)
{
    join(&member, "late");
    int64_t deadline = clock_steady_ms() + WAIT_MS;
    while (!source_trouble(member.source) && clock_steady_ms() < deadline)
        member_poll_for(&member, 20);
    ck_assert_ptr_nonnull(source_trouble(member.source));
    ck_assert_str_eq(source_trouble(member.source),
                     "topic \"late\" does not exist; create it: unstale doctor --create-topics");
    world_topic(&world, "late", 1);
    world_put_numbers(&world, "late", 0, 0, 5);
    ck_assert(member_await(&member, 5, WAIT_MS));
    ck_assert_ptr_null(source_trouble(member.source));
    member_leave(&member);
}
END_TEST

START_TEST(test_the_dead_letter_topic_is_never_read)
{
    world_topic(&world, "shop.events", 1);
    world_topic(&world, "shop.events.dlq", 1);
    world_topic(&world, "shop.eventsxdlq", 1);
    world_put_numbers(&world, "shop.events.dlq", 0, 100, 110);
    world_put_numbers(&world, "shop.eventsxdlq", 0, 0, 10);
    world_put_numbers(&world, "shop.events", 0, 0, 10);
    ck_assert(member_init(
        &member, &world,
        &(struct member_settings){.topic = "^shop[.]", .dead_letter_topic = "shop.events.dlq"}));
    ck_assert(member_await(&member, 20, WAIT_MS));
    member_poll_for(&member, 300);
    ck_assert_uint_eq(member.records_nr, 20);
    for (size_t i = 0; i < member.records_nr; i++)
        ck_assert(!slice_equals(member.records[i].record.topic, SLICE("shop.events.dlq")));
    member_leave(&member);
}
END_TEST

static const struct refusal {
    const char *name, *value, *says;
} refusals[] = {
    {"enable.auto.offset.store", "true", "enable.auto.offset.store is refused: "},
    {"enable.auto.commit", "false", "enable.auto.commit is refused: "},
    {"auto.offset.reset", "latest", "auto.offset.reset is refused: "},
    {"enable.idempotence", "false", "enable.idempotence is refused: "},
    {"group.id", "x", "group.id is refused: kafka.group is for that"},
    {"bootstrap.servers", "x", "bootstrap.servers is refused: kafka.brokers is for that"},
    {"auto.commit.interval.ms", "0", "auto.commit.interval.ms=0 is refused: "},
    {"group.protocol", "consumer", "group.protocol=consumer is refused: it needs librdkafka 2.12"},
    {"sesion.timeout.ms", "1", "did you mean session.timeout.ms?"},
    {"session.timeout.ms", "soon", "session.timeout.ms"},
};

START_TEST(test_options_that_break_the_promise_are_refused)
{
    const struct refusal *refusal = &refusals[_i];
    char name[40], value[40];
    snprintf(name, sizeof(name), "%s", refusal->name);
    snprintf(value, sizeof(value), "%s", refusal->value);
    if (strcmp(name, "group.protocol") == 0 && rd_kafka_version() >= 0x020c00ff)
        return;
    struct member_settings settings = {.topic = "t", .options = {{name, value}}};
    ck_assert(!member_init(&member, &world, &settings));
    ck_assert_int_eq(member.err.kind, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(member.err.text, refusal->says));
    member_release(&member);
}
END_TEST

START_TEST(test_the_dead_letter_topic_is_no_topic_to_read)
{
    ck_assert(
        !member_init(&member, &world, &(struct member_settings){.topic = "model-events.dlq"}));
    ck_assert_int_eq(member.err.kind, ERROR_CONFIG);
    member_release(&member);
}
END_TEST

static Suite *source_suite(void)
{
    Suite *suite = suite_create("source");
    TCase *tcase = tcase_create("mock cluster");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_starts_at_the_beginning_without_a_commit);
    tcase_add_test(tcase, test_goes_on_where_the_group_committed);
    tcase_add_test(tcase, test_what_was_not_stored_comes_again_after_a_crash);
    tcase_add_test(tcase, test_pausing_loses_nothing);
    tcase_add_test(tcase, test_taking_nothing_loses_nothing);
    tcase_add_test(tcase, test_a_wait_can_be_cut_short);
    tcase_add_test(tcase, test_limits_of_a_poll_are_kept);
    tcase_add_test(tcase, test_revoke_stores_what_the_drain_finished);
    tcase_add_test(tcase, test_a_lost_assignment_stores_nothing);
    tcase_add_test(tcase, test_a_new_assignment_is_a_new_epoch);
    tcase_add_test(tcase, test_headers_are_loaded_on_demand);
    tcase_add_test(tcase, test_a_topic_that_is_missing_is_named_and_found_later);
    tcase_add_test(tcase, test_the_dead_letter_topic_is_never_read);
    tcase_add_loop_test(tcase, test_options_that_break_the_promise_are_refused, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_test(tcase, test_the_dead_letter_topic_is_no_topic_to_read);
    tcase_set_timeout(tcase, 90);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(source_suite)
