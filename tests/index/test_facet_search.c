#include "index/facet_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void values_are_found_by_any_word_and_with_typos(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *value;
        bool exact, looser;
    } cases[] = {
        {"new", "New Balance", true, true},
        {"bal", "New Balance", true, true},
        {"balance new", "New Balance", true, true},
        {"balance ne", "New Balance", true, true},
        {"ne balance", "New Balance", false, false}, /* only the last word may be a beginning */
        {"balnce", "New Balance", false, true},
        {"balnc", "New Balance", false, true},    /* a typo in a beginning */
        {"xalance", "New Balance", false, false}, /* the first letter counts two */
        {"bel", "New Balance", false, false},     /* too short for a typo */
        {"citroen", "Citroën", true, true},
        {"CITROËN", "Citroen", true, true},
        {"black & dec", "BLACK+DECKER", true, true},
        {"l'or", "L'Oréal", true, true},
        {"lor", "L'Oréal", true, true},
        {"hp 80", "HP 80 Original", true, true},
        {"hp 81", "HP 80 Original", false, false}, /* no typos in numbers */
        {"为", "华为", true, true},
        {"", "anything", true, true},
        {"samsng galxy", "Samsung Galaxy", false, true},
    };
    struct folder *f;
    struct arena a;
    arena_init(&a, 0);
    assert_int_equal(folder_create(&f), STATUS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct facet_search s;
        assert_int_equal(facet_search_init(&s, f, slice_str(cases[i].typed), &a), STATUS_OK);
        struct slice value = slice_str(cases[i].value);
        if (facet_search_holds(&s, value, false) != cases[i].exact ||
            facet_search_holds(&s, value, true) != cases[i].looser)
            print_error("%s in %s\n", cases[i].typed, cases[i].value);
        assert_int_equal(facet_search_holds(&s, value, false), cases[i].exact);
        assert_int_equal(facet_search_holds(&s, value, true), cases[i].looser);
    }
    folder_destroy(&f);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_by_any_word_and_with_typos)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
