#include "consumers/rules/format.h"

#include <dirent.h>
#include <stdio.h>

#include "consumers/base/arena.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

static void format_or_fail(struct slice text, struct buffer *out, struct arena *arena)
{
    struct scan_problem problem = {.message = SLICE_ABSENT};

    buffer_clear(out);
    ck_assert_msg(format_json(text, true, out, arena, &problem), "%.*s at %zu in <%.*s>",
                  SLICE_ARG(problem.message), problem.span.start, SLICE_ARG(text));
}

/* Everything but white space, commas and comments, and the comments' own words, in order. */
static struct slice meaning(struct slice text, struct arena *arena)
{
    struct slice clean = scan_blank_comments(text, arena);

    return scan_compact(clean, (struct span){0, clean.len}, arena);
}

/* What stands in comments, without blanks: what was not blanked is blanked instead. */
static struct slice comments_of(struct slice text, struct arena *arena)
{
    struct slice clean = scan_blank_comments(text, arena);
    char *out = arena_bytes(arena, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (clean.ptr[i] == ' ' && !strchr(" \t\r\n,", text.ptr[i]))
            out[len++] = text.ptr[i];
    }
    return (struct slice){out, len};
}

static void assert_kept(struct slice text)
{
    struct arena arena;
    struct buffer once, twice;

    if (slice_starts_with(text, SLICE("\xef\xbb\xbf")))
        text = (struct slice){text.ptr + 3, text.len - 3};
    arena_init(&arena, 1 << 16);
    buffer_init(&once);
    buffer_init(&twice);
    format_or_fail(text, &once, &arena);
    format_or_fail(buffer_slice(&once), &twice, &arena);
    loaded_assert(buffer_slice(&twice), buffer_slice(&once), "formatted twice");
    loaded_assert(meaning(buffer_slice(&once), &arena), meaning(text, &arena), "meaning");
    loaded_assert(comments_of(buffer_slice(&once), &arena), comments_of(text, &arena), "comments");
    buffer_release(&twice);
    buffer_release(&once);
    arena_release(&arena);
}

static const struct {
    const char *text, *expected;
} laid_out[] = {
    {" {  } ", "{}\n"},
    {"\xef\xbb\xbf[]", "[]\n"},
    {"-1.50E+3", "-1.50E+3\n"},
    {"{\"version\":1,\"rules\":[]}", "{\n  \"version\": 1,\n  \"rules\": []\n}\n"},
    {"{\"a\":{\"b\":{\"c\":[1,2,{}],\"d\":null}}}",
     "{\n  \"a\": {\n    \"b\": { \"c\": [1, 2, {}], \"d\": null }\n  }\n}\n"},
    {"{\"rules\":[{\"name\":\"n\",\"when\":{\"op\":\"x\"}}]}",
     "{\n  \"rules\": [\n    {\n      \"name\": \"n\",\n      \"when\": { \"op\": \"x\" }\n    }\n"
     "  ]\n}\n"},
    {"{\"a\": \"\\u0041\\/\" ,\r\n\"b\":1.0}", "{\n  \"a\": \"\\u0041\\/\",\n  \"b\": 1.0\n}\n"},
    {"{\n\n\"a\":1,\n\n\n\n\"b\":2\n\n}", "{\n  \"a\": 1,\n\n  \"b\": 2\n}\n"},
    /* comments */
    {"// top  \r\n\n\n{}// end", "// top\n\n{} // end\n"},
    {"{}\n// one\n\n// two", "{}\n// one\n\n// two\n"},
    {"{\"a\":1, // why\n\"b\":2 /* so */,\"c\":3,/* of d */\"d\":4,}",
     "{\n  \"a\": 1, // why\n  \"b\": 2, /* so */\n  \"c\": 3,\n  /* of d */\n  \"d\": 4\n}\n"},
    {"{\"a\":1 // last\n// below\n}", "{\n  \"a\": 1 // last\n  // below\n}\n"},
    {"{\"a\":1 /*x*/,/*y*/ // z\n}", "{\n  \"a\": 1 /*x*/ /*y*/ // z\n}\n"},
    {"{\"a\":1 // x\n, /* y */\n}", "{\n  \"a\": 1 // x\n  /* y */\n}\n"},
    {"[1 // x\n, // y\n2]", "[\n  1, // x\n  // y\n  2\n]\n"},
    {"{// none\n}", "{\n  // none\n}\n"},
    {"{\"a\"/*1*/:/*2*/ //3\n[1]}", "{\n  /*1*/\n  /*2*/\n  //3\n  \"a\": [1]\n}\n"},
    {"{\"a\":{\"b\":{\"c\":[1 // one\n]}}}",
     "{\n  \"a\": {\n    \"b\": {\n      \"c\": [\n        1 // one\n      ]\n    }\n  }\n}\n"},
    {"{\n        /* first\n           second\n   third */\n\"a\":1}",
     "{\n  /* first\n     second\nthird */\n  \"a\": 1\n}\n"},
    {"[1\n// of two\n,2]", "[\n  1,\n  // of two\n  2\n]\n"},
    {"[\"//\", \"/* */\"]", "[\n  \"//\",\n  \"/* */\"\n]\n"},
    {"[1,/*/ still */2]", "[\n  1,\n  /*/ still */\n  2\n]\n"},
};

