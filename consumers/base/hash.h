/*
 * hash - 64-bit hashes for tables, by xxHash (XXH3), and digests for names, by libcrypto.
 *
 * The table hash is not a secret and not stable across versions: it never leaves the process.
 */
#ifndef CONSUMERS_BASE_HASH_H
#define CONSUMERS_BASE_HASH_H

#include <stdint.h>

#include "consumers/base/slice.h"

uint64_t hash_slice(struct slice text);
uint64_t hash_slice_nocase(struct slice text); /* ASCII letters folded */
uint64_t hash_mix(uint64_t hash, uint64_t more);

enum digest { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256 };

enum { DIGEST_HEX_BYTES = 64 }; /* of the longest */

/* Lower-case hexadecimal of the digest into out (not NUL-terminated); returns its length. */
size_t digest_hex(enum digest kind, struct slice bytes, char out[static DIGEST_HEX_BYTES]);

#endif
