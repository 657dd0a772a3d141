#include "consumers/pipeline/tail.h"

#include <stdio.h>

#include "consumers/base/clock.h"
#include "consumers/base/compiler.h"
#include "consumers/pipeline/tail_ring.h"
#include "tests/unit/check_main.h"
#include "tests/unit/pipeline/stage.h"

enum { PAGE_BYTES = 1 << 20, NOW_MS = 1795341600, LATER_MS = TAIL_IDLE_MS + 1000 };

static const char rules[] =
    "{\"name\":\"one\",\"when\":{\"model\":\"m.M\"},\"do\":{\"delete\":[\"k:{pk}\",\"f:{field}\"]}}"
    ",{\"name\":\"quiet\",\"mode\":\"shadow\",\"when\":{\"model\":\"m.M\"},"
    "\"do\":{\"delete\":\"s:{pk}\"}},"
    "{\"name\":\"list\",\"when\":{\"model\":\"m.L\"},\"do\":{\"purge\":\"list:{pk}:*\"}}";

static const struct tail_filter all;
static struct tail *tail;
static struct tail_writer *writer;
static struct tail_page page;
static struct buffer out;

static void set_up(void)
{
    tail = tail_new();
    writer = tail_writer_new(tail);
    page = (struct tail_page){.missed = 0};
    buffer_init(&out);
}

static void tear_down(void)
{
    buffer_release(&out);
    tail_writer_free(writer);
    tail_free(tail);
}

static const char *read_page(const struct tail_filter *filter)
{
    buffer_clear(&out);
    ck_assert(tail_read(tail, filter, &page, PAGE_BYTES, &out));
    return out.ptr;
}

static void put(const char *line)
{
    ck_assert_ptr_eq(tail_writer_begin(writer), writer);
    tail_writer_add(writer, tail_writer_watching(writer)->numbers, UINT32_MAX, slice_of(line));
    tail_writer_flush(writer);
}

/* ---- the ring ---- */

START_TEST(a_ring_keeps_the_newest_lines_and_counts_the_rest)
{
    struct tail_ring ring;
    uint64_t at = 0;
    char line[16];

    tail_ring_init(&ring, 64);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(line, sizeof(line), "line %02u", i);
        tail_ring_put(&ring, slice_of(line)); /* 11 bytes with its length: five of them fit */
    }
    ck_assert_uint_eq(tail_ring_read(&ring, &at, PAGE_BYTES, &out), 95);
    ck_assert_str_eq(out.ptr, "line 95,line 96,line 97,line 98,line 99");
    ck_assert_uint_eq(at, 100);
    buffer_clear(&out);
    ck_assert_uint_eq(tail_ring_read(&ring, &at, PAGE_BYTES, &out), 0);
    ck_assert_str_eq(out.ptr, "");
    tail_ring_release(&ring);
}
END_TEST

START_TEST(a_page_ends_and_the_next_goes_on)
{
    struct tail_ring ring;
    uint64_t at = 0;

    tail_ring_init(&ring, 64);
    tail_ring_put(&ring, SLICE("first"));
    tail_ring_put(&ring, SLICE("second"));
    ck_assert_uint_eq(tail_ring_read(&ring, &at, 3, &out), 0);
    ck_assert_str_eq(out.ptr, "first");
    buffer_clear(&out);
    ck_assert_uint_eq(tail_ring_read(&ring, &at, 3, &out), 0);
    ck_assert_str_eq(out.ptr, "second");
    tail_ring_release(&ring);
}
END_TEST

START_TEST(a_line_larger_than_the_ring_is_counted_only)
{
    struct tail_ring ring;
    uint64_t at = 0;

    tail_ring_init(&ring, 8);
    tail_ring_put(&ring, SLICE("ab"));
    tail_ring_put(&ring, SLICE("much too long"));
    tail_ring_put(&ring, SLICE("cd"));
    ck_assert_uint_eq(tail_ring_read(&ring, &at, PAGE_BYTES, &out), 2);
    ck_assert_str_eq(out.ptr, "cd");
    tail_ring_release(&ring);
}
END_TEST

/* ---- watches ---- */

START_TEST(nobody_watches_until_somebody_reads)
{
    ck_assert_ptr_null(tail_writer_begin(writer));
    ck_assert_str_eq(read_page(&all), "");
    ck_assert_ptr_eq(tail_writer_begin(writer), writer);
    ck_assert_uint_eq(tail_expire(tail, clock_steady_ms()), 1);
    ck_assert_uint_eq(tail_expire(tail, clock_steady_ms() + LATER_MS), 0);
    ck_assert_ptr_null(tail_writer_begin(writer));
}
END_TEST

START_TEST(what_came_since_is_read_once)
{
    read_page(&all);
    ck_assert(!tail_has_news(tail, &page.cursor));
    put("a");
    put("b");
    ck_assert(tail_has_news(tail, &page.cursor));
    ck_assert_str_eq(read_page(&all), "a,b");
    ck_assert_str_eq(read_page(&all), "");
    put("c");
    ck_assert_str_eq(read_page(&all), "c");
    ck_assert(!page.is_broken);
    ck_assert_uint_eq(page.missed + page.unseen, 0);
}
END_TEST

