/* Replies byte by byte, and servers that lie about them: nothing is believed of a length. */
#include "tests/unit/check_main.h"

#include <malloc.h>
#include <string.h>

#include "consumers/redis/answer.h"

static struct answers answers;
static struct buffer told;

static void on_element(void *sink, int depth, struct slice text)
{
    buffer_printf(sink, "%d:%.*s|", depth, SLICE_ARG(text));
}

static void setup(void)
{
    buffer_init(&told);
    answers_init(&answers);
    answers.element = on_element;
    answers.sink = &told;
}

static void teardown(void)
{
    answers_release(&answers);
    buffer_release(&told);
}

/* Fed a byte at a time: a reply may end anywhere. */
static enum answers_state feed(const char *bytes, struct answer *answer)
{
    enum answers_state state = ANSWERS_NONE;

    for (; *bytes != '\0' && state == ANSWERS_NONE; bytes++) {
        if (!answers_feed(&answers, bytes, 1))
            return ANSWERS_BROKEN;
        state = answers_take(&answers, answer);
    }
    return state;
}

static const struct {
    const char *bytes;
    enum answer_kind kind;
    int64_t integer;
    const char *text;
} whole[] = {
    {"+OK\r\n", ANSWER_TEXT, 0, "OK"},
    {"$3\r\na\nb\r\n", ANSWER_TEXT, 0, "a\nb"},
    {"$0\r\n\r\n", ANSWER_TEXT, 0, ""},
    {"-ERR no\r\n", ANSWER_ERROR, 0, "ERR no"},
    {":-7\r\n", ANSWER_INTEGER, -7, ""},
    {"$-1\r\n", ANSWER_NIL, 0, ""},
    {"*-1\r\n", ANSWER_NIL, 0, ""},
    {"*0\r\n", ANSWER_ARRAY, 0, ""},
    {"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n:5\r\n", ANSWER_ARRAY, 2, ""},
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+deep\r\n", ANSWER_ARRAY, 1, ""},
};

START_TEST(a_whole_reply)
{
    struct answer answer;

    ck_assert_int_eq(feed(whole[_i].bytes, &answer), ANSWERS_ONE);
    ck_assert_int_eq(answer.kind, whole[_i].kind);
    ck_assert_int_eq(answer.integer, whole[_i].integer);
    ck_assert(slice_equals(answer.text, slice_of(whole[_i].text)));
    ck_assert_int_eq(answers_take(&answers, &answer), ANSWERS_NONE);
}
END_TEST

START_TEST(elements_are_told_by_depth)
{
    struct answer answer;

    ck_assert_int_eq(feed(whole[8].bytes, &answer), ANSWERS_ONE);
    ck_assert_str_eq(told.ptr, "1:0|2:a|2:5|");
}
END_TEST

static const char *const broken[] = {
    "nonsense\r\n",
    "HTTP/1.1 400 Bad Request\r\n",
    "\r\n",
    "$x\r\n",
    "$-2\r\n",
    "$99999999999999999999\r\n",
    "*-2\r\n",
    "*99999999999999999999\r\n",
    ":\r\n",
    ":1x\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+too deep\r\n",
    ">1\r\n+push\r\n",
    "%1\r\n+a\r\n+b\r\n",
    "~1\r\n+a\r\n",
    "#t\r\n",
    ",1.5\r\n",
    "(12345678901234567890\r\n",
    "=5\r\ntxt:a\r\n",
    "*1\r\n>1\r\n+push\r\n",
    "*1\r\n#f\r\n",
};

START_TEST(what_is_no_reply)
{
    struct answer answer;

    ck_assert_int_eq(feed(broken[_i], &answer), ANSWERS_BROKEN);
    ck_assert_int_eq(answers_take(&answers, &answer), ANSWERS_BROKEN);
    answers_clear(&answers);
    ck_assert_int_eq(feed("+OK\r\n", &answer), ANSWERS_ONE);
}
END_TEST

static const char *const promises[] = {
    "$1099511627776\r\n",
    "*1099511627776\r\n",
    "*4294967295\r\n",
    "*2147483647\r\n*2147483647\r\n*2147483647\r\n",
};

