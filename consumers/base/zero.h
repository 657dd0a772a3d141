/*
 * zero - fills a structure with zeros where that is done for every event.
 *
 * At -O2 gcc makes `rep stos` of a memset() or an initializer of more than some 128 bytes whose size
 * it knows; to start that takes longer than the stores take in all (two of them were a fifth of
 * decoding). Of pieces of this size it makes the stores, and no call.
 */
#ifndef CONSUMERS_BASE_ZERO_H
#define CONSUMERS_BASE_ZERO_H

#include <stddef.h>
#include <string.h>

enum { ZERO_PIECE_BYTES = 64 };

static inline void zero_bytes(void *memory, size_t bytes)
{
    char *piece = memory;

    for (; bytes >= ZERO_PIECE_BYTES; bytes -= ZERO_PIECE_BYTES, piece += ZERO_PIECE_BYTES)
        memset(piece, 0, ZERO_PIECE_BYTES);
    memset(piece, 0, bytes);
}

#endif
