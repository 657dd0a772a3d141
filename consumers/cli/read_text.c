#include "consumers/cli/read_text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 16 };

static bool read_all(int fd, struct buffer *out, struct error *err)
{
    for (;;) {
        ssize_t got = read(fd, buffer_reserve(out, READ_BYTES), READ_BYTES);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_fail(err, ERROR_CONFIG, "cannot be read: %s", strerror(errno));
        out->len += (size_t)got;
        out->ptr[out->len] = '\0';
        if (got == 0)
            return true;
    }
}

bool read_text(const char *path, struct buffer *out, struct error *err)
{
    bool is_stdin = strcmp(path, "-") == 0, ok;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_fail(err, ERROR_CONFIG, "%s: %s", path, strerror(errno));
    ok = read_all(fd, out, err);
    if (!is_stdin)
        close(fd);
    if (!ok)
        error_wrap(err, "%s", is_stdin ? "standard input" : path);
    return ok;
}
