#include "index/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct item {
    uint32_t key, number;
    char rest[20];
};

static int by_key(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
                            : (x->number > y->number) - (x->number < y->number);
}

static void every_count_comes_out_as_by_qsort(void **state)
{
    (void)state;
    unsigned seed = 3;
    for (size_t n = 0; n < 300; n++) {
        struct item a[300], b[300];
        for (size_t i = 0; i < n; i++) {
            a[i] = (struct item){.key = (uint32_t)rand_r(&seed) % (n % 7   ? 1000
                                                                   : n % 5 ? 4
                                                                           : 1),
                                 .number = (uint32_t)i};
            b[i] = a[i];
        }
        order_items(a, n, sizeof *a, by_key);
        if (n)
            qsort(b, n, sizeof *b, by_key);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(a[i].key, b[i].key);
            assert_int_equal(a[i].number, b[i].number);
        }
    }
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void numbers_come_out_as_by_qsort(void **state)
{
    (void)state;
    unsigned seed = 5;
    for (size_t n = 0; n < 300; n++) {
        uint64_t a[300], b[300], room[300];
        for (size_t i = 0; i < n; i++)
            a[i] = b[i] = (uint64_t)rand_r(&seed) << (n % 3 * 16) >> (n % 5 * 8);
        order_numbers(a, room, n);
        if (n)
            qsort(b, n, sizeof *b, by_number);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(a[i], b[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_count_comes_out_as_by_qsort),
        cmocka_unit_test(numbers_come_out_as_by_qsort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
