#include "consumers/redis/purge_news.h"

#include <string.h>

#include "consumers/redis/reply_class.h"
#include "consumers/redis/resp.h"

void purge_news_ask(struct connection *connection)
{
    struct slice command[] = {SLICE("CLUSTER"), SLICE("NODES")};

    resp_command(&connection->out, command, 2);
    connection_expect(connection, 1);
}

static bool has(struct slice text, const char *mark)
{
    return memmem(text.ptr, text.len, mark, strlen(mark)) != NULL;
}

bool purge_news_take(struct connection *connection, const struct answer *answer, bool *has_open)
{
    if (answer->kind == ANSWER_TEXT)
        *has_open = has(answer->text, "->-") || has(answer->text, "-<-");
    else if (answer->kind != ANSWER_ERROR)
        connection_disbelieve(connection, "CLUSTER NODES");
    else if (reply_classify(answer->text) == REPLY_CONFIG)
        *has_open = false;
    else
        return false;
    return true;
}
