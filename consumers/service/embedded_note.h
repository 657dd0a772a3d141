/*
 * embedded_note - where a running `run --embedded` of this user listens, for `emit --embedded` and
 * `tail --embedded`.
 *
 * A small file in a folder only this user can read: $XDG_RUNTIME_DIR/unstale, else /tmp/unstale-UID. Its
 * first line is the process and the brokers, its second the address of HTTP and the token.
 */
#ifndef CONSUMERS_SERVICE_EMBEDDED_NOTE_H
#define CONSUMERS_SERVICE_EMBEDDED_NOTE_H

#include <stddef.h>

#include "consumers/base/error.h"

enum { EMBEDDED_NOTE_BYTES = 512 }; /* of a line */

struct embedded_note {
    char brokers[EMBEDDED_NOTE_BYTES];
    char http[EMBEDDED_NOTE_BYTES]; /* "http://127.0.0.1:8089"; "": it does not listen yet */
    char token[EMBEDDED_NOTE_BYTES];
};

bool embedded_note_write(const struct embedded_note *note, struct error *err) CHECKED;

/* That of the service that runs now; false when none does. */
bool embedded_note_read(struct embedded_note *note, struct error *err) CHECKED;
void embedded_note_remove(void);

#endif
