#include "tests/unit/cli/verb_ran.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

enum { MOST_WORDS = 32 };

static int divert(int fd, FILE *to)
{
    int kept = dup(fd);

    ck_assert_int_ge(kept, 0);
    ck_assert_int_ge(dup2(fileno(to), fd), 0);
    return kept;
}

static void restore(int fd, int kept)
{
    ck_assert_int_ge(dup2(kept, fd), 0);
    close(kept);
}

static void read_from(FILE *file, struct buffer *out)
{
    size_t got;

    buffer_init(out);
    rewind(file);
    while ((got = fread(buffer_reserve(out, 4096), 1, 4096, file)) > 0)
        out->len += got;
    out->ptr[out->len] = '\0';
}

struct verb_ran verb_ran(const struct cli_verb *verb, ...)
{
    char *words[MOST_WORDS] = {(char *)verb->name};
    FILE *out = tmpfile(), *err = tmpfile();
    struct verb_ran ran = {.code = -1};
    int nr = 0, kept_out, kept_err;
    va_list args;

    va_start(args, verb);
    while (words[nr])
        words[++nr] = va_arg(args, char *);
    va_end(args);
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_nonnull(err);
    fflush(NULL);
    kept_out = divert(STDOUT_FILENO, out);
    kept_err = divert(STDERR_FILENO, err);
    ran.code = verb->run(nr, words);
    fflush(NULL);
    restore(STDOUT_FILENO, kept_out);
    restore(STDERR_FILENO, kept_err);
    read_from(out, &ran.out);
    read_from(err, &ran.err);
    fclose(out);
    fclose(err);
    return ran;
}

void verb_ran_release(struct verb_ran *ran)
{
    buffer_release(&ran->out);
    buffer_release(&ran->err);
}

void verb_ran_expect(const struct verb_ran *ran, int code, const char *out)
{
    ck_assert_msg(ran->code == code, "exit code %d, not %d; it said\n%s%s", ran->code, code,
                  ran->out.ptr, ran->err.ptr);
    if (out)
        ck_assert_str_eq(ran->out.ptr, out);
}

const char *scratch_folder(void)
{
    static char path[64];

    strcpy(path, "/tmp/unstale-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

const char *scratch_file(const char *folder, const char *name, const char *text)
{
    static char path[PATH_MAX];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), file), strlen(text));
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

struct buffer scratch_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct buffer text;

    ck_assert_msg(file != NULL, "%s", path);
    read_from(file, &text);
    fclose(file);
    return text;
}

void scratch_remove(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;

    ck_assert_msg(entries != NULL, "%s", folder);
    while ((entry = readdir(entries))) {
        char path[PATH_MAX];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (remove(path) != 0)
            scratch_remove(path);
    }
    closedir(entries);
    ck_assert_int_eq(rmdir(folder), 0);
}
