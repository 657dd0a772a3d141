#include <stdio.h>

#include "consumers/base/suggest.h"
#include "consumers/base/text.h"
#include "consumers/cli/verb.h"
#include "consumers/rules/codes.h"
#include "consumers/rules/format.h"

/* Laid out, and moved in; what is no JSON as it is written. */
static void add_example(struct slice text, struct buffer *out, struct arena *arena)
{
    struct scan_problem problem;
    struct buffer neat;
    bool is_start = true;

    buffer_init(&neat);
    if (!format_json(text, false, &neat, arena, &problem))
        buffer_add(&neat, text);
    for (size_t i = 0; i < neat.len; i++) {
        if (is_start && neat.ptr[i] != '\n')
            buffer_add_text(out, "    ");
        buffer_add_char(out, neat.ptr[i]);
        is_start = neat.ptr[i] == '\n';
    }
    buffer_release(&neat);
}

static void explain_code(const struct code *code)
{
    struct arena arena;
    struct buffer out;

    arena_init(&arena, 1 << 14);
    buffer_init(&out);
    buffer_printf(&out, "%s[%s]: %s\n\n%s\n\nwrong:\n\n",
                  code->code[0] == 'E' ? "error" : "warning", code->code, code->title, code->why);
    add_example(code_example(code->wrong, &arena), &out, &arena);
    buffer_add_text(&out, "\nright:\n\n");
    add_example(code_example(code->right, &arena), &out, &arena);
    if (code->code[0] == 'W')
        buffer_printf(&out, "\nA rule that means it says \"ignore\": [\"%s\"].\n", code->code);
    fwrite(out.ptr, 1, out.len, stdout);
    buffer_release(&out);
    arena_release(&arena);
}

static int unknown_code(const char *word)
{
    struct suggest suggest;
    const struct code *code;

    suggest_init(&suggest, slice_of(word));
    for (size_t i = 0; (code = code_at(i)); i++)
        suggest_offer(&suggest, slice_of(code->code));
    if (slice_is_absent(suggest.best))
        return cli_usage_error(&verb_help, "neither a code nor a verb: \"%s\"", word);
    return cli_usage_error(&verb_help, "no code \"%s\", did you mean \"%.*s\"?", word,
                           SLICE_ARG(suggest.best));
}

static int run(int argc, char **argv)
{
    struct cli_args args;
    enum cli_step step;
    const char *value;
    int option, nr = 0;

    cli_args_init(&args, &verb_help, argc, argv);
    while ((step = cli_next(&args, NULL, 0, &option, &value)) == CLI_ITEM) {
        const struct code *code = code_find(slice_of(value));

        if (!code)
            return unknown_code(value);
        if (nr++ > 0)
            putchar('\n');
        explain_code(code);
    }
    if (step == CLI_BAD)
        return EXIT_USAGE;
    return nr > 0 ? EXIT_OK : cli_usage_error(&verb_help, "which code?");
}

const struct cli_verb verb_help = {
    .name = "help",
    .summary = "what a code such as E301 means, with a wrong and a right example",
    .usage = "usage: unstale help CODE...\n       unstale help VERB\n\n"
             "What an error or warning of rule files means, a file that has it and one that has\n"
             "not. `unstale list codes` names them all.\n\n"
             "exit codes: 0 ok, 2 usage\n",
    .run = run,
};
