#include "consumers/redis/flight.h"

#include <assert.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/redis/companion.h"

void flight_init(struct flight *flight, size_t targets_nr)
{
    *flight = (struct flight){.plan = NULL, .targets_nr = targets_nr};
    flight->open = alloc_zero(targets_nr, sizeof(*flight->open));
    buffer_init(&flight->texts);
}

void flight_release(struct flight *flight)
{
    free(flight->commands);
    free(flight->links);
    free(flight->open);
    free(flight->rejections);
    buffer_release(&flight->texts);
}

static uint32_t add_command(struct flight *flight, enum command_kind kind, uint32_t target)
{
    uint32_t index = (uint32_t)flight->commands_nr;

    flight->commands = alloc_grow(flight->commands, flight->commands_nr, &flight->commands_capacity,
                                  sizeof(*flight->commands));
    flight->commands[flight->commands_nr++] = (struct command){.kind = kind, .target = target};
    flight->unanswered++;
    return index;
}

static void add_op(struct flight *flight, uint32_t index, uint32_t op)
{
    struct command *command = &flight->commands[index];

    if (command->nr == 0)
        command->first = op;
    else
        flight->links[command->last].next = op;
    flight->links[op].command = index;
    command->last = op;
    command->nr++;
}

static void add_rejection(struct flight *flight, size_t op, struct slice text)
{
    flight->rejections = alloc_grow(flight->rejections, flight->rejections_nr,
                                    &flight->rejections_capacity, sizeof(*flight->rejections));
    flight->rejections[flight->rejections_nr++] =
        (struct rejection){.op = op, .start = flight->texts.len, .len = text.len};
    buffer_add(&flight->texts, text);
    flight->plan->ops[op].result = OP_REJECTED;
}

static bool is_guarded(const struct op *op)
{
    return op->guard_source != OP_UNGUARDED;
}

static enum command_kind kind_of(const struct op *op)
{
    switch (op->verb) {
    case VERB_BUMP:
        return COMMAND_BUMP;
    case VERB_REFRESH:
        if (is_guarded(op))
            return op->as_delete ? COMMAND_GUARDED_DELETE : COMMAND_REFRESH;
        return op->as_delete ? COMMAND_UNLINK : COMMAND_SET;
    case VERB_DELETE:
        return is_guarded(op) ? COMMAND_GUARDED_DELETE : COMMAND_UNLINK;
    case VERB_EXPIRE:
        return COMMAND_EXPIRE;
    case VERB_PURGE_TAG:
    case VERB_PURGE:
        break;
    }
    assert(false && "what walks is not for a flight");
    return COMMAND_UNLINK;
}

/* Where flight_begin() hands complete commands to. */
struct outlet {
    flight_on_command on_command;
    void *sink;
};

static void close_group(struct flight *flight, uint32_t target, struct outlet outlet)
{
    if (flight->open[target] != OP_NONE)
        outlet.on_command(outlet.sink, flight->open[target]);
    flight->open[target] = OP_NONE;
}

static void join_group(struct flight *flight, uint32_t op, uint32_t target, struct outlet outlet)
{
    if (flight->open[target] == OP_NONE)
        flight->open[target] = add_command(flight, COMMAND_UNLINK, target);
    add_op(flight, flight->open[target], op);
    if (flight->commands[flight->open[target]].nr == PLAN_MAX_KEYS)
        close_group(flight, target, outlet);
}

static bool is_in_open_group(const struct flight *flight, uint32_t op, uint32_t target)
{
    return op != OP_NONE && flight->open[target] != OP_NONE &&
           flight->links[op].command == flight->open[target];
}

static void begin_op(struct flight *flight, uint32_t index, struct outlet outlet)
{
    const struct op *op = flight_op(flight, index);
    enum command_kind kind = kind_of(op);
    uint32_t target = (uint32_t)op->cache->target;
    uint32_t command;

    assert(target < flight->targets_nr);
    if (kind == COMMAND_UNLINK) {
        join_group(flight, index, target, outlet);
        return;
    }
    if (is_guarded(op) && !companion_is_possible(op->key)) {
        add_rejection(flight, index, SLICE("a key with a brace and no hash tag cannot be guarded"));
        return;
    }
    if (is_in_open_group(flight, op->previous, target))
        close_group(flight, target, outlet);
    command = add_command(flight, kind, target);
    add_op(flight, command, index);
    outlet.on_command(outlet.sink, command);
}

