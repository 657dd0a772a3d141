#include "consumers/pipeline/rewind.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/log.h"

enum {
    NOTE_EVERY_MS = 1000,
    TRY_EVERY_MS = 1000,
    COMMIT_AFTER_MS = 200, /* behind what librdkafka itself commits when partitions move */
    LOOK_UP_MS = 2000,
    COMMIT_MS = 2000
};

/* Of a tracker's slot, at the same index. */
struct lane {
    struct rewind_notes *notes;
    uint32_t epoch; /* that the notes are of */
};

struct rewind {
    struct lane *lanes;
    size_t lanes_nr, lanes_capacity;
    int64_t longest_ms;
    bool is_due;
    int64_t due_ms; /* steady: what was applied after it may be lost */
    bool is_committing;
    bool is_told; /* that it does not work yet */
    int64_t next_note_ms, next_try_ms;
};

int64_t rewind_longest_ms(const struct redis_target *targets, size_t nr)
{
    int64_t longest_ms = 0;
    for (size_t i = 0; i < nr; i++)
        if (targets[i].rewind_ms > longest_ms)
            longest_ms = targets[i].rewind_ms;
    return longest_ms;
}

struct rewind *rewind_new(int64_t longest_ms)
{
    struct rewind *rewind = alloc_zero(1, sizeof(*rewind));
    rewind->longest_ms = longest_ms;
    return rewind;
}

void rewind_free(struct rewind *rewind)
{
    if (!rewind)
        return;
    for (size_t i = 0; i < rewind->lanes_nr; i++)
        rewind_notes_free(rewind->lanes[i].notes);
    free(rewind->lanes);
    free(rewind);
}

/* Another epoch than the notes' is another assignment: what was before is not known. */
static struct lane *lane_of(struct rewind *rewind, const struct offsets *offsets, uint32_t slot)
{
    while (rewind->lanes_nr <= slot) {
        rewind->lanes = alloc_grow(rewind->lanes, rewind->lanes_nr, &rewind->lanes_capacity,
                                   sizeof(*rewind->lanes));
        rewind->lanes[rewind->lanes_nr++] = (struct lane){.notes = NULL};
    }
    struct lane *lane = &rewind->lanes[slot];
    uint32_t epoch = offsets_slot(offsets, slot)->epoch;
    if (lane->notes && lane->epoch == epoch)
        return lane;
    rewind_notes_free(lane->notes);
    *lane = (struct lane){.notes = rewind_notes_new(rewind->longest_ms), .epoch = epoch};
    return lane;
}

static void note_all(struct rewind *rewind, const struct rewind_context *context)
{
    rewind->next_note_ms = context->now_ms + NOTE_EVERY_MS;
    for (uint32_t slot = 0; slot < offsets_nr(context->offsets); slot++) {
        int64_t position = source_position(context->source, slot);
        if (position != OFFSETS_NONE)
            rewind_note(lane_of(rewind, context->offsets, slot)->notes, context->now_ms, position);
    }
}

/* ---- where each partition goes back to ---- */

struct search {
    struct source_places found;
    struct source_places unknown; /* to be asked for by time */
};

static void look_up(struct rewind *rewind, const struct rewind_context *context,
                    struct search *search)
{
    for (uint32_t slot = 0; slot < offsets_nr(context->offsets); slot++) {
        struct source_place place = {slot, OFFSETS_NONE};
        if (source_position(context->source, slot) == OFFSETS_NONE)
            continue;
        if (rewind_look_up(lane_of(rewind, context->offsets, slot)->notes, rewind->due_ms,
                           &place.offset))
            search->found.items[search->found.nr++] = place;
        else
            search->unknown.items[search->unknown.nr++] = place;
    }
}

static bool look_up_by_time(struct rewind *rewind, const struct rewind_context *context,
                            struct search *search, struct error *err)
{
    int64_t wall_ms = context->wall_ms - (context->now_ms - rewind->due_ms);
    if (search->unknown.nr == 0)
        return true;
    if (!source_find_time(context->source, wall_ms > 0 ? wall_ms : 0, &search->unknown, LOOK_UP_MS,
                          err))
        return false;
    for (size_t i = 0; i < search->unknown.nr; i++)
        if (search->unknown.items[i].offset != OFFSETS_NONE)
            search->found.items[search->found.nr++] = search->unknown.items[i];
    return true;
}

