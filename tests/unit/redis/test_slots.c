/* Keys to slots, and CLUSTER SLOTS to a map. */
#include "tests/unit/check_main.h"

#include "consumers/redis/slots.h"

static struct slots slots;
static const struct redis_address asked = {"asked", 7000};

static void setup(void)
{
    slots_init(&slots);
}

static void teardown(void)
{
    slots_release(&slots);
}

/* "123456789" is CRC16/XMODEM's check value 0x31c3; the others are what CLUSTER KEYSLOT answers. */
static const struct {
    const char *key;
    uint16_t slot;
} keys[] = {
    {"123456789", 0x31c3},
    {"", 0},
    {"foo", 12182},
    {"bar", 5061},
    {"{foo}:v", 12182},
    {"a{foo}b{bar}", 12182},
    {"foo{}{bar}", 8363},
    {"foo{{bar}}zap", 4015},
    {"{user1000}.following", 3443},
    {"user1000", 3443},
    {"{", 4092},
};

START_TEST(a_key_has_its_slot)
{
    ck_assert_uint_eq(slots_of_key(slice_of(keys[_i].key)), keys[_i].slot);
}
END_TEST

/* A reply as its elements: depth and text, "3 host" ... */
static bool read_reply(const char *const *elements)
{
    struct error err = ERROR_INIT;

    slots_begin(&slots, &asked);
    for (; *elements != NULL; elements++)
        slots_element(&slots, (*elements)[0] - '0', slice_of(*elements + 2));
    return slots_end(&slots, &err);
}

static const char *const three_ranges[] = {
    "2 0",        "2 5460",  "3 10.0.0.1", "3 6379",     "3 id-a", "4 hostname", "4 one",
    "3 10.0.0.9", "3 6379",  "3 id-d",     "2 5461",     "2 9999", "3 ",         "3 6380",
    "3 id-b",     "2 10001", "2 16383",    "3 10.0.0.1", "3 6379", "3 id-a",     NULL};

START_TEST(a_map_is_read)
{
    ck_assert(read_reply(three_ranges));
    ck_assert_uint_eq(slots.owners_nr, 2);
    ck_assert_str_eq(slots_owner(&slots, 0)->host, "10.0.0.1");
    ck_assert_int_eq(slots_owner(&slots, 5460)->port, 6379);
    ck_assert_str_eq(slots_owner(&slots, 5461)->host, "asked");
    ck_assert_int_eq(slots_owner(&slots, 9999)->port, 6380);
    ck_assert_ptr_null(slots_owner(&slots, 10000));
    ck_assert_str_eq(slots_owner(&slots, 16383)->host, "10.0.0.1");
    ck_assert_uint_eq(slots_uncovered(&slots), 1);
}
END_TEST

static const char *const nonsense[][8] = {
    {"2 0", NULL},
    {"2 0", "2 100", NULL},
    {"2 0", "2 100", "3 host", NULL},
    {"2 0", "2 16384", "3 host", "3 1", NULL},
    {"2 100", "2 0", "3 host", "3 1", NULL},
    {"2 -1", "2 0", "3 host", "3 1", NULL},
    {"2 0", "2 1", "3 host", "3 70000", NULL},
    {"2 0", "2 1", "3 host", "3 port", NULL},
    {"2 zero", NULL},
};

START_TEST(nonsense_is_no_map)
{
    bool is_first_alone = _i == 0; /* a range without nodes says nothing, and does no harm */

    ck_assert(read_reply(nonsense[_i]) == is_first_alone);
}
END_TEST

START_TEST(one_slot_moves)
{
    struct slots other;

    ck_assert(read_reply(three_ranges));
    slots_init(&other);
    slots_swap(&slots, &other);
    ck_assert(read_reply(three_ranges));
    ck_assert(slots_equal(&slots, &other));
    slots_move(&slots, 7, &(struct redis_address){"10.0.0.7", 1});
    ck_assert(!slots_equal(&slots, &other));
    ck_assert_str_eq(slots_owner(&slots, 7)->host, "10.0.0.7");
    ck_assert_str_eq(slots_owner(&slots, 8)->host, "10.0.0.1");
    slots_release(&other);
}
END_TEST

static const struct {
    const char *text, *host;
    int port;
} redirections[] = {
    {"MOVED 3999 127.0.0.1:6381", "127.0.0.1", 6381},
    {"ASK 1 ::1:6381", "::1", 6381},
    {"MOVED 1 :6381", "asked", 6381},
    {"MOVED 1 ?:6381", "asked", 6381},
    {"MOVED 1 host", NULL, 0},
    {"MOVED", NULL, 0},
    {"MOVED 1 host:", NULL, 0},
};

START_TEST(a_redirection_names_a_node)
{
    struct redis_address to;
    bool is_read = slots_redirection(slice_of(redirections[_i].text), &asked, &to);

    ck_assert(is_read == (redirections[_i].host != NULL));
    if (!is_read)
        return;
    ck_assert_str_eq(to.host, redirections[_i].host);
    ck_assert_int_eq(to.port, redirections[_i].port);
}
END_TEST

static Suite *slots_suite(void)
{
    Suite *suite = suite_create("slots");
    TCase *tcase = tcase_create("slots");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_key_has_its_slot, 0, (int)(sizeof(keys) / sizeof(keys[0])));
    tcase_add_test(tcase, a_map_is_read);
    tcase_add_loop_test(tcase, nonsense_is_no_map, 0,
                        (int)(sizeof(nonsense) / sizeof(nonsense[0])));
    tcase_add_test(tcase, one_slot_moves);
    tcase_add_loop_test(tcase, a_redirection_names_a_node, 0,
                        (int)(sizeof(redirections) / sizeof(redirections[0])));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(slots_suite)
