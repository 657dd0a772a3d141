#include "tests/unit/service/rules_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "tests/unit/service/loading.h"

void rules_folder_init(struct rules_folder *folder)
{
    strcpy(folder->path, "/tmp/unstale-rules-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder->path));
    folder->settings = loading_must(&(struct loading){.flags = {{"--rules", folder->path}}});
}

void rules_folder_write(const struct rules_folder *folder, const char *name, const char *text)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    if (!text) {
        ck_assert_int_eq(unlink(path), 0);
        return;
    }
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

void rules_folder_release(struct rules_folder *folder)
{
    DIR *dir = opendir(folder->path);

    settings_free(folder->settings);
    ck_assert_ptr_nonnull(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            rules_folder_write(folder, entry->d_name, NULL);
    closedir(dir);
    ck_assert_int_eq(rmdir(folder->path), 0);
}
