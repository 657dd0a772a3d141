#include "consumers/base/suggest.h"

static unsigned allowed(struct slice typed)
{
    return typed.len < 6 ? 1 : (unsigned)(typed.len / 3);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool are_swapped(struct slice a, size_t i, struct slice b, size_t j)
{
    return i > 1 && j > 1 && fold(a.ptr[i - 1]) == fold(b.ptr[j - 2]) &&
           fold(a.ptr[i - 2]) == fold(b.ptr[j - 1]);
}

/* Three rows of the table are alive at a time: row i stands in rows[i % 3]. */
static unsigned distance(struct slice a, struct slice b)
{
    unsigned rows[3][SUGGEST_BYTES_MAX + 1];

    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned changed = fold(a.ptr[i - 1]) != fold(b.ptr[j - 1]);

            row[j] = least(above[j - 1] + changed, least(above[j], row[j - 1]) + 1);
            if (are_swapped(a, i, b, j))
                row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

void suggest_init(struct suggest *suggest, struct slice typed)
{
    suggest->typed = typed;
    suggest->best = SLICE_ABSENT;
    suggest->distance = allowed(typed) + 1;
}

void suggest_offer(struct suggest *suggest, struct slice candidate)
{
    unsigned far;

    if (suggest->typed.len > SUGGEST_BYTES_MAX || candidate.len > SUGGEST_BYTES_MAX)
        return;
    far = distance(suggest->typed, candidate);
    if (far < suggest->distance) {
        suggest->best = candidate;
        suggest->distance = far;
    }
}
