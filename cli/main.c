/* souk - the command line of a Souk server. */
#include "cli/command.h"
#include "protocol/version.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ANY = WORDS_MAX };

static const struct {
    const char *name, *usage, *example;
    uint32_t words; /* itself and those behind it, at most; ANY: it looks itself */
    command_run *run;
} commands[] = {
    {"ping", "ping", "ping --server unix:var/souk.sock", 1, command_ping},
    {"promote", "promote", "promote", 1, command_promote},
    {"degrade", "degrade status | pin LEVEL | auto", "degrade pin C2", 3, command_degrade},
    {"safe-mode", "safe-mode on | off | status --catalog NAME [--reason TEXT]",
     "safe-mode on --catalog shop --reason \"prices are wrong\"", 2, command_safe_mode},
    {"info", "info", "info", 1, command_info},
    {"stats", "stats", "stats --json", 1, command_stats},
    {"catalog",
     "catalog list | create NAME --schema FILE | alter NAME --schema FILE | describe NAME |\n"
     "       drop NAME | rebuild NAME | set NAME KIND KEY VALUE | show NAME KIND KEY |\n"
     "       settings NAME [KIND]",
     "catalog describe shop", ANY, command_catalog},
    {"import", "import --catalog NAME FILE", "import --catalog shop products.jsonl.zst", 2,
     command_import},
    {"export", "export --catalog NAME [--filter TEXT] [-o FILE]",
     "export --catalog shop --filter 'stock > 0' -o in-stock.jsonl", 2, command_export},
    {"search", "search CATALOG [WORDS] [OPTIONS]",
     "search shop \"red shoes\" --filter 'price < 50' --facet brand -k 5", ANY, command_search},
    {"suggest", "suggest CATALOG TYPED | load CATALOG FILE | clear CATALOG",
     "suggest shop \"runn\"", ANY, command_suggest},
    {"queries", "queries CATALOG [--popular | --slow | --no-hits]", "queries shop --no-hits", 2,
     command_queries},
    {"get", "get CATALOG ID...", "get shop sku-1 sku-2 --return title,price", ANY, command_get},
    {"put", "put CATALOG [--patch] JSON | -",
     "put shop '{\"id\":\"sku-1\",\"price\":19.9}' --patch", 3, command_put},
    {"delete", "delete CATALOG ID... | --filter TEXT", "delete shop --filter 'stock = 0'", ANY,
     command_delete},
    {"wait", "wait CATALOG SEQUENCE", "wait shop 120000", 3, command_wait},
    {"upstream",
     "upstream list [CATALOG] | add CATALOG NAME FILE-or-OPTION=VALUE... | remove CATALOG NAME |\n"
     "       enable, disable, pause or resume CATALOG NAME | order CATALOG NAME... |\n"
     "       refresh CATALOG [NAME] [--ids A,B]",
     "upstream list shop", ANY, command_upstream},
    {"synonyms",
     "synonyms set CATALOG NAME 'sofa, couch' | 'tv => television' | FILE | get | list | remove",
     "synonyms set shop seats 'sofa, couch'", ANY, command_synonyms},
    {"stopwords", "stopwords set CATALOG NAME 'the a of' | FILE | get | list | remove",
     "stopwords set shop common 'the a of'", ANY, command_stopwords},
    {"rules", "rules set CATALOG NAME FILE | get | list | remove",
     "rules set shop summer rules.json", ANY, command_rules},
    {"profile", "profile set CATALOG NAME FILE | get | list | remove", "profile list shop", ANY,
     command_profile},
    {"key", "key new OPTIONS | check FILE | rotate FILE NAME | retire FILE NAME",
     "key new --name storefront --scopes search,get --catalogs 'shop*' --expires 90d >> keys", 4,
     command_key},
    {"eval", "eval CATALOG --queries FILE --qrels FILE",
     "eval shop --queries queries.tsv --qrels qrels.tsv --against mine", 2, command_eval},
};

static int help(void)
{
    printf("Usage: souk [--server ADDRESS] COMMAND ...\n\nCommands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  souk %s\n", commands[i].usage);
    printf("\nOptions:\n");
    options_print(NULL);
    printf("\nExamples:\n"
           "  souk import --catalog shop products.jsonl.zst\n"
           "  souk search shop \"red shoes\" --filter 'price < 50' --facet brand\n"
           "  souk search shop --sort price:desc -k 3 --json\n"
           "\n'souk COMMAND --help' tells of one command.\n"
           "\nExit status: 0 done, 1 internal, 2 usage, 3 cannot connect, 4 the server refused,\n"
           "5 done in part, 6 deadline, 7 TLS.\n");
    return EXIT_OK;
}

static int unknown(const char *name)
{
    char text[200];
    snprintf(text, sizeof text, "unknown command '%.100s'", name);
    return command_usage(text);
}

static int help_of(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0) {
            printf("Usage: souk %s\n\nOptions:\n", commands[i].usage);
            options_print(name);
            printf("\nExample:\n  souk %s\n", commands[i].example);
            return EXIT_OK;
        }
    return unknown(name);
}

static int version(bool json)
{
    int n = json ? printf("{\"name\":\"souk\",\"version\":\"" SOUK_VERSION "\",\"protocol\":%d}\n",
                          PROTOCOL_VERSION)
                 : printf("souk " SOUK_VERSION "\n");
    return n < 0 ? EXIT_INTERNAL : EXIT_OK;
}

static int run(struct command *c)
{
    const char *name = command_word(c, 0);
    char text[200];
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0) {
            int code = command_surplus(c, commands[i].words);
            if (!code && !options_fit(&c->options, name, text))
                code = command_usage(text);
            return code ? code : commands[i].run(c);
        }
    return unknown(name);
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
    bool parsed = options_parse(argc, argv, &c->options, complaint);
    if (options_has(&c->options, OPT_JSON))
        command_json_errors();
    if (!parsed) {
        code = command_usage(complaint);
    } else if (options_has(&c->options, OPT_HELP)) {
        code = c->options.word_count ? help_of(command_word(c, 0)) : help();
    } else if (options_has(&c->options, OPT_VERSION)) {
        code = version(options_has(&c->options, OPT_JSON));
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
