/*
 * embedded_note - where a running `run --embedded` of this user listens, for `emit --embedded`.
 *
 * A small file with the brokers in a folder only this user can read: $XDG_RUNTIME_DIR/unstale, else
 * /tmp/unstale-UID.
 */
#ifndef CONSUMERS_SERVICE_EMBEDDED_NOTE_H
#define CONSUMERS_SERVICE_EMBEDDED_NOTE_H

#include <stddef.h>

#include "consumers/base/error.h"

bool embedded_note_write(const char *brokers, struct error *err) CHECKED;

/* The brokers of the service that runs now; false when none does. */
bool embedded_note_read(char *brokers, size_t bytes, struct error *err) CHECKED;
void embedded_note_remove(void);

#endif
