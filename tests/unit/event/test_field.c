#include "consumers/event/field.h"

#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

enum { PARTS_MAX = 8 };

/* "after.tags[1]" as a path; what is no root is a field of the row. */
static struct field_path path_of(const char *text, struct field_part parts[PARTS_MAX])
{
    struct field_path path = {.root = FIELD_ROW, .parts = parts, .text = slice_of(text)};

    while (*text) {
        size_t len = strcspn(text, ".[");
        struct slice name = {text, len};
        bool is_root = text == path.text.ptr && field_root_parse(name, &path.root);

        if (*text == '[')
            parts[path.parts_nr++] = (struct field_part){SLICE_ABSENT, strtoul(text + 1, NULL, 10)};
        else if (!is_root)
            parts[path.parts_nr++] = (struct field_part){name, 0};
        text += *text == '[' ? strcspn(text, "]") + 1 : len;
        text += *text == '.';
    }
    return path;
}

/* A field as "string x", "number 1", "null", ... or its state. */
static void print_field(const struct field *field, char *out, size_t bytes)
{
    static const char *const states[] = {"present", "missing", "unknown", "no row"};
    static const char *const types[] = {"?",      "null",   "false", "true",
                                        "number", "string", "array", "object"};

    if (field->state != FIELD_PRESENT)
        snprintf(out, bytes, "%s", states[field->state]);
    else if (slice_is_absent(field->text))
        snprintf(out, bytes, "%s", types[field->type]);
    else
        snprintf(out, bytes, "%s %.*s", types[field->type], SLICE_ARG(field->text));
}

#define EVENT "{\"event\":\"own\",\"model\":\"shop.Product\",\"pk\":42"
#define UPDATE "{\"event\":\"post_save\",\"created\":false,\"model\":\"shop.Product\",\"pk\":42"
#define GUESS "{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":42"
#define CREATE "{\"event\":\"post_save\",\"created\":true,\"model\":\"shop.Product\",\"pk\":42"
#define DELETE "{\"event\":\"post_delete\",\"model\":\"shop.Product\",\"pk\":42"
#define M2M "{\"event\":\"m2m_changed\",\"model\":\"shop.Product\",\"pk\":42"
#define TRUNCATE "{\"event\":\"truncate\",\"model\":\"shop.Product\""
#define B ",\"before\":{\"n\":1,\"o\":{\"x\":1},\"only\":5}"
#define A ",\"after\":{\"n\":2,\"o\":{\"y\":2},\"same\":3,\"nil\":null,\"t\":[\"a\",{\"k\":7}]}"