/* Never forward; those that would stay where they are stay. Returns how many records come again. */
static int64_t keep_backward(const struct rewind_context *context, struct search *search)
{
    size_t kept = 0;
    int64_t records = 0;
    for (size_t i = 0; i < search->found.nr; i++) {
        int64_t position = source_position(context->source, search->found.items[i].slot);
        if (search->found.items[i].offset >= position)
            continue;
        records += position - search->found.items[i].offset;
        search->found.items[kept++] = search->found.items[i];
    }
    search->found.nr = kept;
    return records;
}

static void move_back(struct rewind *rewind, const struct rewind_context *context,
                      const struct search *search)
{
    uint32_t *slots = alloc_zero(search->found.nr + 1, sizeof(*slots));
    for (size_t i = 0; i < search->found.nr; i++)
        slots[i] = search->found.items[i].slot;
    batch_drop_slots(context->filling, slots, search->found.nr);
    free(slots);
    source_go_back(context->source, &search->found);
    for (size_t i = 0; i < search->found.nr; i++) {
        struct lane *lane = &rewind->lanes[search->found.items[i].slot];
        rewind_notes_cap(lane->notes, search->found.items[i].offset);
        lane->epoch = offsets_slot(context->offsets, search->found.items[i].slot)->epoch;
    }
    counter_add(&context->stats->rewinds, search->found.nr);
    rewind->is_committing = true;
    rewind->next_try_ms = context->now_ms + COMMIT_AFTER_MS;
}

static void tell_delay(struct rewind *rewind, const struct rewind_context *context,
                       const struct error *err)
{
    rewind->next_try_ms = context->now_ms + TRY_EVERY_MS;
    if (!rewind->is_told)
        log_warn("cannot go back yet", LOG_TEXT("why", err->text),
                 LOG_TEXT("effect", "tried again; those partitions rest"));
    rewind->is_told = true;
}

static void go_back(struct rewind *rewind, const struct rewind_context *context)
{
    size_t nr = offsets_nr(context->offsets);
    struct search search = {.found.items = alloc_zero(nr + 1, sizeof(*search.found.items)),
                            .unknown.items = alloc_zero(nr + 1, sizeof(*search.unknown.items))};
    struct error err = ERROR_INIT;
    look_up(rewind, context, &search);
    if (look_up_by_time(rewind, context, &search, &err)) {
        int64_t records = keep_backward(context, &search);
        rewind->is_due = rewind->is_told = false;
        source_resume_all(context->source, PAUSE_SEEK);
        log_warn("Redis is another than before: going back", LOG_INT("partitions", search.found.nr),
                 LOG_INT("records", records),
                 LOG_INT("before_ms", context->now_ms - rewind->due_ms),
                 LOG_TEXT("effect", "what may be lost is applied again"));
        if (search.found.nr > 0)
            move_back(rewind, context, &search);
    } else {
        source_pause_all(context->source, PAUSE_SEEK);
        tell_delay(rewind, context, &err);
    }
    free(search.found.items);
    free(search.unknown.items);
}

static void commit_back(struct rewind *rewind, const struct rewind_context *context)
{
    struct error err = ERROR_INIT;
    if (source_commit_back(context->source, COMMIT_MS, &err))
        rewind->is_committing = rewind->is_told = false;
    else
        tell_delay(rewind, context, &err);
}

static void note_change(struct rewind *rewind, const struct executor_change *change)
{
    int64_t due_ms = change->good_ms - change->rewind_ms;
    if (!rewind->is_due || due_ms < rewind->due_ms)
        rewind->due_ms = due_ms;
    rewind->is_due = true;
}

void rewind_turn(struct rewind *rewind, const struct rewind_context *context)
{
    struct executor_change change;
    if (rewind->longest_ms == 0)
        return;
    if (executor_take_change(context->executor, &change)) {
        note_change(rewind, &change);
        rewind->next_try_ms = context->now_ms;
    }
    if (context->now_ms >= rewind->next_note_ms && !rewind->is_due)
        note_all(rewind, context);
    if (context->now_ms < rewind->next_try_ms)
        return;
    if (rewind->is_due)
        go_back(rewind, context);
    else if (rewind->is_committing)
        commit_back(rewind, context);
}

void rewind_settle(struct rewind *rewind, struct source *source)
{
    struct error err = ERROR_INIT;
    if (!rewind->is_committing)
        return;
    if (!source_commit_back(source, COMMIT_MS, &err))
        log_warn("given up before going back was committed", LOG_TEXT("why", err.text));
    rewind->is_committing = false;
}
