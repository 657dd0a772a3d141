/*
 * decode - what it costs to make an event of a record's bytes, against jansson and bare yyjson.
 *
 * Three ways to read the same native event and take six fields of it: jansson with its tree, yyjson
 * as it comes (its own copy, numbers as doubles, no check of names or depth), and decode_record()
 * with field_get(), everything checked. They run in turn; each round gives one ratio, and the
 * median counts. Then the same change in each other envelope. Lines of the form
 * `NAME RATIO [MIN-MAX] goal GOAL` are for machines, the others for people. Exit status 0: this
 * program measures, who reads it judges.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <jansson.h>
#include <yyjson.h>

#include "consumers/base/compiler.h"
#include "consumers/event/decode.h"
#include "consumers/event/field.h"

enum { ROUNDS = 9, WARM_UP = 200, WANTED = 6, TEXT_BYTES = 4096, ENVELOPE_TIMES = 2000 };

struct sample {
    char text[TEXT_BYTES];
    size_t len;
    unsigned times; /* a round */
};

enum way { WAY_JANSSON, WAY_YYJSON, WAY_DECODE, WAY_NR };

static const char *const way_names[WAY_NR] = {"jansson", "yyjson", "decode"};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "decode: %s failed\n", what);
    exit(1);
}

static void sample_small(struct sample *sample)
{
    sample->len = (size_t)snprintf(
        sample->text, TEXT_BYTES, "%s",
        "{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":4211,\"created\":false,"
        "\"id\":\"01J9ZC7Q6W3M5T8B2N4K\",\"ts\":1795341600123,\"version\":1795341600123456,"
        "\"changed\":[\"price\",\"category_id\"],\"before\":{\"price\":\"12.50\",\"category_id\":3}"
        ","
        "\"after\":{\"id\":4211,\"name\":\"Caf\\u00e9 "
        "table\",\"slug\":\"cafe-table\",\"price\":\"9.90\","
        "\"category_id\":7,\"stock\":12,\"is_active\":true},\"tenant\":\"acme\"}");
}

static void sample_large(struct sample *sample)
{
    size_t len;

    sample_small(sample);
    len = sample->len - sizeof("},\"tenant\":\"acme\"}") + 1;
    for (int i = 0; i < 55; i++) {
        len += (size_t)snprintf(sample->text + len, TEXT_BYTES - len, ",\"attribute_%02d\":%s%d%s",
                                i, i % 2 ? "\"value " : "", i * 7919, i % 2 ? "\"" : "");
    }
    len += (size_t)snprintf(
        sample->text + len, TEXT_BYTES - len, ",\"description\":\"%.*s\"},\"tenant\":\"acme\"}",
        300,
        "A table of oak with three legs, made to stand on uneven floors, oiled by "
        "hand and shipped flat. The top is 28 mm thick and 70 cm wide, the edge is "
        "rounded, and the screws are of stainless steel. It carries 80 kg. Spare "
        "legs, a longer top and a protective sheet can be ordered on their own.");
    sample->len = len;
}

static unsigned read_jansson(const struct sample *sample)
{
    json_t *root = json_loadb(sample->text, sample->len, 0, NULL);
    json_t *after = json_object_get(root, "after");
    unsigned found = 0;

    found += json_object_get(root, "model") != NULL;
    found += json_object_get(root, "pk") != NULL;
    found += json_object_get(root, "version") != NULL;
    found += json_object_get(after, "category_id") != NULL;
    found += json_object_get(after, "slug") != NULL;
    found += json_object_get(json_object_get(root, "before"), "category_id") != NULL;
    json_decref(root);
    return found;
}

static unsigned read_yyjson(const struct sample *sample, void *pool, size_t pool_bytes)
{
    yyjson_alc alc;
    yyjson_doc *doc;
    yyjson_val *root;
    yyjson_val *after;
    unsigned found = 0;

    yyjson_alc_pool_init(&alc, pool, pool_bytes);
    doc = yyjson_read_opts((char *)sample->text, sample->len, 0, &alc, NULL);
    root = yyjson_doc_get_root(doc);
    after = yyjson_obj_get(root, "after");
    found += yyjson_obj_get(root, "model") != NULL;
    found += yyjson_obj_get(root, "pk") != NULL;
    found += yyjson_obj_get(root, "version") != NULL;
    found += yyjson_obj_get(after, "category_id") != NULL;
    found += yyjson_obj_get(after, "slug") != NULL;
    found += yyjson_obj_get(yyjson_obj_get(root, "before"), "category_id") != NULL;
    yyjson_doc_free(doc);
    return found;
}

