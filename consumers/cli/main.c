#include "consumers/cli/verb.h"

#include <stdio.h>
#include <string.h>

#include "consumers/base/suggest.h"
#include "consumers/cli/version.h"

static const struct cli_verb *const verbs[] = {
    &verb_run,    &verb_emit, &verb_tail,   &verb_check,  &verb_explain,
    &verb_test,   &verb_diff, &verb_who,    &verb_graph,  &verb_fmt,
    &verb_init,   &verb_list, &verb_schema, &verb_help,   &verb_settings,
    &verb_doctor, &verb_dlq,  &verb_replay, &verb_reload, &verb_healthcheck,
};

enum { VERBS_NR = sizeof(verbs) / sizeof(verbs[0]) };

static void print_help(FILE *out)
{
    fputs("unstale - keeps caches in Redis true to model changes in Kafka\n\n"
          "usage: unstale VERB [options]\n\nverbs:\n",
          out);
    for (size_t i = 0; i < VERBS_NR; i++)
        fprintf(out, "  %-12s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs(
        "\nunstale VERB -h shows a verb's options; unstale --version the libraries it runs with.\n"
        "exit codes: 0 ok, 1 findings or records set aside, 2 usage, 3 warnings only (--strict),\n"
        "4 Kafka or Redis unreachable, 78 run refused its settings or rules\n",
        out);
}

static const struct cli_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERBS_NR; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static int unknown_verb(const char *name)
{
    struct suggest suggest;
    suggest_init(&suggest, slice_of(name));
    for (size_t i = 0; i < VERBS_NR; i++)
        suggest_offer(&suggest, slice_of(verbs[i]->name));
    fprintf(stderr, "unstale: unknown verb \"%s\"", name);
    if (!slice_is_absent(suggest.best))
        fprintf(stderr, ", did you mean \"%.*s\"?", SLICE_ARG(suggest.best));
    fputs(" (unstale --help lists them)\n", stderr);
    return EXIT_USAGE;
}

static bool asks_help(const char *arg)
{
    return strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0;
}

/* `unstale help`, `unstale help VERB`; what else it knows, the verb says itself. */
static bool help_is_enough(int argc, char **argv)
{
    const struct cli_verb *verb = argc == 3 ? find_verb(argv[2]) : NULL;

    if (verb)
        fputs(verb->usage, stdout);
    else if (argc == 2)
        print_help(stdout);
    return verb || argc == 2;
}

static int run_verb(const struct cli_verb *verb, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            fputs(verb->usage, stdout);
            return EXIT_OK;
        }
    }
    return verb->run(argc, argv);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (asks_help(argv[1])) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "help") == 0 && help_is_enough(argc, argv))
        return EXIT_OK;
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        version_print(stdout);
        return EXIT_OK;
    }
    const struct cli_verb *verb = find_verb(argv[1]);
    return verb ? run_verb(verb, argc - 1, argv + 1) : unknown_verb(argv[1]);
}
