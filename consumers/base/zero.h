/*
 * zero - fills a structure with zeros where that is done for every event.
 *
 * At -O2 gcc makes `rep stos` of a memset() or an initializer of more than some 128 bytes whose size
 * it knows; to start that takes longer than the C library's vector stores take in all (two of them
 * were a fifth of decoding). The size is hidden from the compiler, so that the library is called.
 */
#ifndef CONSUMERS_BASE_ZERO_H
#define CONSUMERS_BASE_ZERO_H

#include <stddef.h>
#include <string.h>

static inline void zero_bytes(void *memory, size_t bytes)
{
    __asm__("" : "+r"(bytes));
    memset(memory, 0, bytes);
}

#endif
