#include "consumers/kafka/letter.h"

#include <inttypes.h>
#include <stdlib.h>

#include "consumers/base/compiler.h"

struct slice letter_header(const struct record *record, const char *name)
{
    struct slice wanted = slice_of(name);
    for (size_t i = record->headers_nr; i > 0; i--)
        if (slice_equals(record->headers[i - 1].name, wanted))
            return record->headers[i - 1].value;
    return SLICE_ABSENT;
}

int64_t letter_number(const struct record *record, const char *name, int64_t otherwise)
{
    char text[24];
    char *end;
    struct slice value = letter_header(record, name);
    if (value.len == 0 || value.len >= sizeof(text))
        return otherwise;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    int64_t number = strtoll(text, &end, 10);
    return *end || number < 0 ? otherwise : number;
}

static bool is_partition(int64_t number)
{
    return number >= 0 && number <= INT32_MAX;
}

/* What somebody sends with such headers has a reason of ours beside them, once it is set aside. */
static bool is_mark(const struct record *record)
{
    return slice_is_absent(record->value) &&
           !slice_is_absent(letter_header(record, "unstale.done")) &&
           slice_is_absent(letter_header(record, "unstale.reason"));
}

bool letter_read(const struct record *record, struct letter *letter, int64_t *marked)
{
    int64_t partition = letter_number(record, "__connect.errors.partition", LETTER_UNKNOWN);
    *marked = letter_number(record, "unstale.letter", LETTER_UNKNOWN);
    if (is_mark(record))
        return false;
    *letter = (struct letter){
        .record = record,
        .topic = letter_header(record, "__connect.errors.topic"),
        .partition = is_partition(partition) ? (int32_t)partition : LETTER_UNKNOWN,
        .offset = letter_number(record, "__connect.errors.offset", LETTER_UNKNOWN),
        .reason = letter_header(record, "unstale.reason"),
        .rule = letter_header(record, "unstale.rule"),
        .action = letter_header(record, "unstale.action"),
        .field = letter_header(record, "unstale.field"),
        .message = letter_header(record, "__connect.errors.exception.message"),
        .exception_class = letter_header(record, "__connect.errors.exception.class.name"),
        .rules_hash = letter_header(record, "unstale.rules_hash"),
        .failures = letter_header(record, "unstale.failures"),
        .attempts = letter_number(record, "unstale.attempts", 1),
        .whole_size = letter_number(record, "unstale.value_size", LETTER_UNKNOWN),
    };
    return true;
}

bool letter_is_our_header(struct slice name)
{
    static const char *const names[] = {
        "unstale.reason",     "unstale.rule",         "unstale.action",   "unstale.field",
        "unstale.rules_hash", "unstale.attempts",     "unstale.failures", "unstale.value_size",
        "unstale.replayed",   "unstale.value_sha256",
    };
    if (slice_starts_with(name, SLICE("__connect.errors.")))
        return true;
    for (size_t i = 0; i < ARRAY_NR(names); i++)
        if (slice_equals(name, slice_of(names[i])))
            return true;
    return false;
}

struct record letter_mark(const struct record *letter, const char *done, struct arena *arena)
{
    struct record_header *headers = arena_zero(arena, 2, sizeof(*headers));
    headers[0] = (struct record_header){SLICE("unstale.done"), slice_of(done)};
    headers[1] = (struct record_header){SLICE("unstale.letter"),
                                        arena_printf(arena, "%" PRId64, letter->offset)};
    return (struct record){.topic = letter->topic,
                           .partition = letter->partition,
                           .timestamp_ms = -1,
                           .headers = headers,
                           .headers_nr = 2};
}

struct record letter_repeat(const struct record *record, int64_t attempts, struct arena *arena)
{
    struct record repeat = *record;
    struct record_header *headers = arena_zero(arena, record->headers_nr + 2, sizeof(*headers));
    size_t nr = 0;
    for (size_t i = 0; i < record->headers_nr; i++)
        if (!letter_is_our_header(record->headers[i].name))
            headers[nr++] = record->headers[i];
    headers[nr++] = (struct record_header){SLICE("unstale.replayed"),
                                           arena_printf(arena, "%.*s:%" PRId32 ":%" PRId64,
                                                        SLICE_ARG(record->topic), record->partition,
                                                        record->offset)};
    if (attempts > 0)
        headers[nr++] = (struct record_header){SLICE("unstale.attempts"),
                                               arena_printf(arena, "%" PRId64, attempts)};
    repeat.headers = headers;
    repeat.headers_nr = nr;
    repeat.timestamp_ms = -1;
    return repeat;
}

struct record letter_original(const struct letter *letter, struct arena *arena)
{
    struct record record = *letter->record;
    record.topic = letter->topic;
    record.partition = letter->partition;
    record.offset = letter->offset;
    return letter_repeat(&record, letter->attempts, arena);
}
