#include "index/dense.h"
#include "index/segment.h"
#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * Frequent words met by bitmaps: the same products in the same order as when list after list is
 * read, with forms and beginnings of words, dead products and several segments.
 */

enum { DOCS = 9000, VOCABULARY = 12, MANY = 100 };

static const char *const words[VOCABULARY] = {"dress",  "dresses", "dressed", "long",
                                              "longer", "longs",   "fit",     "fits",
                                              "slim",   "red",     "cotton",  "cottons"};

static uint32_t roll(uint32_t below)
{
    static uint64_t seed = 77;
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static void put(struct find *f, uint32_t first, uint32_t count)
{
    static char titles[DOCS][160], ids[DOCS][12];
    struct find_product *p = calloc(count, sizeof *p);
    assert_non_null(p);
    for (uint32_t i = 0; i < count; i++) {
        size_t at = 0;
        titles[i][0] = '\0';
        for (uint32_t k = 0; k < 6; k++)
            at += (size_t)snprintf(titles[i] + at, sizeof titles[i] - at, "%s ",
                                   words[roll(roll(2) ? VOCABULARY : 4)]);
        for (uint32_t k = 0; k < 2; k++) /* MANY words that one product in fifty holds */
            at += (size_t)snprintf(titles[i] + at, sizeof titles[i] - at, "many%u ", roll(MANY));
        snprintf(ids[i], sizeof ids[i], "p%u", first + i);
        p[i] = (struct find_product){.id = ids[i], .title = titles[i], .popularity = roll(9) + 1};
    }
    find_put_all(f, p, count);
    free(p);
}

static void open_catalog(struct find *f)
{
    static const struct find_product none[] = {{0}};
    find_open(f, "", none);
    put(f, 0, DOCS - 500);
    put(f, DOCS - 500, 500);
    put(f, 300, 200); /* again: the old ones are dead */
}

static void search(struct find *f, const struct query *q, struct query_result *r)
{
    assert_int_equal(snapshot_begin(f->snap), STATUS_OK);
    assert_int_equal(search_run(f->searcher, f->snap, q, &f->arena, r, &f->fault), STATUS_OK);
    snapshot_end(f->snap);
}

static void the_same_as_list_by_list(void **state)
{
    (void)state;
    struct find f;
    uint64_t kept = 0;
    open_catalog(&f);
    for (int i = 0; i < 400; i++) {
        char text[64];
        struct query_result by_bits, by_lists, again;
        snprintf(text, sizeof text, "%s %s%s%s", words[roll(VOCABULARY)], words[roll(VOCABULARY)],
                 i % 3 ? "" : " ", i % 3 ? "" : words[roll(VOCABULARY)]);
        struct query q = {.text = slice_str(text),
                          .match = QUERY_ALL,
                          .prefix = i % 2,
                          .k = i % 5 ? 10 : 200,
                          .count_to = i % 4 ? 10000 : QUERY_COUNT_ALL,
                          .profile = i % 7 ? SLICE_NULL : SLICE_LIT("bm25"),
                          .filter = i % 11 ? SLICE_NULL : SLICE_LIT("popularity > 4"),
                          .max_stale_ms = -1};
        search(&f, &q, &by_bits);
        search(&f, &q, &again);
        kept += again.work.blocks_decoded < by_bits.work.blocks_decoded;
        q.no_pruning = true;
        search(&f, &q, &by_lists);
        assert_int_equal(by_bits.found, by_lists.found);
        assert_true(by_bits.found_exact);
        assert_int_equal(by_bits.hit_count, by_lists.hit_count);
        for (uint32_t h = 0; h < by_bits.hit_count; h++) {
            assert_int_equal(by_bits.hits[h].docid, by_lists.hits[h].docid);
            assert_int_equal(by_bits.hits[h].score, by_lists.hits[h].score);
        }
        arena_reset(&f.arena);
    }
    assert_true(kept > 0); /* else no list was ever met as a bitmap */
    find_close(&f);
}

/* More lists than are kept: whichever is asked for again, its bits are right. */
static void what_is_kept_is_the_list(void **state)
{
    (void)state;
    struct find f;
    struct dense *d;
    uint64_t marked[DOCS / 64 + 1], decoded = 0;
    open_catalog(&f);
    assert_int_equal(dense_create(&d), STATUS_OK);
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    const struct segment *s = snapshot_segment(f.snap, 0);
    uint32_t docs = segment_doc_count(s), lists = 0, n = (docs + 63) / 64;
    assert_true(docs <= DOCS);
    for (int round = 0; round < 1000; round++) {
        char term[16];
        struct postings p;
        uint32_t ordinal;
        const uint64_t *bits;
        snprintf(term, sizeof term, "many%u", round < MANY ? (uint32_t)round : roll(MANY));
        assert_int_equal(segment_find_term(s, slice_str(term), &ordinal), STATUS_OK);
        assert_int_equal(postings_open(s, ordinal, &p), STATUS_OK);
        if (p.df <= POSTINGS_BLOCK)
            continue;
        memset(marked, 0, sizeof marked);
        assert_int_equal(dense_mark(&p, marked), STATUS_OK);
        assert_int_equal(dense_bits(d, 1 + (uint32_t)round % 2, &p, n, &decoded, &bits), STATUS_OK);
        assert_memory_equal(bits, marked, n * sizeof *bits);
        lists++;
    }
    snapshot_end(f.snap);
    assert_true(lists > 300);
    dense_destroy(&d);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_list_by_list),
        cmocka_unit_test(what_is_kept_is_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
