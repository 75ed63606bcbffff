/*
 * A query has one answer: hits, their order and scores, found and what was dropped are the same
 * whoever asked what before, before and after a restart and a compaction, and in an index that was
 * made of the same products in another order. Asked of the sample catalog with the default profile,
 * typos and fewer words included.
 */
#include "tests/index/support_titles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { QUERIES = 400, TEXT = 160, ANSWER = 4096 };

static char texts[QUERIES][TEXT], answers[QUERIES][ANSWER];

/* One to three words of one product, some with a letter less or another one, some cut short. */
static void make_queries(struct find *f)
{
    static struct title_words w;
    for (int i = 0; i < QUERIES; i++) {
        size_t len = 0;
        titles_words(f, titles_roll(titles_count()), &w);
        for (uint32_t n = 1 + titles_roll(3); n > 0 && w.count; n--) {
            struct slice word = w.items[titles_roll(w.count)];
            size_t from = len;
            len += (size_t)snprintf(texts[i] + len, TEXT - len, "%.*s", (int)word.len, word.ptr);
            if (titles_roll(4) == 0 && word.len > 4)
                texts[i][from + 1 + titles_roll((uint32_t)word.len - 1)] = 'e';
            if (n == 1 && titles_roll(2))
                texts[i][len -= titles_roll((uint32_t)word.len)] = 0;
            if (n > 1)
                texts[i][len++] = ' ';
        }
    }
}

static void answer(struct find *f, const char *text, char out[ANSWER])
{
    const struct query_result *r = &f->result;
    find_ids(f, text);
    size_t len =
        (size_t)snprintf(out, ANSWER, "%llu %d:", (unsigned long long)r->found, r->found_exact);
    for (uint32_t i = 0; i < r->hit_count; i++)
        len += (size_t)snprintf(out + len, ANSWER - len, " %.*s=%llx", (int)r->hits[i].id.len,
                                r->hits[i].id.ptr, (unsigned long long)r->hits[i].score);
    snprintf(out + len, ANSWER - len, " without %s", find_dropped(f));
}

static void check_answers(struct find *f, const char *when)
{
    static char now[ANSWER];
    for (int i = 0; i < QUERIES; i++) {
        answer(f, texts[i], now);
        if (strcmp(now, answers[i]) != 0)
            fail_msg("'%s' %s:\n%s\nbefore:\n%s", texts[i], when, now, answers[i]);
    }
}

/* What the searches before left behind is an order of its own; here nothing is. */
static void check_forgetting(struct find *f)
{
    static char now[ANSWER];
    for (int i = QUERIES - 1; i >= 0; i--) {
        searcher_destroy(&f->searcher);
        assert_int_equal(searcher_create(&f->searcher), STATUS_OK);
        answer(f, texts[i], now);
        if (strcmp(now, answers[i]) != 0)
            fail_msg("'%s' of a new searcher:\n%s\nbefore:\n%s", texts[i], now, answers[i]);
    }
}

/* What is remembered for one profile is not taken for another's. */
static void check_another_profile(struct find *f)
{
    static char now[ANSWER], want[ANSWER];
    f->query.profile_text = SLICE_LIT("class_0 0.3\nform_factor 0.4\nprefix_factor 0.6\n");
    for (int i = 0; i < QUERIES; i++) {
        struct searcher *used = f->searcher;
        answer(f, texts[i], now);
        assert_int_equal(searcher_create(&f->searcher), STATUS_OK);
        answer(f, texts[i], want);
        searcher_destroy(&f->searcher);
        f->searcher = used;
        if (strcmp(now, want) != 0)
            fail_msg("'%s' of another profile:\n%s\nby a new searcher:\n%s", texts[i], now, want);
    }
    f->query.profile_text = SLICE_NULL;
}

static void ask_as_a_page(struct find *f)
{
    f->query.k = 20;
    f->query.now_ms = 1000;
}

static void a_query_has_one_answer(void **state)
{
    (void)state;
    struct find f, g;
    uint32_t empty = 0;
    titles_sample();
    titles_open(&f, "en");
    ask_as_a_page(&f);
    make_queries(&f);
    for (int i = 0; i < QUERIES; i++) {
        answer(&f, texts[i], answers[i]);
        empty += f.result.found == 0;
    }
    assert_true(empty < QUERIES / 10);
    check_answers(&f, "asked again");
    check_another_profile(&f);
    check_answers(&f, "after those of another profile");
    check_answers(&f, "asked a fourth time");
    check_forgetting(&f);
    find_reopen(&f);
    ask_as_a_page(&f);
    check_answers(&f, "after a restart");
    assert_int_equal(index_merge_all(f.ix), STATUS_OK);
    check_answers(&f, "after a compaction");
    find_close(&f);
    titles_open_backwards(&g, "en");
    ask_as_a_page(&g);
    check_answers(&g, "of the products in another order");
    find_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_has_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
