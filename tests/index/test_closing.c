#include "index/closing.h"
#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* The words of a text that end a phrase, with blanks between. */
static const char *closing(struct analyser *a, const char *text)
{
    static char out[256];
    const struct token_list *list;
    size_t len = 0;
    assert_int_equal(analyser_run(a, slice_str(text), &list), STATUS_OK);
    out[0] = 0;
    for (uint32_t i = 0; i < list->count; i++)
        if (closing_word(slice_str(text), list, i))
            len += (size_t)snprintf(out + len, sizeof out - len, "%s%.*s", len ? " " : "",
                                    (int)list->items[i].term.len, list->items[i].term.ptr);
    return out;
}

static void words_end_phrases_before_marks_numbers_and_joining_words(void **state)
{
    (void)state;
    struct analyser *a;
    assert_int_equal(analyser_create(&a), STATUS_OK);
    assert_string_equal(closing(a, "HP 530 Notebook PC"), "hp pc");
    assert_string_equal(closing(a, "Notebook Sleeve"), "sleeve");
    assert_string_equal(closing(a, "Sleeve for Notebook"), "sleeve notebook");
    assert_string_equal(closing(a, "Oak Desk, white (large)"), "desk white large");
    assert_string_equal(closing(a, "Desk - Oak"), "desk oak");
    assert_string_equal(closing(a, "Desk \xe2\x80\x93 Oak"), "desk oak");
    assert_string_equal(closing(a, "Cotton T-Shirt blue"), "blue");
    assert_string_equal(closing(a, "Hammer 55 inch Saw"), "hammer saw");
    assert_string_equal(closing(a, "12"), "");
    assert_string_equal(closing(a, ""), "");
    analyser_destroy(&a);
}

static void what_a_title_names_comes_before_what_it_is_for(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "sleeve", .title = "Blue Cotton Notebook Sleeve"},
                                      {.id = "pc", .title = "Fast Silver Metal Notebook"},
                                      {.id = "bag", .title = "Green Leather Notebook Bag"},
                                      {0}});
    f.query.profile_text = SLICE_LIT("window 0");
    f.query.k = 1;
    assert_string_equal(find_ids(&f, "notebook"), "pc");
    f.query.profile_text = SLICE_NULL;
    assert_string_equal(find_ids(&f, "notebook"), "pc");
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_end_phrases_before_marks_numbers_and_joining_words),
        cmocka_unit_test(what_a_title_names_comes_before_what_it_is_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
