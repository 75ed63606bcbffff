/* souk-load - an open-loop load tester for Souk. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "loadtest/commands.h"
#include "protocol/version.h"

static const struct {
    const char *name, *usage;
    int (*run)(struct setup *s);
} commands[] = {
    {"run", "[run] --catalog NAME --queries FILE --rate N --duration SECONDS", command_run},
    {"curve", "curve --catalog NAME --queries FILE --seconds N [--deadline MS]", command_curve},
    {"find-max", "find-max --slo 'p99<5ms' --catalog NAME --queries FILE", command_find_max},
    {"compare", "compare A.json B.json | --server A --server B ...", command_compare},
};

static int help(void)
{
    printf("Usage: souk-load [COMMAND] [OPTIONS]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        printf("  souk-load %s\n", commands[i].usage);
    printf("\nOptions:\n");
    options_print(stdout);
    printf(
        "\nExamples:\n"
        "  souk-load -c shop -q queries.tsv --rate 5000 --duration 30 --threshold 'p99<2ms'\n"
        "  souk-load -c shop -q queries.tsv -r 2000 -a spike:20000@10+5 -d 30 --html spike.html\n"
        "  souk-load -m mix.json --rate 3000 --deadline 100 --verify --json\n"
        "  souk-load curve -c shop -q queries.tsv --seconds 10 --deadline 50 --no-cache\n"
        "  souk-load compare before.json after.json\n"
        "\nExit status: 0 done, 1 internal, 2 usage, 3 cannot connect, 4 the server refused "
        "everything,\n"
        "8 a threshold failed, 9 an answer was wrong.\n");
    return EXIT_OK;
}

static int run(struct setup *s)
{
    const char *name = s->options.word_count ? s->options.words[0] : "run";
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(s);
    fprintf(stderr, "souk-load: unknown command '%s'\nTry 'souk-load --help'.\n", name);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct setup *s = calloc(1, sizeof *s);
    struct fault fault = {0};
    int code;
    if (!s)
        return EXIT_INTERNAL;
    signal(SIGPIPE, SIG_IGN);
    enum status st = options_parse(argc, argv, &s->options, &fault);
    if (st)
        code = setup_complain(st, &fault);
    else if (options_has(&s->options, OPT_HELP))
        code = help();
    else if (options_has(&s->options, OPT_VERSION))
        code = printf("souk-load " SOUK_VERSION "\n") < 0;
    else
        code = run(s);
    setup_fini(s);
    free(s);
    return code;
}
