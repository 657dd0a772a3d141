/*
 * producer - the inside of struct unstale_producer.
 *
 * producer.c makes, frees and publishes; serve.c runs the delivery callbacks. The path of publishing
 * to a queue with room takes no lock of ours. Callbacks are run by one thread at a time, the server:
 * whoever polls, flushes or waits for room, or else the background thread for good. Who finds the
 * place taken waits on `changed`; a wake-up may be missed where room appears a moment after the
 * callback, so no wait on it is longer than SERVE_SLICE_MS.
 */
#ifndef BUS_PRODUCER_H
#define BUS_PRODUCER_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bus/alloc.h"
#include "bus/error.h"
#include "bus/fork.h"

struct unstale_producer {
    const struct bus_allocator *allocator;
    struct bus_fork fork;
    rd_kafka_t *kafka;
    rd_kafka_topic_t *topic;
    int wait_ms;
    bool background;
    unstale_delivery_fn *on_delivery;
    unstale_log_fn *on_log;
    void *context;

    pthread_mutex_t lock;   /* guards serving and server */
    pthread_cond_t changed; /* the server left, or room appeared */
    bool serving;
    pthread_t server;
    atomic_uint waiters; /* on changed */

    pthread_t thread;        /* background only, and the queue it empties */
    rd_kafka_queue_t *queue; /* NULL: no thread runs */
    atomic_bool is_stopping;

    atomic_uint_least64_t queued;
    atomic_uint_least64_t delivered;
    atomic_uint_least64_t failed;
    atomic_uint_least64_t bytes;
};

/* librdkafka's word for what went wrong as ours. Always returns false. */
bool bus_kafka_fail(struct unstale_producer *producer, rd_kafka_resp_err_t code,
                    struct unstale_error *err);

/* False with UNSTALE_FATAL when librdkafka says that the producer cannot go on. */
bool bus_producer_check(struct unstale_producer *producer, struct unstale_error *err);

/* ---- serve.c ---- */

/* Before rd_kafka_new(): who gets the delivery reports. */
void bus_serve_configure(struct unstale_producer *producer, rd_kafka_conf_t *conf);

/* Lock, condition and, after rd_kafka_new(), the background thread. */
bool bus_serve_init(struct unstale_producer *producer, struct unstale_error *err);
bool bus_serve_start(struct unstale_producer *producer, struct unstale_error *err);
void bus_serve_stop(struct unstale_producer *producer);
void bus_serve_release(struct unstale_producer *producer);

int64_t bus_now_ms(void);

/* Runs callbacks until at least one ran or the deadline passed. */
void bus_serve(struct unstale_producer *producer, int64_t deadline_ms);

/* Waits a while for room in the queue; false when there is no point in waiting on. */
bool bus_serve_room(struct unstale_producer *producer, int64_t deadline_ms);

/* Waits until nothing is queued; false when that did not happen in time. */
bool bus_serve_flush(struct unstale_producer *producer, int64_t deadline_ms);

#endif
