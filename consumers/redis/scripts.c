#include "consumers/redis/scripts.h"

#include <string.h>

#include "consumers/base/hash.h"

struct source {
    struct slice body;
    bool is_allowed_at_full_memory;
};

static struct source source_of(enum script_name name)
{
    switch (name) {
    case SCRIPT_BUMP:
        return (struct source){{script_bump, script_bump_len}, true};
    case SCRIPT_REFRESH:
        return (struct source){{script_refresh, script_refresh_len}, false};
    case SCRIPT_EXPIRE:
        return (struct source){{script_expire, script_expire_len}, true};
    case SCRIPT_GUARDED_DELETE:
        break;
    }
    return (struct source){{script_guarded_delete, script_guarded_delete_len}, true};
}

static void script_build(struct script *script, struct source source, bool has_flags)
{
    char digest[DIGEST_HEX_BYTES];

    buffer_init(&script->text);
    if (has_flags && source.is_allowed_at_full_memory)
        buffer_add_text(&script->text, "#!lua flags=allow-oom\n");
    buffer_add(&script->text, (struct slice){script_compare, script_compare_len});
    buffer_add(&script->text, source.body);
    buffer_add(&script->text, (struct slice){script_each, script_each_len});
    (void)digest_hex(DIGEST_SHA1, buffer_slice(&script->text), digest);
    memcpy(script->sha, digest, SCRIPT_SHA_BYTES);
}

void scripts_init(struct scripts *scripts)
{
    for (int flags = 0; flags < 2; flags++) {
        for (int name = 0; name < SCRIPT_NR; name++)
            script_build(&scripts->of[flags][name], source_of((enum script_name)name), flags);
    }
}

void scripts_release(struct scripts *scripts)
{
    for (int flags = 0; flags < 2; flags++) {
        for (int name = 0; name < SCRIPT_NR; name++)
            buffer_release(&scripts->of[flags][name].text);
    }
}

const struct script *scripts_get(const struct scripts *scripts, enum script_name name,
                                 bool has_flags)
{
    return &scripts->of[has_flags][name];
}

/* Takes a number and what parts it from the next; false: there is none, or it is over `most`. */
static bool take_number(struct slice *text, uint64_t most, uint64_t *number)
{
    size_t digits = 0;

    *number = 0;
    while (digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9') {
        *number = *number * 10 + (uint64_t)(text->ptr[digits++] - '0');
        if (*number > most)
            return false;
    }
    if (digits == 0 || (digits < text->len && text->ptr[digits] != ' '))
        return false;
    *text = digits < text->len ? (struct slice){text->ptr + digits + 1, text->len - digits - 1}
                               : (struct slice){text->ptr + digits, 0};
    return true;
}

bool script_failures_read(struct script_failures *failures, struct slice text, uint32_t ops_nr)
{
    uint64_t place, last = 0;

    failures->nr = 0;
    if (!take_number(&text, ops_nr, &failures->sum))
        return false;
    while (text.len > 0) {
        if (failures->nr == SCRIPT_OPS_MAX || !take_number(&text, ops_nr, &place) || place <= last)
            return false;
        failures->places[failures->nr++] = (uint32_t)place;
        last = place;
    }
    return failures->nr > 0;
}
