#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumers/cli/rule_paths.h"
#include "consumers/cli/verb.h"
#include "consumers/rules/format.h"
#include "consumers/rules/locate.h"

enum option { OPTION_CHECK, OPTION_CONFIG };

static const struct cli_option options[] = {
    [OPTION_CHECK] = {"--check", NULL, false},
    [OPTION_CONFIG] = {"--config", NULL, true},
};

struct formatter {
    struct rule_paths paths;
    struct diagnostics found;
    struct arena arena; /* of one file */
    struct buffer text;
    bool only_check, is_bad, is_changed;
};

static void complain(struct formatter *f, const struct rule_source *file,
                     const struct scan_problem *problem)
{
    size_t mark = slice_starts_with(file->text, SLICE("\xef\xbb\xbf")) ? 3 : 0;
    struct slice text = {file->text.ptr + mark, file->text.len - mark};
    struct place place = locate_place(text, problem->span);
    struct diagnostic d = {.severity = SEVERITY_ERROR,
                           .code = "E101",
                           .file = file->name,
                           .line = place.line,
                           .column = place.column,
                           .end_column = place.end_column,
                           .message = problem->message,
                           .source_line = place.source_line};

    diagnostics_add(&f->found, &d);
}

static bool write_all(int fd, struct slice text)
{
    while (text.len > 0) {
        ssize_t written = write(fd, text.ptr, text.len);

        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0)
            text = (struct slice){text.ptr + written, text.len - (size_t)written};
    }
    return true;
}

/* Whole or not at all: a new file takes the old one's place and mode. */
static bool replace_file(const char *path, struct slice text, struct arena *arena)
{
    const char *scratch = arena_text(arena, arena_printf(arena, "%s.XXXXXX", path));
    struct stat status;
    int fd = mkstemp((char *)scratch);
    bool ok;

    if (fd < 0)
        return false;
    ok = stat(path, &status) == 0 && fchmod(fd, status.st_mode & 07777) == 0 &&
         write_all(fd, text) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok && rename(scratch, path) == 0;
    if (!ok) {
        int reason = errno;

        unlink(scratch);
        errno = reason;
    }
    return ok;
}

static void write_file(struct formatter *f, const char *name)
{
    char *path = realpath(name, NULL); /* a link stays one */

    if (path && replace_file(path, buffer_slice(&f->text), &f->arena)) {
        printf("%s\n", name);
    } else {
        fprintf(stderr, "unstale: cannot write %s: %s\n", name, strerror(errno));
        f->is_bad = true;
    }
    free(path);
}

static void format_file(struct formatter *f, const struct rule_source *file)
{
    struct scan_problem problem = {.message = SLICE_ABSENT};
    bool has_comments = slice_ends_with(file->name, SLICE(".jsonc"));
    bool is_stdin = slice_equals(file->name, SLICE("<stdin>")), is_same;

    arena_reset(&f->arena, 0);
    buffer_clear(&f->text);
    if (!format_json(file->text, has_comments || is_stdin, &f->text, &f->arena, &problem)) {
        complain(f, file, &problem);
        return;
    }
    is_same = slice_equals(buffer_slice(&f->text), file->text);
    f->is_changed |= !is_same;
    if (is_stdin && !f->only_check)
        fwrite(f->text.ptr, 1, f->text.len, stdout);
    else if (!is_same && f->only_check)
        printf("%.*s\n", SLICE_ARG(file->name));
    else if (!is_same)
        write_file(f, arena_text(&f->arena, file->name));
}

static int format_files(struct formatter *f)
{
    struct rule_files files;

    if (!rule_paths_settle(&f->paths))
        return EXIT_USAGE;
    load_files(f->paths.items, f->paths.nr, &files, &f->found);
    for (size_t i = 0; i < files.nr; i++)
        format_file(f, &files.items[i]);
    rule_paths_complain(&f->found);
    load_files_release(&files);
    if (f->is_bad || f->found.errors > 0 || (f->only_check && f->is_changed))
        return EXIT_FINDINGS;
    return EXIT_OK;
}

static bool read_arguments(struct formatter *f, int argc, char **argv)
{
    struct cli_args args;
    enum cli_step step;
    const char *value;
    int option;

    cli_args_init(&args, &verb_fmt, argc, argv);
    while ((step = cli_next(&args, options, ARRAY_NR(options), &option, &value)) == CLI_ITEM) {
        if (option == OPTION_CHECK)
            f->only_check = true;
        else if (option == OPTION_CONFIG)
            f->paths.config = value;
        else
            rule_paths_add(&f->paths, value);
    }
    return step == CLI_END;
}

static int run(int argc, char **argv)
{
    struct formatter f = {.only_check = false};
    int code = EXIT_USAGE;

    diagnostics_init(&f.found);
    arena_init(&f.arena, 1 << 16);
    buffer_init(&f.text);
    if (read_arguments(&f, argc, argv))
        code = format_files(&f);
    buffer_release(&f.text);
    arena_release(&f.arena);
    diagnostics_release(&f.found);
    rule_paths_release(&f.paths);
    return code;
}

const struct cli_verb verb_fmt = {
    .name = "fmt",
    .summary = "lay rule files out one way; comments stay",
    .usage =
        "usage: unstale fmt [options] [PATH...]\n\n"
        "Rewrites rule files, and in folders every *.json and *.jsonc, and prints the names of\n"
        "those that changed. Names, numbers and texts keep their bytes. Without a PATH: the\n"
        "rules of the settings. \"-\" is standard input, written to standard output.\n\n"
        "  --check        change nothing; exit 1 and name what would change\n"
        "  --config FILE  the settings to take the rules from\n\n"
        "exit codes: 0 fine, 1 a file that is not JSON or (--check) not laid out so, 2 usage\n",
    .run = run,
};
