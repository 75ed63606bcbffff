#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/index/support_find.h"
#include "tests/index/support_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Orders a page may have; 0 is by score. */
static const struct sort_request by_price[] = {{{"price", 5}, false}},
                                 by_brand[] = {{{"brand", 5}, false}, {{"stock", 5}, true}},
                                 by_brand_down[] = {{{"brand", 5}, true}},
                                 by_stock_score[] = {{{"stock", 5}, true}, {{"_score", 6}, true}};

static void order(struct query *q, int which)
{
    static const struct {
        const struct sort_request *sorts;
        uint32_t count;
    } orders[] = {{NULL, 0}, {by_price, 1}, {by_brand, 2}, {by_brand_down, 1}, {by_stock_score, 2}};
    q->sorts = orders[which % 5].sorts;
    q->sort_count = orders[which % 5].count;
}

static struct query random_query(struct world *w, struct words_case *c, struct filter_case *f)
{
    *c = random_words(&w->seed);
    *f = random_filter(&w->seed);
    struct query q = query_of(c, f);
    order(&q, (int)roll(&w->seed, 5));
    if (roll(&w->seed, 2)) {
        q.match = QUERY_RELAXED;
        q.typos = QUERY_TYPOS_AUTO;
        q.profile = SLICE_NULL;
        if (roll(&w->seed, 2)) /* a second phase orders the first hits anew */
            q.profile_text =
                roll(&w->seed, 2)
                    ? SLICE_LIT("window 40\ntitle 1\nnear 1\nlead 0.5\nmissing 1\ninexact 0.3")
                    : SLICE_LIT("window 200\nnear 0.5\nlead 1");
    }
    return q;
}

static void pages_by_cursor_together_are_the_whole_order(void **state)
{
    (void)state;
    for (uint64_t seed = 31; seed <= 32; seed++) {
        struct world *w = make_world(seed);
        for (int i = 0; i < 60; i++) {
            struct words_case c;
            struct filter_case f;
            struct query q = random_query(w, &c, &f);
            struct query_result all, r;
            uint32_t at = 0;
            run(w, &q, &all);
            q.k = 7 + roll(&w->seed, 60);
            q.count_to = i % 2 ? QUERY_COUNT_ALL : 0; /* with pruning too */
            do {
                run(w, &q, &r);
                assert_false(r.index_moved);
                for (uint32_t h = 0; h < r.hit_count; h++, at++) {
                    assert_true(at < all.hit_count);
                    assert_int_equal(r.hits[h].docid, all.hits[at].docid);
                }
                assert_true(!r.cursor.len || r.hit_count == q.k);
                q.cursor = r.cursor;
            } while (r.cursor.len);
            assert_int_equal(at, all.hit_count);
            arena_reset(&w->arena);
        }
        close_world(w);
    }
}

/* Products that were not changed between pages are seen once each, whatever happened to others, and
 * whether it happened before each page or before some. */
static void pages_neither_repeat_nor_lose_unchanged_products(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        struct world *w = make_world(100 + (uint64_t)i);
        struct words_case c;
        struct filter_case f;
        struct query q = random_query(w, &c, &f);
        struct query_result r;
        bool before[PRODUCTS] = {false}, changed[PRODUCTS] = {false};
        uint8_t seen[PRODUCTS] = {0};
        run(w, &q, &r);
        for (uint32_t h = 0; h < r.hit_count; h++)
            before[number_of(r.hits[h].id)] = true;
        q.k = 20 + r.hit_count / 8;
        for (bool moves = false;;) {
            char kept[4096];
            run(w, &q, &r);
            assert_int_equal(r.index_moved, moves);
            for (uint32_t h = 0; h < r.hit_count; h++)
                seen[number_of(r.hits[h].id)]++;
            if (!r.cursor.len)
                break;
            assert_true(r.cursor.len <= sizeof kept);
            memcpy(kept, r.cursor.ptr, r.cursor.len);
            q.cursor = slice_make(kept, r.cursor.len);
            moves = i % 3 == 0 || roll(&w->seed, 2);
            if (moves)
                change_world(w, 40, changed);
            q.cursor = arena_copy(&w->arena, q.cursor);
        }
        for (uint32_t n = 0; n < PRODUCTS; n++) {
            if (changed[n])
                continue;
            if (seen[n] != before[n])
                print_error("p%u: %d times, was there %d: '%s' match %d sorts %u filter '%s'\n", n,
                            seen[n], before[n], c.text, q.match, q.sort_count, f.text);
            assert_int_equal(seen[n], before[n]);
        }
        close_world(w);
    }
}

