/*
 * fuzz_answer - any bytes as replies of Redis, fed in pieces.
 *
 * What is read does not depend on where the bytes were cut; nothing is read after the stream broke; a
 * reply's elements come no deeper than they may.
 */
#include "consumers/redis/answer.h"
#include "tests/fuzz/fuzz.h"

enum { TOLD_MAX = 1 << 16 };

static void on_element(void *sink, int depth, struct slice text)
{
    need(depth >= 1 && depth <= REPLY_MAX_DEPTH);
    buffer_printf(sink, "%d:", depth);
    buffer_add(sink, text);
}

/* Takes all replies that are there; false once the stream is broken. */
static bool take_all(struct answers *answers, struct buffer *told)
{
    struct answer answer;
    enum answers_state state;

    while ((state = answers_take(answers, &answer)) == ANSWERS_ONE) {
        need(answer.kind != ANSWER_ERROR || answer.text.len <= REPLY_ERROR_BYTES);
        buffer_printf(told, "[%d %lld ", (int)answer.kind, (long long)answer.integer);
        buffer_add(told, answer.text);
        buffer_add_char(told, ']');
    }
    return state != ANSWERS_BROKEN;
}

static bool read_in_pieces(struct slice bytes, size_t piece, struct buffer *told)
{
    struct answers answers;
    bool is_well = true;

    answers_init(&answers);
    answers.element = on_element;
    answers.sink = told;
    for (size_t at = 0; at < bytes.len && is_well; at += piece) {
        size_t len = bytes.len - at < piece ? bytes.len - at : piece;
        is_well = answers_feed(&answers, bytes.ptr + at, len) && take_all(&answers, told);
    }
    answers_release(&answers);
    return is_well;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = fuzz_input(data, size);
    struct buffer whole, pieces;
    bool is_well;

    if (size > TOLD_MAX)
        return 0;
    buffer_init(&whole);
    buffer_init(&pieces);
    is_well = read_in_pieces(bytes, size + 1, &whole);
    need(read_in_pieces(bytes, 1, &pieces) == is_well);
    need(slice_equals(buffer_slice(&whole), buffer_slice(&pieces)));
    buffer_release(&whole);
    buffer_release(&pieces);
    return 0;
}
