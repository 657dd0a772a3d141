/* A batch in steady state takes no memory: every allocation of the process is counted. */
#include "tests/unit/check_main.h"

#include <stdio.h>

#include <hiredis/hiredis.h>

#include "tests/unit/allocations.h"
#include "tests/unit/redis/ops.h"
#include "tests/unit/redis/server.h"

#ifdef SANITIZED
enum { COUNTS = 0 };
static unsigned long allocations;
#else
enum { COUNTS = 1 };
#endif

enum { OPS = 2000, ROUNDS = 40, WARM_UP = 5, GROWTHS_MAX = 2 };

static char names[OPS][16];
static struct ops ops;

static void add_ops(void)
{
    ops_clear(&ops);
    for (int i = 0; i < OPS; i++) {
        struct op *op = ops_add(&ops, i % 4 == 3 ? VERB_BUMP : VERB_DELETE, "");

        op->key = slice_of(names[i]);
        op->previous = OP_NONE;
        if (i % 16 == 0)
            op->verb = VERB_REFRESH;
        op->value = SLICE("value");
        if (i % 32 == 0)
            ops_guard(op, OP_GUARD_EXPLICIT, i);
    }
}

/* libcheck's own assertions allocate, so none stands between the two looks. */
static unsigned long long run_round(struct executor *executor)
{
    unsigned long long before;

    add_ops();
    before = allocations;
    executor_start(executor, 0, &ops.plan);
    while (executor_wait(executor, 0, 1000) != EXECUTOR_DONE) {
    }
    return allocations - before;
}

START_TEST(a_batch_takes_no_memory)
{
    struct executor_stats stats = {.up = 0};
    struct server_process server;
    struct executor *executor;
    unsigned long long first = 0;
    int rounds_that_took = 0;

    server_start(&server, NULL);
    executor = executor_new(&server.target, 1, &stats);
    for (int i = 0; i < OPS; i++)
        (void)snprintf(names[i], sizeof(names[i]), "k%d", i);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned long long of_round = run_round(executor);

        rounds_that_took += round >= WARM_UP && of_round > 0;
        first = round == 0 ? of_round : first;
    }
    /* The reader's buffer grows to the most that ever arrives at once, whenever that is. */
    ck_assert_int_le(rounds_that_took, GROWTHS_MAX);
    ck_assert(!COUNTS || first > 0);
    executor_free(executor);
    server_stop(&server);
}
END_TEST

static Suite *memory_suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *tcase = tcase_create("steady state");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_batch_takes_no_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(memory_suite)
