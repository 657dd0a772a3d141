/* Rule files from disk: named ones as they are, folders in name order. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumers/base/error.h"
#include "consumers/base/hash.h"
#include "consumers/rules/load.h"

enum { MAX_FILE_BYTES = 64 << 20, READ_BYTES = 1 << 16 };

struct sources {
    struct arena arena;
    struct rule_source *items;
    size_t nr, capacity;
    struct diagnostics *found; /* NULL: the first failure ends it */
};

static bool fail(struct sources *sources, const char *path, const char *message)
{
    struct diagnostic d = {.severity = SEVERITY_ERROR,
                           .code = "E101",
                           .file = slice_of(path),
                           .message = slice_of(message)};

    if (sources->found)
        diagnostics_add(sources->found, &d);
    return false;
}

/* Errors come as a message; NULL: all is read. */
static const char *read_all(int fd, struct buffer *out)
{
    for (;;) {
        char *room = buffer_reserve(out, READ_BYTES);
        ssize_t got = read(fd, room, READ_BYTES);

        if (got == 0)
            return NULL;
        if (got < 0 && errno != EINTR)
            return strerror(errno);
        out->len += got > 0 ? (size_t)got : 0;
        if (out->len > MAX_FILE_BYTES)
            return "larger than 64 MiB";
    }
}

static void add_source(struct sources *sources, const char *path, struct slice text)
{
    sources->items = arena_grow(&sources->arena, sources->items, sources->nr, &sources->capacity,
                                sizeof(*sources->items));
    sources->items[sources->nr++] = (struct rule_source){
        arena_copy(&sources->arena, slice_of(path)), arena_copy(&sources->arena, text)};
}

static bool read_file(struct sources *sources, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *message;
    struct buffer text;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail(sources, path, strerror(errno));
    buffer_init(&text);
    message = read_all(fd, &text);
    if (message)
        fail(sources, path, message);
    else
        add_source(sources, is_stdin ? "<stdin>" : path, buffer_slice(&text));
    buffer_release(&text);
    if (!is_stdin)
        close(fd);
    return !message;
}

bool test_file_is_name(struct slice name)
{
    return slice_ends_with(name, SLICE("_test.json")) ||
           slice_ends_with(name, SLICE("_test.jsonc"));
}

static int is_rule_file(const struct dirent *entry)
{
    struct slice name = slice_of(entry->d_name);

    return entry->d_name[0] != '.' && !test_file_is_name(name) &&
           (slice_ends_with(name, SLICE(".json")) || slice_ends_with(name, SLICE(".jsonc")));
}

/* By bytes, so that the order is the same in every locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_folder(struct sources *sources, const char *path)
{
    struct dirent **entries;
    int nr = scandir(path, &entries, is_rule_file, by_name);
    size_t len = strlen(path);
    bool is_fine = nr > 0;

    if (nr < 0)
        return fail(sources, path, strerror(errno));
    if (nr == 0)
        fail(sources, path, "there is no *.json or *.jsonc in this folder");
    while (len > 1 && path[len - 1] == '/')
        len--;
    for (int i = 0; i < nr; i++) {
        struct slice file =
            arena_printf(&sources->arena, "%.*s/%s", (int)len, path, entries[i]->d_name);

        is_fine = read_file(sources, arena_text(&sources->arena, file)) && is_fine;
        free(entries[i]);
    }
    free(entries);
    return is_fine;
}

static bool read_paths(struct sources *sources, const char *const *paths, size_t nr)
{
    bool is_fine = true;

    for (size_t i = 0; i < nr; i++) {
        struct stat status;

        if (stat(paths[i], &status) == 0 && S_ISDIR(status.st_mode))
            is_fine = read_folder(sources, paths[i]) && is_fine;
        else
            is_fine = read_file(sources, paths[i]) && is_fine;
    }
    return is_fine;
}

bool load_files(const char *const *paths, size_t nr, struct rule_files *out,
                struct diagnostics *found)
{
    struct sources sources = {.found = found};
    bool is_fine;

    arena_init(&sources.arena, 1 << 16);
    is_fine = read_paths(&sources, paths, nr);
    *out = (struct rule_files){sources.arena, sources.items, sources.nr};
    return is_fine;
}

void load_files_release(struct rule_files *files)
{
    arena_release(&files->arena);
}

struct ruleset *load_paths(const char *const *paths, size_t nr, struct diagnostics *found)
{
    struct rule_files files;
    struct ruleset *set;

    load_files(paths, nr, &files, found);
    set = load_sources(files.items, files.nr, found);
    load_files_release(&files);
    return set;
}

bool load_fingerprint(const char *const *paths, size_t nr, uint64_t *fingerprint)
{
    struct sources sources = {.found = NULL};
    bool is_fine;

    arena_init(&sources.arena, 1 << 16);
    is_fine = read_paths(&sources, paths, nr);
    *fingerprint = 0;
    for (size_t i = 0; i < sources.nr; i++) {
        *fingerprint = hash_mix(*fingerprint, hash_slice(sources.items[i].name));
        *fingerprint = hash_mix(*fingerprint, hash_slice(sources.items[i].text));
    }
    arena_release(&sources.arena);
    return is_fine;
}
