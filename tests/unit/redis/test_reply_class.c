#include "tests/unit/check_main.h"

#include "consumers/redis/reply_class.h"

static const struct {
    const char *text;
    enum reply_class is;
} cases[] = {
    {"LOADING Redis is loading the dataset in memory", REPLY_TRANSIENT},
    {"BUSY Redis is busy running a script. You can only call SCRIPT KILL.", REPLY_TRANSIENT},
    {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
     REPLY_TRANSIENT},
    {"TRYAGAIN Multiple keys request during rehashing of slot", REPLY_TRANSIENT},
    {"CLUSTERDOWN The cluster is down", REPLY_TRANSIENT},
    {"NOREPLICAS Not enough good replicas to write.", REPLY_TRANSIENT},
    {"MISCONF Redis is configured to save RDB snapshots", REPLY_TRANSIENT},
    {"ERR max number of clients reached", REPLY_TRANSIENT},
    {"READONLY You can't write against a read only replica.", REPLY_TOPOLOGY},
    {"READONLY You can't write against a read only replica. script: 1f, on @user_script:4.",
     REPLY_TOPOLOGY},
    {"OOM command not allowed when used memory > 'maxmemory'.", REPLY_OOM},
    {"NOSCRIPT No matching script. Please use EVAL.", REPLY_NOSCRIPT},
    {"NOAUTH Authentication required.", REPLY_CONFIG},
    {"WRONGPASS invalid username-password pair or user is disabled.", REPLY_CONFIG},
    {"NOPERM this user has no permissions to run the 'unlink' command", REPLY_CONFIG},
    {"ERR unknown command `UNLINK`, with args beginning with: `k`, ", REPLY_CONFIG},
    {"ERR unknown command 'UNLINK', with args beginning with: 'k' ", REPLY_CONFIG},
    {"ERR Unknown subcommand or wrong number of arguments for 'LOAD'. Try SCRIPT HELP.",
     REPLY_CONFIG},
    {"ERR AUTH <password> called without any password configured for the default user.",
     REPLY_CONFIG},
    {"ERR DB index is out of range", REPLY_CONFIG},
    {"MOVED 3999 127.0.0.1:6381", REPLY_CONFIG},
    {"CROSSSLOT Keys in request don't hash to the same slot", REPLY_CONFIG},
    {"WRONGTYPE Operation against a key holding the wrong kind of value", REPLY_POISON},
    {"NOTACOUNTER the value is not an integer", REPLY_POISON},
    {"ERR value is not an integer or out of range", REPLY_POISON},
    {"ERR user_script:1: attempt to index nil script: ab, on @user_script:1.", REPLY_POISON},
    {"ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -OOM command not "
     "allowed when used memory > 'maxmemory'.",
     REPLY_OOM},
    {"ERR Error running script (call to f_1): @user_script:3: -READONLY You can't write",
     REPLY_TOPOLOGY},
    {"ERR Error running script (call to f_1): @user_script:3: attempt to index nil", REPLY_POISON},
    {"BUSYKEY Target key name already exists.", REPLY_UNKNOWN},
    {"LOADINGX", REPLY_UNKNOWN},
    {"ERR", REPLY_UNKNOWN},
    {"ERR something new", REPLY_UNKNOWN},
    {"", REPLY_UNKNOWN},
};

START_TEST(a_text_has_its_class)
{
    ck_assert_msg(reply_classify(slice_of(cases[_i].text)) == cases[_i].is, "\"%s\" is %d",
                  cases[_i].text, reply_classify(slice_of(cases[_i].text)));
}
END_TEST

static Suite *reply_class_suite(void)
{
    Suite *suite = suite_create("reply_class");
    TCase *tcase = tcase_create("texts");

    tcase_add_loop_test(tcase, a_text_has_its_class, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(reply_class_suite)
