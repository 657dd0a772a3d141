/*
 * written - a record as people write it down: the event alone, or with what Kafka carries around it.
 *
 *   {"record": true, "topic": "t", "key": "shop.Product:42", "headers": {"n": "v"}, "value": {...}}
 *
 * A key, value or header that is a JSON string is its bytes, other JSON its compact text, null is none;
 * {"base64": "..."} are bytes that are no UTF-8. Headers whose names come twice are [["n", "v"], ...].
 */
#ifndef CONSUMERS_EVENT_WRITTEN_H
#define CONSUMERS_EVENT_WRITTEN_H

#include "consumers/base/arena.h"
#include "consumers/base/error.h"
#include "consumers/base/record.h"

/*
 * Sets *record from the JSON text; what the text does not say stays as it is. Text that is no such
 * object, valid or not, is the record's value. False when it holds something that cannot be one of a record.
 */
bool written_record(struct slice text, struct arena *arena, struct record *record,
                    struct error *err) CHECKED;

#endif
