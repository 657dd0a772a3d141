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

bool embedded_note_write(const struct embedded_note *note, struct error *err)
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
    bool written =
        dprintf(fd, "%d %s\n%s %s\n", (int)getpid(), note->brokers, note->http, note->token) > 0;
    close(fd);
    return written || error_fail(err, ERROR_CONFIG, "%s: cannot write", path);
}

/* The line without its end; "" when there is none. */
static void read_line(FILE *file, char line[EMBEDDED_NOTE_BYTES])
{
    if (!fgets(line, EMBEDDED_NOTE_BYTES, file))
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
}

/* "FIRST SECOND": the second goes to `second` and is cut off. */
static void split(char *line, char second[EMBEDDED_NOTE_BYTES])
{
    char *blank = strchr(line, ' ');

    snprintf(second, EMBEDDED_NOTE_BYTES, "%s", blank ? blank + 1 : "");
    if (blank)
        *blank = '\0';
}

/* False unless the process that wrote it is still there. */
static bool read_note(const char *path, struct embedded_note *note)
{
    char pid_text[EMBEDDED_NOTE_BYTES];
    FILE *file = fopen(path, "re");

    if (!file)
        return false;
    read_line(file, pid_text);
    read_line(file, note->http);
    fclose(file);
    split(pid_text, note->brokers);
    split(note->http, note->token);
    long pid = strtol(pid_text, NULL, 10);
    return pid > 0 && note->brokers[0] && kill((pid_t)pid, 0) == 0;
}

bool embedded_note_read(struct embedded_note *note, struct error *err)
{
    char folder[PATH_MAX - 16], path[PATH_MAX];
    folder_path(folder, sizeof(folder));
    note_path(path, sizeof(path));
    if (folder_is_safe(folder, NULL) && read_note(path, note))
        return true;
    return error_fail(err, ERROR_RETRY, "no `unstale run --embedded` of this user is running");
}

void embedded_note_remove(void)
{
    char path[PATH_MAX];
    note_path(path, sizeof(path));
    unlink(path);
}