static const struct {
    const char *event;
    const char *path;
    const char *old_side; /* NULL: the same as on the new one */
    const char *new_side;
} cases[] = {
    /* An update with both images: the old row is after overlaid with before. */
    {UPDATE B A "}", "n", "number 1", "number 2"},
    {UPDATE B A "}", "same", "number 3", "number 3"},
    {UPDATE B A "}", "only", "number 5", "missing"},
    {UPDATE B A "}", "nil", "null", "null"},
    {UPDATE B A "}", "none", "missing", "missing"},
    {UPDATE B A "}", "o.x", "number 1", "missing"},
    {UPDATE B A "}", "o.y", "missing", "number 2"},
    {UPDATE B A "}", "o", "object", "object"},
    {UPDATE B A "}", "t[0]", "string a", "string a"},
    {UPDATE B A "}", "t[1].k", "number 7", "number 7"},
    {UPDATE B A "}", "t[2]", "missing", "missing"},
    {UPDATE B A "}", "t.k", "missing", "missing"},
    {UPDATE B A "}", "n.x", "missing", "missing"},
    {UPDATE B A "}", "nil.x", "missing", "missing"},
    {UPDATE B A "}", "n[0]", "missing", "missing"},
    {UPDATE B A "}", "before.n", NULL, "number 1"},
    {UPDATE B A "}", "before.same", NULL, "number 3"},
    {UPDATE B A "}", "before.none", NULL, "missing"},
    {UPDATE B A "}", "after.n", NULL, "number 2"},
    {UPDATE B A "}", "after.only", NULL, "missing"},
    {UPDATE B A "}", "before", NULL, "object"},
    /* Without before there is no old row to render; what it held is unknown. */
    {UPDATE A "}", "n", "no row", "number 2"},
    {UPDATE A "}", "before.n", NULL, "unknown"},
    {UPDATE ",\"before\":null" A "}", "before.n", NULL, "unknown"},
    {UPDATE ",\"before\":null" A "}", "n", "no row", "number 2"},
    {UPDATE ",\"before\":{}" A "}", "before.n", NULL, "number 2"},
    /* Without after the new row is unknown. */
    {UPDATE B "}", "n", "number 1", "unknown"},
    {UPDATE B "}", "none", "missing", "unknown"},
    {UPDATE B "}", "after.n", NULL, "unknown"},
    {UPDATE "}", "n", "no row", "unknown"},
    {UPDATE "}", "after.n", NULL, "unknown"},
    {UPDATE "}", "before.n", NULL, "unknown"},
    /* Create has no old row, delete no new one. */
    {CREATE A "}", "n", "no row", "number 2"},
    {CREATE A "}", "before.n", NULL, "no row"},
    {CREATE B A "}", "n", "no row", "number 2"},
    {CREATE B A "}", "before.n", NULL, "no row"},
    {CREATE A "}", "after.none", NULL, "missing"},
    {CREATE "}", "n", "no row", "unknown"},
    {DELETE B "}", "n", "number 1", "no row"},
    {DELETE B "}", "before.n", NULL, "number 1"},
    {DELETE B "}", "before.none", NULL, "missing"},
    {DELETE B "}", "after.n", NULL, "no row"},
    {DELETE A "}", "n", "number 2", "no row"},
    {DELETE A "}", "after.n", NULL, "no row"},
    {DELETE A "}", "before.n", NULL, "unknown"},
    {DELETE B A "}", "same", "number 3", "no row"},
    {DELETE "}", "n", "unknown", "no row"},
    {DELETE "}", "before.n", NULL, "unknown"},
    /* Ops without images. */
    {M2M "}", "n", "no row", "unknown"},
    {M2M "}", "before.n", NULL, "unknown"},
    {M2M A "}", "n", "no row", "number 2"},
    {TRUNCATE "}", "n", "no row", "unknown"},
    {TRUNCATE "}", "pk", NULL, "missing"},
    {TRUNCATE "}", "id", "no row", "unknown"},
    {EVENT "}", "after.n", NULL, "unknown"},
    {EVENT B A "}", "n", "number 1", "number 2"},
    /* id: the row's field, else the pk. */
    {UPDATE B A "}", "id", "number 42", "number 42"},
    {UPDATE "}", "id", "no row", "number 42"},
    {DELETE "}", "id", "number 42", "no row"},
    {UPDATE ",\"before\":{\"id\":1},\"after\":{\"id\":2}}", "id", "number 1", "number 2"},
    {UPDATE ",\"after\":{\"id\":null}}", "id", "no row", "null"},
    {UPDATE ",\"after\":{}}", "after.id", NULL, "missing"},
    {UPDATE ",\"meta\":{\"id\":1}}", "meta.id", NULL, "number 1"},
    {"{\"event\":\"own\",\"model\":\"a.B\",\"pk\":[\"x\",2],\"after\":{}}", "id", "no row",
     "array"},
    {"{\"event\":\"own\",\"model\":\"a.B\",\"pk\":[\"x\",2],\"after\":{}}", "id[1]", "no row",
     "number 2"},
    /* The pk. */
    {UPDATE "}", "pk", NULL, "number 42"},
    {UPDATE "}", "pk[0]", NULL, "missing"},
    {"{\"event\":\"own\",\"model\":\"a.B\",\"pk\":[\"x\",2]}", "pk", NULL, "array"},
    {"{\"event\":\"own\",\"model\":\"a.B\",\"pk\":[\"x\",2]}", "pk[0]", NULL, "string x"},
    {"{\"event\":\"own\",\"model\":\"a.B\",\"pk\":[\"x\",2]}", "pk[1]", NULL, "number 2"},
    {"{\"event\":\"own\",\"model\":\"a.B\",\"pk\":[\"x\",2]}", "pk[2]", NULL, "missing"},
    {"{\"event\":\"own\",\"model\":\"a.B\",\"pk\":[\"x\"]}", "pk", NULL, "string x"},
    /* What the event says of itself. */
    {UPDATE "}", "model", NULL, "string shop.Product"},
    {UPDATE "}", "model.x", NULL, "missing"},
    {UPDATE "}", "op", NULL, "string update"},
    {EVENT "}", "op", NULL, "string own"},
    {UPDATE "}", "event", NULL, "string post_save"},
    {UPDATE ",\"id\":\"e1\"}", "event_id", NULL, "string e1"},
    {UPDATE "}", "event_id", NULL, "missing"},
    {UPDATE ",\"ts\":1795341600123}", "ts", NULL, "number 1795341600123"},
    {UPDATE ",\"ts\":0}", "ts", NULL, "number 0"},
    {UPDATE "}", "ts", NULL, "number 1795341600200"},
    {UPDATE ",\"version\":0}", "version", NULL, "number 0"},
    {UPDATE ",\"version\":7}", "version", NULL, "number 7"},
    {UPDATE ",\"version\":10}", "version", NULL, "number 10"},
    {UPDATE ",\"version\":100}", "version", NULL, "number 100"},
    {UPDATE ",\"version\":9007199254740991}", "version", NULL, "number 9007199254740991"},
    {UPDATE "}", "version", NULL, "missing"},
    {UPDATE ",\"version\":7}", "version.x", NULL, "missing"},
    {UPDATE ",\"tenant\":\"acme\"}", "tenant", NULL, "string acme"},
    {UPDATE ",\"tenant\":\"\"}", "tenant", NULL, "string "},
    {UPDATE "}", "tenant", NULL, "missing"},
    {UPDATE ",\"source\":\"web\"}", "source", NULL, "string web"},
    {UPDATE ",\"trace\":\"00-1\"}", "trace", NULL, "string 00-1"},
    {UPDATE ",\"sender\":\"a.C\"}", "sender", NULL, "string a.C"},
    {UPDATE "}", "created", NULL, "false"},
    {CREATE "}", "created", NULL, "true"},
    {GUESS "}", "created", NULL, "unknown"},
    {DELETE "}", "created", NULL, "missing"},
    {UPDATE "}", "changed", NULL, "missing"},
    {UPDATE ",\"meta\":{\"a\":{\"b\":[\"c\"]}}}", "meta.a.b[0]", NULL, "string c"},
    {UPDATE ",\"meta\":{\"a\":1}}", "meta.b", NULL, "missing"},
    {UPDATE "}", "meta.a", NULL, "missing"},
    {UPDATE "}", "meta", NULL, "missing"},
    {M2M ",\"m2m\":{\"field\":\"tags\",\"pks\":[1,2]}}", "m2m.field", NULL, "string tags"},
    {M2M ",\"m2m\":{\"field\":\"tags\",\"pks\":[1,2]}}", "m2m.pks[1]", NULL, "number 2"},
    {M2M ",\"m2m\":{\"field\":\"tags\",\"pks\":[1,2]}}", "m2m.pks", NULL, "array"},
    /* The text of a number is the event's. */
    {UPDATE ",\"after\":{\"p\":12.50}}", "p", "no row", "number 12.50"},
    {UPDATE ",\"after\":{\"p\":1E400}}", "p", "no row", "number 1E400"},
};