static unsigned read_decode(const struct record *record, struct arena *arena)
{
    static const struct field_part category = {{"category_id", 11}, 0};
    static const struct field_part slug = {{"slug", 4}, 0};
    static const struct {
        struct field_path path;
        enum side side;
    } wanted[WANTED] = {
        {{.root = FIELD_MODEL}, SIDE_NEW},
        {{.root = FIELD_PK}, SIDE_NEW},
        {{.root = FIELD_VERSION}, SIDE_NEW},
        {{FIELD_ROW, &category, 1, {NULL, 0}}, SIDE_NEW},
        {{FIELD_ROW, &slug, 1, {NULL, 0}}, SIDE_NEW},
        {{FIELD_ROW, &category, 1, {NULL, 0}}, SIDE_OLD},
    };
    struct event event;
    static struct error err = ERROR_INIT;
    const char *skipped;
    unsigned found = 0;

    need(decode_record(record, NULL, arena, &event, &skipped, &err) == DECODE_EVENT, err.text);
    for (size_t i = 0; i < WANTED; i++) {
        struct field field = field_get(&event, event.rows, wanted[i].side, &wanted[i].path, arena);

        found += field.state == FIELD_PRESENT;
    }
    return found;
}

/* Nanoseconds an event, over `times` of them. */
static double measure(const struct sample *sample, enum way way, unsigned times)
{
    static char pool[1 << 16];
    const struct record record = {.timestamp_ms = 1795341600200,
                                  .value = {sample->text, sample->len}};
    struct arena arena;
    unsigned found = 0;
    uint64_t begin;
    uint64_t end;

    arena_init(&arena, 1 << 20);
    begin = now_ns();
    for (unsigned i = 0; i < times; i++) {
        arena_reset(&arena, 0);
        if (way == WAY_JANSSON)
            found += read_jansson(sample);
        else if (way == WAY_YYJSON)
            found += read_yyjson(sample, pool, sizeof(pool));
        else
            found += read_decode(&record, &arena);
    }
    end = now_ns();
    arena_release(&arena);
    need(found == times * WANTED, "finding six fields");
    return (double)(end - begin) / times;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static void print_ratio(const char *size, const char *name, double ratios[ROUNDS], double goal)
{
    qsort(ratios, ROUNDS, sizeof(ratios[0]), compare);
    printf("decode_%s_vs_%s %.3f [%.3f-%.3f] goal %.2f\n", size, name, ratios[ROUNDS / 2],
           ratios[0], ratios[ROUNDS - 1], goal);
}

static void run(const struct sample *sample, const char *size, double jansson_goal)
{
    double ns[WAY_NR][ROUNDS];
    double to_jansson[ROUNDS];
    double to_yyjson[ROUNDS];

    for (unsigned way = 0; way < WAY_NR; way++)
        measure(sample, (enum way)way, WARM_UP);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned way = 0; way < WAY_NR; way++)
            ns[way][round] = measure(sample, (enum way)way, sample->times);
        to_jansson[round] = ns[WAY_DECODE][round] / ns[WAY_JANSSON][round];
        to_yyjson[round] = ns[WAY_DECODE][round] / ns[WAY_YYJSON][round];
    }
    for (unsigned way = 0; way < WAY_NR; way++) {
        qsort(ns[way], ROUNDS, sizeof(double), compare);
        printf("# %zu bytes, %-7s %8.0f ns [%.0f-%.0f]\n", sample->len, way_names[way],
               ns[way][ROUNDS / 2], ns[way][0], ns[way][ROUNDS - 1]);
    }
    print_ratio(size, "jansson", to_jansson, jansson_goal);
    print_ratio(size, "yyjson", to_yyjson, 1.3);
}

