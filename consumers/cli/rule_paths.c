#include "consumers/cli/rule_paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/verb.h"

void rule_paths_add(struct rule_paths *paths, const char *path)
{
    paths->items = alloc_grow(paths->items, paths->nr, &paths->capacity, sizeof(*paths->items));
    paths->items[paths->nr++] = path;
}

void rule_paths_release(struct rule_paths *paths)
{
    settings_free(paths->settings);
    free(paths->items);
}

bool rule_paths_settle(struct rule_paths *paths)
{
    struct buffer errors;

    if (paths->nr > 0)
        return true;
    buffer_init(&errors);
    paths->settings = settings_load(paths->config, NULL, 0, environ, &errors);
    for (size_t i = 0; paths->settings && i < paths->settings->rules_nr; i++)
        rule_paths_add(paths, paths->settings->rules[i]);
    fwrite(errors.ptr, 1, errors.len, stderr);
    buffer_release(&errors);
    return paths->settings != NULL;
}

void rule_paths_complain(const struct diagnostics *found)
{
    struct buffer text;

    buffer_init(&text);
    diagnostics_print_text(found, cli_is_coloured(STDERR_FILENO), &text);
    fwrite(text.ptr, 1, text.len, stderr);
    buffer_release(&text);
}

struct ruleset *rule_paths_load(struct rule_paths *paths)
{
    struct diagnostics found;
    struct ruleset *set;

    if (!rule_paths_settle(paths))
        return NULL;
    diagnostics_init(&found);
    set = load_paths(paths->items, paths->nr, &found);
    if (!set)
        rule_paths_complain(&found);
    diagnostics_release(&found);
    return set;
}

struct ruleset *rule_paths_load_quietly(const struct settings *settings)
{
    struct diagnostics found;
    struct ruleset *set;

    diagnostics_init(&found);
    set = load_paths((const char *const *)settings->rules, settings->rules_nr, &found);
    diagnostics_release(&found);
    return set;
}
