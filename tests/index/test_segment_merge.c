/* Merging: equal to building at once; killed counts; prefix lists; damaged inputs. */
#include "support_segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool all(void *ctx, uint32_t docid)
{
    (void)ctx;
    (void)docid;
    return true;
}

static bool without_thirds(void *ctx, uint32_t docid)
{
    (void)ctx;
    return docid % 3 != 0;
}

/* Cuts [0, count) at seeded places and merges the pieces. */
static void merge_pieces(struct shelf *out, unsigned seed, uint32_t count,
                         bool (*live)(void *, uint32_t))
{
    enum { PIECES = 6 };
    struct shelf *in = calloc(PIECES, sizeof *in);
    struct segment *segments[PIECES];
    uint32_t at = 0, n = 0;
    unsigned r = seed;
    assert_non_null(in);
    while (at < count) {
        uint32_t to = n + 1 == PIECES ? count : at + 1 + (uint32_t)rand_r(&r) % (count / 3 + 1);
        to = to < count ? to : count;
        shelf_build(&in[n], seed, at, to);
        segments[n] = shelf_open(&in[n]);
        n++;
        at = to;
    }
    assert_int_equal(segment_merge((const struct segment *const *)segments, n, live, NULL, NULL,
                                   shelf_sink, out),
                     STATUS_OK);
    for (uint32_t i = 0; i < n; i++) {
        segment_close(&segments[i]);
        shelf_fini(&in[i]);
    }
    free(in);
}

static void merging_equals_building_at_once(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 40, 129, 3000};
    for (unsigned k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct shelf merged = {.count = 0}, built = {.count = 0};
        print_message("seed %u, %u products\n", 100 + k, sizes[k]);
        merge_pieces(&merged, 100 + k, sizes[k], all);
        shelf_build(&built, 100 + k, 0, sizes[k]);
        assert_int_equal(merged.count, built.count);
        for (uint32_t e = 0; e < built.count; e++) {
            assert_int_equal(merged.extents[e].len, built.extents[e].len);
            assert_memory_equal(merged.extents[e].ptr, built.extents[e].ptr, built.extents[e].len);
        }
        shelf_fini(&merged);
        shelf_fini(&built);
    }
}

static void same_positions(const struct postings *a, uint32_t i, const struct postings *b,
                           uint32_t k)
{
    uint32_t want[CATALOG_TOKENS], have[CATALOG_TOKENS], count, kept;
    assert_int_equal(
        postings_positions(a, i / POSTINGS_BLOCK, i % POSTINGS_BLOCK, want, CATALOG_TOKENS, &count),
        STATUS_OK);
    assert_int_equal(
        postings_positions(b, k / POSTINGS_BLOCK, k % POSTINGS_BLOCK, have, CATALOG_TOKENS, &kept),
        STATUS_OK);
    assert_int_equal(kept, count);
    assert_memory_equal(have, want, count * sizeof *want);
}

/* How many living products hold each term: df minus killed must come to exactly that. */
static void purged_products_leave_nothing_behind(void **state)
{
    (void)state;
    enum { COUNT = 2000, SEED = 9 };
    struct shelf merged = {.count = 0}, built = {.count = 0};
    struct slice word, id;
    char room[SEGMENT_ID_MAX];
    merge_pieces(&merged, SEED, COUNT, without_thirds);
    shelf_build(&built, SEED, 0, COUNT);
    struct segment *m = shelf_open(&merged), *b = shelf_open(&built);
    uint32_t terms = 0, ordinal;
    for (uint32_t t = 0; t < segment_term_count(b); t++) {
        struct postings all_of, left;
        struct postings_block in, out;
        uint32_t k = 0, ob = 0;
        assert_int_equal(segment_term(b, t, &word), STATUS_OK);
        assert_int_equal(postings_open(b, t, &all_of), STATUS_OK);
        bool there = segment_find_term(m, word, &ordinal) == STATUS_OK;
        terms += there;
        if (there)
            assert_int_equal(postings_open(m, ordinal, &left), STATUS_OK);
        for (uint32_t i = 0; i < all_of.df; i++) {
            if (i % POSTINGS_BLOCK == 0)
                assert_int_equal(postings_decode(&all_of, i / POSTINGS_BLOCK, &in), STATUS_OK);
            if (in.docs[i % POSTINGS_BLOCK] % 3 == 0)
                continue;
            assert_true(there);
            if (k % POSTINGS_BLOCK == 0)
                assert_int_equal(postings_decode(&left, ob++, &out), STATUS_OK);
            assert_int_equal(out.docs[k % POSTINGS_BLOCK], in.docs[i % POSTINGS_BLOCK]);
            assert_int_equal(out.evidence[k % POSTINGS_BLOCK], in.evidence[i % POSTINGS_BLOCK]);
            same_positions(&all_of, i, &left, k);
            k++;
        }
        assert_int_equal(there ? left.df : 0, k);
    }
    assert_int_equal(terms, segment_term_count(m));
    for (uint32_t d = 0; d < COUNT; d++)
        assert_int_equal(segment_id(m, d, room, &id), d % 3 ? STATUS_OK : STATUS_NOT_FOUND);
    segment_close(&m);
    segment_close(&b);
    shelf_fini(&merged);
    shelf_fini(&built);
}

