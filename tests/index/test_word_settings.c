#include "tests/index/support_find.h"

#include "index/setting_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct find_product things[] = {{.id = "sofa", .title = "leather sofa"},
                                             {.id = "couch", .title = "blue couch"},
                                             {.id = "settee", .title = "old settee"},
                                             {.id = "tv", .title = "flat screen set"},
                                             {.id = "apart", .title = "flat iron and screen"},
                                             {.id = "ac", .title = "air conditioner"},
                                             {0}};

static void multi_way_and_one_way(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", things);
    find_setting(&f, "synonyms", "s", "sofa, couch, settee\n# note\ncooler => air conditioner");
    assert_string_equal(find_set(&f, "couch"), "couch settee sofa");
    assert_string_equal(find_set(&f, "SOFAS"), "couch settee sofa"); /* another form of the left */
    assert_string_equal(find_ids(&f, "cooler"), "ac");
    assert_string_equal(find_ids(&f, "conditioner"), "ac"); /* and not back */
    find_setting(&f, "synonyms", "s", "");
    assert_string_equal(find_ids(&f, "couch"), "couch");
    find_close(&f);
}

static void several_words_stand_side_by_side_or_count_for_nothing(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", things);
    find_setting(&f, "synonyms", "s", "telly => flat screen\nac, air conditioner");
    assert_string_equal(find_ids(&f, "telly"), "tv");
    assert_string_equal(find_ids(&f, "ac"), "ac");
    find_put(&f, &(struct find_product){.id = "unit", .title = "portable ac unit"});
    assert_string_equal(find_set(&f, "air conditioner"), "ac unit");
    assert_string_equal(find_ids(&f, "portable air conditioner"), "unit ac");
    find_close(&f);
}

static void stop_words_ask_for_nothing_unless_alone_or_quoted(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", things);
    find_setting(&f, "stopwords", "en", "the, and for\nof");
    assert_string_equal(find_ids(&f, "the sofa of"), "sofa");
    assert_string_equal(find_dropped(&f), "");
    assert_string_equal(find_ids(&f, "and"), "apart");
    assert_string_equal(find_ids(&f, "flat \"iron and screen\""), "apart");
    find_close(&f);
}

static void texts_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *text;
        enum status status;
    } cases[] = {{"synonyms", "a, b", STATUS_OK},
                 {"synonyms", "a b c => d, e f", STATUS_OK},
                 {"synonyms", "alone", STATUS_INVALID},
                 {"synonyms", "=> b", STATUS_INVALID},
                 {"synonyms", "a =>", STATUS_INVALID},
                 {"synonyms", "a, , b", STATUS_INVALID},
                 {"synonyms", "a => b => c", STATUS_INVALID},
                 {"synonyms", "a => a", STATUS_INVALID}, /* says nothing */
                 {"synonyms", "Tent, tent", STATUS_INVALID},
                 {"rule", "query !!!\nhide b", STATUS_INVALID}, /* no query is that */
                 {"synonyms", "one two three four, b", STATUS_TOO_LARGE},
                 {"stopwords", "a b", STATUS_OK},
                 {"stopwords", "\xff", STATUS_BAD_UTF8},
                 {"profile", "near 0.3", STATUS_OK},
                 {"profile", "far 0.3", STATUS_INVALID},
                 {"rule", "query a\nhide b", STATUS_OK},
                 {"rule", "hide b", STATUS_INVALID},
                 {"suggestions", "red shoes\t3", STATUS_OK},
                 {"suggestions", "\xff\t3", STATUS_BAD_UTF8},
                 {"synonym", "a, b", STATUS_INVALID}, /* no kind that anybody reads */
                 {"safe_mode", "on", STATUS_INVALID}, /* an operation of its own */
                 {"", "a", STATUS_INVALID},
                 {"synonym", "", STATUS_OK}, /* what is there may be removed */
                 {"rule", "", STATUS_OK}};
    struct searcher *s;
    assert_int_equal(searcher_create(&s), STATUS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault fault = {0};
        enum status st = setting_check(s, NULL, slice_str(cases[i].kind), SLICE_LIT("n"),
                                       slice_str(cases[i].text), &fault);
        if (st != cases[i].status)
            print_error("%s '%s'\n", cases[i].kind, cases[i].text);
        assert_int_equal(st, cases[i].status);
    }
    searcher_destroy(&s);
}