enum { CENTS = 10001 };

static uint32_t cents_of(const struct item *it)
{
    return (uint32_t)(it->price * 100 + 0.5);
}

/* The same of groups: those of which no product changed. */
static void pages_neither_repeat_nor_lose_unchanged_groups(void **state)
{
    (void)state;
    static struct item old[PRODUCTS];
    for (int i = 0; i < 24; i++) {
        struct world *w = make_world(300 + (uint64_t)i);
        struct words_case c;
        struct filter_case f;
        struct query q = random_query(w, &c, &f);
        struct query_result r;
        uint8_t before[CENTS] = {0}, seen[CENTS] = {0};
        bool touched[CENTS] = {false};
        q.group_field = SLICE_LIT("price");
        q.group_size = 1;
        if (i % 3) { /* a second phase orders the first hits, and their groups */
            q.sort_count = 0;
            q.profile = SLICE_NULL;
            q.profile_text = SLICE_LIT("window 200\nnear 0.5\nlead 1");
        }
        run(w, &q, &r);
        for (uint32_t h = 0; h < r.hit_count; h++)
            before[cents_of(&w->items[number_of(r.hits[h].id)])]++;
        q.k = 20 + r.hit_count / 8;
        for (int page = 0;; page++) {
            assert_true(page < 1000);
            run(w, &q, &r);
            for (uint32_t h = 0; h < r.hit_count; h++)
                seen[cents_of(&w->items[number_of(r.hits[h].id)])]++;
            if (!r.cursor.len)
                break;
            bool changed[PRODUCTS] = {false};
            memcpy(old, w->items, sizeof old);
            q.cursor = arena_copy(&w->arena, r.cursor);
            if (i % 2 || roll(&w->seed, 2))
                change_world(w, 40, changed);
            for (uint32_t n = 0; n < PRODUCTS; n++)
                if (changed[n])
                    touched[cents_of(&old[n])] = touched[cents_of(&w->items[n])] = true;
        }
        for (uint32_t n = 0; n < CENTS; n++)
            if (!touched[n])
                assert_int_equal(seen[n], before[n]);
        close_world(w);
    }
}

/* A word that is counted by its frequency alone: where the best fill a page to its end, the rest
 * is not looked at, and follows on the next one. */
static void a_page_of_the_last_good_ones_is_not_the_last(void **state)
{
    (void)state;
    enum { GOOD = 256, OTHERS = 300, ON_PAGE = 16 };
    static char ids[GOOD + OTHERS][16];
    static struct find_product p[GOOD + OTHERS];
    struct find f;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < GOOD + OTHERS; i++) {
        snprintf(ids[i], sizeof ids[i], "p%u", i);
        p[i] = (struct find_product){ids[i],
                                     i < GOOD ? "lamp"
                                              : "one of many words that are here beside it and say "
                                                "little of what it is that they tell: lamp",
                                     NULL, 0};
    }
    find_open(&f, "", NULL);
    find_put_all(&f, p, GOOD);
    find_put_all(&f, p + GOOD, OTHERS);
    f.query.match = QUERY_ALL;
    f.query.prefix = false;
    f.query.typos = 0;
    f.query.profile = SLICE_LIT("bm25");
    f.query.k = ON_PAGE;
    char kept[1024];
    do {
        find_ids(&f, "lamp");
        assert_int_equal(f.result.found, GOOD + OTHERS);
        seen += f.result.hit_count;
        assert_true(f.result.cursor.len < sizeof kept);
        if (f.result.cursor.len)
            memcpy(kept, f.result.cursor.ptr, f.result.cursor.len);
        f.query.cursor = slice_make(kept, f.result.cursor.len);
    } while (f.query.cursor.len);
    assert_int_equal(seen, GOOD + OTHERS);
    find_close(&f);
}

