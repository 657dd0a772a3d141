/*
 * emit - what the parts of `unstale emit` share; private to it.
 *
 * The input is walked twice: once to look at every event, and once more to send, when nothing is
 * wrong with any of them (or the wrong ones are to be left out). Between the walks nothing is kept
 * but the text itself, so that a hundred thousand events cost no more than their file.
 */
#ifndef CONSUMERS_CLI_EMIT_H
#define CONSUMERS_CLI_EMIT_H

#include "consumers/cli/event_file.h"
#include "consumers/cli/verb.h"
#include "consumers/event/decode.h"
#include "consumers/service/settings.h"

struct emit_options {
    const char *path; /* "-" is standard input */
    bool skip_invalid;
    struct slice key; /* absent: each event's own */
    const struct record_header *headers;
    size_t headers_nr;
};

struct emit_input {
    const char *name; /* for messages */
    struct event_file file;
    struct event_file start; /* the file before its first item; shares its text */
    struct decode_options decode;
    struct arena arena; /* of the item in hand */
};

struct emit_item {
    struct event_item item;
    struct event event; /* when it is one */
    struct error err;   /* else why not */
};

enum emit_step { EMIT_EVENT, EMIT_BAD, EMIT_END };

bool emit_input_open(struct emit_input *input, const struct emit_options *options,
                     size_t max_event_bytes, struct error *err) CHECKED;
/* The events of a text, each with its own key. */
void emit_input_over(struct emit_input *input, struct slice text, size_t max_event_bytes);
void emit_input_release(struct emit_input *input);
void emit_input_rewind(struct emit_input *input);
enum emit_step emit_input_next(struct emit_input *input, struct emit_item *item);

/* The record key: the one given, else "model:pk", or the model of an event about many objects. */
struct slice emit_key(const struct emit_item *item, struct arena *arena);

/* What is wrong with an item, its place as near to it as can be told; lines and columns from 1. */
struct emit_fault {
    unsigned line;
    size_t column; /* in characters */
    struct slice message;
};

struct emit_fault emit_fault(struct emit_input *input, const struct emit_item *item);

/* "FILE:LINE:COLUMN: reason", the place as near to what is wrong as can be told. */
void emit_report_bad(struct emit_input *input, const struct emit_item *item, struct buffer *out);

/* Names that are nearly those of an operation; each is told once. */
enum { EMIT_NAMES_MAX = 20 };

struct emit_names {
    struct arena arena;
    struct slice names[EMIT_NAMES_MAX];
    size_t nr;
};

void emit_report_name(struct emit_input *input, const struct emit_item *item,
                      struct emit_names *told, struct buffer *out);

/* Sends every event of the rewound input; prints the summary. */
struct emit_counts {
    size_t good, bad;
};

enum exit_code emit_send(struct emit_input *input, const struct settings *settings,
                         const struct emit_counts *counts);

#endif
