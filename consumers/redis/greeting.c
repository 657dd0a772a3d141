#include "consumers/redis/greeting.h"

#include <stdio.h>
#include <string.h>

#include "consumers/base/decimal.h"
#include "consumers/redis/connection.h"
#include "consumers/redis/info.h"
#include "consumers/redis/reply_class.h"
#include "consumers/redis/resp.h"

enum { REDIS_MIN = 602, VALKEY_MIN = 702 };

static void add(struct connection *connection, enum greeting greeting, const struct slice *words,
                size_t n)
{
    resp_command(&connection->out, words, n);
    connection->greetings[connection->greetings_nr++] = greeting;
    connection_expect(connection, 1);
}

static bool write_auth(struct connection *connection, const char *user, const char *password)
{
    struct slice words[] = {SLICE("AUTH"), slice_of(user), slice_of(password)};

    if (password == NULL)
        return false;
    if (user == NULL)
        words[1] = words[2];
    resp_command(&connection->out, words, user != NULL ? 3 : 2);
    connection_expect(connection, 1);
    return true;
}

bool greeting_log_in(struct connection *connection, char *const *user, char *const *password)
{
    pthread_mutex_t *login = connection->target->login;
    bool is_asked;

    if (login != NULL)
        (void)pthread_mutex_lock(login);
    is_asked = write_auth(connection, *user, *password);
    if (login != NULL)
        (void)pthread_mutex_unlock(login);
    return is_asked;
}

static void add_select(struct connection *connection)
{
    char number[16];

    (void)snprintf(number, sizeof(number), "%d", connection->target->database);
    add(connection, GREETING_SELECT, (struct slice[]){SLICE("SELECT"), slice_of(number)}, 2);
}

void greeting_write(struct connection *connection)
{
    connection->greetings_nr = 0;
    connection->greetings_answered = 0;
    buffer_clear(&connection->answers.words);
    connection->server = (struct server){.version = 0};
    if (greeting_log_in(connection, &connection->target->user, &connection->target->password))
        connection->greetings[connection->greetings_nr++] = GREETING_AUTH;
    if (connection->target->database != 0)
        add_select(connection);
    add(connection, GREETING_NAME,
        (struct slice[]){SLICE("CLIENT"), SLICE("SETNAME"), SLICE("unstale")}, 3);
    add(connection, GREETING_INFO, (struct slice[]){SLICE("INFO"), SLICE("server")}, 2);
    if (connection->target->master != NULL)
        add(connection, GREETING_ROLE, (struct slice[]){SLICE("ROLE")}, 1);
}

/* "7.0.15" is 700; 0 when it is no version. */
static unsigned version_of(struct slice text)
{
    char copy[32] = "";
    unsigned major, minor;

    if (text.len == 0 || text.len >= sizeof(copy))
        return 0;
    memcpy(copy, text.ptr, text.len);
    if (sscanf(copy, "%3u.%2u", &major, &minor) != 2) /* NOLINT(cert-err34-c): bounded digits */
        return 0;
    return major * 100 + minor;
}

static void read_info(struct connection *connection, struct slice info)
{
    struct server *server = &connection->server;
    struct slice valkey = info_field(info, "valkey_version");
    struct slice run_id = info_field(info, "run_id");

    server->is_valkey = !slice_is_absent(valkey);
    server->version = version_of(server->is_valkey ? valkey : info_field(info, "redis_version"));
    server->is_cluster = info_is_cluster(info);
    if (run_id.len > 0 && run_id.len < sizeof(server->run_id))
        memcpy(server->run_id, run_id.ptr, run_id.len);
    if (server->version < (unsigned)(server->is_valkey ? VALKEY_MIN : REDIS_MIN))
        connection_fail(connection, ERROR_CONFIG,
                        "the server is too old: Redis 6.2 or Valkey 7.2 is the oldest that works");
}

static void refuse(struct connection *connection, struct slice text)
{
    char why[ERROR_TEXT_BYTES / 2];
    bool is_config = reply_classify(text) == REPLY_CONFIG;

    (void)snprintf(why, sizeof(why), "%.*s", SLICE_ARG(text));
    connection_fail(connection, is_config ? ERROR_CONFIG : ERROR_RETRY, why);
}

/* A Sentinel may not know yet, or no longer: who says of itself that it is the master counts. */
static void read_role(struct connection *connection)
{
    if (!slice_starts_with(buffer_slice(&connection->answers.words), SLICE("master\n")))
        connection_fail(connection, ERROR_RETRY, "the server is no master (any more)");
}

/* By greeting. */
static const char *const names[] = {"AUTH", "SELECT", "CLIENT", "INFO", "ROLE"};

/* The name is for people who look at CLIENT LIST: no reason to stay away without it. */
static bool is_fitting(enum greeting greeting, const struct answer *answer)
{
    switch (greeting) {
    case GREETING_NAME:
        return answer->kind == ANSWER_ERROR || answer_is_ok(answer);
    case GREETING_INFO:
        return answer->kind == ANSWER_TEXT;
    case GREETING_ROLE:
        return answer->kind == ANSWER_ARRAY;
    case GREETING_AUTH:
    case GREETING_SELECT:
        break;
    }
    return answer_is_ok(answer);
}

static void read_one(struct connection *connection, enum greeting greeting,
                     const struct answer *answer)
{
    if (answer->kind == ANSWER_ERROR && greeting != GREETING_NAME)
        refuse(connection, answer->text);
    else if (!is_fitting(greeting, answer))
        connection_disbelieve(connection, names[greeting]);
    else if (greeting == GREETING_INFO)
        read_info(connection, answer->text);
    else if (greeting == GREETING_ROLE)
        read_role(connection);
}

void greeting_read(struct connection *connection)
{
    struct answer answer;

    while (connection->greetings_answered < connection->greetings_nr) {
        enum greeting greeting = connection->greetings[connection->greetings_answered];

        if (!connection_answer(connection, &answer))
            return;
        connection->greetings_answered++;
        read_one(connection, greeting, &answer);
        /* Not before an answer is taken: the first words of one that comes in pieces are there by then. */
        buffer_clear(&connection->answers.words);
        if (connection->phase == CONNECTION_CLOSED)
            return;
    }
    connection->answers.keeps_words = false;
    connection->phase = CONNECTION_READY;
}
