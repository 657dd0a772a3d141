/*
 * event_of - an event from JSON text, for tests of the rules room; a bad one fails the test.
 */
#ifndef TESTS_UNIT_RULES_EVENT_OF_H
#define TESTS_UNIT_RULES_EVENT_OF_H

#include "consumers/event/event.h"

struct event *event_of(const char *json, struct arena *arena);

#endif
