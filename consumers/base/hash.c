#define XXH_INLINE_ALL
#include "consumers/base/hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>
#include <xxhash.h>

#include "consumers/base/compiler.h"
#include "consumers/base/fold.h"

uint64_t hash_slice(struct slice text)
{
    return XXH3_64bits(text.len ? text.ptr : "", text.len);
}

/* For tables whose names are ours: whoever asks may make his names collide, but no table grows by it. */
uint64_t hash_slice_nocase(struct slice text)
{
    uint64_t hash = text.len;
    size_t at = 0;

    for (; text.len - at >= 8; at += 8)
        hash = hash_mix(hash, fold_eight(text.ptr + at));
    return at == text.len ? hash : hash_mix(hash, fold_tail(text.ptr, text.len, at));
}

uint64_t hash_mix(uint64_t hash, uint64_t more)
{
    /* The two are not treated alike: (a, b) and (b, a) are different pairs. */
    hash = (hash ^ (hash >> 32)) * UINT64_C(0x9e3779b97f4a7c15) ^ more;
    hash = (hash ^ (hash >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return hash ^ (hash >> 32);
}

static const char *const digest_names[] = {
    [DIGEST_MD5] = "MD5",
    [DIGEST_SHA1] = "SHA1",
    [DIGEST_SHA256] = "SHA256",
};

/* Written once, before any use. NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables) */
static pthread_once_t digests_once = PTHREAD_ONCE_INIT;
static EVP_MD *digests[ARRAY_NR(digest_names)];
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

/*
 * A private library context with the default provider: MD5 here names cache keys as Django does and
 * protects nothing, so it must work also where the system's configuration is in FIPS mode.
 */
static void fetch_digests(void)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

    if (context == NULL || OSSL_PROVIDER_load(context, "default") == NULL)
        abort();
    for (size_t i = 0; i < ARRAY_NR(digests); i++) {
        digests[i] = EVP_MD_fetch(context, digest_names[i], "-fips");
        if (digests[i] == NULL)
            abort();
    }
}

size_t digest_hex(enum digest kind, struct slice bytes, char out[static DIGEST_HEX_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned len;

    pthread_once(&digests_once, fetch_digests);
    if (EVP_Digest(bytes.len ? bytes.ptr : "", bytes.len, raw, &len, digests[kind], NULL) != 1)
        abort();
    assert(2 * len <= DIGEST_HEX_BYTES);
    for (unsigned i = 0; i < len; i++) {
        out[2 * i] = hex[raw[i] >> 4];
        out[2 * i + 1] = hex[raw[i] & 15];
    }
    return 2 * (size_t)len;
}