START_TEST(fields)
{
    struct decoded decoded;
    struct field_part parts[PARTS_MAX];
    struct field_path path = path_of(cases[_i].path, parts);
    const char *expected[] = {
        [SIDE_OLD] = cases[_i].old_side ? cases[_i].old_side : cases[_i].new_side,
        [SIDE_NEW] = cases[_i].new_side,
    };

    decoded_init(&decoded);
    decoded_need(&decoded, cases[_i].event);
    for (int side = SIDE_OLD; side <= SIDE_NEW; side++) {
        char got[256];
        struct field field =
            field_get(&decoded.event, decoded.event.rows, (enum side)side, &path, &decoded.arena);

        print_field(&field, got, sizeof(got));
        ck_assert_msg(strcmp(got, expected[side]) == 0, "%s of %s, side %d: got %s, expected %s",
                      cases[_i].path, cases[_i].event, side, got, expected[side]);
    }
    decoded_release(&decoded);
}
END_TEST

static const struct {
    const char *event;
    bool has_old;
    bool has_new;
} sides[] = {
    {UPDATE B A "}", true, true},  {UPDATE A "}", false, true}, {UPDATE "}", false, true},
    {CREATE B A "}", false, true}, {CREATE "}", false, true},   {DELETE B "}", true, false},
    {DELETE "}", true, false},     {M2M "}", false, true},      {M2M B A "}", true, true},
    {TRUNCATE "}", false, true},   {EVENT B "}", true, true},
};

