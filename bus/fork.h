/*
 * fork - tells a process from the child it became by fork().
 *
 * Asking costs one read of memory: the note lives in a page that the kernel hands to a child zeroed
 * (MADV_WIPEONFORK, madvise(2), Linux 4.14). Where that cannot be had, the process id is compared.
 */
#ifndef BUS_FORK_H
#define BUS_FORK_H

#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

struct bus_fork {
    const volatile int *page; /* not zero in the process that made it; NULL: compare owner */
    pid_t owner;
};

void bus_fork_init(struct bus_fork *fork);
void bus_fork_release(struct bus_fork *fork);

static inline bool bus_fork_is_child(const struct bus_fork *fork)
{
    return fork->page ? *fork->page == 0 : getpid() != fork->owner;
}

#endif
