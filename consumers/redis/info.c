#include "consumers/redis/info.h"

struct slice info_field(struct slice info, const char *name)
{
    size_t name_len = strlen(name);

    while (info.len > 0) {
        const char *end = memchr(info.ptr, '\n', info.len);
        size_t len = end != NULL ? (size_t)(end - info.ptr) : info.len;
        struct slice line = {info.ptr, len};

        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len > name_len && memcmp(line.ptr, name, name_len) == 0 &&
            line.ptr[name_len] == ':')
            return (struct slice){line.ptr + name_len + 1, line.len - name_len - 1};
        info.ptr += end != NULL ? len + 1 : len;
        info.len -= end != NULL ? len + 1 : len;
    }
    return SLICE_ABSENT;
}

bool info_is_cluster(struct slice info)
{
    struct slice mode = info_field(info, "redis_mode");

    if (slice_is_absent(mode))
        mode = info_field(info, "server_mode");
    return slice_equals(mode, SLICE("cluster"));
}
