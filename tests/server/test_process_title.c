/* A title is shown in the place of the arguments; the environment survives it. */
#include "server/process_title.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char **arguments;

/* The command line as the system tells it, zeros at the end taken off. */
static size_t shown(char *room, size_t cap)
{
    FILE *f = fopen("/proc/self/cmdline", "r");
    assert_non_null(f);
    size_t n = fread(room, 1, cap - 1, f);
    fclose(f);
    while (n && !room[n - 1])
        n--;
    room[n] = '\0';
    return n;
}

static void a_title_is_shown_and_the_environment_stays(void **state)
{
    (void)state;
    char line[4096], home[4096], longer[1024];
    struct process_title t = process_title_find(arguments);
    assert_true(getenv("PATH") && strlen(getenv("PATH")) < sizeof home);
    strcpy(home, getenv("PATH"));
    process_title_set(&t, "x --role front");
    assert_int_equal(shown(line, sizeof line), 14);
    assert_string_equal(line, "x --role front");
    assert_string_equal(getenv("PATH"), home);
    /* longer than the arguments were, shorter than what is behind them */
    size_t n = t.room - 1 < sizeof longer - 1 ? t.room - 1 : sizeof longer - 1;
    memset(longer, 'y', n);
    longer[n] = '\0';
    process_title_set(&t, longer);
    assert_int_equal(shown(line, sizeof line), n);
    assert_string_equal(line, longer);
    assert_string_equal(getenv("PATH"), home);
}

static void what_has_no_room_is_cut(void **state)
{
    (void)state;
    char room[8] = "name", *argv[2] = {room, NULL};
    struct process_title t = process_title_find(argv);
    assert_int_equal(t.room, 5);
    process_title_set(&t, "a long title");
    assert_string_equal(room, "a lo");
    t.room = 0;
    process_title_set(&t, "b");
    assert_string_equal(room, "a lo");
}

int main(int argc, char **argv)
{
    (void)argc;
    arguments = argv;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_title_is_shown_and_the_environment_stays),
        cmocka_unit_test(what_has_no_room_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
