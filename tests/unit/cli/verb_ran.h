/*
 * verb_ran - a verb run inside a test: its exit code and what it printed.
 *
 * verb_ran(&verb_fmt, "--check", "a.json", NULL) gives texts that live until verb_ran_release().
 */
#ifndef TESTS_UNIT_CLI_VERB_RAN_H
#define TESTS_UNIT_CLI_VERB_RAN_H

#include "consumers/base/buffer.h"
#include "consumers/cli/verb.h"

struct verb_ran {
    int code;
    struct buffer out, err;
};

struct verb_ran verb_ran(const struct cli_verb *verb, ...) __attribute__((sentinel));
void verb_ran_release(struct verb_ran *ran);

/* Fails the test with what the verb said. */
void verb_ran_expect(const struct verb_ran *ran, int code, const char *out);

/* A new empty folder, and files in it. Paths live until the next call of the same function. */
const char *scratch_folder(void);
const char *scratch_file(const char *folder, const char *name, const char *text);
/* The folder and all in it. */
void scratch_remove(const char *folder);
struct buffer scratch_read(const char *path);

#endif
