#include "consumers/cli/interrupt.h"

#include <pthread.h>
#include <time.h>

void interrupt_begin(struct interrupt *interrupt)
{
    interrupt->came = false;
    sigemptyset(&interrupt->signals);
    sigaddset(&interrupt->signals, SIGINT);
    sigaddset(&interrupt->signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &interrupt->signals, &interrupt->before);
}

bool interrupt_came(struct interrupt *interrupt)
{
    static const struct timespec at_once = {0, 0};

    if (!interrupt->came && sigtimedwait(&interrupt->signals, NULL, &at_once) > 0) {
        interrupt->came = true;
        interrupt_end(interrupt);
    }
    return interrupt->came;
}

void interrupt_end(struct interrupt *interrupt)
{
    pthread_sigmask(SIG_SETMASK, &interrupt->before, NULL);
}
