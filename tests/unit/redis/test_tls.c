/* TLS to a real server: whom it trusts, and that the executor works over it. */
#include "tests/unit/check_main.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/unit/redis/ops.h"
#include "tests/unit/redis/server.h"

static struct server_process server;
static struct executor *executor;
static struct executor_stats stats;
static struct ops ops;
static char folder[64], key_path[128], cert_path[128], port[8];

static void write_pem(EVP_PKEY *key, X509 *cert)
{
    FILE *file = fopen(key_path, "w");

    ck_assert(file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    (void)fclose(file);
    file = fopen(cert_path, "w");
    ck_assert(file != NULL && PEM_write_X509(file, cert) == 1);
    (void)fclose(file);
}

/* Signed by itself, for the name localhost. */
static void make_certificate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");

    ck_assert(key != NULL && cert != NULL && name != NULL);
    (void)X509_set_version(cert, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                     (const unsigned char *)"test", -1, -1, 0);
    (void)X509_set_issuer_name(cert, X509_get_subject_name(cert));
    (void)X509_set_pubkey(cert, key);
    (void)X509_add_ext(cert, name, -1);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    write_pem(key, cert);
    X509_EXTENSION_free(name);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void find_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(port, sizeof(port), "%u", ntohs(address.sin_port));
    (void)close(fd);
}

static void setup(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/unstale-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(key_path, sizeof(key_path), "%s/key.pem", folder);
    (void)snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", folder);
    make_certificate();
    find_port();
    server_start(&server, (const char *const[]){"--tls-port", port, "--tls-cert-file", cert_path,
                                                "--tls-key-file", key_path, "--tls-auth-clients",
                                                "no", "--tls-ca-cert-file", cert_path, NULL});
    ops_clear(&ops);
}

static void teardown(void)
{
    executor_free(executor);
    server_stop(&server);
    (void)unlink(key_path);
    (void)unlink(cert_path);
    (void)rmdir(folder);
}

static void begin(const char *host, const char *ca)
{
    char url[64];

    redis_target_release(&server.target);
    (void)snprintf(url, sizeof(url), "rediss://%s:%s", host, port);
    ck_assert(redis_target_parse(&server.target, SLICE("default"), slice_of(url), NULL));
    server.target.tls_ca = ca != NULL ? strdup(ca) : NULL;
    executor = executor_new(&server.target, 1, &stats);
}

START_TEST(a_trusted_server_is_used)
{
    static char value[3 << 20];

    begin("localhost", cert_path);
    ck_assert_int_eq(executor_ready(executor, 10000), EXECUTOR_DONE);
    memset(value, 'x', sizeof(value) - 1);
    ops_refresh(&ops, "big", value);
    ops_delete(&ops, "other");
    ops_bump(&ops, "counter", 1, 4000000000000);
    ops_run(&ops, executor);
    ck_assert_int_eq(server_integer(&server, "STRLEN big"), sizeof(value) - 1);
    ck_assert_str_eq(server_text(&server, "GET counter"), "4000000000000");
}
END_TEST

START_TEST(a_killed_server_is_found_again)
{
    begin("localhost", cert_path);
    ck_assert_int_eq(executor_ready(executor, 10000), EXECUTOR_DONE);
    server_restart(&server);
    ops_refresh(&ops, "k", "v");
    ops_delete(&ops, "k2");
    ops_run(&ops, executor);
}
END_TEST

static const struct {
    const char *host;
    bool has_ca;
    const char *trouble;
} refused[] = {
    {"127.0.0.1", true, "IP address mismatch"},
    {"localhost", false, "self"},
};

START_TEST(another_server_is_refused)
{
    begin(refused[_i].host, refused[_i].has_ca ? cert_path : NULL);
    ck_assert_msg(executor_ready(executor, 1000) == EXECUTOR_CONFIG, "%s",
                  executor_trouble(executor));
    ck_assert_msg(strstr(executor_trouble(executor), refused[_i].trouble) != NULL, "%s",
                  executor_trouble(executor));
}
END_TEST

START_TEST(a_ca_that_is_not_there_is_named)
{
    begin("localhost", "/nonexistent.pem");
    ck_assert_int_eq(executor_ready(executor, 1000), EXECUTOR_CONFIG);
    ck_assert_msg(strstr(executor_trouble(executor), "tls ca") != NULL, "%s",
                  executor_trouble(executor));
}
END_TEST

static Suite *tls_suite(void)
{
    Suite *suite = suite_create("tls");
    TCase *tcase = tcase_create("on a server");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_trusted_server_is_used);
    tcase_add_test(tcase, a_killed_server_is_found_again);
    tcase_add_loop_test(tcase, another_server_is_refused, 0,
                        (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_test(tcase, a_ca_that_is_not_there_is_named);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(tls_suite)
