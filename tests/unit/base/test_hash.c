#include "consumers/base/hash.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "consumers/base/compiler.h"
#include "tests/unit/base/assert_slice.h"
#include "tests/unit/check_main.h"

/* RFC 1321 A.5, RFC 3174 and FIPS 180-2 B. */
static const struct {
    enum digest kind;
    const char *text;
    const char *hex;
} vectors[] = {
    {DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
    {DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
    {DIGEST_MD5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
    {DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {DIGEST_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {DIGEST_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
};

START_TEST(md5_where_only_fips_is_allowed)
{
    char out[DIGEST_HEX_BYTES];

    ck_assert_int_eq(EVP_default_properties_enable_fips(NULL, 1), 1);
    ck_assert_ptr_null(EVP_MD_fetch(NULL, "MD5", NULL));
    ck_assert_uint_eq(digest_hex(DIGEST_MD5, SLICE("abc"), out), 32);
    ck_assert_mem_eq(out, vectors[1].hex, 32);
    EVP_default_properties_enable_fips(NULL, 0);
}
END_TEST

START_TEST(digests)
{
    char out[DIGEST_HEX_BYTES];
    size_t len = digest_hex(vectors[_i].kind, slice_of(vectors[_i].text), out);

    assert_slice(((struct slice){out, len}), slice_of(vectors[_i].hex));
}
END_TEST

START_TEST(equal_bytes_have_equal_hashes)
{
    char copy[] = "shop.Product";

    ck_assert(hash_slice(SLICE("shop.Product")) == hash_slice(slice_of(copy)));
    ck_assert(hash_slice(SLICE("shop.Product")) != hash_slice(SLICE("shop.product")));
    ck_assert(hash_slice(SLICE_ABSENT) == hash_slice(SLICE("")));
    ck_assert(hash_slice((struct slice){"a\0b", 3}) != hash_slice((struct slice){"a\0c", 3}));
}
END_TEST

START_TEST(case_is_folded_at_any_length)
{
    char lower[1000];
    char upper[1000];

    memset(lower, 'q', sizeof(lower));
    memset(upper, 'Q', sizeof(upper));
    for (size_t len = 0; len <= sizeof(lower); len++) {
        struct slice a = {lower, len};
        struct slice b = {upper, len};

        ck_assert(hash_slice_nocase(a) == hash_slice_nocase(b));
    }
    ck_assert(hash_slice_nocase(SLICE_ABSENT) == hash_slice_nocase(SLICE("")));
    ck_assert(hash_slice_nocase(SLICE("[")) != hash_slice_nocase(SLICE("{")));
    ck_assert(hash_slice_nocase(SLICE("\xc3\x89")) != hash_slice_nocase(SLICE("\xc3\xa9")));
}
END_TEST

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    return (*x > *y) - (*x < *y);
}

START_TEST(numbers_in_a_row_spread)
{
    static uint64_t hashes[40000];
    size_t nr = 0;
    unsigned low[256] = {0};

    for (unsigned i = 0; i < 10000; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%u", i);
        hashes[nr++] = hash_slice(slice_of(text));
        hashes[nr++] = hash_slice_nocase((struct slice){text, strlen(text) + 1});
        hashes[nr++] = hash_mix(1, i);
        hashes[nr++] = hash_mix(i + 2, 1);
        low[hash_mix(1, i) % 256]++;
    }
    for (size_t i = 0; i < 256; i++)
        ck_assert(low[i] > 10 && low[i] < 80);
    qsort(hashes, nr, sizeof(hashes[0]), by_value);
    for (size_t i = 1; i < nr; i++)
        ck_assert(hashes[i] != hashes[i - 1]);
}
END_TEST

static Suite *hash_suite(void)
{
    Suite *suite = suite_create("hash");
    TCase *tests = tcase_create("hash");

    tcase_add_test(tests, md5_where_only_fips_is_allowed);
    tcase_add_loop_test(tests, digests, 0, (int)ARRAY_NR(vectors));
    tcase_add_test(tests, equal_bytes_have_equal_hashes);
    tcase_add_test(tests, case_is_folded_at_any_length);
    tcase_add_test(tests, numbers_in_a_row_spread);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(hash_suite)
