/*
 * info - fields of Redis' INFO text.
 */
#ifndef CONSUMERS_REDIS_INFO_H
#define CONSUMERS_REDIS_INFO_H

#include "consumers/base/slice.h"

/* The value of a line "name:value"; absent if there is none. Points into the text. */
struct slice info_field(struct slice info, const char *name);

/* Redis calls the field redis_mode, Valkey server_mode (unless it is to look like Redis). */
bool info_is_cluster(struct slice info);

#endif
