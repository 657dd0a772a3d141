/*
 * replay - runs one fuzz target over files and folders of inputs, without libFuzzer.
 *
 *   tests/fuzz/NAME PATH...
 *
 * Ends 0 when every input was read and the target came back from each, 1 when a path could not be
 * read, 2 when there was no input at all.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool complain(const char *path)
{
    fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    return false;
}

static bool replay_file(const char *path, size_t size, unsigned *inputs_nr)
{
    /* Of the exact size, so that the address sanitizer sees a read one byte past the end. */
    uint8_t *data = malloc(size ? size : 1);
    FILE *file = fopen(path, "rb");
    bool ok = data && file && fread(data, 1, size, file) == size;

    if (ok) {
        LLVMFuzzerTestOneInput(data, size);
        ++*inputs_nr;
    } else {
        complain(path);
    }
    if (file)
        fclose(file);
    free(data);
    return ok;
}

/* Files of a folder only: a corpus is flat. */
static bool replay_folder(const char *path, unsigned *inputs_nr)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    bool ok = true;

    if (!folder)
        return complain(path);
    while (ok && (entry = readdir(folder))) {
        char file[PATH_MAX];
        struct stat status;

        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        if (stat(file, &status))
            ok = complain(file);
        else if (S_ISREG(status.st_mode))
            ok = replay_file(file, (size_t)status.st_size, inputs_nr);
    }
    closedir(folder);
    return ok;
}

int main(int argc, char **argv)
{
    unsigned inputs_nr = 0;

    for (int i = 1; i < argc; i++) {
        struct stat status;

        if (stat(argv[i], &status)) {
            complain(argv[i]);
            return 1;
        }
        if (S_ISDIR(status.st_mode) ? !replay_folder(argv[i], &inputs_nr)
                                    : !replay_file(argv[i], (size_t)status.st_size, &inputs_nr))
            return 1;
    }
    printf("%s: %u inputs\n", argv[0], inputs_nr);
    return inputs_nr ? 0 : 2;
}
