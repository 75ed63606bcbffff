/* aimd: what a limit does with good and bad times, over many windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/aimd.h"

enum { START = 4, MOST = 32 };

static void it_grows_by_one_a_window_while_it_is_used(void **state)
{
    (void)state;
    struct aimd a = {0};
    int64_t now = 1000;
    assert_int_equal(aimd_room(&a, START, MOST, now), START);
    for (uint32_t want = START + 1; want < 100; want++) {
        for (int i = 0; i < 50; i++)
            aimd_good(&a, aimd_room(&a, START, MOST, now + 50), now + 50);
        now += AIMD_WINDOW_MS;
        assert_int_equal(aimd_room(&a, START, MOST, now), want < MOST ? want : MOST);
    }
}

static void what_is_not_used_does_not_grow(void **state)
{
    (void)state;
    struct aimd a = {0};
    for (int64_t now = 1000; now < 60000; now += 20) {
        assert_int_equal(aimd_room(&a, 8, MOST, now), 8);
        aimd_good(&a, 3, now);
    }
}

static void it_falls_by_a_tenth_a_window_to_one_and_comes_back(void **state)
{
    (void)state;
    struct aimd a = {0};
    int64_t now = 1000;
    uint32_t room = aimd_room(&a, MOST, MOST, now);
    aimd_overrun(&a, now);
    for (int i = 0; i < 100; i++)
        aimd_overrun(&a, now + 10); /* of one window: once */
    now += AIMD_WINDOW_MS;
    assert_int_equal(aimd_room(&a, MOST, MOST, now), MOST * 9 / 10);
    for (int i = 0; i < 1000; i++, now += AIMD_WINDOW_MS) {
        uint32_t next = aimd_room(&a, MOST, MOST, now);
        assert_true(next >= 1 && next <= room);
        room = next;
        aimd_good(&a, room, now);
        aimd_overrun(&a, now);
    }
    assert_int_equal(room, 1);
    for (int i = 0; i < 40; i++, now += AIMD_WINDOW_MS)
        aimd_good(&a, aimd_room(&a, MOST, MOST, now), now);
    assert_int_equal(aimd_room(&a, MOST, MOST, now), MOST);
}

/* An upstream that answers `capacity` calls at once well and is overrun by more. */
static void it_settles_below_what_the_upstream_can_do(void **state)
{
    (void)state;
    const char *given = getenv("SOUK_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 1;
    print_message("aimd seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 20; round++) {
        struct aimd a = {0};
        uint32_t capacity = 2 + (uint32_t)rand() % 28;
        uint64_t over = 0, windows = 0, sum = 0;
        for (int64_t now = 1000; now < 300000; now += 10 + rand() % 20) {
            uint32_t room = aimd_room(&a, START, MOST, now);
            if (now > 20000) {
                windows++;
                sum += room;
                over += room > capacity + 1;
            }
            if (room > capacity)
                aimd_overrun(&a, now);
            else
                aimd_good(&a, room, now);
        }
        assert_int_equal(over, 0);
        assert_true(sum / windows + 1 + capacity / 5 >= capacity);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_grows_by_one_a_window_while_it_is_used),
        cmocka_unit_test(what_is_not_used_does_not_grow),
        cmocka_unit_test(it_falls_by_a_tenth_a_window_to_one_and_comes_back),
        cmocka_unit_test(it_settles_below_what_the_upstream_can_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
