/* Numbers of documents that are remembered are those that were put, of the very lists asked for. */
#include "index/sizes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct size_name name_of(uint32_t i)
{
    uint64_t lists = sizes_mix(sizes_mix(0, i), i / 7);
    return (struct size_name){lists, {i % 3, i % 2}, i % 5};
}

static void what_is_found_was_put(void **state)
{
    enum { MORE = SIZES_ROOM * 4 };
    struct sizes *s = calloc(1, sizeof *s);
    uint32_t count, found = 0;
    (void)state;
    for (uint32_t i = 0; i < MORE; i++) {
        struct size_name name = name_of(i);
        assert_false(sizes_get(s, &name, &count));
        sizes_put(s, &name, i);
        assert_true(sizes_get(s, &name, &count));
        assert_int_equal(count, i);
    }
    for (uint32_t i = 0; i < MORE; i++) {
        struct size_name name = name_of(i);
        if (sizes_get(s, &name, &count)) {
            assert_int_equal(count, i);
            found++;
        }
    }
    assert_in_range(found, SIZES_ROOM / 2, SIZES_ROOM);
    free(s);
}

static void names_tell_lists_and_their_order_apart(void **state)
{
    struct sizes *s = calloc(1, sizeof *s);
    uint32_t count;
    struct size_name one = {sizes_mix(0, 7), {1, 1}, 1}, other = one;
    (void)state;
    sizes_put(s, &one, 5);
    other.edition.first = 2;
    assert_false(sizes_get(s, &other, &count));
    other = one;
    other.edition.second = 2;
    assert_false(sizes_get(s, &other, &count));
    other = one;
    other.segment = 2;
    assert_false(sizes_get(s, &other, &count));
    other = one;
    other.lists = sizes_mix(one.lists, 8);
    assert_false(sizes_get(s, &other, &count));
    assert_true(other.lists != sizes_mix(sizes_mix(0, 8), 7));
    assert_true(sizes_mix(0, 0) != 0);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_was_put),
        cmocka_unit_test(names_tell_lists_and_their_order_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
