/* departure: when answers leave before the pass ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/departure.h"

static void answers_leave_at_once_in_time_or_with_the_pass(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t waiting;
        int64_t since_us;
        uint32_t busy;
        bool due;
    } rows[] = {
        {"few wait", DEPARTURE_FEW, 0, 0, true},
        {"one more waits", DEPARTURE_FEW + 1, 0, 0, false},
        {"a burst, and not yet", 1000, DEPARTURE_US - 1, 50, false},
        {"a burst, and long enough", 1000, DEPARTURE_US, 50, true},
        {"nearly busy", 1, 0, DEPARTURE_BUSY - 1, true},
        {"busy: with the pass, though few wait", 1, 0, DEPARTURE_BUSY, false},
        {"busy: with the pass, however long", 50, INT64_C(10) * DEPARTURE_US, 100, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (departure_due(rows[i].waiting, rows[i].since_us, rows[i].busy) != rows[i].due)
            fail_msg("%s", rows[i].what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_leave_at_once_in_time_or_with_the_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
