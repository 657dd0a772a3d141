#include "consumers/service/embedded_note.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void folder_path(char *out, size_t bytes)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime && *runtime)
        snprintf(out, bytes, "%s/unstale", runtime);
    else
        snprintf(out, bytes, "/tmp/unstale-%u", (unsigned)getuid());
}

static void note_path(char *out, size_t bytes)
{
    char folder[PATH_MAX - 16];
    folder_path(folder, sizeof(folder));
    snprintf(out, bytes, "%s/embedded", folder);
}

/* A folder in /tmp could be somebody else's trap: it must be ours and closed to others. */
static bool folder_is_safe(const char *folder, struct error *err)
{
    struct stat status;
    if (lstat(folder, &status) != 0)
        return error_fail(err, ERROR_CONFIG, "%s: %s", folder, strerror(errno));
    if (!S_ISDIR(status.st_mode) || status.st_uid != getuid() || (status.st_mode & 077) != 0)
        return error_fail(err, ERROR_CONFIG, "%s is not a private folder of this user", folder);
    return true;
}

bool embedded_note_write(const char *brokers, struct error *err)
{
    char folder[PATH_MAX - 16], path[PATH_MAX];
    folder_path(folder, sizeof(folder));
    note_path(path, sizeof(path));
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return error_fail(err, ERROR_CONFIG, "%s: %s", folder, strerror(errno));
    if (!folder_is_safe(folder, err))
        return false;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_fail(err, ERROR_CONFIG, "%s: %s", path, strerror(errno));
    bool written = dprintf(fd, "%d %s\n", (int)getpid(), brokers) > 0;
    close(fd);
    return written || error_fail(err, ERROR_CONFIG, "%s: cannot write", path);
}

/* "PID BROKERS": the brokers, if that process is still there. */
static bool read_note(const char *path, char *brokers, size_t bytes)
{
    char line[512];
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(line, sizeof(line), file);
    if (file)
        fclose(file);
    if (!is_read)
        return false;
    char *rest;
    long pid = strtol(line, &rest, 10);
    line[strcspn(line, "\n")] = '\0';
    if (pid <= 0 || *rest != ' ' || kill((pid_t)pid, 0) != 0)
        return false;
    snprintf(brokers, bytes, "%s", rest + 1);
    return true;
}

bool embedded_note_read(char *brokers, size_t bytes, struct error *err)
{
    char folder[PATH_MAX - 16], path[PATH_MAX], text[512];
    folder_path(folder, sizeof(folder));
    note_path(path, sizeof(path));
    if (!folder_is_safe(folder, NULL))
        return error_fail(err, ERROR_RETRY, "no `unstale run --embedded` of this user is running");
    bool found = read_note(path, text, sizeof(text));
    if (!found)
        return error_fail(err, ERROR_RETRY, "no `unstale run --embedded` of this user is running");
    snprintf(brokers, bytes, "%s", text);
    return true;
}

void embedded_note_remove(void)
{
    char path[PATH_MAX];
    note_path(path, sizeof(path));
    unlink(path);
}
