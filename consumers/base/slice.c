#include "consumers/base/slice.h"

#include "consumers/base/fold.h"

int slice_compare(struct slice a, struct slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool slice_equals_nocase(struct slice a, struct slice b)
{
    size_t at = 0;

    if (a.len != b.len)
        return false;
    for (; a.len - at >= 8; at += 8) {
        if (fold_eight(a.ptr + at) != fold_eight(b.ptr + at))
            return false;
    }
    return a.len == at || fold_tail(a.ptr, a.len, at) == fold_tail(b.ptr, a.len, at);
}
