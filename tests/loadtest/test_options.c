#include "loadtest/options.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static enum status parse(struct options *o, struct fault *f, const char *line)
{
    static char copy[512], *argv[64] = {"souk-load"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
        argv[argc++] = w;
    return options_parse(argc, argv, o, f);
}

static void values_defaults_and_repeats(void **state)
{
    (void)state;
    struct options o;
    struct fault f = {0};
    double n;
    assert_int_equal(
        parse(&o, &f, "curve -r 50 --rate=70 --filter a -fb --seconds 2s --json -- -x"), STATUS_OK);
    assert_int_equal(o.word_count, 2);
    assert_string_equal(o.words[1], "-x");
    assert_int_equal(options_number(&o, OPT_RATE, 1, 100, 0, &n, &f), STATUS_OK);
    assert_true(n == 70);
    assert_int_equal(options_number(&o, OPT_SECONDS, 1, 100, 0, &n, &f), STATUS_OK);
    assert_true(n == 2);
    assert_string_equal(options_nth(&o, OPT_FILTER, 1), "b");
    assert_null(options_nth(&o, OPT_FILTER, 2));
    assert_string_equal(options_value(&o, OPT_ARRIVALS), "constant");
    assert_false(options_has(&o, OPT_ARRIVALS));
    assert_int_equal(options_number(&o, OPT_RATE, 1, 60, 0, &n, &f), STATUS_INVALID);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *said;
    } cases[] = {{"--rat 5", "unknown option '--rat'"},
                 {"-Z", "unknown option '-Z'"},
                 {"--json=1", "--json takes no value"},
                 {"--rate", "--rate needs a value (N)"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options o;
        struct fault f = {0};
        assert_int_equal(parse(&o, &f, cases[i].line), STATUS_INVALID);
        assert_string_equal(f.text, cases[i].said);
    }
}

static void names_and_letters_are_each_used_once(void **state)
{
    (void)state;
    static const struct {
        const char *name, *help;
        char letter;
    } rows[] = {
#define OPTION(id, name, letter, value, fallback, help) {name, help, letter},
#include "loadtest/options.def"
#undef OPTION
    };
    for (size_t i = 0; i < OPTION_COUNT; i++)
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(rows[i].name, rows[j].name);
            assert_true(!rows[i].letter || rows[i].letter != rows[j].letter);
            assert_true(rows[i].help[0]);
        }
}

static void the_manual_page_names_every_option(void **state)
{
    (void)state;
    static char page[65536];
    static const struct {
        const char *name, *value;
    } rows[] = {
#define OPTION(id, name, letter, value, fallback, help) {name, value},
#include "loadtest/options.def"
#undef OPTION
    };
    FILE *f = fopen(SOUK_SOURCE_DIR "/docs/man/souk-load.1.scd", "r");
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char want[128];
        snprintf(want, sizeof want, "*--%s*%s%s%s\n\t", rows[i].name, rows[i].value ? " _" : "",
                 rows[i].value ? rows[i].value : "", rows[i].value ? "_" : "");
        if (!strstr(page, want))
            print_error("the manual page lacks %s", want);
        assert_non_null(strstr(page, want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_defaults_and_repeats),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(names_and_letters_are_each_used_once),
        cmocka_unit_test(the_manual_page_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
