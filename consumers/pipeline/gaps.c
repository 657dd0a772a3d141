#include "consumers/pipeline/gaps.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/glob.h"
#include "consumers/base/log.h"

enum { TRY_EVERY_MS = 1000, ARENA_BYTES = 4 << 10 };

struct awaited {
    uint64_t ticket;
    uint32_t slot;
};

struct gaps {
    uint32_t *slots; /* that want to go on */
    size_t slots_nr, slots_capacity;
    struct awaited *awaited;
    size_t awaited_nr, awaited_capacity;
    int64_t next_try_ms;
};

struct gaps *gaps_new(void)
{
    return alloc_zero(1, sizeof(struct gaps));
}

void gaps_free(struct gaps *gaps)
{
    if (!gaps)
        return;
    free(gaps->slots);
    free(gaps->awaited);
    free(gaps);
}

void gaps_note(struct gaps *gaps, uint32_t slot)
{
    gaps->slots =
        alloc_grow(gaps->slots, gaps->slots_nr, &gaps->slots_capacity, sizeof(*gaps->slots));
    gaps->slots[gaps->slots_nr++] = slot;
    gaps->next_try_ms = 0;
}

static struct slice escaped(struct slice literal, struct arena *arena)
{
    char *out = arena_bytes(arena, glob_escaped_bytes(literal) + 1);
    return (struct slice){out, glob_escape(literal, out)};
}

/* What stands before or after the keys of a cache. */
static struct slice part_pattern(const struct template *prefix, struct arena *arena)
{
    struct slice pattern = SLICE("");
    for (size_t i = 0; i < prefix->segments_nr; i++) {
        const struct segment *segment = &prefix->segments[i];
        bool is_literal = slice_is_absent(segment->text);
        struct slice part = is_literal ? escaped(segment->literal, arena) : SLICE("*");
        pattern = arena_printf(arena, "%.*s%.*s", SLICE_ARG(pattern), SLICE_ARG(part));
    }
    return pattern;
}

struct slice gaps_whole_cache(const struct cache *cache, size_t version, struct arena *arena)
{
    struct slice head = part_pattern(&cache->heads[version], arena);
    struct slice tail = part_pattern(&cache->tails[version], arena);
    return arena_printf(arena, "%.*s*%.*s", SLICE_ARG(head), SLICE_ARG(tail));
}

static void purge_cache(struct gaps *gaps, uint32_t slot, const struct gap_purge *purge,
                        const struct cache *cache, struct arena *arena)
{
    for (size_t i = 0; i < cache->heads_nr; i++) {
        uint64_t ticket = holds_give(purge->holds, NULL, 0);
        struct slice pattern = gaps_whole_cache(cache, i, arena);
        const struct template *head = &cache->heads[i];
        bool has_text = head->is_constant && head->segments_nr > 0;
        struct purge_request request = {.pattern = pattern,
                                        .protect = cache->protect,
                                        .protect_nr = cache->protect_nr,
                                        .prefix_bytes =
                                            has_text ? head->segments[0].literal.len : 0,
                                        .tickets = purge->tickets,
                                        .ticket = ticket};
        gaps->awaited = alloc_grow(gaps->awaited, gaps->awaited_nr, &gaps->awaited_capacity,
                                   sizeof(*gaps->awaited));
        gaps->awaited[gaps->awaited_nr++] = (struct awaited){ticket, slot};
        log_warn("purging a whole cache", LOG_SLICE("cache", cache->name),
                 LOG_SLICE("pattern", pattern), LOG_TEXT("why", "events were lost"));
        purge_engine_submit(purge->engines[cache->target], &request);
    }
}

void gaps_purge(struct gaps *gaps, uint32_t slot, const struct gap_purge *purge)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < purge->ruleset->caches_nr; i++)
        purge_cache(gaps, slot, purge, &purge->ruleset->caches[i], &arena);
    arena_release(&arena);
    gaps_note(gaps, slot);
}

void gaps_ticket_is_back(struct gaps *gaps, uint64_t ticket)
{
    for (size_t i = 0; i < gaps->awaited_nr; i++) {
        if (gaps->awaited[i].ticket != ticket)
            continue;
        gaps->awaited[i] = gaps->awaited[--gaps->awaited_nr];
        return;
    }
}

static bool is_awaited(const struct gaps *gaps, uint32_t slot)
{
    for (size_t i = 0; i < gaps->awaited_nr; i++)
        if (gaps->awaited[i].slot == slot)
            return true;
    return false;
}

/* ERROR_REJECT: the gap is none any more (the partition went away). */
static bool leave(struct source *source, uint32_t slot)
{
    struct error err = ERROR_INIT;
    if (source_skip_gap(source, slot, &err)) {
        log_warn("went on after a gap", LOG_INT("slot", slot));
        return true;
    }
    if (err.kind == ERROR_REJECT)
        return true;
    log_warn("cannot go on after the gap yet", LOG_TEXT("why", err.text));
    return false;
}

void gaps_go_on(struct gaps *gaps, struct source *source, int64_t now_ms)
{
    if (gaps->slots_nr == 0 || now_ms < gaps->next_try_ms)
        return;
    bool is_stuck = false;
    size_t kept = 0;
    for (size_t i = 0; i < gaps->slots_nr; i++) {
        uint32_t slot = gaps->slots[i];
        bool waits = is_awaited(gaps, slot);
        if (!waits && leave(source, slot))
            continue;
        is_stuck = is_stuck || !waits;
        gaps->slots[kept++] = slot;
    }
    gaps->slots_nr = kept;
    gaps->next_try_ms = is_stuck ? now_ms + TRY_EVERY_MS : 0;
}
