/*
 * purge_progress - how far a walk is in its lap, how fast it goes, and when somebody's lap will be over.
 *
 * Keys are spread evenly over the buckets of a table, so the share of a lap that is done is the share of
 * buckets behind the cursor: its bits reversed, as a fraction. Where the cursor carries a slot number (its last 14 bits:
 * a cluster since Redis 7.4 and Valkey 8) slots come one after another, and it is the share of the
 * node's slots; those between its first and its last count as its own. Source: the comment of dictScan() in Redis'
 * dict.c, kvstoreScan() in its kvstore.c.
 *
 * Speed is an average that forgets: what is SPEED_WINDOW old counts for a third. Estimates serve
 * people; nothing is decided by them. Pure: times are arguments.
 */
#ifndef CONSUMERS_REDIS_PURGE_PROGRESS_H
#define CONSUMERS_REDIS_PURGE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { PURGE_SPEED_WINDOW_MS = 10000 };

/* The slots a node owns lie between these. */
struct purge_range {
    uint16_t first, last;
};

/* Redis' own order: the cursor's bits from the last to the first. */
uint64_t purge_position(uint64_t cursor);

/* Share of a lap behind this cursor, 0 to 1. */
double purge_place(uint64_t cursor, bool has_slots, struct purge_range range);

struct purge_speed {
    double laps, busy_ns, time_ns; /* of late */
    int64_t last_ns;
};

/* A walk begins. */
void purge_speed_begin(struct purge_speed *speed, int64_t now_ns);

/* A round ended: what it moved on by, and the server's time it took. */
void purge_speed_add(struct purge_speed *speed, double laps, int64_t busy_ns, int64_t now_ns);

/* -1: nobody knows. */
int64_t purge_speed_eta_ms(const struct purge_speed *speed, double laps_left);

/* Share of the server's time, 0 to 1. */
double purge_speed_duty(const struct purge_speed *speed);

#endif
