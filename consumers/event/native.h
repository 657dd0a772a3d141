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

/* The op behind an event's name; EVENT_CUSTOM for a name of the application's own. */
enum event_op native_op(struct slice name);

#endif
