/*
 * loading - settings from texts, for the tests of this room.
 */
#ifndef TESTS_UNIT_SERVICE_LOADING_H
#define TESTS_UNIT_SERVICE_LOADING_H

#include "consumers/service/settings.h"

enum { LOADING_MAX = 8 };

/* What the sources say; everything may be left out. */
struct loading {
    const char *file; /* the text of a settings file */
    const char *environment[LOADING_MAX];
    struct settings_flag flags[LOADING_MAX];
};

/* NULL when refused, and then errors holds why; the file is called "FILE" there. */
struct settings *loading_load(const struct loading *loading, struct buffer *errors);

/* Fails the test when the settings are refused. */
struct settings *loading_must(const struct loading *loading);

/* A file with this text, in a folder of the test's own. The path is the caller's to free. */
char *loading_file(const char *text);

/* The whole of a file of the project. The text is the caller's to free. */
char *loading_read(const char *path);

#endif