static void a_cursor_of_another_query_is_refused(void **state)
{
    (void)state;
    struct world *w = make_world(33);
    struct words_case c = {0};
    struct filter_case f = {0};
    struct query q = query_of(&c, &f);
    struct query_result r, other;
    struct fault fault = {0};
    q.k = 10;
    run(w, &q, &r);
    assert_true(r.cursor.len > 0);
    struct query cases[5] = {q, q, q, q, q};
    cases[0].filter = SLICE_LIT("price < 50");
    cases[1].sorts = by_price;
    cases[1].sort_count = 1;
    cases[2].group_field = SLICE_LIT("brand");
    cases[3].offset = 10;
    cases[4].catalog = SLICE_LIT("another");
    for (int i = 0; i < 5; i++) {
        cases[i].cursor = r.cursor;
        assert_int_equal(search_run(w->searcher, w->snap, &cases[i], &w->arena, &other, &fault),
                         STATUS_INVALID);
    }
    q.cursor = r.cursor;
    q.k = 25; /* another page size is the same query */
    run(w, &q, &other);
    close_world(w);
}

static void a_damaged_cursor_is_refused(void **state)
{
    (void)state;
    struct world *w = make_world(34);
    struct words_case c = {0};
    struct filter_case f = {0};
    struct query q = query_of(&c, &f);
    struct query_result r, other;
    struct fault fault = {0};
    char one[8], two[8];
    word_text(1, one);
    word_text(2, two);
    snprintf(c.text, sizeof c.text, "%s %s", one, two);
    q.text = slice_str(c.text);
    q.match = QUERY_ANY;
    q.k = 1;
    order(&q, 2);
    run(w, &q, &r);
    assert_true(r.cursor.len > 0);
    for (size_t i = 0; i < r.cursor.len * 8; i++) {
        struct slice bad = arena_copy(&w->arena, r.cursor);
        ((char *)(uintptr_t)bad.ptr)[i / 8] ^= (char)(1 << i % 8);
        q.cursor = bad;
        assert_int_equal(search_run(w->searcher, w->snap, &q, &w->arena, &other, &fault),
                         STATUS_INVALID);
    }
    for (size_t len = 1; len < r.cursor.len; len++) {
        q.cursor = slice_make(r.cursor.ptr, len);
        assert_int_equal(search_run(w->searcher, w->snap, &q, &w->arena, &other, &fault),
                         STATUS_INVALID);
    }
    close_world(w);
}

/* What is read of a cursor again and again has a bound, however long it is. */
static void an_endless_cursor_is_refused(void **state)
{
    (void)state;
    struct world *w = make_world(37);
    struct words_case c = {0};
    struct filter_case f = {0};
    struct query q = query_of(&c, &f);
    struct query_result r, other;
    struct fault fault = {0};
    struct buf b = BUF_INIT;
    q.k = 10;
    run(w, &q, &r);
    buf_put(&b, r.cursor.ptr, r.cursor.len - 4);
    assert_true(buf_reserve(&b, 2 << 20));
    memset(b.ptr + b.len, 0, 2 << 20);
    b.len += 2 << 20;
    wire_put_u32(&b, XXH32(b.ptr, b.len, 0));
    q.cursor = buf_slice(&b);
    assert_int_equal(search_run(w->searcher, w->snap, &q, &w->arena, &other, &fault),
                     STATUS_INVALID);
    buf_fini(&b);
    close_world(w);
}

/* Complaint: beyond a window, hits silently stop. Here it is an error that names the way on. */
static void an_offset_beyond_the_window_is_an_error(void **state)
{
    (void)state;
    struct world *w = make_world(35);
    struct words_case c = {0};
    struct filter_case f = {0};
    struct query q = query_of(&c, &f);
    struct query_result r;
    struct fault fault = {0};
    q.k = 10;
    q.offset = 990;
    run(w, &q, &r);
    assert_int_equal(r.hit_count, 10);
    q.offset = 991;
    assert_int_equal(search_run(w->searcher, w->snap, &q, &w->arena, &r, &fault), STATUS_TOO_LARGE);
    assert_non_null(strstr(fault.text, "cursor"));
    close_world(w);
}

