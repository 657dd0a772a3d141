#include "consumers/rules/holds.h"

#include "consumers/base/decimal.h"
#include "consumers/base/text.h"

/* The text begins with this piece, which holds no star; \\ takes the next byte literally. */
static bool piece_fits(struct slice piece, struct slice text, size_t *used)
{
    size_t at = 0;

    for (size_t i = 0; i < piece.len; i++, at++) {
        i += piece.ptr[i] == '\\' && i + 1 < piece.len;
        if (at == text.len || piece.ptr[i] != text.ptr[at])
            return false;
    }
    *used = at;
    return true;
}

/* Up to the next star that means one. */
static struct slice next_piece(struct slice pattern)
{
    size_t len = 0;

    while (len < pattern.len && pattern.ptr[len] != '*')
        len += pattern.ptr[len] == '\\' && len + 1 < pattern.len ? 2 : 1;
    return (struct slice){pattern.ptr, len};
}

/* The first place where a piece fits is the best one; the last piece must reach the end. */
static bool wildcard_match(struct slice pattern, struct slice text)
{
    bool after_star = false;

    for (;;) {
        struct slice piece = next_piece(pattern);
        bool is_last = piece.len == pattern.len;
        size_t used = 0;

        while (!piece_fits(piece, text, &used) || (is_last && used != text.len)) {
            if (!after_star || text.len == 0)
                return false;
            text = (struct slice){text.ptr + 1, text.len - 1};
        }
        if (is_last)
            return true;
        text = (struct slice){text.ptr + used, text.len - used};
        pattern = (struct slice){pattern.ptr + piece.len + 1, pattern.len - piece.len - 1};
        after_star = true;
    }
}

static bool test_exact(const struct test *test, const struct field *field)
{
    if (test->type != field->type)
        return false;
    if (test->type == VALUE_NUMBER)
        return decimal_compare(test->text, field->text) == 0;
    return test->type != VALUE_STRING || slice_equals(test->text, field->text);
}

static bool bound_holds(const struct numeric_bound *bound, struct slice number)
{
    int order = decimal_compare(number, bound->number);

    switch (bound->op) {
    case NUMERIC_EQ:
        return order == 0;
    case NUMERIC_LT:
        return order < 0;
    case NUMERIC_LE:
        return order <= 0;
    case NUMERIC_GT:
        return order > 0;
    case NUMERIC_GE:
        return order >= 0;
    }
    return false;
}

/* Decimals are sent as strings too. */
static bool test_numeric(const struct test *test, const struct field *field)
{
    if (field->type != VALUE_NUMBER &&
        !(field->type == VALUE_STRING && decimal_is_number(field->text)))
        return false;
    for (size_t i = 0; i < test->bounds_nr; i++) {
        if (!bound_holds(&test->bounds[i], field->text))
            return false;
    }
    return true;
}

static bool test_text(const struct test *test, const struct field *field)
{
    if (field->type != VALUE_STRING)
        return false;
    switch (test->kind) {
    case TEST_PREFIX:
        return slice_starts_with(field->text, test->text);
    case TEST_SUFFIX:
        return slice_ends_with(field->text, test->text);
    case TEST_EQUALS_IGNORE_CASE:
        return text_equals_ignore_case(field->text, test->text);
    case TEST_WILDCARD:
        return wildcard_match(test->text, field->text);
    case TEST_EXACT:
    case TEST_ANYTHING_BUT:
    case TEST_NUMERIC:
    case TEST_EXISTS:
        break;
    }
    return false;
}

bool test_holds(const struct test *test, const struct field *field)
{
    switch (test->kind) {
    case TEST_EXACT:
        return test_exact(test, field);
    case TEST_NUMERIC:
        return test_numeric(test, field);
    case TEST_EXISTS:
        return test->exists;
    case TEST_ANYTHING_BUT:
        for (size_t i = 0; i < test->inner_nr; i++) {
            if (test_holds(&test->inner[i], field))
                return false;
        }
        return true;
    case TEST_PREFIX:
    case TEST_SUFFIX:
    case TEST_EQUALS_IGNORE_CASE:
    case TEST_WILDCARD:
        break;
    }
    return test_text(test, field);
}
