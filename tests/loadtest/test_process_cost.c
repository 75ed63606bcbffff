#include "loadtest/process_cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void burn(double seconds)
{
    while ((double)clock() / CLOCKS_PER_SEC < seconds)
        ;
}

static void children_that_ended_still_count(void **state)
{
    (void)state;
    struct process_cost before, during, after;
    int hold[2];
    char c;
    assert_true(process_cost(getpid(), &before));
    assert_int_equal(pipe(hold), 0);
    pid_t child = fork();
    if (child == 0) {
        burn(0.15);
        c = 1;
        if (write(hold[1], &c, 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(hold[0], &c, 1), 1);
    assert_true(process_cost(getpid(), &during));
    assert_true(during.cpu_s >= before.cpu_s + 0.1);
    assert_true(during.rss_mb > before.rss_mb);
    assert_int_equal(process_parent(child), getpid());
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(process_cost(getpid(), &after));
    assert_true(after.cpu_s >= during.cpu_s);
    assert_false(process_cost(child, &after));
    assert_int_equal(process_parent(child), 0);
    close(hold[0]);
    close(hold[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_that_ended_still_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
