/*
 * interrupt - Ctrl-C and SIGTERM for verbs that finish what they began before they end.
 *
 * Blocked in every thread that is started after interrupt_begin(), and looked for where it suits. After the
 * first one the signals do again what they always did, so that a second one ends the program.
 */
#ifndef CONSUMERS_CLI_INTERRUPT_H
#define CONSUMERS_CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

struct interrupt {
    sigset_t signals, before;
    bool came;
};

void interrupt_begin(struct interrupt *interrupt);
bool interrupt_came(struct interrupt *interrupt);
void interrupt_end(struct interrupt *interrupt);

#endif
