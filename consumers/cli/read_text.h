/*
 * read_text - a whole file, or standard input, into memory.
 */
#ifndef CONSUMERS_CLI_READ_TEXT_H
#define CONSUMERS_CLI_READ_TEXT_H

#include "consumers/base/buffer.h"
#include "consumers/base/error.h"

/* Appends to *out; "-" is standard input. The error names the file. */
bool read_text(const char *path, struct buffer *out, struct error *err) CHECKED;

#endif
