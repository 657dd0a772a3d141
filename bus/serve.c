#include "bus/producer.h"

#include <signal.h>
#include <time.h>

enum { SERVE_SLICE_MS = 20, THREAD_SLICE_MS = 500 };

int64_t bus_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int remaining_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - bus_now_ms();

    return left > 0 ? (int)earlier(left, INT32_MAX) : 0;
}

/* ---- Delivery reports ---- */

static void wake_waiters(struct unstale_producer *producer)
{
    if (atomic_load(&producer->waiters) == 0)
        return;
    pthread_mutex_lock(&producer->lock);
    pthread_cond_broadcast(&producer->changed);
    pthread_mutex_unlock(&producer->lock);
}

static void deliver(struct unstale_producer *producer, const rd_kafka_message_t *message)
{
    bool ok = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    struct unstale_error err = UNSTALE_ERROR_INIT;
    struct unstale_delivery delivery = {
        .error = ok ? NULL : &err,
        .partition = ok ? message->partition : -1,
        .offset = ok ? message->offset : -1,
        .opaque = message->_private,
        .key = message->key,
        .key_length = message->key_len,
        .value = message->payload,
        .value_length = message->len,
    };

    atomic_fetch_add_explicit(ok ? &producer->delivered : &producer->failed, 1,
                              memory_order_relaxed);
    if (!producer->on_delivery)
        return;
    if (!ok)
        bus_kafka_fail(producer, message->err, &err);
    producer->on_delivery(&delivery, producer->context);
}

static void delivery_report(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    deliver(opaque, message);
    wake_waiters(opaque);
}

/*
 * rd_kafka_flush() runs callbacks on its caller unless delivery reports are events; the background
 * thread wants them all to itself.
 */
void bus_serve_configure(struct unstale_producer *producer, rd_kafka_conf_t *conf)
{
    if (producer->background)
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
    else
        rd_kafka_conf_set_dr_msg_cb(conf, delivery_report);
}

/* ---- The server ---- */

static bool is_server(const struct unstale_producer *producer)
{
    return producer->serving && pthread_equal(producer->server, pthread_self());
}

/* With the lock held. False once the deadline has passed. */
static bool wait_changed(struct unstale_producer *producer, int64_t deadline_ms)
{
    int64_t now = bus_now_ms();
    int64_t until = earlier(deadline_ms, now + SERVE_SLICE_MS);
    struct timespec when = {.tv_sec = (time_t)(until / 1000),
                            .tv_nsec = (long)(until % 1000) * 1000000};

    if (now >= deadline_ms)
        return false;
    atomic_fetch_add(&producer->waiters, 1);
    pthread_cond_timedwait(&producer->changed, &producer->lock, &when);
    atomic_fetch_sub(&producer->waiters, 1);
    return true;
}

/* Becomes the server; false when time runs out first, or when this thread is it already. */
static bool begin_serving(struct unstale_producer *producer, int64_t deadline_ms)
{
    bool is_free;

    pthread_mutex_lock(&producer->lock);
    while (producer->serving && !is_server(producer) && wait_changed(producer, deadline_ms))
        ;
    is_free = !producer->serving;
    if (is_free) {
        producer->serving = true;
        producer->server = pthread_self();
    }
    pthread_mutex_unlock(&producer->lock);
    return is_free;
}

static void end_serving(struct unstale_producer *producer)
{
    pthread_mutex_lock(&producer->lock);
    producer->serving = false;
    pthread_cond_broadcast(&producer->changed);
    pthread_mutex_unlock(&producer->lock);
}

void bus_serve(struct unstale_producer *producer, int64_t deadline_ms)
{
    if (!begin_serving(producer, deadline_ms))
        return;
    rd_kafka_poll(producer->kafka, remaining_ms(deadline_ms));
    end_serving(producer);
}

bool bus_serve_room(struct unstale_producer *producer, int64_t deadline_ms)
{
    bool in_callback;

    pthread_mutex_lock(&producer->lock);
    in_callback = is_server(producer);
    if (!in_callback && producer->background)
        wait_changed(producer, deadline_ms);
    pthread_mutex_unlock(&producer->lock);
    if (!in_callback && !producer->background)
        bus_serve(producer, earlier(deadline_ms, bus_now_ms() + SERVE_SLICE_MS));
    return !in_callback && bus_now_ms() < deadline_ms;
}

bool bus_serve_flush(struct unstale_producer *producer, int64_t deadline_ms)
{
    rd_kafka_resp_err_t code;
    bool in_callback;

    pthread_mutex_lock(&producer->lock);
    in_callback = is_server(producer);
    pthread_mutex_unlock(&producer->lock);
    if (in_callback)
        return false;
    if (producer->background)
        return rd_kafka_flush(producer->kafka, remaining_ms(deadline_ms)) ==
               RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!begin_serving(producer, deadline_ms))
        return false;
    code = rd_kafka_flush(producer->kafka, remaining_ms(deadline_ms));
    end_serving(producer);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- The background thread ---- */

static void *serve_in_background(void *opaque)
{
    struct unstale_producer *producer = opaque;
    const rd_kafka_message_t *message;
    rd_kafka_event_t *event;

    while (!atomic_load(&producer->is_stopping)) {
        event = rd_kafka_queue_poll(producer->queue, THREAD_SLICE_MS);
        if (!event)
            continue;
        while ((message = rd_kafka_event_message_next(event)) != NULL)
            deliver(producer, message);
        rd_kafka_event_destroy(event);
        wake_waiters(producer);
    }
    return NULL;
}

/* The application's signals are none of this thread's. */
static int create_thread(struct unstale_producer *producer)
{
    sigset_t all;
    sigset_t old;
    int failure;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failure = pthread_create(&producer->thread, NULL, serve_in_background, producer);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failure;
}

bool bus_serve_start(struct unstale_producer *producer, struct unstale_error *err)
{
    bool ok;

    if (!producer->background)
        return true;
    producer->queue = rd_kafka_queue_get_main(producer->kafka);
    pthread_mutex_lock(&producer->lock);
    ok = create_thread(producer) == 0;
    producer->serving = ok;
    producer->server = producer->thread;
    pthread_mutex_unlock(&producer->lock);
    if (ok)
        return true;
    rd_kafka_queue_destroy(producer->queue);
    producer->queue = NULL;
    return bus_fail(err, UNSTALE_RETRY, "no thread to be had");
}

void bus_serve_stop(struct unstale_producer *producer)
{
    if (!producer->queue)
        return;
    atomic_store(&producer->is_stopping, true);
    rd_kafka_queue_yield(producer->queue);
    pthread_join(producer->thread, NULL);
    rd_kafka_queue_destroy(producer->queue);
    producer->queue = NULL;
}

bool bus_serve_init(struct unstale_producer *producer, struct unstale_error *err)
{
    pthread_condattr_t attributes;
    bool ok;

    if (pthread_condattr_init(&attributes) != 0)
        return bus_fail_memory(err);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    ok = pthread_cond_init(&producer->changed, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    if (!ok)
        return bus_fail_memory(err);
    if (pthread_mutex_init(&producer->lock, NULL) == 0)
        return true;
    pthread_cond_destroy(&producer->changed);
    return bus_fail_memory(err);
}

void bus_serve_release(struct unstale_producer *producer)
{
    pthread_cond_destroy(&producer->changed);
    pthread_mutex_destroy(&producer->lock);
}
