#include "consumers/kafka/headers.h"

void headers_load(const rd_kafka_message_t *message, struct arena *arena, struct record *record)
{
    rd_kafka_headers_t *found;
    if (rd_kafka_message_headers(message, &found))
        return;
    size_t nr = rd_kafka_header_cnt(found);
    struct record_header *headers = arena_alloc(arena, nr * sizeof(*headers));
    size_t filled = 0;
    for (; filled < nr; filled++) {
        const char *name;
        const void *value;
        size_t len;
        if (rd_kafka_header_get_all(found, filled, &name, &value, &len))
            break;
        headers[filled] = (struct record_header){slice_of(name), bytes_of(value, len)};
    }
    record->headers = headers;
    record->headers_nr = filled;
}

rd_kafka_headers_t *headers_make(const struct record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->headers_nr + 1);
    for (size_t i = 0; i < record->headers_nr; i++) {
        const struct record_header *header = &record->headers[i];
        rd_kafka_header_add(headers, header->name.ptr, (ssize_t)header->name.len, header->value.ptr,
                            (ssize_t)header->value.len);
    }
    return headers;
}
