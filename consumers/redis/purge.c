#include "consumers/redis/purge.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/base/arena.h"
#include "consumers/base/clock.h"
#include "consumers/redis/purge_cluster.h"
#include "consumers/redis/purge_tag.h"
#include "consumers/redis/purge_walk.h"

enum {
    INBOX_CHUNK_BYTES = 4096,
    INBOX_KEEP_BYTES = 1 << 20,
    LOOK_EVERY_MS = 100,
    ALL_PPM = 1000000
};

struct submitted {
    struct purge_request request; /* its texts are in the inbox's arena */
    int64_t since_ns;
};

struct inbox {
    struct arena arena;
    struct submitted *items;
    size_t nr, capacity;
};

struct purge_engine {
    pthread_t thread;
    int wake; /* an eventfd: something was submitted, or it is to stop */
    atomic_bool is_stopped;
    pthread_mutex_t lock; /* of the inbox that is filled, and of the counter of pending ones */
    struct inbox filled;
    uint64_t next_id;     /* by the wall clock, so that an id of another run names nothing here */
    pthread_mutex_t work; /* of all below but the statistics: the thread has it unless it waits */
    struct inbox read;    /* of the engine's thread */
    struct purge_walk *walk;       /* NULL: a cluster */
    struct purge_cluster *cluster; /* NULL: none */
    struct purge_tag tag;
    int64_t next_look_ms;
    struct pollfd *polled;
    size_t polled_nr, polled_capacity;
    struct purge_stats stats;
};

static void wake(struct purge_engine *engine)
{
    uint64_t one = 1;

    /* It can only fail when the count is at its maximum: then the thread wakes anyway. */
    if (write(engine->wake, &one, sizeof(one)) != (ssize_t)sizeof(one))
        return;
}

static void submit_copy(struct inbox *inbox, const struct purge_request *request, uint64_t id)
{
    struct slice *protect = arena_alloc(&inbox->arena, request->protect_nr * sizeof(*protect));
    struct submitted *item;

    for (size_t i = 0; i < request->protect_nr; i++)
        protect[i] = arena_copy(&inbox->arena, request->protect[i]);
    inbox->items = alloc_grow(inbox->items, inbox->nr, &inbox->capacity, sizeof(*inbox->items));
    item = &inbox->items[inbox->nr++];
    *item = (struct submitted){*request, clock_steady_ns()};
    item->request.pattern = arena_copy(&inbox->arena, request->pattern);
    item->request.protect = protect;
    item->request.id = id;
}

void purge_engine_submit(struct purge_engine *engine, const struct purge_request *request)
{
    (void)pthread_mutex_lock(&engine->lock);
    submit_copy(&engine->filled, request, engine->next_id++);
    counter_add(&engine->stats.pending, 1);
    (void)pthread_mutex_unlock(&engine->lock);
    wake(engine);
}

static void take_submitted(struct purge_engine *engine)
{
    struct inbox swap;

    (void)pthread_mutex_lock(&engine->lock);
    swap = engine->read;
    engine->read = engine->filled;
    engine->filled = swap;
    (void)pthread_mutex_unlock(&engine->lock);
    for (size_t i = 0; i < engine->read.nr; i++) {
        const struct submitted *item = &engine->read.items[i];

        if (item->request.kind == PURGE_TAG)
            purge_tag_add(&engine->tag, &item->request, item->since_ns);
        else if (engine->cluster != NULL)
            purge_cluster_add(engine->cluster, &item->request, item->since_ns);
        else
            purge_set_add(&engine->walk->set, &item->request, item->since_ns, clock_steady_ms());
    }
    engine->read.nr = 0;
    arena_reset(&engine->read.arena, INBOX_KEEP_BYTES);
}

static size_t count_pending(const struct purge_engine *engine)
{
    if (engine->cluster != NULL)
        return purge_cluster_pending(engine->cluster);
    return engine->walk->set.waiting_nr + engine->walk->set.walking_nr +
           engine->walk->set.passed_nr;
}

static void publish_pending(struct purge_engine *engine)
{
    (void)pthread_mutex_lock(&engine->lock);
    counter_set(&engine->stats.pending, engine->filled.nr + count_pending(engine) + engine->tag.nr);
    (void)pthread_mutex_unlock(&engine->lock);
}

/* Progress is for people: so often is enough. */
static void look(struct purge_engine *engine)
{
    int64_t now_ms = clock_steady_ms();
    double least;

    if (now_ms < engine->next_look_ms && count_pending(engine) > 0)
        return;
    engine->next_look_ms = now_ms + LOOK_EVERY_MS;
    least = engine->cluster != NULL ? purge_cluster_look(engine->cluster)
                                    : purge_walk_look(engine->walk);
    counter_set(&engine->stats.progress_ppm, (uint64_t)(least * ALL_PPM));
}

static void poll_connection(void *sink, const struct connection *connection)
{
    struct purge_engine *engine = sink;

    engine->polled = alloc_grow(engine->polled, engine->polled_nr, &engine->polled_capacity,
                                sizeof(*engine->polled));
    engine->polled[engine->polled_nr++] = (struct pollfd){.fd = connection_descriptor(connection),
                                                          .events = connection_events(connection)};
}

static void poll_walks(struct purge_engine *engine)
{
    if (engine->cluster != NULL)
        purge_cluster_poll(engine->cluster, poll_connection, engine);
    else
        poll_connection(engine, &engine->walk->connection);
}

