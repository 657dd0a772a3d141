#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumers/base/compiler.h"
#include "consumers/base/suggest.h"
#include "consumers/cli/embedded.h"
#include "consumers/cli/verb.h"

static const struct {
    const char *name;
    const struct embedded_file *files;
} kinds[] = {{"django", embedded_django}, {"raw", embedded_raw}};

static int fail(const char *path, const char *reason)
{
    fprintf(stderr, "unstale: %s: %s\n", path, reason);
    return EXIT_FINDINGS;
}

static bool path_below(const char *folder, const char *name, char path[static PATH_MAX])
{
    int len = snprintf(path, PATH_MAX, "%s/%s", folder, name);

    return len >= 0 && len < PATH_MAX;
}

/* Looked at before anything is written, so that a refusal leaves no half of a folder. */
static bool is_free(const char *folder, const struct embedded_file *files)
{
    char path[PATH_MAX];
    struct stat status;

    for (; files->name; files++) {
        if (!path_below(folder, files->name, path))
            return fail(folder, strerror(ENAMETOOLONG)), false;
        if (lstat(path, &status) == 0)
            return fail(path, "is there already; nothing was written"), false;
    }
    return true;
}

static bool make_folder(const char *path)
{
    struct stat status;

    if (mkdir(path, 0777) == 0)
        return true;
    if (errno == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return true;
    fail(path, strerror(errno));
    return false;
}

static bool write_file(const char *path, const struct embedded_file *file)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    bool ok = out && fwrite(file->text, 1, *file->len, out) == *file->len;

    ok = out && fclose(out) == 0 && ok;
    if (ok)
        printf("%s\n", path);
    else
        fail(path, strerror(errno));
    return ok;
}

static bool write_files(const char *folder, const struct embedded_file *files)
{
    char path[PATH_MAX];

    for (; files->name; files++) {
        char *slash;

        if (!path_below(folder, files->name, path))
            return false;
        slash = strchr(path + strlen(folder) + 1, '/');
        if (slash) {
            *slash = '\0';
            if (!make_folder(path))
                return false;
            *slash = '/';
        }
        if (!write_file(path, files))
            return false;
    }
    return true;
}

static int init(const struct embedded_file *files, const char *folder)
{
    if (!is_free(folder, files) || !is_free(folder, embedded_schemas) || !make_folder(folder) ||
        !write_files(folder, files) || !write_files(folder, embedded_schemas))
        return EXIT_FINDINGS;
    return EXIT_OK;
}

static int init_kind(const char *name, const char *folder)
{
    struct suggest suggest;

    suggest_init(&suggest, slice_of(name));
    for (size_t i = 0; i < ARRAY_NR(kinds); i++) {
        suggest_offer(&suggest, slice_of(kinds[i].name));
        if (strcmp(kinds[i].name, name) == 0)
            return init(kinds[i].files, folder);
    }
    if (slice_is_absent(suggest.best))
        return cli_usage_error(&verb_init, "there are django and raw, not \"%s\"", name);
    return cli_usage_error(&verb_init, "no \"%s\", did you mean \"%.*s\"?", name,
                           SLICE_ARG(suggest.best));
}

static int run(int argc, char **argv)
{
    const char *words[2] = {NULL, NULL}, *value;
    struct cli_args args;
    enum cli_step step;
    int option, nr = 0;

    cli_args_init(&args, &verb_init, argc, argv);
    while ((step = cli_next(&args, NULL, 0, &option, &value)) == CLI_ITEM) {
        if (nr == 2)
            return cli_usage_error(&verb_init, "one folder, not \"%s\" as well", value);
        words[nr++] = value;
    }
    if (step == CLI_BAD)
        return EXIT_USAGE;
    if (nr == 0)
        return cli_usage_error(&verb_init, "for django or raw?");
    return init_kind(words[0], words[1] ? words[1] : ".");
}

const struct cli_verb verb_init = {
    .name = "init",
    .summary = "a folder to start from: rules, their tests, settings, schemas",
    .usage =
        "usage: unstale init django|raw [DIR]\n\n"
        "Writes rules with tests, events to try, settings, the schemas for an editor and a\n"
        "README into DIR (default: here), and prints their names. django: keys as Django and\n"
        "django-redis make them; raw: keys as they stand in Redis. Overwrites nothing: if one\n"
        "of the files is there, none is written.\n\n"
        "exit codes: 0 ok, 1 a file is there or cannot be written, 2 usage\n",
    .run = run,
};