static void reserve_links(struct flight *flight, size_t nr)
{
    if (nr <= flight->links_capacity)
        return;
    flight->links_capacity = nr + nr / 2;
    flight->links = alloc_resize(flight->links, flight->links_capacity, sizeof(*flight->links));
}

static void clear(struct flight *flight)
{
    flight->commands_nr = 0;
    flight->unanswered = 0;
    flight->rejections_nr = 0;
    buffer_clear(&flight->texts);
}

void flight_begin(struct flight *flight, struct plan *plan, flight_on_command on_command,
                  void *sink)
{
    struct outlet outlet = {on_command, sink};

    assert(flight->plan == NULL && plan->ops_nr < OP_NONE);
    clear(flight);
    flight->plan = plan;
    reserve_links(flight, plan->ops_nr);
    for (uint32_t target = 0; target < flight->targets_nr; target++)
        flight->open[target] = OP_NONE;
    for (uint32_t i = 0; i < plan->ops_nr; i++) {
        flight->links[i].command = OP_NONE;
        if (plan->ops[i].merged_into == OP_LIVE && !op_runs_beside(&plan->ops[i]))
            begin_op(flight, i, outlet);
    }
    for (uint32_t target = 0; target < flight->targets_nr; target++)
        close_group(flight, target, outlet);
}

uint32_t flight_add_ping(struct flight *flight, uint32_t target)
{
    while (flight->commands_nr <= target) {
        (void)add_command(flight, COMMAND_PING, (uint32_t)flight->commands_nr);
        flight->unanswered--;
    }
    flight->commands[target] = (struct command){.kind = COMMAND_PING, .target = target};
    flight->unanswered++;
    return target;
}

uint32_t flight_add_delete(struct flight *flight, uint32_t instead_of)
{
    uint32_t op = flight->commands[instead_of].first;
    uint32_t index = add_command(flight, COMMAND_UNLINK, flight->commands[instead_of].target);

    add_op(flight, index, op);
    return index;
}

void flight_done(struct flight *flight, const struct command *command)
{
    uint32_t op = command->first;

    for (uint32_t i = 0; i < command->nr; i++) {
        flight_op(flight, op)->result = OP_DONE;
        if (i + 1 < command->nr)
            op = flight_next(flight, op);
    }
    flight->unanswered--;
}

void flight_reject(struct flight *flight, const struct command *command, struct slice text)
{
    uint32_t op = command->first;

    for (uint32_t i = 0; i < command->nr; i++) {
        add_rejection(flight, op, text);
        if (i + 1 < command->nr)
            op = flight_next(flight, op);
    }
    flight->unanswered--;
}

static const struct rejection *find_rejection(const struct flight *flight, size_t op)
{
    for (size_t i = 0; i < flight->rejections_nr; i++) {
        if (flight->rejections[i].op == op)
            return &flight->rejections[i];
    }
    return NULL;
}

static void finish_merged(struct flight *flight, uint32_t op)
{
    uint32_t other = plan_standing_op(flight->plan, op);
    const struct rejection *found;
    struct rejection copy;

    flight_op(flight, op)->result = flight_op(flight, other)->result;
    if (flight_op(flight, op)->result != OP_REJECTED)
        return;
    found = find_rejection(flight, other);
    assert(found != NULL);
    copy = (struct rejection){.op = op, .start = found->start, .len = found->len};
    flight->rejections = alloc_grow(flight->rejections, flight->rejections_nr,
                                    &flight->rejections_capacity, sizeof(*flight->rejections));
    flight->rejections[flight->rejections_nr++] = copy;
}

void flight_finish(struct flight *flight)
{
    for (uint32_t i = 0; i < flight->plan->ops_nr; i++) {
        if (flight->plan->ops[i].merged_into != OP_LIVE)
            finish_merged(flight, i);
    }
    flight->plan = NULL;
}

void flight_drop(struct flight *flight)
{
    flight->plan = NULL;
    clear(flight);
}

struct slice flight_rejection(const struct flight *flight, size_t op)
{
    const struct rejection *found = find_rejection(flight, op);

    if (found == NULL)
        return SLICE_ABSENT;
    return (struct slice){flight->texts.ptr + found->start, found->len};
}
