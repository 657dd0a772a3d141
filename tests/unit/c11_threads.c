/*
 * c11_threads - <threads.h> told to the thread sanitizer.
 *
 * librdkafka runs on C11 threads where the C library has them. The sanitizer knows the pthread
 * functions only: a thread that thrd_create() made crashes in it. These take the place of the C
 * library's when the sanitizer is on, and do what glibc's do: its mtx_t and cnd_t are the pthread
 * types by other names (nptl/mtx_init.c and its neighbours). Otherwise this file is empty.
 */
#if defined(__SANITIZE_THREAD__)
#define IS_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_WATCHED 1
#endif
#endif

#include <threads.h>

#ifdef IS_WATCHED

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "mtx_t is a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "cnd_t is a pthread_cond_t");

struct start {
    thrd_start_t run;
    void *argument;
};

static int result_of(int failure)
{
    return failure == 0           ? thrd_success
           : failure == ETIMEDOUT ? thrd_timedout
           : failure == EBUSY     ? thrd_busy
           : failure == ENOMEM    ? thrd_nomem
                                  : thrd_error;
}

static void *run(void *opaque)
{
    struct start start = *(struct start *)opaque;

    free(opaque);
    return (void *)(intptr_t)start.run(start.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
    struct start *start = malloc(sizeof(*start));
    int failure;

    if (!start)
        return thrd_nomem;
    *start = (struct start){function, argument};
    failure = pthread_create(thread, NULL, run, start);
    if (failure != 0)
        free(start);
    return result_of(failure);
}

int thrd_join(thrd_t thread, int *result)
{
    void *returned = NULL;
    int failure = pthread_join(thread, &returned);

    if (result)
        *result = (int)(intptr_t)returned;
    return result_of(failure);
}

int thrd_detach(thrd_t thread)
{
    return result_of(pthread_detach(thread));
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    int failure;

    pthread_mutexattr_init(&attributes);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    failure = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result_of(failure);
}

void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int mtx_lock(mtx_t *mutex)
{
    return result_of(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_trylock(mtx_t *mutex)
{
    return result_of(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
    return result_of(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

int cnd_init(cnd_t *condition)
{
    return result_of(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy((pthread_cond_t *)condition);
}

int cnd_signal(cnd_t *condition)
{
    return result_of(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return result_of(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result_of(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    return result_of(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

#endif
