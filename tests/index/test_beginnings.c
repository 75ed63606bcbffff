/*
 * A letter more of the last word never finds more, on random words and on the titles of the sample
 * catalog; what begins more words than are looked up says so.
 */
#include "tests/index/support_titles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#ifdef __SANITIZE_ADDRESS__ /* ten times as slow, and the answers are those of the release */
enum { ROUNDS = 60 };
#else
enum { ROUNDS = 300 };
#endif

static uint32_t count(const uint8_t *found)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < TITLES_MAX; i++)
        n += found[i];
    return n;
}

/* The beginning ends inside a letter. */
static bool inside(const char *word, size_t len)
{
    return ((unsigned char)word[len] & 0xc0) == 0x80;
}

static void beginnings_of_one_catalog(const char *language, struct slice profile)
{
    static uint8_t shorter[TITLES_MAX], longer[TITLES_MAX];
    struct find f;
    char first[TITLE_WORD_LETTERS * 4 + 1], last[TITLE_WORD_LETTERS * 4 + 1], text[256];
    uint32_t narrowed = 0;
    titles_open(&f, language);
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    for (int i = 0; i < ROUNDS; i++) {
        bool two = titles_roll(2), any = false;
        if (!titles_word(&f, first) || !titles_word(&f, last))
            continue;
        for (size_t len = 1; len <= strlen(last); len++) {
            if (inside(last, len))
                continue;
            snprintf(text, sizeof text, "%s%s%.*s", two ? first : "", two ? " " : "", (int)len,
                     last);
            struct query q = {.text = slice_str(text),
                              .prefix = true,
                              .k = TITLES_MAX,
                              .count_to = QUERY_COUNT_ALL,
                              .profile = profile,
                              .max_stale_ms = -1};
            titles_find(&f, &q, longer);
            for (uint32_t p = 0; any && p < titles_count(); p++)
                if (longer[p] && !shorter[p])
                    fail_msg("'%s' finds %u, a letter less does not", text, p);
            narrowed += any && count(longer) < count(shorter);
            memcpy(shorter, longer, sizeof shorter);
            any = true;
        }
    }
    assert_true(narrowed > ROUNDS / 2);
    snapshot_end(f.snap);
    find_close(&f);
}

static void a_letter_more_never_finds_more_as_they_stand(void **state)
{
    (void)state;
    titles_random();
    beginnings_of_one_catalog("", SLICE_LIT("bm25"));
    titles_sample();
    beginnings_of_one_catalog("", SLICE_LIT("bm25"));
}

static void a_letter_more_never_finds_more_with_forms(void **state)
{
    (void)state;
    titles_random();
    beginnings_of_one_catalog("", SLICE_LIT("default"));
    titles_sample();
    beginnings_of_one_catalog("en", SLICE_LIT("default"));
    beginnings_of_one_catalog("fr", SLICE_LIT("default"));
}

/* --- more words than are looked up ------------------------------------------------------------ */

enum { NUMBERS = 1300 };

static bool told(const struct find *f)
{
    for (uint32_t i = 0; i < f->result.degraded_count; i++)
        if (slice_equal(f->result.degraded[i], SLICE_LIT("expansion_cap")))
            return true;
    return false;
}

/* What is found is the first 1,000 words of the dictionary, whatever the segments. */
static void check_cap(struct find *f, const char *words, uint64_t found, bool capped)
{
    f->query.k = 1;
    find_ids(f, words);
    assert_int_equal(f->result.found, found);
    assert_int_equal(told(f), capped);
}

static void check_caps(struct find *f)
{
    check_cap(f, "unit", 1000, true);
    check_cap(f, "uni", NUMBERS, false); /* short: from a list, or all of them */
    check_cap(f, "u", NUMBERS, false);
    check_cap(f, "unitb", 1000, true);
    check_cap(f, "unitb1", 300, false);
    check_cap(f, "unitb12", 100, false);
    check_cap(f, "title:uni", 1000, true); /* lists do not know of fields */
    check_cap(f, "unitb1299", 1, false);
    check_cap(f, "unitb0999", 1, false);
}

static void beyond_a_thousand_words_the_rest_is_left_out_and_told(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", NULL);
    for (int n = NUMBERS; n-- > 0;) {
        char id[16], title[32];
        snprintf(id, sizeof id, "p%d", n);
        snprintf(title, sizeof title, "unitb%04d", n);
        find_put(&f, &(struct find_product){.id = id, .title = title});
        if (n == 500) /* a word that no product holds any longer is none of the thousand */
            find_put(&f, &(struct find_product){.id = "p1299", .title = "unita"});
        if (n == 500)
            find_put(&f, &(struct find_product){.id = "p1299", .title = "unitb1299"});
    }
    f.query.typos = 0;
    f.query.match = QUERY_ALL;
    f.query.count_to = QUERY_COUNT_ALL;
    check_caps(&f);
    assert_int_equal(index_merge_all(f.ix), STATUS_OK);
    check_caps(&f);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_more_never_finds_more_as_they_stand),
        cmocka_unit_test(a_letter_more_never_finds_more_with_forms),
        cmocka_unit_test(beyond_a_thousand_words_the_rest_is_left_out_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