static int compare_words(const char *a, const char *b)
{
    return strcasecmp(a, b);
}

static void keywords_sort_by_the_alphabet(void **state)
{
    (void)state;
    struct world *w = make_world(36);
    for (int down = 0; down < 2; down++) {
        struct words_case c = {0};
        struct filter_case f = {0};
        struct query q = query_of(&c, &f);
        struct query_result r;
        const char *last = NULL;
        bool none = false;
        q.sorts = down ? by_brand_down : by_brand;
        q.sort_count = 1;
        run(w, &q, &r);
        assert_true(r.hit_count > 100);
        for (uint32_t h = 0; h < r.hit_count; h++) {
            int brand = w->items[number_of(r.hits[h].id)].brand;
            const char *name = brand < 0 ? NULL : walk_brands[brand];
            if (!name) {
                none = true;
                continue;
            }
            assert_false(none); /* products without the value come last */
            if (last)
                assert_true(down ? compare_words(last, name) >= 0 : compare_words(last, name) <= 0);
            last = name;
        }
        assert_true(none);
    }
    close_world(w);
}

/* A misspelt word that a product comes to hold between two pages goes on to stand for what it stood
 * for on the first, forms of it and synonyms, too; and a word that goes does not begin to. */
static void a_misspelling_that_becomes_a_word_loses_nothing(void **state)
{
    (void)state;
    enum { MANY = 60 };
    static char ids[MANY][16], cursor[8192];
    static const char *const titles[] = {"red blanket", "red blankets", "red plaid", "red board"};
    for (int gone = 0; gone < 2; gone++) {
        struct find_product p[MANY + 1];
        struct find f;
        bool seen[MANY] = {false};
        int found = 0;
        find_open(&f, "en", NULL);
        find_setting(&f, "synonyms", "s", "blanket, plaid");
        for (int i = 0; i < MANY; i++) {
            snprintf(ids[i], sizeof ids[i], "p%d", i);
            p[i] = (struct find_product){.id = ids[i], .title = titles[i % 4]};
        }
        p[MANY] = (struct find_product){.id = "new", .title = "red blnaket"};
        find_put_all(&f, p, MANY + (uint32_t)gone);
        f.query.k = 10;
        for (bool first = true; first || f.query.cursor.len; first = false) {
            find_ids(&f, "red blnaket");
            for (uint32_t h = 0; h < f.result.hit_count; h++)
                if (f.result.hits[h].id.ptr[0] == 'p') {
                    int n = atoi(f.result.hits[h].id.ptr + 1);
                    assert_false(seen[n]);
                    seen[n] = true;
                    found++;
                }
            if (first)
                assert_true(f.result.cursor.len > 0 && f.result.cursor.len < sizeof cursor);
            if (f.result.cursor.len)
                memcpy(cursor, f.result.cursor.ptr, f.result.cursor.len);
            f.query.cursor = slice_make(cursor, f.result.cursor.len);
            if (first)
                find_put(&f, &(struct find_product){.id = "new",
                                                    .title = gone ? "lamp" : "red blnaket"});
        }
        assert_true(found >= MANY / 4 * (gone ? 1 : 3));
        find_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_by_cursor_together_are_the_whole_order),
        cmocka_unit_test(pages_neither_repeat_nor_lose_unchanged_products),
        cmocka_unit_test(pages_neither_repeat_nor_lose_unchanged_groups),
        cmocka_unit_test(a_misspelling_that_becomes_a_word_loses_nothing),
        cmocka_unit_test(a_page_of_the_last_good_ones_is_not_the_last),
        cmocka_unit_test(a_cursor_of_another_query_is_refused),
        cmocka_unit_test(a_damaged_cursor_is_refused),
        cmocka_unit_test(an_endless_cursor_is_refused),
        cmocka_unit_test(an_offset_beyond_the_window_is_an_error),
        cmocka_unit_test(keywords_sort_by_the_alphabet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
