#include "consumers/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "consumers/base/compiler.h"
#include "tests/unit/base/assert_slice.h"
#include "tests/unit/check_main.h"

enum { TIME_BYTES = sizeof("2026-11-25T10:00:00.123Z") - 1 };

static int ends[2];
static char line[4096];

static void setup(void)
{
    ck_assert_int_eq(pipe(ends), 0);
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, ends[1]);
}

static void teardown(void)
{
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, STDERR_FILENO);
    close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
}

/* What was written since, without its time; fails when nothing was. */
static const char *written(size_t time_at)
{
    ssize_t len = read(ends[0], line, sizeof(line) - 1);

    ck_assert_int_gt(len, TIME_BYTES);
    line[len] = '\0';
    for (size_t i = 0; i < TIME_BYTES; i++) {
        char shape = "dddd-dd-ddTdd:dd:dd.dddZ"[i];
        char c = line[time_at + i];

        ck_assert_msg(shape == 'd' ? c >= '0' && c <= '9' : c == shape, "%s", line);
    }
    memmove(line + time_at, line + time_at + TIME_BYTES, (size_t)len + 1 - time_at - TIME_BYTES);
    return line;
}

START_TEST(text_lines)
{
    log_info("rules loaded", LOG_TEXT("hash", "9f"), LOG_INT("rules", -12));
    ck_assert_str_eq(written(0), " info  rules loaded hash=9f rules=-12\n");
    log_error("x", LOG_TEXT("a", "two words"), LOG_TEXT("b", ""), LOG_TEXT("c", "k=v"));
    ck_assert_str_eq(written(0), " error x a=\"two words\" b=\"\" c=\"k=v\"\n");
    log_warn("x", LOG_SLICE("a", ((struct slice){"\"q\\", 3})), LOG_TEXT("b", "caf\xc3\xa9"));
    ck_assert_str_eq(written(0), " warn  x a=\"\\\"q\\\\\" b=caf\xc3\xa9\n");
    log_plain(LOG_LEVEL_DEBUG, "plain");
    ck_assert_str_eq(written(0), " debug plain\n");
}
END_TEST

START_TEST(nothing_breaks_a_line)
{
    log_info("x\ny", LOG_SLICE("a", ((struct slice){"\0\r\n\x1b\xff", 5})));
    ck_assert_str_eq(written(0), " info  x\\x0ay a=\"\\x00\\x0d\\x0a\\x1b\\xff\"\n");
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON, ends[1]);
    log_info("x\ny", LOG_SLICE("a", ((struct slice){"\0\n\xff", 3})));
    ck_assert_str_eq(written(7), "{\"ts\":\"\",\"level\":\"info\",\"msg\":\"x\\ny\","
                                 "\"a\":\"\\u0000\\n\xef\xbf\xbd\"}\n");
}
END_TEST

START_TEST(json_lines)
{
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON, ends[1]);
    log_warn("slow", LOG_TEXT("what", "a \"b\""), LOG_INT("ms", INT64_MAX));
    ck_assert_str_eq(written(7), "{\"ts\":\"\",\"level\":\"warn\",\"msg\":\"slow\","
                                 "\"what\":\"a \\\"b\\\"\",\"ms\":9223372036854775807}\n");
    log_plain(LOG_LEVEL_ERROR, "plain");
    ck_assert_str_eq(written(7), "{\"ts\":\"\",\"level\":\"error\",\"msg\":\"plain\"}\n");
}
END_TEST

START_TEST(levels)
{
    enum log_level least = (enum log_level)_i;

    log_configure(least, LOG_FORMAT_TEXT, ends[1]);
    for (int level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_OFF; level++) {
        bool expected = level >= _i && level != LOG_LEVEL_OFF;

        ck_assert(log_is_on((enum log_level)level) == expected);
        log_plain((enum log_level)level, "x");
        if (expected)
            ck_assert_ptr_nonnull(strstr(written(0), " x\n"));
    }
    close(ends[1]);
    ends[1] = -1;
    ck_assert_int_eq(read(ends[0], line, sizeof(line)), 0);
}
END_TEST

START_TEST(level_names)
{
    enum log_level level = LOG_LEVEL_ERROR;

    ck_assert(log_level_parse(SLICE("debug"), &level));
    ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
    ck_assert(log_level_parse(SLICE("off"), &level));
    ck_assert_int_eq(level, LOG_LEVEL_OFF);
    ck_assert(!log_level_parse(SLICE("Info"), &level));
    ck_assert(!log_level_parse(SLICE("inf"), &level));
    ck_assert(!log_level_parse(SLICE_ABSENT, &level));
    ck_assert_int_eq(level, LOG_LEVEL_OFF);
}
END_TEST

START_TEST(errno_is_kept)
{
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, -1);
    errno = ENOENT;
    log_plain(LOG_LEVEL_ERROR, "lost");
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

enum { WRITERS = 4, LINES = 500 };

static void *write_lines(void *argument)
{
    const char *who = argument;

    for (int i = 0; i < LINES; i++)
        log_info("line", LOG_TEXT("who", who), LOG_INT("nr", i));
    return NULL;
}

START_TEST(threads_do_not_mix_their_lines)
{
    static char names[WRITERS][2] = {"a", "b", "c", "d"};
    int next[WRITERS] = {0};
    pthread_t threads[WRITERS];
    FILE *in = fdopen(dup(ends[0]), "r");

    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    for (int i = 0; i < WRITERS * LINES; i++) {
        char who;
        int nr;

        ck_assert_ptr_nonnull(fgets(line, sizeof(line), in));
        ck_assert_int_eq(sscanf(line + TIME_BYTES, " info line who=%c nr=%d\n", &who, &nr), 2);
        ck_assert_int_eq(nr, next[who - 'a']++);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    fclose(in);
}
END_TEST

static Suite *log_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tests = tcase_create("log");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, text_lines);
    tcase_add_test(tests, nothing_breaks_a_line);
    tcase_add_test(tests, json_lines);
    tcase_add_loop_test(tests, levels, LOG_LEVEL_DEBUG, LOG_LEVEL_OFF + 1);
    tcase_add_test(tests, level_names);
    tcase_add_test(tests, errno_is_kept);
    tcase_add_test(tests, threads_do_not_mix_their_lines);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(log_suite)
