/* The settings file: every error has its line and column, every unknown name its nearest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/suggest.h"
#include "consumers/rules/locate.h"
#include "consumers/service/settings_draft.h"

static const char *const default_paths[] = {"config/unstale.json", "/etc/unstale/unstale.json"};

const char *settings_default_path(size_t index)
{
    return index < ARRAY_NR(default_paths) ? default_paths[index] : NULL;
}

struct reader {
    struct settings_draft *draft;
    const char *path;
    struct slice text;
    struct arena arena;
    struct buffer origin; /* of the member in hand: "file:line:column" */
};

static const char *origin_at(struct reader *reader, struct span span)
{
    struct place place = locate_place(reader->text, span);
    buffer_clear(&reader->origin);
    buffer_printf(&reader->origin, "%s:%u:%u", reader->path, place.line, place.column);
    return reader->origin.ptr;
}

static struct slice member_name(struct reader *reader, const struct scan_walk *walk)
{
    return scan_decode(reader->text, walk->name.start, &reader->arena);
}

static json_t *member_value(struct reader *reader, const struct scan_walk *walk)
{
    return json_loadb(reader->text.ptr + walk->value.start, walk->value.end - walk->value.start,
                      JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static bool is_object(const struct reader *reader, const struct scan_walk *walk)
{
    return reader->text.ptr[walk->value.start] == '{';
}

static void unknown_member(struct reader *reader, const struct scan_walk *walk, struct slice name,
                           struct suggest *suggest)
{
    const char *origin = origin_at(reader, walk->name);
    if (slice_is_absent(suggest->best))
        draft_error(reader->draft, origin, "unknown setting \"%.*s\"", SLICE_ARG(name));
    else
        draft_error(reader->draft, origin, "unknown setting \"%.*s\", did you mean \"%.*s\"?",
                    SLICE_ARG(name), SLICE_ARG(suggest->best));
}

/* ---- redis.NAME ---- */

/* A URL may hold a password, so it may stand in a file of its own. */
static void read_url_file(struct reader *reader, struct redis_draft *redis,
                          const struct scan_walk *walk)
{
    json_t *path = member_value(reader, walk);
    const char *origin = origin_at(reader, walk->value);
    if (json_is_string(path))
        given_read_file(reader->draft, &redis->url, json_string_value(path), origin);
    else
        draft_error(reader->draft, origin, "\"redis.%s.url_file\" must be a path", redis->name);
    json_decref(path);
}

static void read_redis_member(struct reader *reader, struct redis_draft *redis,
                              const struct scan_walk *walk)
{
    struct slice name = member_name(reader, walk);
    struct suggest suggest;
    suggest_init(&suggest, name);
    if (slice_equals(name, SLICE("url_file"))) {
        read_url_file(reader, redis, walk);
        return;
    }
    for (unsigned i = 0; i < REDIS_MEMBERS_NR; i++) {
        suggest_offer(&suggest, slice_of(redis_rows[i].name));
        if (!slice_equals(name, slice_of(redis_rows[i].name)))
            continue;
        struct given *given = i == REDIS_URL ? &redis->url : &redis->members[i];
        given_start(given, origin_at(reader, walk->value));
        struct slice raw = {reader->text.ptr + walk->value.start,
                            walk->value.end - walk->value.start};
        bool is_text = i == REDIS_URL && raw.ptr[0] == '"';
        given_add(given, is_text ? scan_decode(reader->text, walk->value.start, &reader->arena)
                                 : scan_compact(reader->text, walk->value, &reader->arena));
        return;
    }
    unknown_member(reader, walk, name, &suggest);
}

static void read_redis(struct reader *reader, size_t object)
{
    for (struct scan_walk walk = scan_walk(reader->text, object); scan_next(&walk);) {
        struct slice name = member_name(reader, &walk);
        if (!is_object(reader, &walk)) {
            draft_error(reader->draft, origin_at(reader, walk.value),
                        "\"redis.%.*s\" must be an object such as {\"url\": "
                        "\"redis://127.0.0.1:6379/1\"}",
                        SLICE_ARG(name));
            continue;
        }
        struct redis_draft *redis = draft_redis(reader->draft, name);
        for (struct scan_walk inner = scan_walk(reader->text, walk.value.start); scan_next(&inner);)
            read_redis_member(reader, redis, &inner);
    }
}

/* ---- the table's rows ---- */

static void offer_names(struct suggest *suggest, struct slice group)
{
    for (unsigned id = 0; id < SETTINGS_NR; id++) {
        const char *key = setting_rows[id].key;
        const char *dot = strchr(key, '.');
        if (group.len == 0)
            suggest_offer(suggest, (struct slice){key, dot ? (size_t)(dot - key) : strlen(key)});
        else if (dot && slice_equals(group, (struct slice){key, (size_t)(dot - key)}))
            suggest_offer(suggest, slice_of(dot + 1));
    }
}

static bool read_row(struct reader *reader, struct slice key, const struct scan_walk *walk)
{
    for (unsigned id = 0; id < SETTINGS_NR; id++) {
        const struct setting_row *row = &setting_rows[id];
        struct slice file_key = arena_printf(&reader->arena, "%s_file", row->key);
        bool is_file = row->type == SETTING_SECRET && slice_equals(key, file_key);
        if (!is_file && !slice_equals(key, slice_of(row->key)))
            continue;
        json_t *value = member_value(reader, walk);
        const char *origin = origin_at(reader, walk->value);
        if (is_file && json_is_string(value))
            draft_set_secret_file(reader->draft, id, json_string_value(value), origin);
        else if (is_file)
            draft_error(reader->draft, origin, "\"%.*s\" must be a path", SLICE_ARG(key));
        else
            draft_set_json(reader->draft, id, value, origin);
        json_decref(value);
        return true;
    }
    return false;
}

static void read_group(struct reader *reader, struct slice group, size_t object)
{
    for (struct scan_walk walk = scan_walk(reader->text, object); scan_next(&walk);) {
        struct slice name = member_name(reader, &walk);
        struct slice key =
            arena_printf(&reader->arena, "%.*s.%.*s", SLICE_ARG(group), SLICE_ARG(name));
        if (read_row(reader, key, &walk))
            continue;
        struct suggest suggest;
        suggest_init(&suggest, name);
        offer_names(&suggest, group);
        unknown_member(reader, &walk, key, &suggest);
    }
}

static bool is_group(struct slice name)
{
    return slice_equals(name, SLICE("kafka")) || slice_equals(name, SLICE("http")) ||
           slice_equals(name, SLICE("log"));
}

static void read_member(struct reader *reader, const struct scan_walk *walk)
{
    struct slice name = member_name(reader, walk);
    if (slice_equals(name, SLICE("$schema")))
        return;
    bool is_redis = slice_equals(name, SLICE("redis"));
    if ((is_redis || is_group(name)) && !is_object(reader, walk))
        draft_error(reader->draft, origin_at(reader, walk->value), "\"%.*s\" must be an object",
                    SLICE_ARG(name));
    else if (is_redis)
        read_redis(reader, walk->value.start);
    else if (is_group(name))
        read_group(reader, name, walk->value.start);
    else if (!read_row(reader, name, walk)) {
        struct suggest suggest;
        suggest_init(&suggest, name);
        offer_names(&suggest, SLICE(""));
        suggest_offer(&suggest, SLICE("redis"));
        unknown_member(reader, walk, name, &suggest);
    }
}

static void report_duplicate(struct span name, struct span first, void *context)
{
    struct reader *reader = context;
    struct place place = locate_place(reader->text, first);
    draft_error(reader->draft, origin_at(reader, name), "%.*s stands twice (first in line %u)",
                (int)(name.end - name.start), reader->text.ptr + name.start, place.line);
}

static void read_text(struct reader *reader)
{
    struct scan_problem problem;
    if (!scan_check(reader->text, &reader->arena, &problem)) {
        draft_error(reader->draft, origin_at(reader, problem.span), "not JSON: %.*s",
                    SLICE_ARG(problem.message));
        return;
    }
    size_t start = scan_space(reader->text, 0);
    if (reader->text.ptr[start] != '{') {
        draft_error(reader->draft, reader->path, "the file must hold one JSON object");
        return;
    }
    scan_duplicates(reader->text, report_duplicate, reader);
    for (struct scan_walk walk = scan_walk(reader->text, start); scan_next(&walk);)
        read_member(reader, &walk);
}

static bool slurp(const char *path, struct buffer *out)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char part[4096];
    size_t got;
    while ((got = fread(part, 1, sizeof(part), file)) > 0)
        buffer_add(out, (struct slice){part, got});
    bool ok = !ferror(file);
    fclose(file);
    return ok;
}

void draft_read_file(struct settings_draft *draft, const char *path)
{
    struct reader reader = {.draft = draft, .path = path};
    struct buffer text;
    buffer_init(&text);
    buffer_init(&reader.origin);
    arena_init(&reader.arena, 16 << 10);
    draft->file = alloc_text(path);
    if (slurp(path, &text)) {
        reader.text = buffer_slice(&text);
        read_text(&reader);
    } else {
        draft_error(draft, path, "cannot be read: %s", strerror(errno));
    }
    arena_release(&reader.arena);
    buffer_release(&reader.origin);
    buffer_release(&text);
}