START_TEST(two_readers_of_one_filter_share_a_watch)
{
    struct tail_page other = {.missed = 0};

    read_page(&all);
    ck_assert(tail_read(tail, &all, &other, PAGE_BYTES, &out));
    ck_assert_uint_eq(other.cursor.watch, page.cursor.watch);
    put("a");
    ck_assert_str_eq(read_page(&all), "a");
    buffer_clear(&out);
    ck_assert(tail_read(tail, &all, &other, PAGE_BYTES, &out));
    ck_assert_str_eq(out.ptr, "a");
}
END_TEST

START_TEST(overwritten_lines_are_missed)
{
    static char line[TAIL_RING_BYTES / 4];

    memset(line, 'x', sizeof(line) - 1);
    read_page(&all);
    for (unsigned i = 0; i < 10; i++)
        put(line);
    read_page(&all);
    ck_assert_uint_gt(page.missed, 5);
    ck_assert_uint_lt(page.missed, 10);
}
END_TEST

START_TEST(a_cursor_of_a_watch_that_is_gone_is_broken)
{
    read_page(&all);
    tail_expire(tail, clock_steady_ms() + LATER_MS);
    ck_assert(tail_has_news(tail, &page.cursor));
    ck_assert_str_eq(read_page(&all), "");
    ck_assert(page.is_broken);
    page.cursor.line += 1000;
    ck_assert_str_eq(read_page(&all), "");
    ck_assert_str_eq(read_page(&all), "");
    ck_assert(!page.is_broken);
}
END_TEST

START_TEST(filters_are_few)
{
    char name[TAIL_WATCHES + 1][8];

    for (size_t i = 0; i <= TAIL_WATCHES; i++) {
        struct tail_filter filter = {.model = SLICE_ABSENT};
        struct tail_page fresh = {.missed = 0};

        snprintf(name[i], sizeof(name[i]), "m%zu", i);
        filter.model = slice_of(name[i]);
        ck_assert_int_eq(tail_read(tail, &filter, &fresh, PAGE_BYTES, &out), i < TAIL_WATCHES);
    }
}
END_TEST

START_TEST(beyond_its_time_a_writer_only_counts)
{
    read_page(&all);
    ck_assert_ptr_eq(tail_writer_begin(writer), writer);
    ck_assert(tail_writer_start(writer));
    int64_t until_ns = clock_steady_ns() + 2 * TAIL_BUDGET_NS;
    while (clock_steady_ns() < until_ns)
        ;
    tail_writer_stop(writer);
    ck_assert(!tail_writer_start(writer));
    ck_assert(!tail_writer_start(writer));
    read_page(&all);
    ck_assert_uint_eq(page.unseen, 2);
}
END_TEST

START_TEST(lines_of_an_older_look_reach_only_the_watches_that_stayed)
{
    struct tail_filter other = {.model = SLICE("m.M")};
    uint64_t numbers[TAIL_WATCHES];

    read_page(&all);
    ck_assert_ptr_eq(tail_writer_begin(writer), writer);
    memcpy(numbers, tail_writer_watching(writer)->numbers, sizeof(numbers));
    tail_expire(tail, clock_steady_ms() + LATER_MS);
    page.cursor.watch = 0;
    read_page(&other); /* takes the same place */
    ck_assert_ptr_eq(tail_writer_begin(writer), writer);
    tail_writer_add(writer, numbers, UINT32_MAX, SLICE("old"));
    tail_writer_flush(writer);
    ck_assert_str_eq(read_page(&other), "");
}
END_TEST

/* ---- notes ---- */

static const char *play(struct stage *stage, const struct tail_filter *filter)
{
    static const char *const events[] = {
        "{\"event\":\"post_save\",\"model\":\"m.M\",\"pk\":1,\"version\":7,\"created\":false,"
        "\"before\":{\"field\":2,\"n\":1},\"after\":{\"field\":3,\"n\":1}}",
        "no json",
        "{\"event\":\"post_save\",\"model\":\"m.L\",\"pk\":\"a\\u001bb\",\"created\":true,"
        "\"after\":{\"secret\":\"hunter2\"}}",
        "{\"event\":\"post_delete\",\"model\":\"m.M\",\"pks\":[4,5]}",
        "{\"event\":\"post_save\",\"model\":\"x.X\",\"pk\":6}",
    };

    read_page(filter);
    stage->tail = tail_writer_begin(writer);
    for (size_t i = 0; i < ARRAY_NR(events); i++)
        stage_record(stage, 0, events[i]);
    stage_plan(stage, NOW_MS, 0);
    tail_notes_write(&stage->batch.notes, &stage->batch.plan, writer, 1700000000123);
    return read_page(filter);
}