static int64_t patience_ns(const struct purge_engine *engine)
{
    int64_t of_walks = engine->cluster != NULL ? purge_cluster_patience_ns(engine->cluster)
                                               : purge_walk_patience_ns(engine->walk);
    int64_t of_tag = purge_tag_patience_ns(&engine->tag);

    return of_walks < of_tag ? of_walks : of_tag;
}

static int64_t prepare_wait(struct purge_engine *engine)
{
    const int64_t ms_ns = 1000000;
    int64_t patience = patience_ns(engine);

    engine->polled_nr = 1;
    engine->polled[0] = (struct pollfd){.fd = engine->wake, .events = POLLIN};
    poll_connection(engine, &engine->tag.connection);
    poll_walks(engine);
    /* While somebody walks, what is told of it must not grow old. */
    if (counter_get(&engine->stats.progress_ppm) < ALL_PPM && patience > LOOK_EVERY_MS * ms_ns)
        return LOOK_EVERY_MS * ms_ns;
    return patience;
}

static void wait_for_something(struct purge_engine *engine, int64_t patience)
{
    const int64_t second_ns = 1000000000;
    struct timespec time = {patience / second_ns, patience % second_ns};
    uint64_t wakes;

    (void)ppoll(engine->polled, engine->polled_nr, patience == INT64_MAX ? NULL : &time, NULL);
    if ((engine->polled[0].revents & POLLIN) != 0 && read(engine->wake, &wakes, sizeof(wakes)) < 0)
        return;
}

static void step(struct purge_engine *engine)
{
    if (engine->cluster != NULL)
        purge_cluster_step(engine->cluster);
    else
        purge_walk_step(engine->walk);
    purge_tag_step(&engine->tag);
}

static void *run(void *argument)
{
    struct purge_engine *engine = argument;
    int64_t patience;

    while (!atomic_load(&engine->is_stopped)) {
        (void)pthread_mutex_lock(&engine->work);
        take_submitted(engine);
        step(engine);
        publish_pending(engine);
        look(engine);
        patience = prepare_wait(engine);
        (void)pthread_mutex_unlock(&engine->work);
        wait_for_something(engine, patience);
    }
    return NULL;
}

/* Signals are for the threads that wait for them. */
static void start_thread(struct purge_engine *engine)
{
    sigset_t all, before;

    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    if (pthread_create(&engine->thread, NULL, run, engine) != 0)
        abort();
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct purge_engine *purge_engine_new(const struct redis_target *target)
{
    struct purge_engine *engine = alloc_zero(1, sizeof(*engine));

    engine->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine->wake < 0 || pthread_mutex_init(&engine->lock, NULL) != 0 ||
        pthread_mutex_init(&engine->work, NULL) != 0)
        abort();
    engine->next_id = (uint64_t)clock_wall_ms();
    arena_init(&engine->filled.arena, INBOX_CHUNK_BYTES);
    arena_init(&engine->read.arena, INBOX_CHUNK_BYTES);
    engine->polled_capacity = 1;
    engine->polled = alloc_zero(1, sizeof(*engine->polled));
    if (target->is_cluster) {
        engine->cluster = purge_cluster_new(target, &engine->stats);
    } else {
        engine->walk = alloc_zero(1, sizeof(*engine->walk));
        purge_walk_init(engine->walk, target, &engine->stats);
    }
    purge_tag_init(&engine->tag, target, engine->cluster, &engine->stats);
    start_thread(engine);
    return engine;
}

void purge_engine_free(struct purge_engine *engine)
{
    if (engine == NULL)
        return;
    atomic_store(&engine->is_stopped, true);
    wake(engine);
    (void)pthread_join(engine->thread, NULL);
    if (engine->walk != NULL)
        purge_walk_release(engine->walk);
    free(engine->walk);
    purge_tag_release(&engine->tag);
    purge_cluster_free(engine->cluster);
    free(engine->polled);
    arena_release(&engine->filled.arena);
    arena_release(&engine->read.arena);
    free(engine->filled.items);
    free(engine->read.items);
    (void)pthread_mutex_destroy(&engine->lock);
    (void)pthread_mutex_destroy(&engine->work);
    (void)close(engine->wake);
    free(engine);
}

const struct purge_stats *purge_engine_stats(const struct purge_engine *engine)
{
    return &engine->stats;
}

static void list(struct purge_engine *engine, bool is_walking, struct purge_reports *reports)
{
    if (engine->cluster != NULL)
        purge_cluster_list(engine->cluster, is_walking, reports);
    else
        purge_walk_list(engine->walk, is_walking, reports);
    purge_tag_list(&engine->tag, is_walking, reports);
}

void purge_engine_list(struct purge_engine *engine, struct purge_reports *reports)
{
    (void)pthread_mutex_lock(&engine->work);
    take_submitted(engine);
    publish_pending(engine);
    list(engine, true, reports);
    list(engine, false, reports);
    reports->pending += counter_get(&engine->stats.pending);
    (void)pthread_mutex_unlock(&engine->work);
}

bool purge_engine_cancel(struct purge_engine *engine, uint64_t id)
{
    bool is_cancelled;

    (void)pthread_mutex_lock(&engine->work);
    take_submitted(engine);
    is_cancelled = engine->cluster != NULL ? purge_cluster_cancel(engine->cluster, id)
                                           : purge_walk_cancel(engine->walk, id);
    is_cancelled = is_cancelled || purge_tag_cancel(&engine->tag, id);
    publish_pending(engine);
    look(engine);
    (void)pthread_mutex_unlock(&engine->work);
    if (is_cancelled)
        wake(engine);
    return is_cancelled;
}
