/*
 * run_events - what POST /api/events of `unstale run` checks and sends by: emit's eyes, the library's
 * hands.
 *
 * Every event of a body is looked at before any is sent, by the rules of `unstale emit`. They go out
 * by a producer of their own, made when the first body comes. An event that Kafka has not confirmed
 * within RUN_EVENTS_TIMEOUT_MS is given up.
 */
#ifndef CONSUMERS_CLI_RUN_EVENTS_H
#define CONSUMERS_CLI_RUN_EVENTS_H

#include "consumers/service/api_events.h"

#define RUN_EVENTS_TIMEOUT_MS "5000"

extern const struct events_sender run_events;

#endif
