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
 * What bitmaps of documents decide - frequent words that all must be there, and what is found by
 * one of two words - is the same products in the same order as when list after list is read, with
 * forms, typos and beginnings of words, dead products and several segments.
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

/* Four letters of five, an "s" behind some: forms, typos and beginnings of each other. */
static const char *rare(void)
{
    static char text[2][8];
    static int which;
    char *t = text[which ^= 1];
    uint32_t n = roll(40) * roll(16);
    for (int i = 0; i < 4; i++, n /= 5)
        t[i] = "aeklt"[n % 5];
    t[4] = roll(3) ? '\0' : 's';
    t[5] = '\0';
    return t;
}

static void put(struct find *f, uint32_t first, uint32_t count)
{
    static char titles[DOCS][200], ids[DOCS][12];
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
        snprintf(titles[i] + at, sizeof titles[i] - at, "%s %s", rare(), rare());
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

static void the_same(const struct query_result *a, const struct query_result *b)
{
    assert_int_equal(a->found, b->found);
    assert_true(a->found_exact);
    assert_int_equal(a->hit_count, b->hit_count);
    for (uint32_t h = 0; h < a->hit_count; h++) {
        assert_int_equal(a->hits[h].docid, b->hits[h].docid);
        assert_int_equal(a->hits[h].score, b->hits[h].score);
        assert_int_equal(a->hits[h].lacks_count, b->hits[h].lacks_count);
    }
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
        the_same(&by_bits, &by_lists);
        arena_reset(&f.arena);
    }
    assert_true(kept > 0); /* else no list was ever met as a bitmap */
    find_close(&f);
}

static void one_of_two_words_is_the_same_too(void **state)
{
    (void)state;
    struct find f;
    uint64_t relaxed = 0, less = 0;
    open_catalog(&f);
    for (int i = 0; i < 600; i++) {
        char text[64];
        struct query_result apart, by_lists;
        if (i % 4)
            snprintf(text, sizeof text, "%s %s", rare(), rare());
        else
            snprintf(text, sizeof text, "%s many%u", rare(), roll(MANY));
        if (i % 6 == 1) /* of the last word only a beginning */
            text[strlen(text) - 1 - roll(3)] = '\0';
        struct query q = {.text = slice_str(text),
                          .match = QUERY_RELAXED,
                          .prefix = i % 2,
                          .typos = i % 3 ? QUERY_TYPOS_AUTO : 0,
                          .k = i % 5 ? 10 : 200, /* more than the top may be looked through for */
                          .count_to = 10000,
                          .profile = i % 7 ? SLICE_NULL : SLICE_LIT("bm25"),
                          .filter = i % 11 ? SLICE_NULL : SLICE_LIT("popularity > 4"),
                          .max_stale_ms = -1};
        search(&f, &q, &apart);
        q.no_pruning = true;
        search(&f, &q, &by_lists);
        the_same(&apart, &by_lists);
        relaxed += apart.dropped_count > 0;
        less += apart.work.candidates < by_lists.work.candidates;
        arena_reset(&f.arena);
    }
    assert_true(relaxed > 100);
    assert_true(less > 100); /* else they were never read apart */
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
        assert_int_equal(dense_bits(d, ((struct edition){1, (uint64_t)round % 2}),
                                    (const struct postings *[]){&p}, 1, n, &decoded, &bits),
                         STATUS_OK);
        assert_memory_equal(bits, marked, n * sizeof *bits);
        lists++;
    }
    snapshot_end(f.snap);
    assert_true(lists > 300);
    dense_destroy(&d);
    find_close(&f);
}

/* As many products, with lists at the same places, whatever the phase; each list holds others. */
static void put_dress(struct find *f, uint32_t phase)
{
    static char ids[4096][12];
    static struct find_product p[4096];
    for (uint32_t i = 0; i < 4096; i++) {
        snprintf(ids[i], sizeof ids[i], "q%u", i);
        p[i] = (struct find_product){.id = ids[i],
                                     .title = i / 1024 % 2 == phase ? "long dress" : "slim dress"};
    }
    find_put_all(f, p, 4096);
}

/* A searcher that saw the original sees what the copy made of itself since. */
static void a_copy_has_bitmaps_of_its_own(void **state)
{
    (void)state;
    static const struct find_product none[] = {{0}};
    struct find f, copy;
    struct query q = {.text = SLICE_LIT("long dress"),
                      .match = QUERY_ALL,
                      .k = 10,
                      .count_to = QUERY_COUNT_ALL,
                      .max_stale_ms = -1};
    struct query_result r, by_lists;
    bool stale;
    find_open(&f, "", none);
    copy = f;
    strcpy(copy.dir, "/tmp/souk-find-XXXXXX");
    assert_non_null(mkdtemp(copy.dir));
    assert_int_equal(index_copy_into(f.ix, copy.dir), STATUS_OK);
    assert_int_equal(index_open(copy.dir, NULL, &copy.ix, &stale, &copy.fault), STATUS_OK);
    assert_int_equal(snapshot_create(copy.ix, &copy.snap), STATUS_OK);
    assert_int_equal(searcher_create(&copy.searcher), STATUS_OK);
    arena_init(&copy.arena, 0);
    put_dress(&f, 0);
    put_dress(&copy, 1);
    search(&f, &q, &r);
    struct searcher *own = copy.searcher;
    copy.searcher = f.searcher;
    search(&copy, &q, &r);
    q.no_pruning = true;
    search(&copy, &q, &by_lists);
    the_same(&r, &by_lists);
    copy.searcher = own;
    find_close(&copy);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_list_by_list),
        cmocka_unit_test(one_of_two_words_is_the_same_too),
        cmocka_unit_test(what_is_kept_is_the_list),
        cmocka_unit_test(a_copy_has_bitmaps_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
