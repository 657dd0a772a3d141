/*
 * embedded - files of this project that the program carries, as they were when it was built.
 */
#ifndef CONSUMERS_CLI_EMBEDDED_H
#define CONSUMERS_CLI_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name; /* where it goes, below a folder */
    const char *text;
    const size_t *len;
    const char *topic; /* of a schema: "rules", ...; else NULL */
};

/* Each ends with an entry without a name. */
extern const struct embedded_file embedded_schemas[], embedded_django[], embedded_raw[];

#endif
