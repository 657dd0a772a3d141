#include <stdio.h>
#include <string.h>

#include "consumers/base/compiler.h"
#include "consumers/base/suggest.h"
#include "consumers/cli/embedded.h"
#include "consumers/cli/verb.h"

static int print_schema(const char *name)
{
    struct suggest suggest;

    suggest_init(&suggest, slice_of(name));
    for (const struct embedded_file *file = embedded_schemas; file->name; file++) {
        suggest_offer(&suggest, slice_of(file->topic));
        if (strcmp(file->topic, name) != 0)
            continue;
        fwrite(file->text, 1, *file->len, stdout);
        return EXIT_OK;
    }
    if (slice_is_absent(suggest.best))
        return cli_usage_error(&verb_schema,
                               "there are event, rules, settings and tests, not \"%s\"", name);
    return cli_usage_error(&verb_schema, "no schema \"%s\", did you mean \"%.*s\"?", name,
                           SLICE_ARG(suggest.best));
}

static int run(int argc, char **argv)
{
    const char *name = NULL, *value;
    struct cli_args args;
    enum cli_step step;
    int option;

    cli_args_init(&args, &verb_schema, argc, argv);
    while ((step = cli_next(&args, NULL, 0, &option, &value)) == CLI_ITEM) {
        if (name)
            return cli_usage_error(&verb_schema, "one schema, not \"%s\" as well", value);
        name = value;
    }
    if (step == CLI_BAD)
        return EXIT_USAGE;
    if (!name)
        return cli_usage_error(&verb_schema, "which one: event, rules, settings or tests?");
    return print_schema(name);
}

const struct cli_verb verb_schema = {
    .name = "schema",
    .summary = "the JSON Schema of events, rules, settings or tests",
    .usage = "usage: unstale schema event|rules|settings|tests\n\n"
             "Prints the JSON Schema (2020-12) that this program goes by, for editors and for\n"
             "validators: \"$schema\": \"./rules.v1.schema.json\" in a rule file.\n\n"
             "exit codes: 0 ok, 2 usage\n",
    .run = run,
};
