#include "bus/fork.h"

#include <stddef.h>
#include <sys/mman.h>

#ifdef MADV_WIPEONFORK

static int *wiped_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, size, MADV_WIPEONFORK) == 0)
        return page;
    munmap(page, size);
    return NULL;
}

#else

static int *wiped_page(void)
{
    return NULL;
}

#endif

void bus_fork_init(struct bus_fork *fork)
{
    int *page = wiped_page();

    if (page)
        *page = 1;
    fork->page = page;
    fork->owner = getpid();
}

void bus_fork_release(struct bus_fork *fork)
{
    if (fork->page)
        munmap((void *)fork->page, (size_t)sysconf(_SC_PAGESIZE));
    fork->page = NULL;
}