START_TEST(sides_to_render)
{
    struct decoded decoded;

    decoded_init(&decoded);
    decoded_need(&decoded, sides[_i].event);
    ck_assert_int_eq(field_has_side(&decoded.event, decoded.event.rows, SIDE_OLD),
                     sides[_i].has_old);
    ck_assert_int_eq(field_has_side(&decoded.event, decoded.event.rows, SIDE_NEW),
                     sides[_i].has_new);
    decoded_release(&decoded);
}
END_TEST

START_TEST(roots_have_names)
{
    enum field_root root;

    ck_assert(slice_is_absent(field_root_text(FIELD_ROW)));
    for (unsigned i = FIELD_ROW + 1; i < FIELD_ROOT_NR; i++) {
        ck_assert(field_root_parse(field_root_text((enum field_root)i), &root));
        ck_assert_int_eq(root, (enum field_root)i);
    }
    ck_assert(!field_root_parse(SLICE("id"), &root));
    ck_assert(!field_root_parse(SLICE("Pk"), &root));
    ck_assert(!field_root_parse(SLICE(""), &root));
    ck_assert(!field_root_parse(SLICE_ABSENT, &root));
}
END_TEST

/* Only numbers that the event computes take memory. */
START_TEST(a_look_up_takes_no_memory)
{
    struct decoded decoded;
    struct field_part parts[PARTS_MAX];

    decoded_init(&decoded);
    for (size_t i = 0; i < ARRAY_NR(cases); i++) {
        struct field_path path = path_of(cases[i].path, parts);
        size_t used;

        decoded_need(&decoded, cases[i].event);
        used = arena_used(&decoded.arena);
        field_get(&decoded.event, decoded.event.rows, SIDE_NEW, &path, &decoded.arena);
        if (path.root != FIELD_TS && path.root != FIELD_VERSION)
            ck_assert_uint_eq(arena_used(&decoded.arena), used);
    }
    decoded_release(&decoded);
}
END_TEST

static Suite *field_suite(void)
{
    Suite *suite = suite_create("field");
    TCase *tcase = tcase_create("field");

    tcase_add_loop_test(tcase, fields, 0, ARRAY_NR(cases));
    tcase_add_loop_test(tcase, sides_to_render, 0, ARRAY_NR(sides));
    tcase_add_test(tcase, roots_have_names);
    tcase_add_test(tcase, a_look_up_takes_no_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(field_suite)
