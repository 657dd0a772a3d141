/*
 * fold - ASCII letters to lower case, eight bytes at a time; private to this room.
 *
 * Bytes above 127 stay as they are: the highest bit of each byte is kept out of the sums, so none
 * carries into its neighbour.
 */
#ifndef CONSUMERS_BASE_FOLD_H
#define CONSUMERS_BASE_FOLD_H

#include <stdint.h>
#include <string.h>

static inline uint64_t fold_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = word & (ones * 0x7f);
    uint64_t from_a = low + ones * (0x80 - 'A');
    uint64_t above_z = low + ones * (0x7f - 'Z');
    uint64_t upper = (from_a ^ above_z) & ~word & (ones * 0x80);

    return word | upper >> 2;
}

/* The eight bytes from here. */
static inline uint64_t fold_eight(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    return fold_word(word);
}

/*
 * The last bytes of a text from `at` on, at most eight, folded: with those before them up to eight when
 * there are any, else with zeros behind them.
 */
static inline uint64_t fold_tail(const char *text, size_t len, size_t at)
{
    uint64_t word = 0;

    if (len >= sizeof(word))
        return fold_eight(text + len - sizeof(word));
    memcpy(&word, text + at, len - at);
    return fold_word(word);
}

#endif