static void add_to_union(const struct segment *s, uint32_t term, uint8_t *best)
{
    struct postings p;
    struct postings_block block;
    assert_int_equal(postings_open(s, term, &p), STATUS_OK);
    for (uint32_t b = 0; b < p.block_count; b++) {
        assert_int_equal(postings_decode(&p, b, &block), STATUS_OK);
        for (uint32_t i = 0; i < block.count; i++) {
            uint8_t *have = &best[block.docs[i]], e = block.evidence[i];
            uint32_t ch = *have ? (uint32_t)__builtin_ctz(*have >> 4) : 9;
            uint32_t ce = (uint32_t)__builtin_ctz(e >> 4), impact = *have & 15;
            if (ce < ch || (ce == ch && (e & 15) > (*have & 15)))
                impact = e & 15;
            *have = (uint8_t)(((*have | e) & 0xf0) | impact);
        }
    }
}

/* A list of a short prefix = union over its terms but those set apart, best class and impact first,
 * masks joined. Adds how many are apart. */
static void prefix_list_is_right(const struct segment *s, struct slice prefix, uint8_t *best,
                                 uint32_t *apart)
{
    struct segment_prefix ready;
    struct postings_block block;
    uint32_t lo, hi, k = 0, df = 0, next = 0;
    assert_int_equal(segment_prefix_range(s, prefix, &lo, &hi), STATUS_OK);
    assert_int_equal(segment_open_prefix(s, prefix, &ready), STATUS_OK);
    memset(best, 0, segment_doc_count(s));
    for (uint32_t t = lo; t < hi; t++)
        if (next < ready.apart_count && ready.apart[next] == t)
            next++;
        else
            add_to_union(s, t, best);
    assert_int_equal(next, ready.apart_count);
    for (uint32_t d = 0; d < segment_doc_count(s); d++) {
        if (!best[d])
            continue;
        if (k % POSTINGS_BLOCK == 0)
            assert_int_equal(postings_decode(&ready.rest, k / POSTINGS_BLOCK, &block), STATUS_OK);
        assert_int_equal(block.docs[k % POSTINGS_BLOCK], d);
        assert_int_equal(block.evidence[k % POSTINGS_BLOCK], best[d]);
        k++;
    }
    assert_int_equal(ready.rest.df, k);
    for (uint32_t i = 0; i < ready.apart_count; i++) {
        add_to_union(s, ready.apart[i], best);
        assert_true(segment_term_df(s, ready.apart[i]) >= PREFIX_APART_POSTINGS);
    }
    for (uint32_t d = 0; d < segment_doc_count(s); d++)
        df += best[d] != 0;
    assert_int_equal(ready.df, df);
    *apart += ready.apart_count;
}

static void prefix_lists_are_right(struct shelf *shelf, uint32_t count)
{
    struct segment_prefix ready;
    uint32_t apart = 0;
    uint8_t *best = malloc(count);
    struct segment *s = shelf_open(shelf);
    assert_int_equal(segment_doc_count(s), count);
    prefix_list_is_right(s, SLICE_LIT("a"), best, &apart);
    prefix_list_is_right(s, SLICE_LIT("c"), best, &apart);
    assert_int_equal(apart, 0); /* of one letter */
    prefix_list_is_right(s, SLICE_LIT("a1"), best, &apart);
    prefix_list_is_right(s, SLICE_LIT("a3"), best, &apart);
    assert_int_equal(apart, 1);
    assert_int_equal(segment_open_prefix(s, SLICE_LIT("z"), &ready), STATUS_NOT_FOUND);
    assert_int_equal(segment_open_prefix(s, SLICE_LIT("a12345"), &ready), STATUS_NOT_FOUND);
    segment_close(&s);
    free(best);
}

