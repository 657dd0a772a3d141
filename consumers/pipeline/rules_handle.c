#include "consumers/pipeline/rules_handle.h"

#include <pthread.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"

struct rules_handle {
    pthread_mutex_t mutex; /* guards current */
    struct rules_ref *current;
    _Atomic uint64_t generation;
};

struct rules_handle *rules_handle_new(void)
{
    struct rules_handle *handle = alloc_zero(1, sizeof(*handle));
    pthread_mutex_init(&handle->mutex, NULL);
    return handle;
}

void rules_handle_free(struct rules_handle *handle)
{
    if (!handle)
        return;
    if (handle->current)
        rules_ref_drop(handle->current);
    pthread_mutex_destroy(&handle->mutex);
    free(handle);
}

static bool has_refresh(const struct rule *rule)
{
    for (size_t i = 0; i < rule->actions_nr; i++)
        if (rule->actions[i].verb == VERB_REFRESH)
            return true;
    return false;
}

void rules_handle_publish(struct rules_handle *handle, struct ruleset *ruleset)
{
    struct rules_ref *ref = alloc_zero(1, sizeof(*ref));
    ref->ruleset = ruleset;
    for (size_t i = 0; i < ruleset->rules_nr; i++)
        ref->has_refresh = ref->has_refresh || has_refresh(&ruleset->rules[i]);
    atomic_init(&ref->references, 1);
    pthread_mutex_lock(&handle->mutex);
    struct rules_ref *old = handle->current;
    handle->current = ref;
    pthread_mutex_unlock(&handle->mutex);
    atomic_fetch_add(&handle->generation, 1);
    if (old)
        rules_ref_drop(old);
}

uint64_t rules_handle_generation(const struct rules_handle *handle)
{
    return atomic_load_explicit(&handle->generation, memory_order_acquire);
}

struct rules_ref *rules_handle_take(struct rules_handle *handle)
{
    pthread_mutex_lock(&handle->mutex);
    struct rules_ref *ref = handle->current ? rules_ref_keep(handle->current) : NULL;
    pthread_mutex_unlock(&handle->mutex);
    return ref;
}

struct rules_ref *rules_ref_keep(struct rules_ref *ref)
{
    atomic_fetch_add_explicit(&ref->references, 1, memory_order_relaxed);
    return ref;
}

void rules_ref_drop(struct rules_ref *ref)
{
    if (atomic_fetch_sub_explicit(&ref->references, 1, memory_order_acq_rel) != 1)
        return;
    ruleset_free(ref->ruleset);
    free(ref);
}
