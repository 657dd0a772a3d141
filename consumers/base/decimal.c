#include "consumers/base/decimal.h"

/*
 * A number as 0.D1D2D3... * 10^scale with D1 != 0, without copying its digits: they stand in
 * `whole` and then in `fraction`, of which `skip` leading zeros do not count.
 */
struct parts {
    bool negative;
    struct slice whole;
    struct slice fraction;
    size_t skip;
    size_t digits; /* that count; 0 for zero */
    int64_t scale;
};

/* Beyond this, exponents are taken as equal: no such number is ever a key or a version. */
static const int64_t exponent_limit = (int64_t)1 << 58;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct slice take_digits(struct slice *rest)
{
    struct slice digits = {rest->ptr, 0};

    while (digits.len < rest->len && is_digit(rest->ptr[digits.len]))
        digits.len++;
    rest->ptr += digits.len;
    rest->len -= digits.len;
    return digits;
}

static bool take_char(struct slice *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    rest->ptr++;
    rest->len--;
    return true;
}

static bool take_exponent(struct slice *rest, int64_t *exponent)
{
    struct slice digits;
    bool negative;

    if (!take_char(rest, 'e') && !take_char(rest, 'E'))
        return true;
    negative = take_char(rest, '-');
    if (!negative)
        take_char(rest, '+');
    digits = take_digits(rest);
    for (size_t i = 0; i < digits.len && *exponent < exponent_limit; i++)
        *exponent = *exponent * 10 + (digits.ptr[i] - '0');
    if (*exponent > exponent_limit)
        *exponent = exponent_limit;
    if (negative)
        *exponent = -*exponent;
    return digits.len > 0;
}

static char digit_at(const struct parts *p, size_t at)
{
    at += p->skip;
    return at < p->whole.len ? p->whole.ptr[at] : p->fraction.ptr[at - p->whole.len];
}

static void normalise(struct parts *p, int64_t exponent)
{
    size_t all = p->whole.len + p->fraction.len;

    p->skip = 0;
    while (p->skip < all && digit_at(p, 0) == '0')
        p->skip++;
    p->digits = all - p->skip;
    p->scale = exponent + (int64_t)p->whole.len - (int64_t)p->skip;
}

static bool parse(struct slice text, struct parts *p)
{
    struct slice rest = text;
    int64_t exponent = 0;

    if (slice_is_absent(text))
        return false;
    p->negative = take_char(&rest, '-');
    p->whole = take_digits(&rest);
    p->fraction = (struct slice){rest.ptr, 0};
    if (p->whole.len == 0 || (p->whole.len > 1 && p->whole.ptr[0] == '0'))
        return false;
    if (take_char(&rest, '.')) {
        p->fraction = take_digits(&rest);
        if (p->fraction.len == 0)
            return false;
    }
    if (!take_exponent(&rest, &exponent) || rest.len > 0)
        return false;
    normalise(p, exponent);
    return true;
}

bool decimal_is_number(struct slice text)
{
    struct parts p;

    return parse(text, &p);
}

static int sign(const struct parts *p)
{
    if (p->digits == 0)
        return 0;
    return p->negative ? -1 : 1;
}

static int compare_size(const struct parts *a, const struct parts *b)
{
    size_t longer = a->digits > b->digits ? a->digits : b->digits;

    if (a->scale != b->scale)
        return a->scale < b->scale ? -1 : 1;
    for (size_t i = 0; i < longer; i++) {
        char x = i < a->digits ? digit_at(a, i) : '0';
        char y = i < b->digits ? digit_at(b, i) : '0';

        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

int decimal_compare(struct slice a, struct slice b)
{
    struct parts x;
    struct parts y;
    int sign_x;
    int sign_y;

    if (!parse(a, &x) || !parse(b, &y))
        return slice_compare(a, b);
    sign_x = sign(&x);
    sign_y = sign(&y);
    if (sign_x != sign_y)
        return sign_x < sign_y ? -1 : 1;
    return sign_x * compare_size(&x, &y);
}

/* The digits of an integer that fits 64 bits, without its sign. */
static bool integer_size(struct slice text, bool *negative, uint64_t *size)
{
    struct slice rest = text;
    struct slice digits;
    uint64_t value = 0;

    if (slice_is_absent(text))
        return false;
    *negative = take_char(&rest, '-');
    digits = take_digits(&rest);
    if (digits.len == 0 || rest.len > 0 || (digits.len > 1 && digits.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digits.ptr[i] - '0'), &value))
            return false;
    }
    *size = value;
    return true;
}

bool decimal_to_int64(struct slice text, int64_t *number)
{
    bool negative;
    uint64_t size;

    if (!integer_size(text, &negative, &size) || size > (uint64_t)INT64_MAX + negative)
        return false;
    if (negative)
        *number = size > 0 ? -(int64_t)(size - 1) - 1 : 0;
    else
        *number = (int64_t)size;
    return true;
}

bool decimal_to_uint64(struct slice text, uint64_t *number)
{
    bool negative;
    uint64_t size;

    if (!integer_size(text, &negative, &size) || (negative && size > 0))
        return false;
    *number = size;
    return true;
}
