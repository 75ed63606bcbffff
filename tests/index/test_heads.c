/* A head is found again under the very name it was made for, until others took its place. */
#include "index/heads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct size_name name_of(uint32_t i)
{
    return (struct size_name){sizes_mix(0, i), {i % 2, 0}, i % 3};
}

static void a_head_is_found_by_its_name(void **state)
{
    enum { MORE = HEADS_ROOM * 3 };
    struct heads *h;
    uint32_t found = 0;
    enum head_state how;
    (void)state;
    assert_int_equal(heads_create(&h), STATUS_OK);
    for (uint32_t i = 0; i < MORE; i++) {
        struct size_name name = name_of(i), other = name;
        struct head *x = heads_get(h, &name, NULL, &how);
        assert_int_equal(how, HEAD_NEW);
        assert_ptr_equal(heads_get(h, &name, NULL, &how), x);
        assert_int_equal(how, HEAD_AGAIN);
        x->bound = i;
        heads_found(h, x);
        assert_ptr_equal(heads_get(h, &name, NULL, &how), x);
        assert_int_equal(how, HEAD_FOUND);
        other.segment += 3;
        assert_ptr_not_equal(heads_get(h, &other, NULL, &how), x);
        assert_int_equal(how, HEAD_NEW);
        other = name;
        other.edition.second += 2;
        assert_ptr_not_equal(heads_get(h, &other, NULL, &how), x);
        assert_int_equal(how, HEAD_NEW);
    }
    for (uint32_t i = MORE; i-- > MORE - HEADS_ROOM / 8;) {
        struct size_name name = name_of(i);
        struct head *x = heads_get(h, &name, NULL, &how);
        found += how == HEAD_FOUND;
        assert_true(how != HEAD_FOUND || x->bound == i);
    }
    assert_in_range(found, HEADS_ROOM / 16, HEADS_ROOM / 8);
    heads_destroy(&h);
}

static void a_head_in_use_stays(void **state)
{
    struct heads *h;
    enum head_state how;
    struct size_name first = name_of(1);
    (void)state;
    assert_int_equal(heads_create(&h), STATUS_OK);
    struct head *used = heads_get(h, &first, NULL, &how);
    heads_found(h, used);
    for (uint32_t i = 2; i < HEADS_ROOM * 8; i++) {
        struct size_name name = name_of(i);
        assert_ptr_not_equal(heads_get(h, &name, used, &how), used);
    }
    assert_ptr_equal(heads_get(h, &first, NULL, &how), used);
    assert_int_equal(how, HEAD_FOUND);
    heads_destroy(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_found_by_its_name),
        cmocka_unit_test(a_head_in_use_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
