#include "index/stem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void words_of_one_stem_meet(void **state)
{
    (void)state;
    static const struct {
        const char *language, *a, *b;
    } cases[] = {
        {"en", "shoes", "shoe"},
        {"en", "batteries", "battery"},
        {"en", "running", "run"},
        {"de", "schuhe", "schuh"},
        {"de", "lampen", "lampe"},
        {"fr", "chaussures", "chaussure"},
        {"es", "zapatos", "zapato"},
        {"it", "scarpe", "scarpa"},
        {"nl", "schoenen", "schoen"},
        {"pt", "sapatos", "sapato"},
        {"sv", "lampor", "lampa"},
        {"ru", "\xd0\xbb\xd0\xb0\xd0\xbc\xd0\xbf\xd1\x8b",
         "\xd0\xbb\xd0\xb0\xd0\xbc\xd0\xbf\xd0\xb0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stemmer *s;
        char first[64];
        assert_int_equal(stemmer_open(slice_str(cases[i].language), &s), STATUS_OK);
        struct slice a = stemmer_stem(s, slice_str(cases[i].a));
        assert_true(a.len < sizeof first);
        memcpy(first, a.ptr, a.len);
        struct slice b = stemmer_stem(s, slice_str(cases[i].b));
        if (!slice_equal(slice_make(first, a.len), b))
            print_message("%s: %s %s\n", cases[i].language, cases[i].a, cases[i].b);
        assert_true(slice_equal(slice_make(first, a.len), b));
        stemmer_close(&s);
        assert_null(s);
    }
}

static void every_listed_language_opens(void **state)
{
    (void)state;
    for (const char *const *l = stemmer_languages(); *l; l++) {
        struct stemmer *s;
        assert_int_equal(stemmer_open(slice_str(*l), &s), STATUS_OK);
        assert_int_equal(stemmer_language(slice_str(*l)), l - stemmer_languages());
        stemmer_close(&s);
    }
    assert_int_equal(stemmer_language(SLICE_LIT("aa")), STEM_LANGUAGES);
    assert_int_equal(stemmer_language(SLICE_LIT("zz")), STEM_LANGUAGES);
}

static void others_are_refused(void **state)
{
    (void)state;
    struct stemmer *s;
    assert_int_equal(stemmer_open(SLICE_LIT("xx"), &s), STATUS_UNSUPPORTED);
    assert_null(s);
    assert_int_equal(stemmer_open(SLICE_LIT("english"), &s), STATUS_UNSUPPORTED);
    assert_int_equal(stemmer_open(SLICE_NULL, &s), STATUS_UNSUPPORTED);
    stemmer_close(&s);
}

static void codes_and_short_words_stay(void **state)
{
    (void)state;
    struct stemmer *s;
    assert_int_equal(stemmer_open(SLICE_LIT("en"), &s), STATUS_OK);
    assert_true(slice_equal(stemmer_stem(s, SLICE_LIT("xps15s")), SLICE_LIT("xps15s")));
    assert_true(slice_equal(stemmer_stem(s, SLICE_LIT("as")), SLICE_LIT("as")));
    assert_int_equal(stemmer_stem(s, SLICE_NULL).len, 0);
    stemmer_close(&s);
}

/* What was noted says what Snowball says, for few words asked often and many asked once. */
static void a_noted_stem_is_the_stem(void **state)
{
    (void)state;
    static const char *const endings[] = {"", "s", "es", "ing", "ed", "ies", "ly", "ness"};
    struct stemmer *noting, *asking;
    unsigned seed = 11;
    assert_int_equal(stemmer_open(SLICE_LIT("en"), &noting), STATUS_OK);
    assert_int_equal(stemmer_open(SLICE_LIT("en"), &asking), STATUS_OK);
    for (uint32_t i = 0; i < 20000; i++) {
        char word[64];
        size_t n = 2 + (size_t)rand_r(&seed) % (i % 50 ? 4 : 40);
        for (size_t k = 0; k < n; k++)
            word[k] = (char)('a' + rand_r(&seed) % (i % 3 ? 2 : 26));
        strcpy(word + n, endings[rand_r(&seed) % 8]);
        if (i % 1000 == 0)
            stemmer_forget(noting);
        stemmer_forget(asking);
        struct slice a = stemmer_stem(noting, slice_str(word)),
                     b = stemmer_stem(asking, slice_str(word));
        if (!slice_equal(a, b))
            fail_msg("%s: %.*s, not %.*s", word, (int)a.len, a.ptr, (int)b.len, b.ptr);
    }
    stemmer_close(&noting);
    stemmer_close(&asking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_one_stem_meet),   cmocka_unit_test(every_listed_language_opens),
        cmocka_unit_test(others_are_refused),       cmocka_unit_test(codes_and_short_words_stay),
        cmocka_unit_test(a_noted_stem_is_the_stem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
