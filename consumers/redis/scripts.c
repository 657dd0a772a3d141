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