/* clang-format off */
#define FIRST "{\"time\":1700000000123,\"topic\":\"model-events\",\"partition\":0,\"offset\":0," \
    "\"event\":{\"model\":\"m.M\",\"op\":\"update\",\"pk\":1,\"changed\":[\"field\"],\"version\":7}," \
    "\"rules\":[{\"name\":\"one\",\"mode\":\"live\"},{\"name\":\"quiet\",\"mode\":\"shadow\"}]," \
    "\"ops\":[{\"op\":\"delete\",\"cache\":\"default\",\"key\":\"k:1\",\"result\":\"done\"}," \
    "{\"op\":\"delete\",\"cache\":\"default\",\"key\":\"f:2\",\"result\":\"done\"}," \
    "{\"op\":\"delete\",\"cache\":\"default\",\"key\":\"f:3\",\"result\":\"done\"}]," \
    "\"dead_letter\":null}"
#define LIST "{\"time\":1700000000123,\"topic\":\"model-events\",\"partition\":0,\"offset\":2," \
    "\"event\":{\"model\":\"m.L\",\"op\":\"create\",\"pk\":\"a\\u001bb\",\"changed\":[\"secret\"]}," \
    "\"rules\":[{\"name\":\"list\",\"mode\":\"live\"}]," \
    "\"ops\":[{\"op\":\"purge\",\"cache\":\"default\",\"pattern\":\"list:a\\u001bb:*\"," \
    "\"result\":\"walking\"}],\"dead_letter\":null}"
/* clang-format on */

static const struct {
    struct tail_filter filter;
    unsigned lines;
    const char *contains;
} filters[] = {
    {{.model = {NULL, 0}}, 5, FIRST},
    {{.model = {NULL, 0}}, 5, LIST},
    {{.model = {NULL, 0}},
     5,
     "\"event\":null,\"rules\":[],\"ops\":[],\"dead_letter\":{\"reason\":"},
    {{.model = {NULL, 0}}, 5, "\"op\":\"delete\",\"rows\":2,\"pks\":[4,5],\"changed\":"},
    {{.model = {NULL, 0}}, 5, "\"reason\":\"missing_field\",\"rule\":\"one\""},
    {{.model = {"M.m", 3}}, 2, FIRST},
    {{.rule = {"quiet", 5}}, 2, FIRST},
    {{.rule = {"list", 4}}, 1, LIST},
    {{.rule = {"lis", 3}}, 0, ""},
    {{.key = {"f:[23]", 6}}, 1, FIRST},
    {{.key = {"list:*", 6}}, 1, LIST},
    {{.key = {"k:*", 3}}, 2, FIRST},
    {{.model = {"m.L", 3}, .key = {"k:*", 3}}, 0, ""},
    {{.model = {"x.X", 3}}, 1, "\"rules\":[],\"ops\":[],\"dead_letter\":null}"},
};

START_TEST(notes_pass_filters)
{
    struct stage stage;
    unsigned lines = 0;

    stage_init(&stage, rules);
    const char *text = play(&stage, &filters[_i].filter);
    for (const char *at = text; (at = strstr(at, "{\"time\":")); at++)
        lines++;
    ck_assert_msg(lines == filters[_i].lines, "%u: %s", lines, text);
    ck_assert_msg(strstr(text, filters[_i].contains) != NULL, "%s", text);
    ck_assert_ptr_null(strstr(text, "hunter2"));
    stage_release(&stage);
}
END_TEST

START_TEST(what_is_long_is_cut)
{
    static char event[8192];
    struct stage stage;

    memset(event, 'x', sizeof(event) - 1);
    const char start[] = "{\"event\":\"post_save\",\"model\":\"m.M\",\"pk\":\"";
    memcpy(event, start, sizeof(start) - 1);
    memcpy(event + sizeof(event) - 4, "\"}", 3);
    stage_init(&stage, rules);
    read_page(&all);
    stage.tail = tail_writer_begin(writer);
    stage_record(&stage, 0, event);
    stage_plan(&stage, NOW_MS, 0);
    tail_notes_write(&stage.batch.notes, &stage.batch.plan, writer, 1);
    read_page(&all);
    ck_assert_uint_lt(out.len, 2500);
    ck_assert_ptr_nonnull(strstr(out.ptr, "xxx...\",\"changed\":"));
    ck_assert_ptr_nonnull(strstr(out.ptr, "xxx\",\"key_bytes\":"));
    stage_release(&stage);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pipeline/tail");
    TCase *t = tcase_create("tail");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_ring_keeps_the_newest_lines_and_counts_the_rest);
    tcase_add_test(t, a_page_ends_and_the_next_goes_on);
    tcase_add_test(t, a_line_larger_than_the_ring_is_counted_only);
    tcase_add_test(t, nobody_watches_until_somebody_reads);
    tcase_add_test(t, what_came_since_is_read_once);
    tcase_add_test(t, two_readers_of_one_filter_share_a_watch);
    tcase_add_test(t, overwritten_lines_are_missed);
    tcase_add_test(t, a_cursor_of_a_watch_that_is_gone_is_broken);
    tcase_add_test(t, filters_are_few);
    tcase_add_test(t, beyond_its_time_a_writer_only_counts);
    tcase_add_test(t, lines_of_an_older_look_reach_only_the_watches_that_stayed);
    tcase_add_loop_test(t, notes_pass_filters, 0, (int)ARRAY_NR(filters));
    tcase_add_test(t, what_is_long_is_cut);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite)
