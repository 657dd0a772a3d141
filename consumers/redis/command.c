#include "consumers/redis/command.h"

#include <assert.h>
#include <stdio.h>

#include "consumers/redis/companion.h"
#include "consumers/redis/jitter.h"
#include "consumers/redis/resp.h"

enum { HOUR_MS = 3600 * 1000, VERSION_BYTES = 32, WAIT_MS = 1000 };

bool command_has_script(enum command_kind kind, enum script_name *name)
{
    switch (kind) {
    case COMMAND_BUMP:
        *name = SCRIPT_BUMP;
        return true;
    case COMMAND_REFRESH:
        *name = SCRIPT_REFRESH;
        return true;
    case COMMAND_GUARDED_DELETE:
        *name = SCRIPT_GUARDED_DELETE;
        return true;
    case COMMAND_EXPIRE:
        *name = SCRIPT_EXPIRE;
        return true;
    case COMMAND_UNLINK:
    case COMMAND_SET:
    case COMMAND_PING:
    case COMMAND_WAIT:
        break;
    }
    return false;
}

const char *command_name(enum command_kind kind)
{
    static const char *const names[] = {
        [COMMAND_UNLINK] = "UNLINK",   [COMMAND_SET] = "SET",
        [COMMAND_REFRESH] = "EVALSHA", [COMMAND_GUARDED_DELETE] = "EVALSHA",
        [COMMAND_BUMP] = "EVALSHA",    [COMMAND_EXPIRE] = "EVALSHA",
        [COMMAND_PING] = "PING",       [COMMAND_WAIT] = "WAIT",
    };

    return names[kind];
}

static bool fits_set(const struct op *op, const struct answer *answer)
{
    return answer_is_ok(answer) ||
           (answer->kind == ANSWER_NIL && op->action->condition != REFRESH_ALWAYS);
}

bool command_fits(const struct flight *flight, const struct command *command,
                  const struct answer *answer)
{
    struct script_failures failures;

    switch (command->kind) {
    case COMMAND_UNLINK:
        return answer_is_count(answer, command->nr);
    case COMMAND_SET:
        return fits_set(flight_op(flight, command->first), answer);
    case COMMAND_PING:
        return answer->kind == ANSWER_TEXT;
    case COMMAND_WAIT:
        return answer_is_count(answer, INT64_MAX);
    case COMMAND_REFRESH:
    case COMMAND_GUARDED_DELETE:
    case COMMAND_BUMP:
    case COMMAND_EXPIRE:
        break;
    }
    return answer_is_count(answer, command->nr) ||
           (answer->kind == ANSWER_TEXT && command->nr > 1 &&
            script_failures_read(&failures, answer->text, command->nr));
}

bool command_is_batch(const struct command *command)
{
    enum script_name name;

    return command->nr > 1 && command_has_script(command->kind, &name);
}

bool command_counts_keys(enum command_kind kind)
{
    return kind == COMMAND_UNLINK || kind == COMMAND_REFRESH || kind == COMMAND_GUARDED_DELETE;
}

static void write_set(const struct command_writer *writer, const struct op *op)
{
    enum refresh_if condition = op->action->condition;

    resp_begin(writer->out, condition == REFRESH_ALWAYS ? 5 : 6);
    resp_bulk(writer->out, SLICE("SET"));
    resp_bulk(writer->out, op->key);
    resp_bulk(writer->out, op->value);
    resp_bulk(writer->out, SLICE("PX"));
    resp_bulk_int(writer->out, op->action->ttl_ms);
    if (condition != REFRESH_ALWAYS)
        resp_bulk(writer->out, condition == REFRESH_EXISTS ? SLICE("XX") : SLICE("NX"));
}

typedef void (*write_op)(const struct command_writer *writer, const struct op *op);

static void for_each_op(const struct command_writer *writer, const struct command *command,
                        write_op write)
{
    uint32_t op = command->first;

    for (uint32_t i = 0; i < command->nr; i++) {
        write(writer, flight_op(writer->flight, op));
        if (i + 1 < command->nr)
            op = flight_next(writer->flight, op);
    }
}

static void write_key(const struct command_writer *writer, const struct op *op)
{
    resp_bulk(writer->out, op->key);
}

static void write_companion(const struct command_writer *writer, const struct op *op)
{
    buffer_clear(writer->scratch);
    if (!companion_write(op->key, writer->scratch))
        assert(false && "a flight guards only what can have a companion");
    resp_bulk(writer->out, buffer_slice(writer->scratch));
}

