/*
 * Segments large enough for precomputed lists of short prefixes: what a search by prefix finds is
 * counted over the products as they were given, and skipping never changes the best.
 */
#include "index/query.h"
#include "tests/index/support_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DOCS = 34000, WORDS = 3, FAMILIES = 3, FAMILY = 40, QUERIES = 120, BRANDS = 300 };

static uint8_t words[DOCS][WORDS]; /* family * FAMILY + member + 1; 0 = none */
static uint64_t seed = 17;

static uint32_t roll(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

/* "sa", "sb", "sc" alone (member 0) or with a number behind. */
static void word_text(uint8_t w, char out[8])
{
    uint32_t member = (w - 1u) % FAMILY;
    snprintf(out, 8, member ? "s%c%02u" : "s%c", (char)('a' + (w - 1) / FAMILY), member);
}

/* Most products are of one brand, some of none (0). */
static uint32_t brand_of(uint32_t d)
{
    uint32_t r = d * UINT32_C(2654435761) >> 12;
    return r % 11 == 0 ? 0 : r % 3 ? 1 : 1 + r / 33 % BRANDS;
}

static void fill(struct shop *s)
{
    struct buf doc = BUF_INIT;
    struct batch *b = NULL;
    for (uint32_t d = 0; d < DOCS; d++) {
        char text[2][64] = {"", ""}, id[16],
             brand[16]; /* the third word stands in another class of fields */
        size_t len[2] = {0};
        for (uint32_t i = 0; i < WORDS; i++) {
            char word[8];
            words[d][i] = 0;
            if (!roll(3))
                continue;
            uint32_t member = roll(3) ? roll(2) : roll(FAMILY); /* two are in most products */
            words[d][i] = (uint8_t)(1 + member + FAMILY * roll(FAMILIES));
            word_text(words[d][i], word);
            char *to = text[i == 2];
            size_t *at = &len[i == 2];
            *at += (size_t)snprintf(to + *at, sizeof text[0] - *at, "%s ", word);
        }
        snprintf(id, sizeof id, "p%u", d);
        snprintf(brand, sizeof brand, "b%u", brand_of(d));
        struct shop_product p = {.id = id,
                                 .title = text[0],
                                 .body = text[1],
                                 .brand = brand_of(d) ? brand : NULL,
                                 .price = d % 100,
                                 .stock = -1};
        struct change c = shop_change(0, 1000);
        if (!b)
            assert_int_equal(batch_begin(s->ix, &b), STATUS_OK);
        buf_clear(&doc);
        shop_document(&doc, &p);
        assert_int_equal(batch_upsert(b, buf_slice(&doc), &c), STATUS_OK);
        if (d % 9000 == 8999 || d + 1 == DOCS)
            assert_int_equal(batch_commit(&b, d + 1), STATUS_OK);
    }
    buf_fini(&doc);
    assert_int_equal(index_merge_all(s->ix), STATUS_OK);
}

static bool begins(uint32_t d, const char *prefix)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        char word[8];
        if (!words[d][i])
            continue;
        word_text(words[d][i], word);
        if (strncmp(word, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

static bool has(uint32_t d, const char *want)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        char word[8];
        if (!words[d][i])
            continue;
        word_text(words[d][i], word);
        if (strcmp(word, want) == 0)
            return true;
    }
    return false;
}

struct world {
    struct shop shop;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
};

static void ask(struct world *w, const struct query *q, struct query_result *r)
{
    struct fault fault = {0};
    assert_int_equal(search_run(w->searcher, w->snap, q, &w->arena, r, &fault), STATUS_OK);
}

static uint32_t brand_number(struct slice v)
{
    char text[16];
    snprintf(text, sizeof text, "%.*s", (int)v.len, v.ptr);
    return (uint32_t)strtoul(text + 1, NULL, 10);
}

/* Of what matches (a bit each), each brand is counted once a product, as a facet and as a group. */
static void count_brands(struct world *w, struct query q, const uint8_t *matches)
{
    const struct facet_request facet = {.field = SLICE_LIT("brand"), .limit = BRANDS + 1};
    uint32_t want[BRANDS + 1] = {0}, brands = 0;
    struct query_result r;
    for (uint32_t d = 0; d < DOCS; d++)
        if (matches[d])
            brands += !want[brand_of(d)]++ || !brand_of(d); /* those of none are groups each */
    q.facets = &facet;
    q.facet_count = 1;
    for (int grouped = 0; grouped < 2; grouped++) {
        q.group_field = grouped ? SLICE_LIT("brand") : SLICE_NULL;
        q.group_size = 1 + roll(3);
        ask(w, &q, &r);
        assert_int_equal(r.group_total, grouped ? brands : 0);
        uint64_t with = 0;
        for (uint32_t i = 0; i < r.facets[0].value_count; i++) {
            const struct facet_value *v = &r.facets[0].values[i];
            assert_int_equal(v->count, want[brand_number(v->value)]);
            with += v->count;
        }
        assert_int_equal(with, r.found - want[0]);
        assert_int_equal(r.facets[0].count, with);
        for (uint32_t h = 0; grouped && h < r.hit_count; h++) {
            struct slice v = r.hits[h].group_value;
            assert_int_equal(r.hits[h].group_count, v.len ? want[brand_number(v)] : 1);
        }
    }
}

static void one(struct world *w)
{
    static uint8_t matches[DOCS];
    char first[8] = "", last[8], text[24];
    bool two = roll(2), cheap = roll(3) == 0;
    if (two)
        word_text((uint8_t)(1 + roll(FAMILY * FAMILIES)), first);
    word_text((uint8_t)(1 + roll(FAMILY * FAMILIES)), last);
    last[1 + roll(4)] = '\0';
    snprintf(text, sizeof text, "%s %s", first, last);
    uint32_t want = 0;
    for (uint32_t d = 0; d < DOCS; d++) {
        matches[d] = begins(d, last) && (!two || has(d, first)) && (!cheap || d % 100 < 50);
        want += matches[d];
    }
    struct query q = {.text = slice_str(text),
                      .prefix = true,
                      .filter = cheap ? SLICE_LIT("price < 50") : SLICE_NULL,
                      .k = 1 + roll(20),
                      .count_to = QUERY_COUNT_ALL,
                      .profile = SLICE_LIT("bm25"),
                      .max_stale_ms = -1};
    struct query_result all, few;
    q.no_pruning = true;
    ask(w, &q, &all);
    if (all.found != want)
        print_error("'%s' cheap %d\n", text, cheap);
    assert_int_equal(all.found, want);
    q.no_pruning = false;
    for (int limited = 0; limited < 2; limited++) {
        q.count_to = limited ? 100 : QUERY_COUNT_ALL;
        ask(w, &q, &few);
        if (!limited)
            assert_int_equal(few.found, want);
        assert_int_equal(few.hit_count, all.hit_count);
        for (uint32_t h = 0; h < all.hit_count; h++) {
            assert_int_equal(few.hits[h].score, all.hits[h].score);
            assert_int_equal(few.hits[h].docid, all.hits[h].docid);
        }
    }
    q.count_to = roll(2) ? 100 : QUERY_COUNT_ALL;
    count_brands(w, q, matches);
    arena_reset(&w->arena);
}

static void prefixes_of_large_segments_are_counted_and_ranked(void **state)
{
    (void)state;
    static struct world w;
    shop_open(&w.shop);
    fill(&w.shop);
    arena_init(&w.arena, 0);
    assert_int_equal(searcher_create(&w.searcher), STATUS_OK);
    assert_int_equal(snapshot_create(w.shop.ix, &w.snap), STATUS_OK);
    assert_int_equal(snapshot_begin(w.snap), STATUS_OK);
    assert_int_equal(snapshot_segment_count(w.snap), 1);
    struct segment_prefix p;
    assert_int_equal(segment_open_prefix(snapshot_segment(w.snap, 0), SLICE_LIT("sa"), &p),
                     STATUS_OK);
    assert_int_equal(p.apart_count, 2); /* "sa" itself and "sa01" */
    assert_true(p.rest.df < p.df);
    for (int i = 0; i < QUERIES; i++)
        one(&w);
    snapshot_destroy(&w.snap);
    searcher_destroy(&w.searcher);
    arena_fini(&w.arena);
    shop_close(&w.shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_of_large_segments_are_counted_and_ranked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
