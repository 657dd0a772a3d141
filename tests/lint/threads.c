/*
 * threads - C11's threads on POSIX ones, linked into programs that ThreadSanitizer watches.
 *
 * librdkafka makes its threads by thrd_create(), which that sanitizer does not know: a thread it has not seen
 * made crashes in it. In glibc both kinds are the same objects, so every call is passed on. A program's own
 * functions stand before the library's.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "a mutex is a mutex");
static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "a condition is a condition");
static_assert(sizeof(thrd_t) == sizeof(pthread_t), "a thread is a thread");

struct beginning {
    thrd_start_t function;
    void *argument;
};

static int result_of(int problem)
{
    if (problem == 0)
        return thrd_success;
    if (problem == ETIMEDOUT)
        return thrd_timedout;
    return problem == EBUSY ? thrd_busy : thrd_error;
}

static pthread_mutex_t *mutex_of(mtx_t *mutex)
{
    return (pthread_mutex_t *)mutex;
}

static pthread_cond_t *condition_of(cnd_t *condition)
{
    return (pthread_cond_t *)condition;
}

static void *begin(void *opaque)
{
    struct beginning beginning = *(struct beginning *)opaque;

    free(opaque);
    return (void *)(intptr_t)beginning.function(beginning.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
    struct beginning *beginning = malloc(sizeof(*beginning));

    if (beginning == NULL)
        return thrd_nomem;
    *beginning = (struct beginning){function, argument};
    int problem = pthread_create(thread, NULL, begin, beginning);
    if (problem != 0)
        free(beginning);
    return result_of(problem);
}

int thrd_join(thrd_t thread, int *result)
{
    void *value = NULL;
    int problem = pthread_join(thread, &value);

    if (result != NULL)
        *result = (int)(intptr_t)value;
    return result_of(problem);
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    int problem = pthread_mutex_init(mutex_of(mutex), &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result_of(problem);
}

void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy(mutex_of(mutex));
}

int mtx_lock(mtx_t *mutex)
{
    return result_of(pthread_mutex_lock(mutex_of(mutex)));
}

int mtx_trylock(mtx_t *mutex)
{
    return result_of(pthread_mutex_trylock(mutex_of(mutex)));
}

int mtx_unlock(mtx_t *mutex)
{
    return result_of(pthread_mutex_unlock(mutex_of(mutex)));
}

int cnd_init(cnd_t *condition)
{
    return result_of(pthread_cond_init(condition_of(condition), NULL));
}

void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy(condition_of(condition));
}

int cnd_signal(cnd_t *condition)
{
    return result_of(pthread_cond_signal(condition_of(condition)));
}

int cnd_broadcast(cnd_t *condition)
{
    return result_of(pthread_cond_broadcast(condition_of(condition)));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result_of(pthread_cond_wait(condition_of(condition), mutex_of(mutex)));
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    return result_of(pthread_cond_timedwait(condition_of(condition), mutex_of(mutex), until));
}