static void write_unlink(const struct command_writer *writer, const struct command *command)
{
    resp_begin(writer->out, command->nr + 1);
    resp_bulk(writer->out, SLICE("UNLINK"));
    for_each_op(writer, command, write_key);
}

/* What a script takes of an op. */
struct script_call {
    bool has_companions;
    size_t arguments;
    write_op write_arguments;
};

static void write_script(const struct command_writer *writer, const struct command *command,
                         struct script_call call)
{
    size_t keys = command->nr * (call.has_companions ? 2U : 1U);

    resp_begin(writer->out, 3 + keys + command->nr * call.arguments);
    resp_bulk(writer->out, SLICE("EVALSHA"));
    resp_bulk(writer->out, (struct slice){writer->script->sha, SCRIPT_SHA_BYTES});
    resp_bulk_int(writer->out, (int64_t)keys);
    for_each_op(writer, command, write_key);
    if (call.has_companions)
        for_each_op(writer, command, write_companion);
    for_each_op(writer, command, call.write_arguments);
}

static void write_version(const struct command_writer *writer, const struct op *op)
{
    char text[VERSION_BYTES];

    (void)snprintf(text, sizeof(text), "%c:%lld", op->guard_source == OP_GUARD_EXPLICIT ? 'e' : 'c',
                   (long long)op->guard);
    resp_bulk(writer->out, slice_of(text));
}

static struct slice condition_text(enum refresh_if condition)
{
    switch (condition) {
    case REFRESH_EXISTS:
        return SLICE("exists");
    case REFRESH_MISSING:
        return SLICE("missing");
    case REFRESH_ALWAYS:
        break;
    }
    return SLICE("always");
}

static int64_t companion_ms(int64_t ttl_ms)
{
    return ttl_ms > HOUR_MS / 2 ? 2 * ttl_ms : HOUR_MS;
}

static void write_refresh(const struct command_writer *writer, const struct op *op)
{
    write_version(writer, op);
    resp_bulk(writer->out, op->value);
    resp_bulk_int(writer->out, op->action->ttl_ms);
    resp_bulk_int(writer->out, companion_ms(op->action->ttl_ms));
    resp_bulk(writer->out, condition_text(op->action->condition));
}

static void write_guarded_delete(const struct command_writer *writer, const struct op *op)
{
    write_version(writer, op);
    resp_bulk_int(writer->out, HOUR_MS);
}

static void write_bump(const struct command_writer *writer, const struct op *op)
{
    resp_bulk_int(writer->out, op->times > 0 ? op->times : 1);
    if (op->at_least >= 0)
        resp_bulk_int(writer->out, op->at_least);
    else
        resp_bulk(writer->out, SLICE(""));
    resp_bulk_int(writer->out, op->action->start);
    resp_bulk(writer->out, op->action->to_increment ? SLICE("increment") : SLICE("time"));
}

/* Spread over jitter: keys that expire together would all be missed at once. */
static void write_expire(const struct command_writer *writer, const struct op *op)
{
    resp_bulk_int(writer->out, jitter_apply(op->action->ttl_ms, op->action->jitter_ms, op->hash));
}

static void write_wait(const struct command_writer *writer, const struct command *command)
{
    resp_begin(writer->out, 3);
    resp_bulk(writer->out, SLICE("WAIT"));
    resp_bulk_int(writer->out, writer->flight->targets[command->target].wait_replicas);
    resp_bulk_int(writer->out, WAIT_MS);
}

void command_write(const struct command_writer *writer, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_UNLINK:
        write_unlink(writer, command);
        break;
    case COMMAND_SET:
        write_set(writer, flight_op(writer->flight, command->first));
        break;
    case COMMAND_REFRESH:
        write_script(writer, command, (struct script_call){true, 5, write_refresh});
        break;
    case COMMAND_GUARDED_DELETE:
        write_script(writer, command, (struct script_call){true, 2, write_guarded_delete});
        break;
    case COMMAND_BUMP:
        write_script(writer, command, (struct script_call){false, 4, write_bump});
        break;
    case COMMAND_EXPIRE:
        write_script(writer, command, (struct script_call){false, 1, write_expire});
        break;
    case COMMAND_PING:
        resp_command(writer->out, (struct slice[]){SLICE("PING")}, 1);
        break;
    case COMMAND_WAIT:
        write_wait(writer, command);
        break;
    }
}

void command_write_script_load(const struct script *script, struct buffer *out)
{
    resp_command(out, (struct slice[]){SLICE("SCRIPT"), SLICE("LOAD"), buffer_slice(&script->text)},
                 3);
}
