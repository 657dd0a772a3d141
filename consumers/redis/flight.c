#include "consumers/redis/flight.h"

#include <assert.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/redis/companion.h"
#include "consumers/redis/slots.h"

enum { KINDS_NR = COMMAND_WAIT + 1 };

void flight_init(struct flight *flight, const struct redis_target *targets, size_t targets_nr)
{
    uint32_t lanes_nr = 0;

    *flight = (struct flight){.plan = NULL, .targets = targets, .targets_nr = targets_nr};
    flight->lanes = alloc_zero(targets_nr, sizeof(*flight->lanes));
    for (size_t i = 0; i < targets_nr; i++) {
        flight->lanes[i] = lanes_nr;
        lanes_nr += targets[i].is_cluster ? (uint32_t)SLOTS_NR : KINDS_NR;
    }
    flight->open = alloc_zero(lanes_nr, sizeof(*flight->open));
    for (uint32_t lane = 0; lane < lanes_nr; lane++)
        flight->open[lane] = OP_NONE;
    buffer_init(&flight->texts);
}

void flight_release(struct flight *flight)
{
    free(flight->commands);
    free(flight->links);
    free(flight->lanes);
    free(flight->open);
    free(flight->used);
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

/* Where an op goes. */
struct place {
    uint32_t target;
    uint32_t lane;
    uint16_t slot;
};

/* Where flight_begin() hands complete commands to. */
struct outlet {
    flight_on_command on_command;
    void *sink;
};

static void close_group(struct flight *flight, uint32_t lane, struct outlet outlet)
{
    if (flight->open[lane] != OP_NONE)
        outlet.on_command(outlet.sink, flight->open[lane]);
    flight->open[lane] = OP_NONE;
}

static void open_group(struct flight *flight, enum command_kind kind, struct place place)
{
    flight->used =
        alloc_grow(flight->used, flight->used_nr, &flight->used_capacity, sizeof(*flight->used));
    flight->used[flight->used_nr++] = place.lane;
    flight->open[place.lane] = add_command(flight, kind, place.target);
    flight->commands[flight->open[place.lane]].slot = place.slot;
}

static bool is_full(const struct command *command)
{
    if (command->kind == COMMAND_UNLINK)
        return command->nr == PLAN_MAX_KEYS;
    return command->nr == SCRIPT_OPS_MAX || command->bytes >= FLIGHT_SCRIPT_BYTES;
}

static uint32_t bytes_of(const struct op *op)
{
    size_t bytes = op->key.len + op->value.len;

    return bytes < FLIGHT_SCRIPT_BYTES ? (uint32_t)bytes : FLIGHT_SCRIPT_BYTES;
}

static void join_group(struct flight *flight, uint32_t op, struct place place, struct outlet outlet)
{
    struct command *command = &flight->commands[flight->open[place.lane]];

    add_op(flight, flight->open[place.lane], op);
    command->bytes += bytes_of(flight_op(flight, op));
    if (is_full(command))
        close_group(flight, place.lane, outlet);
}

static uint32_t lane_of(const struct flight *flight, const struct command *command)
{
    bool is_cluster = flight->targets[command->target].is_cluster;

    return flight->lanes[command->target] + (is_cluster ? command->slot : (uint32_t)command->kind);
}

/* The command before on the same key goes first, unless both are deletes of one command. */
static void close_before(struct flight *flight, const struct op *op, enum command_kind kind,
                         struct outlet outlet)
{
    const struct command *command;
    uint32_t lane;

    if (op->previous == OP_NONE || flight->links[op->previous].command == OP_NONE)
        return;
    command = &flight->commands[flight->links[op->previous].command];
    lane = lane_of(flight, command);
    if (flight->open[lane] != flight->links[op->previous].command ||
        (kind == COMMAND_UNLINK && command->kind == COMMAND_UNLINK))
        return;
    close_group(flight, lane, outlet);
}

static struct place place_of(const struct flight *flight, const struct op *op,
                             enum command_kind kind)
{
    struct place place = {.target = (uint32_t)op->cache->target};

    assert(place.target < flight->targets_nr);
    if (flight->targets[place.target].is_cluster)
        place.slot = slots_of_key(op->key);
    place.lane = lane_of(
        flight, &(struct command){.kind = kind, .target = place.target, .slot = place.slot});
    return place;
}

/* An unguarded refresh is sent once and answered for alone; a slot's scripts may be redirected. */
static bool is_single(const struct flight *flight, enum command_kind kind, uint32_t target)
{
    return kind == COMMAND_SET || (kind != COMMAND_UNLINK && flight->targets[target].is_cluster);
}

static void add_single(struct flight *flight, enum command_kind kind, uint32_t op,
                       struct place place, struct outlet outlet)
{
    uint32_t command = add_command(flight, kind, place.target);

    flight->commands[command].slot = place.slot;
    add_op(flight, command, op);
    outlet.on_command(outlet.sink, command);
}

static void begin_op(struct flight *flight, uint32_t index, struct outlet outlet)
{
    const struct op *op = flight_op(flight, index);
    enum command_kind kind = kind_of(op);
    struct place place = place_of(flight, op, kind);

    if (kind != COMMAND_UNLINK && is_guarded(op) && !companion_is_possible(op->key)) {
        add_rejection(flight, index, SLICE("a key with a brace and no hash tag cannot be guarded"));
        return;
    }
    close_before(flight, op, kind, outlet);
    if (is_single(flight, kind, place.target)) {
        add_single(flight, kind, index, place, outlet);
        return;
    }
    if (flight->open[place.lane] == OP_NONE)
        open_group(flight, kind, place);
    join_group(flight, index, place, outlet);
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

/* Scripts first: they take longest. */
static void close_groups(struct flight *flight, struct outlet outlet)
{
    for (size_t i = 0; i < flight->used_nr; i++) {
        uint32_t command = flight->open[flight->used[i]];

        if (command != OP_NONE && flight->commands[command].kind != COMMAND_UNLINK)
            close_group(flight, flight->used[i], outlet);
    }
    for (size_t i = 0; i < flight->used_nr; i++)
        close_group(flight, flight->used[i], outlet);
    flight->used_nr = 0;
}

void flight_begin(struct flight *flight, struct plan *plan, flight_on_command on_command,
                  void *sink)
{
    struct outlet outlet = {on_command, sink};

    assert(flight->plan == NULL && plan->ops_nr < OP_NONE);
    clear(flight);
    flight->plan = plan;
    flight->has_merged = false;
    reserve_links(flight, plan->ops_nr);
    for (uint32_t i = 0; i < plan->ops_nr; i++) {
        flight->links[i].command = OP_NONE;
        if (plan->ops[i].merged_into != OP_LIVE)
            flight->has_merged = true;
        else if (!op_runs_beside(&plan->ops[i]))
            begin_op(flight, i, outlet);
    }
    close_groups(flight, outlet);
}

uint32_t flight_add_ping(struct flight *flight, uint32_t node)
{
    while (flight->commands_nr <= node) {
        (void)add_command(flight, COMMAND_PING, 0);
        flight->unanswered--;
    }
    flight->commands[node] = (struct command){.kind = COMMAND_PING};
    flight->unanswered++;
    return node;
}

uint32_t flight_add_wait(struct flight *flight, uint32_t target)
{
    return add_command(flight, COMMAND_WAIT, target);
}

uint32_t flight_split(struct flight *flight, uint32_t command, uint32_t *first)
{
    const struct command whole = flight->commands[command];
    uint32_t op = whole.first;

    *first = (uint32_t)flight->commands_nr;
    flight->commands[command].last = op;
    flight->commands[command].nr = 1;
    for (uint32_t i = 1; i < whole.nr; i++) {
        uint32_t single = add_command(flight, whole.kind, whole.target);

        op = flight_next(flight, op);
        flight->commands[single].slot = whole.slot;
        add_op(flight, single, op);
    }
    return whole.nr - 1;
}

static void add_alone(struct flight *flight, const struct command *from, uint32_t op)
{
    enum command_kind kind = from->kind == COMMAND_REFRESH ? COMMAND_GUARDED_DELETE : from->kind;
    uint32_t alone = add_command(flight, kind, from->target);

    flight->commands[alone].slot = from->slot;
    add_op(flight, alone, op);
}

uint32_t flight_take_out(struct flight *flight, uint32_t command, const uint32_t *places, size_t nr)
{
    const struct command whole = flight->commands[command];
    uint32_t first = (uint32_t)flight->commands_nr;
    uint32_t op = whole.first;
    size_t taken = 0;

    flight->commands[command].nr = 0;
    for (uint32_t place = 1; place <= whole.nr; place++) {
        uint32_t next = place < whole.nr ? flight_next(flight, op) : OP_NONE;

        if (taken < nr && places[taken] == place) {
            add_alone(flight, &whole, op);
            taken++;
        } else {
            add_op(flight, command, op);
        }
        op = next;
    }
    assert(taken == nr);
    return first;
}

void flight_undone(struct flight *flight)
{
    flight->unanswered++;
}

void flight_done(struct flight *flight, const struct command *command, enum op_found found)
{
    uint32_t op = command->first;

    for (uint32_t i = 0; i < command->nr; i++) {
        flight_op(flight, op)->result = OP_DONE;
        flight_op(flight, op)->found = found;
        if (i + 1 < command->nr)
            op = flight_next(flight, op);
    }
    flight->unanswered--;
}

void flight_reject(struct flight *flight, struct command *command, struct slice text)
{
    uint32_t op = command->first;

    command->is_rejected = true;
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
    for (uint32_t i = 0; flight->has_merged && i < flight->plan->ops_nr; i++) {
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