/* The same change as other envelopes say it: what each costs, for people. */
static const struct {
    const char *name;
    const char *key;
    const char *value;
    bool has_attributes; /* in headers */
} envelopes[] = {
    {"cloudevents", NULL,
     "{\"specversion\":\"1.0\",\"id\":\"8f3c1f0e-5d2b-4f43-9a51-6a0f1c7f2f10\",\"source\":\"/"
     "shop\","
     "\"type\":\"com.example.shop.post_save\",\"time\":\"2026-11-22T10:00:00.123456Z\","
     "\"subject\":\"shop.Product/42\",\"data\":{\"pk\":42,\"created\":false,\"version\":7,"
     "\"before\":{\"category_id\":3},\"after\":{\"id\":42,\"name\":\"Mug\",\"price\":\"9.50\","
     "\"category_id\":7}}}",
     false},
    {"cloudevents in headers", NULL,
     "{\"pk\":42,\"created\":false,\"version\":7,\"before\":{\"category_id\":3},\"after\":{\"id\":"
     "42,"
     "\"name\":\"Mug\",\"price\":\"9.50\",\"category_id\":7}}",
     true},
    {"debezium", "{\"id\":42}",
     "{\"before\":{\"id\":42,\"name\":\"Mug\",\"price\":\"9.50\",\"category_id\":3},\"after\":"
     "{\"id\":42,\"name\":\"Mug\",\"price\":\"9.50\",\"category_id\":7},\"source\":{\"version\":"
     "\"3.0.8.Final\",\"connector\":\"postgresql\",\"name\":\"shop\",\"ts_ms\":1795341600123,"
     "\"snapshot\":\"false\",\"db\":\"shop\",\"sequence\":\"[null,\\\"24023128\\\"]\",\"schema\":"
     "\"public\",\"table\":\"shop_product\",\"txId\":555,\"lsn\":24023128,\"xmin\":null},"
     "\"transaction\":null,\"op\":\"u\",\"ts_ms\":1795341600310}",
     false},
    {"maxwell", NULL,
     "{\"database\":\"shop\",\"table\":\"shop_product\",\"type\":\"update\",\"ts\":1795341600,"
     "\"xid\":940752,\"commit\":true,\"data\":{\"id\":42,\"name\":\"Mug\",\"price\":\"9.50\","
     "\"category_id\":7},\"old\":{\"category_id\":3},\"primary_key\":[42],"
     "\"primary_key_columns\":[\"id\"]}",
     false},
};

static void run_envelope(size_t which)
{
    const struct record_header headers[] = {
        {SLICE("ce_specversion"), SLICE("1.0")},
        {SLICE("ce_id"), SLICE("8f3c1f0e-5d2b-4f43-9a51-6a0f1c7f2f10")},
        {SLICE("ce_source"), SLICE("/shop")},
        {SLICE("ce_type"), SLICE("com.example.shop.post_save")},
        {SLICE("ce_time"), SLICE("2026-11-22T10:00:00.123456Z")},
        {SLICE("ce_subject"), SLICE("shop.Product/42")},
    };
    struct record record = {.timestamp_ms = 1795341600200,
                            .key = slice_of(envelopes[which].key),
                            .value = slice_of(envelopes[which].value),
                            .headers = headers};
    struct error err = ERROR_INIT;
    const char *skipped = NULL;
    double ns[ROUNDS];
    struct event event;
    struct arena arena;

    record.headers_nr = envelopes[which].has_attributes ? ARRAY_NR(headers) : 0;
    arena_init(&arena, 1 << 20);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t begin = now_ns();

        for (unsigned i = 0; i < ENVELOPE_TIMES; i++) {
            arena_reset(&arena, 0);
            need(decode_record(&record, NULL, &arena, &event, &skipped, &err) == DECODE_EVENT,
                 envelopes[which].name);
        }
        ns[round] = (double)(now_ns() - begin) / ENVELOPE_TIMES;
    }
    arena_release(&arena);
    qsort(ns, ROUNDS, sizeof(double), compare);
    printf("# %zu bytes, %s %.0f ns [%.0f-%.0f]\n", record.value.len, envelopes[which].name,
           ns[ROUNDS / 2], ns[0], ns[ROUNDS - 1]);
}

int main(void)
{
    struct sample small = {.times = 4000};
    struct sample large = {.times = 1000};

    sample_small(&small);
    sample_large(&large);
    run(&small, "350", 0.06);
    run(&large, "2k", 0.04);
    for (size_t i = 0; i < ARRAY_NR(envelopes); i++)
        run_envelope(i);
    return 0;
}
