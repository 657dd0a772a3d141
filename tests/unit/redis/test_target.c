#include "tests/unit/check_main.h"

#include "consumers/base/buffer.h"
#include "consumers/redis/target.h"

static const struct {
    const char *url;
    const char *printed; /* NULL: refused */
    const char *user, *password;
    const char *error; /* a part of it */
} cases[] = {
    {"redis://localhost", "redis://localhost:6379/0", NULL, NULL, NULL},
    {"redis://localhost/", "redis://localhost:6379/0", NULL, NULL, NULL},
    {"redis://h:7000/3", "redis://h:7000/3", NULL, NULL, NULL},
    {"rediss://h:7000/3", "rediss://h:7000/3", NULL, NULL, NULL},
    {"redis://:secret@h", "redis://h:6379/0", NULL, "secret", NULL},
    {"redis://me:s%40cr%2Fet%25@h/1", "redis://h:6379/1", "me", "s@cr/et%", NULL},
    {"redis://me:a@b@h", "redis://h:6379/0", "me", "a@b", NULL},
    {"redis://me:@h", "redis://h:6379/0", "me", "", NULL},
    {"redis://[::1]:6380/2", "redis://[::1]:6380/2", NULL, NULL, NULL},
    {"redis://[::1]", "redis://[::1]:6379/0", NULL, NULL, NULL},
    {"unix:///run/redis.sock", "unix:///run/redis.sock", NULL, NULL, NULL},
    {"unix:///run/redis.sock?db=4", "unix:///run/redis.sock?db=4", NULL, NULL, NULL},
    {"unix://me:pw@/run/redis.sock", "unix:///run/redis.sock", "me", "pw", NULL},
    {"unix://relative.sock", NULL, NULL, NULL, "absolute"},
    {"unix:///s?x=1", NULL, NULL, NULL, "only db=N"},
    {"redis://", NULL, NULL, NULL, "no host"},
    {"redis://h:", NULL, NULL, NULL, "port"},
    {"redis://h:99999", NULL, NULL, NULL, "port"},
    {"redis://h/x", NULL, NULL, NULL, "database"},
    {"redis://h/-1", NULL, NULL, NULL, "database"},
    {"redis://h?db=1", NULL, NULL, NULL, "unix:// only"},
    {"redis://me@h", NULL, NULL, NULL, "no password"},
    {"redis://me:p%4@h", NULL, NULL, NULL, "two hex digits"},
    {"redis://me:p%00@h", NULL, NULL, NULL, "two hex digits"},
    {"redis://[::1", NULL, NULL, NULL, "]"},
    {"http://h", NULL, NULL, NULL, "must begin with"},
    {"", NULL, NULL, NULL, "must begin with"},
};

static void check_good(const struct redis_target *target, int i)
{
    struct buffer printed;

    buffer_init(&printed);
    redis_target_print(target, &printed);
    ck_assert_str_eq(printed.ptr, cases[i].printed);
    ck_assert_pstr_eq(target->user, cases[i].user);
    ck_assert_pstr_eq(target->password, cases[i].password);
    ck_assert_str_eq(target->name, "main");
    buffer_release(&printed);
}

START_TEST(a_url_is_read_or_refused)
{
    struct redis_target target = {.name = NULL};
    struct error err = ERROR_INIT;
    bool is_good = redis_target_parse(&target, SLICE("main"), slice_of(cases[_i].url), &err);

    ck_assert_msg(is_good == (cases[_i].printed != NULL), "%s: %s", cases[_i].url, err.text);
    if (is_good)
        check_good(&target, _i);
    else
        ck_assert_msg(strstr(err.text, cases[_i].error) != NULL, "%s: %s", cases[_i].url, err.text);
    redis_target_release(&target);
}
END_TEST

START_TEST(an_error_never_holds_the_password)
{
    struct redis_target target = {.name = NULL};
    struct error err = ERROR_INIT;

    ck_assert(!redis_target_parse(&target, SLICE("main"), SLICE("redis://me:hush%zz@h"), &err));
    ck_assert_ptr_null(strstr(err.text, "hush"));
    redis_target_release(&target);
}
END_TEST

static Suite *target_suite(void)
{
    Suite *suite = suite_create("target");
    TCase *tcase = tcase_create("urls");

    tcase_add_loop_test(tcase, a_url_is_read_or_refused, 0,
                        (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_test(tcase, an_error_never_holds_the_password);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(target_suite)
