#include "consumers/redis/companion.h"

/* What lies between the first { and the first } after it; absent when that is nothing. */
static struct slice hash_tag(struct slice key)
{
    const char *open = key.len > 0 ? memchr(key.ptr, '{', key.len) : NULL;
    const char *end = key.ptr + key.len;
    const char *close = open != NULL ? memchr(open, '}', (size_t)(end - open)) : NULL;

    if (close == NULL || close == open + 1)
        return SLICE_ABSENT;
    return (struct slice){open + 1, (size_t)(close - open - 1)};
}

static bool has_brace(struct slice key)
{
    return key.len > 0 &&
           (memchr(key.ptr, '{', key.len) != NULL || memchr(key.ptr, '}', key.len) != NULL);
}

bool companion_write(struct slice key, struct buffer *out)
{
    struct slice tag = hash_tag(key);
    bool is_whole = !has_brace(key);

    if (!is_whole && slice_is_absent(tag))
        return false;
    buffer_add_char(out, '{');
    buffer_add(out, is_whole ? key : tag);
    if (is_whole) {
        buffer_add_text(out, "}:v");
        return true;
    }
    buffer_add_text(out, "}:unstale:v:");
    buffer_add(out, key);
    return true;
}

bool companion_is_possible(struct slice key)
{
    return !has_brace(key) || !slice_is_absent(hash_tag(key));
}

bool companion_is(struct slice key)
{
    struct slice tag, rest;

    if (key.len == 0 || key.ptr[0] != '{')
        return false;
    tag = hash_tag(key);
    if (slice_is_absent(tag))
        return false;
    rest = (struct slice){tag.ptr + tag.len, key.len - tag.len - 1};
    if (slice_equals(rest, SLICE("}:v")))
        return !has_brace(tag);
    return slice_starts_with(rest, SLICE("}:unstale:v:"));
}
