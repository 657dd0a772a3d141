/*
 * fuzz_rules - any bytes as a rule file, strict and with comments: loaded or refused.
 *
 * Either there is a set and no error, or there is an error; every finding stands inside the file and
 * has a code that exists; what is printed as JSON holds together.
 */
#include "consumers/event/decode.h"
#include "consumers/rules/codes.h"
#include "consumers/rules/load.h"
#include "tests/fuzz/fuzz.h"

static void check_findings(const struct diagnostics *found)
{
    for (size_t i = 0; i < found->nr; i++) {
        const struct diagnostic *d = &found->items[i];

        need(code_find(slice_of(d->code)) != NULL);
        need(d->line >= 1 && d->column >= 1 && d->end_column >= d->column);
        need(d->source_column >= 1 && d->column >= d->source_column);
        need(d->column - d->source_column <= d->source_line.len);
        need(d->message.len > 0);
    }
}

static void print(const struct diagnostics *found, struct arena *arena)
{
    struct buffer out;
    size_t position;

    buffer_init(&out);
    diagnostics_print_text(found, true, &out);
    buffer_clear(&out);
    diagnostics_print_json(found, &out);
    need(decode_json(buffer_slice(&out), arena, &position, NULL) != NULL);
    buffer_release(&out);
}

static void load(struct slice name, struct slice text)
{
    struct rule_source source = {name, text};
    struct diagnostics found;
    struct ruleset *set;
    struct arena arena;

    arena_init(&arena, 1 << 12);
    diagnostics_init(&found);
    set = load_sources(&source, 1, &found);
    need((set != NULL) == (found.errors == 0));
    check_findings(&found);
    print(&found, &arena);
    ruleset_free(set);
    diagnostics_release(&found);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_input(data, size);

    load(SLICE("rules.json"), text);
    load(SLICE("rules.jsonc"), text);
    return 0;
}
