/*
 * native - the native event, for envelopes that carry one; private to this room.
 */
#ifndef CONSUMERS_EVENT_NATIVE_H
#define CONSUMERS_EVENT_NATIVE_H

#include "consumers/event/member.h"

/*
 * Fills the reader's event (all zero before) from its members, whose types were checked: collected
 * from `root`, which refusals look into for a near name, or put there by the envelope.
 */
bool native_read_members(struct reader *reader, const struct value *root) CHECKED;

/*
 * A native event from a tree that was parsed and not checked. False when anything is out of the ordinary,
 * right or wrong, with *event in any state: then check, detect and read, which also finds the words.
 */
bool native_take(const struct value *root, struct arena *arena, struct event *event) CHECKED;

/* The op behind an event's name; EVENT_CUSTOM for a name of the application's own. */
enum event_op native_op(struct slice name);

#endif
