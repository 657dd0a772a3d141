#include "consumers/base/kill_point.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef UNSTALE_KILL_POINTS

/* The number beside this point's name in the environment; 0: it is not named there. */
static long count_of(const char *variable, const char *name)
{
    const char *wanted = getenv(variable);
    size_t len = strlen(name);
    if (!wanted || strncmp(wanted, name, len) != 0 || wanted[len] != ':')
        return 0;
    return strtol(wanted + len + 1, NULL, 10);
}

void kill_point(const char *name)
{
    static atomic_long passed;
    long count = count_of("KILL_POINT", name);
    if (count > 0 && atomic_fetch_add(&passed, 1) + 1 >= count)
        kill(getpid(), SIGKILL);
}

bool fault_point(const char *name)
{
    static atomic_long passed;
    long count = count_of("FAULT_POINT", name);
    return count > 0 && (atomic_fetch_add(&passed, 1) + 1) % count == 0;
}

#endif
