#include "index/analyse.h"
#include "index/variants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void each_word_has_its_other_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *want;
    } cases[] = {
        {"K\xc3\xbchlschrank", "kuehlschrank"},
        {"Ku\xcc\x88hlschrank", "kuehlschrank"},
        {"kuehlschrank", "kuhlschrank"},
        {"kuhlschrank", ""},
        {"\xc3\x96lgr\xc3\xb6\xc3\x9f"
         "e",
         "oelgroesse"},
        {"SM\xc3\x98R", "smoer"},
        {"bl\xc3\xa5", "blaa"},
        {"unique", ""},
        {"neue", ""},
        {"caf\xc3\xa9", ""},
        {"cr\xc3\xa8me", ""},
        {"\xe4\xb8\xad\xe5\x9b\xbd", ""},
        {"xps", ""},
    };
    struct analyser *a;
    assert_int_equal(analyser_create(&a), STATUS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct token_list *l;
        struct variants v;
        assert_int_equal(analyser_run(a, slice_str(cases[i].typed), &l), STATUS_OK);
        assert_true(l->count >= 1);
        variants_of(slice_str(cases[i].typed), l->items[0].term, &v);
        struct slice got = v.count ? v.items[0] : SLICE_LIT("");
        if (!slice_equal(got, slice_str(cases[i].want)))
            print_message("%s: got %.*s\n", cases[i].typed, (int)got.len, got.ptr);
        assert_true(slice_equal(got, slice_str(cases[i].want)));
    }
    analyser_destroy(&a);
}

static void any_bytes_are_survived(void **state)
{
    (void)state;
    static const char alphabet[] = "aou\xc3\xa4\xb6\xbc\xcc\x88\x9f\xff";
    srand(3);
    for (int round = 0; round < 100000; round++) {
        char x[80], y[80];
        size_t n = (size_t)rand() % 80, m = (size_t)rand() % 80;
        for (size_t i = 0; i < n; i++)
            x[i] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
        for (size_t i = 0; i < m; i++)
            y[i] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
        struct variants v;
        variants_of(slice_make(x, n), slice_make(y, m), &v);
        for (uint32_t i = 0; i < v.count; i++)
            assert_true(v.items[i].len <= VARIANT_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_has_its_other_spelling),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
