#include "tests/unit/service/loading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "consumers/base/alloc.h"

char *loading_file(const char *text)
{
    char path[] = "/tmp/unstale-settings-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    return alloc_text(path);
}

/* The name of the temporary file is not what a test is about. */
static void rename_file(struct buffer *errors, const char *path)
{
    struct buffer out;
    const char *at = errors->ptr, *found;

    buffer_init(&out);
    while ((found = strstr(at, path))) {
        buffer_add(&out, (struct slice){at, (size_t)(found - at)});
        buffer_add_text(&out, "FILE");
        at = found + strlen(path);
    }
    buffer_add_text(&out, at);
    buffer_clear(errors);
    buffer_add(errors, buffer_slice(&out));
    buffer_release(&out);
}

struct settings *loading_load(const struct loading *loading, struct buffer *errors)
{
    char *path = loading_file(loading->file ? loading->file : "{}");
    char *environment[LOADING_MAX + 1] = {NULL};
    struct settings *settings;
    size_t flags_nr = 0;

    for (size_t i = 0; i < LOADING_MAX && loading->environment[i]; i++)
        environment[i] = alloc_text(loading->environment[i]);
    while (flags_nr < LOADING_MAX && loading->flags[flags_nr].name)
        flags_nr++;
    settings = settings_load(path, loading->flags, flags_nr, environment, errors);
    for (size_t i = 0; environment[i]; i++)
        free(environment[i]);
    rename_file(errors, path);
    unlink(path);
    free(path);
    return settings;
}

struct settings *loading_must(const struct loading *loading)
{
    struct settings *settings;
    struct buffer errors;

    buffer_init(&errors);
    settings = loading_load(loading, &errors);
    ck_assert_msg(settings != NULL, "%s", errors.ptr);
    ck_assert_str_eq(errors.ptr, "");
    buffer_release(&errors);
    return settings;
}

char *loading_read(const char *path)
{
    FILE *file = fopen(path, "r");
    struct buffer text;
    size_t got;

    ck_assert_msg(file != NULL, "%s", path);
    buffer_init(&text);
    while ((got = fread(buffer_reserve(&text, 4096), 1, 4096, file)) > 0)
        text.len += got;
    fclose(file);
    char *copy = alloc_text_n(text.ptr, text.len);
    buffer_release(&text);
    return copy;
}