START_TEST(layout)
{
    struct arena arena;
    struct buffer out;

    arena_init(&arena, 4096);
    buffer_init(&out);
    format_or_fail(slice_of(laid_out[_i].text), &out, &arena);
    loaded_assert(buffer_slice(&out), slice_of(laid_out[_i].expected), laid_out[_i].text);
    assert_kept(slice_of(laid_out[_i].text));
    buffer_release(&out);
    arena_release(&arena);
}
END_TEST

/* A list that ends in column 100 stays on its line; one character more, of however many bytes, no. */
START_TEST(columns)
{
    for (unsigned more = 0; more < 2; more++) {
        struct arena arena;
        struct buffer text, out;

        arena_init(&arena, 4096);
        buffer_init(&text);
        buffer_init(&out);
        buffer_add_text(&text, "{\"a\":{\"list\":[\"");
        for (unsigned i = 0; i < 100 - 17 + more; i++)
            buffer_add_text(&text, "\xc3\xa9");
        buffer_add_text(&text, "\"],\"next\":1}}");
        format_or_fail(buffer_slice(&text), &out, &arena);
        ck_assert_int_eq(strstr(out.ptr, "\"list\": [\"") != NULL, more == 0);
        buffer_release(&out);
        buffer_release(&text);
        arena_release(&arena);
    }
}
END_TEST

static const char *const refused[] = {"",         "{",          "{\"a\":1,}", "[1] x", "{'a':1}",
                                      "// x\n{}", "/* open {}", "[\"\n\"]",   "[01]"};

static const char *const refused_with_comments[] = {"[,]", "{,}",   "[/**/,//\n]", "[1,,]",
                                                    ",",   "[1]/*", "{\"a\":,}"};

START_TEST(no_json_with_comments)
{
    struct scan_problem problem = {.message = SLICE_ABSENT};
    struct arena arena;
    struct buffer out;

    arena_init(&arena, 4096);
    buffer_init(&out);
    ck_assert(!format_json(slice_of(refused_with_comments[_i]), true, &out, &arena, &problem));
    ck_assert_uint_eq(out.len, 0);
    buffer_release(&out);
    arena_release(&arena);
}
END_TEST

START_TEST(no_json)
{
    struct scan_problem problem = {.message = SLICE_ABSENT};
    struct arena arena;
    struct buffer out;

    arena_init(&arena, 4096);
    buffer_init(&out);
    ck_assert(!format_json(slice_of(refused[_i]), false, &out, &arena, &problem));
    ck_assert(problem.message.len > 0);
    ck_assert_uint_eq(out.len, 0);
    buffer_release(&out);
    arena_release(&arena);
}
END_TEST

/* ---- generated texts ---- */

struct maker {
    struct buffer *out;
    uint64_t state;
};

static unsigned pick(struct maker *m, unsigned below)
{
    m->state = m->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(m->state >> 33) % below;
}

static void make_gap(struct maker *m)
{
    static const char *const gaps[] = {
        "",
        "",
        " ",
        "\n",
        "\n\n\n",
        "\t",
        "\r\n",
        " ",
        "\n",
        " // c \n",
        "/* c,{[\" */",
        "\n  /* a\n\t b */\n",
        "\n\n//\n\n",
        "/***/ /*/*/",
    };

    buffer_add_text(m->out, gaps[pick(m, ARRAY_NR(gaps))]);
}

static void make_scalar(struct maker *m)
{
    static const char *const scalars[] = {
        "1",
        "-0.50",
        "1e5",
        "true",
        "null",
        "\"\"",
        "\"a // b\"",
        "\"\\\"/*\\\\\"",
        "{}",
        "[]",
        "\"\xc3\xa9\"",
        "\"a long text that fills a line rather soon, two of them\""};

    buffer_add_text(m->out, scalars[pick(m, ARRAY_NR(scalars))]);
}

