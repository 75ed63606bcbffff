/* Options: where they come from, what is refused and where the fault is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server/config.h"

static struct config config;

static void later_origins_win(void **state)
{
    (void)state;
    char *env[] = {"SOUK_SERVER__FRONTS=3", "SOUK_UNRELATED=1", NULL};
    struct fault fault = {0};
    config_init(&config);
    assert_int_equal(config_load_text(&config, SLICE_LIT("server:\n  fronts: 2\n"), &fault), 0);
    assert_int_equal(config_number(&config, OPTION_FRONTS), 2);
    assert_int_equal(config_load_env(&config, env, &fault), 0);
    assert_int_equal(config_number(&config, OPTION_FRONTS), 3);
    assert_int_equal(config.values[OPTION_FRONTS].origin, ORIGIN_ENV);
}

static void units_are_understood(void **state)
{
    (void)state;
    config_init(&config);
    assert_int_equal(config_number(&config, OPTION_MAP), 64ull << 30);
    assert_int_equal(config_number(&config, OPTION_LOG_WINDOW), 86400000);
}

static void a_ratio_lies_between_nothing_and_all(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t millionths; /* -1 = refused */
    } cases[] = {{"0", 0},         {"1", 1000000},    {"0.5", 500000},  {"0.000001", 1},
                 {"1.0", 1000000}, {"0.1234567", -1}, {"1.000001", -1}, {"2", -1},
                 {"-0", -1},       {"", -1},          {".5", -1},       {"0.", -1},
                 {"0.5x", -1},     {"1e-3", -1},      {"01", -1}};
    struct config c;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config_init(&c);
        enum status s = config_set(&c, "trace.ratio", cases[i].text, ORIGIN_FLAG, NULL);
        assert_int_equal(s, cases[i].millionths < 0 ? STATUS_INVALID : STATUS_OK);
        if (!s)
            assert_int_equal(config_number(&c, OPTION_TRACE_RATIO), cases[i].millionths);
    }
}

static void faults_name_line_column_and_suggestion(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
        uint32_t line, column;
    } cases[] = {
        {"server:\n  listn: x\n", "did you mean server.listen?", 2, 3},
        {"limits:\n  hits: many\n", "wants a number", 2, 3},
        {"limits:\n  hits: 0\n", "between 1 and 100000", 2, 3},
        {"limits:\n  frame: 1000\n", "between 64KiB and 16MiB", 2, 3},
        {"limits:\n  idle: 2d\n", "between 1s and 1d", 2, 3},
        {"limits:\n  first_frame: 5ms\n", "between 100ms and 10m", 2, 3},
        {"- a\n", "MAPPING", 1, 1},
        {"limits:\n  class: sheddabel\n", "wants a critical, default, sheddable or background", 2,
         3},
        {"limits:\n\thits: 5\n", "cannot start any token", 2, 1},
        {"limits:\n  hits: 5\n  hits: 6\n", "already seen", 3, 3},
        {"server:\n  fronts: 2\n\n  frunts: 2\n", "did you mean server.fronts?", 4, 3},
        {"server:\n  fronts: 2\nlimts:\n  hits: 5\n", "unknown option limts", 3, 1},
        {"server:\n  fronts: 2\nlimits:\n  hits: 5\nserver:\n  drain: 5s\n", "already seen", 5, 1},
        {"server:\n  user: nobody-of-this-name\n", "wants a user of this system", 2, 3},
        {"server:\n  server: 2\n", "unknown option server.server", 2, 3},
        {"limits:\n  hits: 5\n  deadline: [1]\n", "STRING", 3, 13},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault fault = {0};
        config_init(&config);
        assert_int_not_equal(config_load_text(&config, slice_str(cases[i].text), &fault), 0);
        assert_non_null(strstr(fault.text, cases[i].says));
        assert_int_equal(fault.line, cases[i].line);
        assert_int_equal(fault.column, cases[i].column);
    }
}

static void handed_over_it_is_the_same(void **state)
{
    (void)state;
    static struct config other;
    struct buf text = BUF_INIT;
    config_init(&config);
    assert_int_equal(config_set(&config, "limits.idle", "30s", ORIGIN_FLAG, NULL), 0);
    config_encode(&config, &text);
    assert_int_equal(config_decode(&other, buf_slice(&text)), 0);
    assert_memory_equal(&config, &other, sizeof config);
    assert_int_not_equal(config_decode(&other, slice_make(text.ptr, text.len / 2)), 0);
    buf_fini(&text);
}

static void the_help_tells_the_bounds(void **state)
{
    (void)state;
    char text[32768] = {0};
    FILE *out = fmemopen(text, sizeof text, "w");
    config_describe(out);
    fclose(out);
    assert_non_null(strstr(text, "longest body of a frame; bytes (512MiB), 64KiB to 16MiB, "));
    assert_non_null(strstr(text, "; time (10s), 1s to 1d, default 10m, reloadable\n"));
    assert_non_null(strstr(text, "most hits of one search; number, 1 to 100000, default 1000"));
    assert_non_null(strstr(text, "address and port of the fronts; HOST:PORT, default 127"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_origins_win),
        cmocka_unit_test(units_are_understood),
        cmocka_unit_test(a_ratio_lies_between_nothing_and_all),
        cmocka_unit_test(faults_name_line_column_and_suggestion),
        cmocka_unit_test(the_help_tells_the_bounds),
        cmocka_unit_test(handed_over_it_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
