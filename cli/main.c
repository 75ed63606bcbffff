/* souk - the command line of a Souk server. */
#include "cli/command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
    const char *name, *usage;
    command_run *run;
} commands[] = {
    {"ping", "ping", command_ping},
    {"degrade", "degrade status | pin LEVEL | pin auto", command_degrade},
    {"safe-mode", "safe-mode on | off | status --catalog NAME [--reason TEXT]", command_safe_mode},
    {"info", "info", command_info},
    {"stats", "stats", command_stats},
    {"catalog", "catalog list | create NAME --schema FILE | describe NAME | drop NAME | ...",
     command_catalog},
    {"import", "import --catalog NAME FILE", command_import},
    {"export", "export --catalog NAME [--filter TEXT] [-o FILE]", command_export},
    {"search", "search CATALOG [WORDS] [OPTIONS]", command_search},
    {"suggest", "suggest CATALOG TYPED | load CATALOG FILE | clear CATALOG", command_suggest},
    {"queries", "queries CATALOG [--popular | --slow | --no-hits]", command_queries},
    {"get", "get CATALOG ID...", command_get},
    {"put", "put CATALOG [--patch] JSON | -", command_put},
    {"delete", "delete CATALOG ID... | --filter TEXT", command_delete},
    {"wait", "wait CATALOG SEQUENCE", command_wait},
    {"upstream", "upstream list [CATALOG] | add CATALOG NAME FILE | OPTION=VALUE... | ...",
     command_upstream},
    {"synonyms",
     "synonyms set CATALOG NAME 'sofa, couch' | 'tv => television' | FILE | get | list | remove",
     command_synonyms},
    {"stopwords", "stopwords set CATALOG NAME 'the a of' | FILE | get | list | remove",
     command_stopwords},
    {"rules", "rules set CATALOG NAME FILE | get | list | remove", command_rules},
    {"profile", "profile set CATALOG NAME FILE | get | list | remove", command_profile},
    {"eval", "eval CATALOG --queries FILE --qrels FILE", command_eval},
};

static int help(void)
{
    printf("Usage: souk [--server ADDRESS] COMMAND ...\n\nCommands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  souk %s\n", commands[i].usage);
    printf("\nOptions:\n");
    options_print();
    printf("\nExamples:\n"
           "  souk import --catalog shop products.jsonl.zst\n"
           "  souk search shop \"red shoes\" --filter 'price < 50' --facet brand\n"
           "  souk search shop --sort price:desc -k 3 --json\n"
           "\nExit status: 0 done, 1 internal, 2 usage, 3 cannot connect, 4 the server refused,\n"
           "5 done in part, 6 deadline.\n");
    return EXIT_OK;
}

static int run(struct command *c)
{
    const char *name = command_word(c, 0);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(c);
    return command_usage("unknown command");
}

int main(int argc, char **argv)
{
    struct command *c = calloc(1, sizeof *c);
    char complaint[200];
    int code;
    if (!c)
        return EXIT_INTERNAL;
    signal(SIGPIPE, SIG_IGN);
    souk_reply_init(&c->reply);
    if (!options_parse(argc, argv, &c->options, complaint)) {
        code = command_usage(complaint);
    } else if (options_has(&c->options, OPT_HELP)) {
        code = help();
    } else if (options_has(&c->options, OPT_VERSION)) {
        code = printf("souk 0.1.0\n") < 0;
    } else if (c->options.word_count == 0) {
        code = command_usage("no command given");
    } else {
        c->json = options_has(&c->options, OPT_JSON);
        c->terminal = isatty(STDOUT_FILENO);
        code = run(c);
    }
    souk_close(c->souk);
    souk_reply_fini(&c->reply);
    buf_fini(&c->out);
    free(c);
    return code;
}