static void make_value(struct maker *m, unsigned depth)
{
    unsigned nr = pick(m, 4);
    bool is_object = pick(m, 2) == 0;

    if (depth == 0 || pick(m, 4) == 0) {
        make_scalar(m);
        return;
    }
    buffer_add_char(m->out, is_object ? '{' : '[');
    make_gap(m);
    for (unsigned i = 0; i < nr; i++) {
        if (is_object) {
            buffer_printf(m->out, "\"n%u\"", i);
            make_gap(m);
            buffer_add_char(m->out, ':');
            make_gap(m);
        }
        make_value(m, depth - 1);
        make_gap(m);
        if (i + 1 < nr || pick(m, 3) == 0)
            buffer_add_char(m->out, ',');
        make_gap(m);
    }
    buffer_add_char(m->out, is_object ? '}' : ']');
}

START_TEST(generated)
{
    struct buffer text;
    struct maker maker = {&text, 1};

    buffer_init(&text);
    for (unsigned i = 0; i < 5000; i++) {
        buffer_clear(&text);
        make_gap(&maker);
        make_value(&maker, 1 + i % 6);
        make_gap(&maker);
        assert_kept(buffer_slice(&text));
    }
    buffer_release(&text);
}
END_TEST

/* ---- files of this repository ---- */

static void read_text(const char *path, struct buffer *out)
{
    FILE *file = fopen(path, "rb");
    size_t got;

    ck_assert_msg(file != NULL, "%s", path);
    buffer_clear(out);
    while ((got = fread(buffer_reserve(out, 4096), 1, 4096, file)) > 0)
        out->len += got;
    out->ptr[out->len] = '\0';
    fclose(file);
}

static const char *const samples[] = {
    "config/rules/shop.json",
    "config/rules/shop_test.json",
    "config/starter/django/unstale.json",
    "config/starter/django/rules/shop.json",
    "config/starter/django/rules/shop_test.json",
    "config/starter/raw/unstale.json",
    "config/starter/raw/rules/shop.json",
    "config/starter/raw/rules/shop_test.json",
};

START_TEST(samples_are_formatted)
{
    struct arena arena;
    struct buffer text, out;

    arena_init(&arena, 1 << 16);
    buffer_init(&text);
    buffer_init(&out);
    read_text(samples[_i], &text);
    format_or_fail(buffer_slice(&text), &out, &arena);
    loaded_assert(buffer_slice(&out), buffer_slice(&text), samples[_i]);
    buffer_release(&out);
    buffer_release(&text);
    arena_release(&arena);
}
END_TEST

static const char *const folders[] = {
    "config/starter/django/rules",  "config/starter/raw/rules",     "schemas",
    "schemas/examples/rules/valid", "schemas/examples/event/valid", "config/rules"};

START_TEST(files_are_kept)
{
    DIR *folder = opendir(folders[_i]);
    struct dirent *entry;
    struct buffer text;
    size_t seen = 0;

    ck_assert_ptr_nonnull(folder);
    buffer_init(&text);
    while ((entry = readdir(folder))) {
        char path[512];

        if (!slice_ends_with(slice_of(entry->d_name), SLICE(".json")) &&
            !slice_ends_with(slice_of(entry->d_name), SLICE(".jsonc")))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folders[_i], entry->d_name);
        read_text(path, &text);
        assert_kept(buffer_slice(&text));
        seen++;
    }
    ck_assert_uint_gt(seen, 0);
    buffer_release(&text);
    closedir(folder);
}
END_TEST

static Suite *format_suite(void)
{
    Suite *suite = suite_create("rules/format");
    TCase *layouts = tcase_create("layout"), *kept = tcase_create("kept");

    tcase_add_loop_test(layouts, layout, 0, (int)ARRAY_NR(laid_out));
    tcase_add_loop_test(layouts, no_json, 0, (int)ARRAY_NR(refused));
    tcase_add_loop_test(layouts, no_json_with_comments, 0, (int)ARRAY_NR(refused_with_comments));
    tcase_add_test(layouts, columns);
    tcase_add_test(kept, generated);
    tcase_add_loop_test(kept, samples_are_formatted, 0, (int)ARRAY_NR(samples));
    tcase_add_loop_test(kept, files_are_kept, 0, (int)ARRAY_NR(folders));
    suite_add_tcase(suite, layouts);
    suite_add_tcase(suite, kept);
    return suite;
}

CHECK_MAIN(format_suite)