static void keys_that_cannot_be_stored_are_refused(void **state)
{
    (void)state;
    static char longest[600];
    struct searcher *s;
    struct fault fault = {0};
    memset(longest, 'k', sizeof longest);
    assert_int_equal(searcher_create(&s), STATUS_OK);
    for (size_t len = 480; len <= sizeof longest; len++)
        assert_int_equal(setting_check(s, NULL, SLICE_LIT("stopwords"), slice_make(longest, len),
                                       SLICE_LIT("the"), &fault),
                         len <= 490 ? STATUS_OK : STATUS_TOO_LARGE);
    assert_int_equal(
        setting_check(s, NULL, SLICE_LIT("stopwords"), SLICE_LIT("\xff"), SLICE_LIT("the"), &fault),
        STATUS_BAD_UTF8);
    static const char *const kinds[] = {"stopwords", "profile", "synonyms", "rule", "suggestions"};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(
            setting_check(s, NULL, slice_str(kinds[i]), SLICE_NULL, SLICE_LIT("a, b"), &fault),
            STATUS_INVALID);
        assert_string_equal(fault.text, "a setting has a name");
        assert_int_equal(
            setting_check(s, NULL, slice_str(kinds[i]), SLICE_NULL, SLICE_NULL, &fault),
            STATUS_OK); /* may be removed */
    }
    searcher_destroy(&s);
}

/* What would not be used is refused, whichever setting it comes with. */
static void fifty_of_a_side_and_no_more(void **state)
{
    (void)state;
    struct find f;
    struct searcher *s;
    struct fault fault = {0};
    char text[1024];
    size_t len = (size_t)snprintf(text, sizeof text, "x => y\ntent => a0");
    for (int i = 1; i < 50; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, ", a%d", i);
    find_open(&f, "en", (struct find_product[]){{.id = "a", .title = "tent"}, {0}});
    assert_int_equal(searcher_create(&s), STATUS_OK);
    assert_int_equal(setting_check(s, f.snap, SLICE_LIT("synonyms"), SLICE_LIT("n"),
                                   slice_make(text, len), &fault),
                     STATUS_OK);
    len += (size_t)snprintf(text + len, sizeof text - len, ", b");
    assert_int_equal(setting_check(s, f.snap, SLICE_LIT("synonyms"), SLICE_LIT("n"),
                                   slice_make(text, len), &fault),
                     STATUS_TOO_LARGE);
    assert_string_equal(fault.text,
                        "line 2: a side has at most 50 others, of all settings together");
    find_setting(&f, "synonyms", "some", "tent => c1, c2, c3");
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    len = (size_t)(strstr(text, ", a47") - text);
    assert_int_equal(setting_check(s, f.snap, SLICE_LIT("synonyms"), SLICE_LIT("n"),
                                   slice_make(text, len), &fault),
                     STATUS_OK);
    len += 5;
    assert_int_equal(setting_check(s, f.snap, SLICE_LIT("synonyms"), SLICE_LIT("n"),
                                   slice_make(text, len), &fault),
                     STATUS_TOO_LARGE);
    assert_int_equal(setting_check(s, f.snap, SLICE_LIT("synonyms"), SLICE_LIT("some"),
                                   slice_make(text, len), &fault),
                     STATUS_OK); /* instead of those */
    snapshot_end(f.snap);
    searcher_destroy(&s);
    find_close(&f);
}

static void ten_thousand_and_no_more(void **state)
{
    (void)state;
    struct find f;
    struct buf text = BUF_INIT;
    find_open(&f, "en", things);
    for (int i = 0; i < 10000; i++)
        buf_printf(&text, "w%d => sofa\n", i);
    buf_put_u8(&text, 0);
    find_setting(&f, "synonyms", "s", text.ptr);
    assert_string_equal(find_ids(&f, "w9999"), "sofa");
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    struct fault fault = {0};
    assert_int_equal(setting_check(f.searcher, f.snap, SLICE_LIT("synonyms"), SLICE_LIT("more"),
                                   SLICE_LIT("one => two"), &fault),
                     STATUS_TOO_LARGE);
    assert_int_equal(setting_check(f.searcher, f.snap, SLICE_LIT("synonyms"), SLICE_LIT("s"),
                                   SLICE_LIT("one => two"), &fault),
                     STATUS_OK); /* takes the place of the others */
    snapshot_end(f.snap);
    buf_fini(&text);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multi_way_and_one_way),
        cmocka_unit_test(several_words_stand_side_by_side_or_count_for_nothing),
        cmocka_unit_test(stop_words_ask_for_nothing_unless_alone_or_quoted),
        cmocka_unit_test(texts_are_checked),
        cmocka_unit_test(keys_that_cannot_be_stored_are_refused),
        cmocka_unit_test(fifty_of_a_side_and_no_more),
        cmocka_unit_test(ten_thousand_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
