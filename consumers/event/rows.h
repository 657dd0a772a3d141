/*
 * rows - the rows of a native event: `pk`, `pks`, `rows`, or the one of a truncate; private to this
 * room.
 */
#ifndef CONSUMERS_EVENT_ROWS_H
#define CONSUMERS_EVENT_ROWS_H

#include "consumers/event/member.h"

/*
 * Sets rows and sent_changed of an event whose op is known. An event may name rows in more than one
 * way: whatever it names is a row, first those of `rows`, then `pks`, then `pk`. Images and
 * `changed` in a row of `rows` are its own; the event's images belong to `pk` alone, its `changed`
 * to every row that has none.
 */
bool rows_read(struct reader *reader, const struct value *root) CHECKED;

#endif
