/*
 * reply_class - what an error reply of Redis means for the command that got it.
 *
 * Source: error texts of redis 6.2 to 8 (src/server.c); classes as decided here: deletes are never
 * given up for OOM, rights and passwords may rotate, an unknown error is tried three times.
 */
#ifndef CONSUMERS_REDIS_REPLY_CLASS_H
#define CONSUMERS_REDIS_REPLY_CLASS_H

#include "consumers/base/slice.h"

enum reply_class {
    REPLY_OK,
    REPLY_TRANSIENT, /* LOADING BUSY MASTERDOWN TRYAGAIN CLUSTERDOWN NOREPLICAS MISCONF: again, same connection */
    REPLY_TOPOLOGY, /* READONLY, MOVED/ASK in a cluster: reconnect or redirect, again */
    REPLY_OOM,      /* never for deletes; a refresh becomes a guarded delete */
    REPLY_NOSCRIPT, /* load the scripts, again */
    REPLY_CONFIG, /* NOAUTH WRONGPASS NOPERM, unknown command, MOVED where no cluster is declared */
    REPLY_POISON, /* WRONGTYPE, not an integer, bad script arguments: set the records aside */
    REPLY_UNKNOWN /* three tries, then as POISON */
};

enum reply_class reply_classify(struct slice error_text);

#endif