static void large_segments_carry_lists_of_short_prefixes(void **state)
{
    (void)state;
    enum { COUNT = 33000 };
    struct shelf merged = {.count = 0}, built = {.count = 0};
    merge_pieces(&merged, 4, COUNT, without_thirds);
    prefix_lists_are_right(&merged, COUNT);
    shelf_fini(&merged);
    shelf_build(&built, 4, 0, COUNT);
    prefix_lists_are_right(&built, COUNT);
    shelf_fini(&built);
}

static void unlike_segments_do_not_merge(void **state)
{
    (void)state;
    struct shelf a = {.count = 0}, b = {.count = 0}, out = {.count = 0};
    struct segment_builder *builder;
    shelf_build(&a, 1, 0, 10);
    struct segment_facts other = shelf_facts;
    other.field_count++;
    assert_int_equal(segment_builder_create(&other, 10, &builder), STATUS_OK);
    assert_int_equal(segment_builder_finish(builder, NULL, shelf_sink, &b), STATUS_OK);
    segment_builder_destroy(&builder);
    const struct segment *in[2] = {shelf_open(&a), shelf_open(&b)};
    assert_int_equal(segment_merge(in, 2, all, NULL, NULL, shelf_sink, &out), STATUS_INVALID);
    assert_int_equal(segment_merge(in, 0, all, NULL, NULL, shelf_sink, &out), STATUS_INVALID);
    assert_int_equal(out.count, 0);
    segment_close((struct segment **)&in[0]);
    segment_close((struct segment **)&in[1]);
    shelf_fini(&a);
    shelf_fini(&b);
    shelf_fini(&out);
}

/* Walks everything a segment can be asked; statuses may be anything, memory must stay whole. */
static void ask_everything(const struct segment *s)
{
    struct slice word, id;
    char room[SEGMENT_ID_MAX];
    struct postings p;
    struct postings_block block;
    uint32_t lo, hi, pos[8], count, terms = segment_term_count(s);
    for (uint32_t t = 0; t < terms && t < 2000; t++) {
        if (segment_term(s, t, &word) == STATUS_OK) {
            segment_find_term(s, word, &lo);
            segment_prefix_range(s, word, &lo, &hi);
            segment_dead_df(s, word);
        }
        if (postings_open(s, t, &p) != STATUS_OK)
            continue;
        for (uint32_t b = 0; b < p.block_count && b < 50; b++)
            if (postings_decode(&p, b, &block) == STATUS_OK) {
                for (uint32_t i = 0; i < block.count; i++)
                    assert_true(block.docs[i] < segment_doc_count(s));
                postings_positions(&p, b, block.count - 1, pos, 8, &count);
            }
    }
    for (uint32_t d = 0; d < segment_doc_count(s) && d < 2000; d++)
        if (segment_id(s, d, room, &id) == STATUS_OK)
            segment_find_id(s, id, &lo);
}

static void damage_behind_good_checksums_stays_harmless(void **state)
{
    (void)state;
    unsigned seed = 77;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 400; round++) {
        struct shelf shelf = {.count = 0}, out = {.count = 0};
        struct segment *s;
        shelf_build(&shelf, 3, 0, round % 2 ? 300 : 20);
        struct buf *e = &shelf.extents[0];
        /* half of the rounds aim at the head, where sizes and offsets lie */
        size_t span = (round & 2) ? 128 : e->len - 8;
        for (int flips = 1 + rand_r(&seed) % 4; flips > 0; flips--)
            e->ptr[(size_t)rand_r(&seed) % span] ^= (char)(1 << rand_r(&seed) % 8);
        shelf_seal(&shelf);
        if (segment_open(1, shelf_lookup, &shelf, &s) == STATUS_OK) {
            ask_everything(s);
            const struct segment *in[1] = {s};
            segment_merge(in, 1, without_thirds, NULL, NULL, shelf_sink, &out);
        }
        segment_close(&s);
        shelf_fini(&shelf);
        shelf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging_equals_building_at_once),
        cmocka_unit_test(purged_products_leave_nothing_behind),
        cmocka_unit_test(large_segments_carry_lists_of_short_prefixes),
        cmocka_unit_test(unlike_segments_do_not_merge),
        cmocka_unit_test(damage_behind_good_checksums_stays_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