START_TEST(a_promise_takes_no_memory)
{
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    struct answer answer;

    ck_assert_int_ne(feed(promises[_i], &answer), ANSWERS_ONE);
    ck_assert_uint_lt(mallinfo2().uordblks + mallinfo2().hblkhd, before + (64 << 10));
}
END_TEST

/* What goes on for ever, in pieces as they come from a socket. */
static const struct {
    const char *begin, *more;
} endless[] = {
    {"+", "xxxxxxxxxxxxxxxx"},
    {"-ERR ", "xxxxxxxxxxxxxxxx"},
    {"$1099511627776\r\n", "xxxxxxxxxxxxxxxx"},
    {"*4294967295\r\n", "$32\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"},
};

START_TEST(an_endless_reply_ends)
{
    struct buffer piece;
    struct answer answer;
    size_t fed = 0;

    answers.element = NULL;
    buffer_init(&piece);
    while (piece.len < 256 << 10)
        buffer_add_text(&piece, endless[_i].more);
    ck_assert_int_ne(feed(endless[_i].begin, &answer), ANSWERS_ONE);
    while (answers_feed(&answers, piece.ptr, piece.len)) {
        fed += piece.len;
        ck_assert_uint_le(fed, REPLY_MAX_BYTES);
        if (answers_take(&answers, &answer) == ANSWERS_BROKEN)
            break;
    }
    buffer_release(&piece);
}
END_TEST

START_TEST(kept_words_end)
{
    static const char word[] = "$32\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";
    struct answer answer;
    enum answers_state state;

    answers.keeps_words = true;
    state = feed("*4000000000\r\n", &answer);
    for (size_t nr = 0; state == ANSWERS_NONE && nr < REPLY_WORDS_BYTES; nr += 32) {
        ck_assert(answers_feed(&answers, word, sizeof(word) - 1));
        state = answers_take(&answers, &answer);
    }
    ck_assert_int_eq(state, ANSWERS_BROKEN);
    ck_assert_uint_le(answers.words.len, REPLY_WORDS_BYTES);
}
END_TEST

START_TEST(the_text_of_an_error_is_cut)
{
    struct buffer bytes;
    struct answer answer;

    buffer_init(&bytes);
    buffer_add_text(&bytes, "-ERR ");
    while (bytes.len < 100000)
        buffer_add_text(&bytes, "syntax error ");
    buffer_add_text(&bytes, "\r\n");
    ck_assert(answers_feed(&answers, bytes.ptr, bytes.len));
    ck_assert_int_eq(answers_take(&answers, &answer), ANSWERS_ONE);
    ck_assert_int_eq(answer.kind, ANSWER_ERROR);
    ck_assert_uint_eq(answer.text.len, REPLY_ERROR_BYTES);
    buffer_release(&bytes);
}
END_TEST

/* Small replies without end are no large reply. */
START_TEST(many_replies_are_no_large_one)
{
    static char bytes[(16 << 10) + 10];
    struct answer answer;

    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, "$16384\r\n", 8);
    memcpy(bytes + 8 + 16384, "\r\n", 2);
    for (size_t fed = 0; fed <= (size_t)REPLY_MAX_BYTES + sizeof(bytes); fed += sizeof(bytes)) {
        ck_assert(answers_feed(&answers, bytes, sizeof(bytes)));
        ck_assert_int_eq(answers_take(&answers, &answer), ANSWERS_ONE);
        ck_assert_uint_eq(answer.text.len, 16384);
    }
}
END_TEST

static Suite *answer_suite(void)
{
    Suite *suite = suite_create("answer");
    TCase *tcase = tcase_create("replies");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_whole_reply, 0, ARRAY_NR(whole));
    tcase_add_test(tcase, elements_are_told_by_depth);
    tcase_add_loop_test(tcase, what_is_no_reply, 0, ARRAY_NR(broken));
    tcase_add_loop_test(tcase, a_promise_takes_no_memory, 0, ARRAY_NR(promises));
    tcase_add_loop_test(tcase, an_endless_reply_ends, 0, ARRAY_NR(endless));
    tcase_add_test(tcase, kept_words_end);
    tcase_add_test(tcase, the_text_of_an_error_is_cut);
    tcase_add_test(tcase, many_replies_are_no_large_one);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(answer_suite)
