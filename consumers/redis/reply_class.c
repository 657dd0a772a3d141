#include "consumers/redis/reply_class.h"

struct known {
    const char *text;
    enum reply_class is;
};

/* First words that stand for themselves. */
static const struct known words[] = {
    {"LOADING", REPLY_TRANSIENT},
    {"BUSY", REPLY_TRANSIENT},
    {"MASTERDOWN", REPLY_TRANSIENT},
    {"TRYAGAIN", REPLY_TRANSIENT},
    {"CLUSTERDOWN", REPLY_TRANSIENT},
    {"NOREPLICAS", REPLY_TRANSIENT},
    {"MISCONF", REPLY_TRANSIENT},
    {"READONLY", REPLY_TOPOLOGY},
    {"OOM", REPLY_OOM},
    {"NOSCRIPT", REPLY_NOSCRIPT},
    {"NOAUTH", REPLY_CONFIG},
    {"WRONGPASS", REPLY_CONFIG},
    {"NOPERM", REPLY_CONFIG},
    {"MOVED", REPLY_CONFIG},
    {"ASK", REPLY_CONFIG},
    {"CROSSSLOT", REPLY_CONFIG},
    {"DENIED", REPLY_CONFIG},
    {"WRONGTYPE", REPLY_POISON},
    {"NOTACOUNTER", REPLY_POISON},
};

/* How texts after the word ERR begin. */
static const struct known sentences[] = {
    {"unknown command", REPLY_CONFIG},
    {"unknown subcommand", REPLY_CONFIG},
    {"invalid password", REPLY_CONFIG},
    {"AUTH ", REPLY_CONFIG},
    {"Client sent AUTH", REPLY_CONFIG},
    {"DB index is out of range", REPLY_CONFIG},
    {"invalid DB index", REPLY_CONFIG},
    {"SELECT is not allowed in cluster mode", REPLY_CONFIG},
    {"max number of clients reached", REPLY_TRANSIENT},
    {"value is not an integer", REPLY_POISON},
    {"increment or decrement would overflow", REPLY_POISON},
    {"invalid expire time", REPLY_POISON},
    {"syntax error", REPLY_POISON},
    {"wrong number of arguments", REPLY_POISON},
    {"string exceeds maximum allowed size", REPLY_POISON},
    {"Error compiling script", REPLY_POISON},
    {"user_script", REPLY_POISON},
};

static bool begins_nocase(struct slice text, struct slice with)
{
    return text.len >= with.len && slice_equals_nocase((struct slice){text.ptr, with.len}, with);
}

static struct slice skip(struct slice text, size_t bytes)
{
    return (struct slice){text.ptr + bytes, text.len - bytes};
}

static bool begins_with_word(struct slice text, struct slice word)
{
    return slice_starts_with(text, word) && (text.len == word.len || text.ptr[word.len] == ' ');
}

static enum reply_class class_by_word(struct slice text)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (begins_with_word(text, slice_of(words[i].text)))
            return words[i].is;
    }
    return REPLY_UNKNOWN;
}

static enum reply_class class_by_sentence(struct slice text)
{
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        if (begins_nocase(text, slice_of(sentences[i].text)))
            return sentences[i].is;
    }
    return REPLY_UNKNOWN;
}

/* Redis 6.2 wraps what a command inside a script said: "…: -OOM command not allowed …". */
static enum reply_class class_inside(struct slice text)
{
    for (struct slice rest = text; rest.len > 0; rest = skip(rest, 1)) {
        struct slice word = rest.ptr[0] == '-' ? skip(rest, 1) : rest;
        enum reply_class found;

        if (rest.ptr != text.ptr && rest.ptr[-1] != ' ')
            continue;
        found = class_by_word(word);
        if (found != REPLY_UNKNOWN)
            return found;
    }
    return REPLY_POISON;
}

enum reply_class reply_classify(struct slice error_text)
{
    struct slice generic = SLICE("ERR");

    if (!begins_with_word(error_text, generic))
        return class_by_word(error_text);
    if (error_text.len == generic.len)
        return REPLY_UNKNOWN;
    error_text = skip(error_text, generic.len + 1);
    if (slice_starts_with(error_text, SLICE("Error running script")))
        return class_inside(error_text);
    return class_by_sentence(error_text);
}
