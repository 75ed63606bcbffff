/* The codec of lists against a plain table of what was added. */
#include "index/postings.h"
#include "support_segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What the list of `word` must hold of product `docid`; false when it is not there. */
static bool expected(unsigned seed, uint32_t docid, struct slice word, uint8_t *evidence,
                     uint32_t *pos, uint32_t *pos_count)
{
    struct catalog_product p;
    uint32_t tf[4] = {0}, len[4] = {0}, mask = 0;
    catalog_product(seed, docid, &p);
    *pos_count = 0;
    for (uint32_t i = 0; i < p.count; i++) {
        uint32_t c = shelf_facts.field_class[p.tokens[i].field];
        len[c]++;
        if (!slice_equal(p.tokens[i].term, word))
            continue;
        tf[c]++;
        mask |= 1u << c;
        pos[(*pos_count)++] = p.tokens[i].position * SHELF_FIELDS + p.tokens[i].field;
    }
    if (!mask)
        return false;
    uint32_t c = (uint32_t)__builtin_ctz(mask);
    float rounded = (float)(len[c] & ~3u), t = (float)tf[c];
    float x = t / (t + 1.2f * (0.25f + 0.75f * rounded / shelf_facts.class_reference_len[c])) * 15;
    *evidence = (uint8_t)(mask << 4 | (x < 1 ? 1 : (uint32_t)(x + 0.5f)));
    return true;
}

/* Does the bound of the block admit this evidence? */
static void bound_holds(uint32_t bound, uint8_t evidence)
{
    uint32_t c = (uint32_t)__builtin_ctz(evidence >> 4), byte = bound >> (8 * c) & 0xff;
    assert_int_equal(byte >> 4 & evidence >> 4, evidence >> 4);
    assert_true((byte & 15) >= (evidence & 15));
}

static void list_is_right(unsigned seed, const struct segment *s, uint32_t ordinal)
{
    struct postings p;
    struct postings_block block, parts;
    struct slice word;
    uint32_t b = 0, i = 0, seen = 0, pos[CATALOG_TOKENS], want[CATALOG_TOKENS], count, want_count;
    uint8_t evidence;
    assert_int_equal(segment_term(s, ordinal, &word), STATUS_OK);
    assert_int_equal(postings_open(s, ordinal, &p), STATUS_OK);
    assert_int_equal(p.df, segment_term_df(s, ordinal));
    for (uint32_t doc = 0; doc < segment_doc_count(s); doc++) {
        if (!expected(seed, segment_base(s) + doc, word, &evidence, want, &want_count))
            continue;
        if (i == 0) {
            assert_true(b < p.block_count);
            assert_int_equal(postings_decode(&p, b, &block), STATUS_OK);
            assert_int_equal(postings_decode_docs(&p, b, &parts), STATUS_OK);
            postings_read_evidence(&parts);
            for (uint32_t k = 0; k < block.count; k++)
                assert_int_equal(postings_evidence_of(&parts, k), block.evidence[k]);
            assert_memory_equal(parts.docs, block.docs, block.count * sizeof block.docs[0]);
            assert_memory_equal(parts.evidence, block.evidence, block.count);
            assert_int_equal(block.docs[block.count], DOC_NONE);
            assert_true(p.last[b] >= block.docs[block.count - 1]);
        }
        assert_int_equal(block.docs[i], doc);
        assert_int_equal(block.evidence[i], evidence);
        bound_holds(p.bound[b], evidence);
        bound_holds(p.max_bound, evidence);
        assert_true(p.tie[b] <= segment_tie(s, doc) >> 16);
        assert_int_equal(postings_positions(&p, b, i, pos, CATALOG_TOKENS, &count), STATUS_OK);
        assert_int_equal(count, want_count);
        assert_memory_equal(pos, want, count * sizeof pos[0]);
        seen++;
        if (++i == block.count) {
            i = 0;
            b++;
        }
    }
    assert_int_equal(seen, p.df);
    assert_int_equal(b, p.block_count);
}

static void every_list_equals_what_was_added(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 7, 130, 700, 3000};
    for (unsigned k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct shelf shelf = {.count = 0};
        shelf_build(&shelf, 31 + k, 50, 50 + sizes[k]);
        struct segment *s = shelf_open(&shelf);
        uint32_t step = segment_term_count(s) / 60 + 1;
        print_message("seed %u: %u products, %u terms, %llu postings\n", 31 + k, sizes[k],
                      segment_term_count(s), (unsigned long long)segment_posting_count(s));
        for (uint32_t t = 0; t < segment_term_count(s); t += step)
            list_is_right(31 + k, s, t);
        segment_close(&s);
        shelf_fini(&shelf);
    }
}

static void seeking_finds_the_first_block_that_can_hold_a_doc(void **state)
{
    (void)state;
    uint32_t last[100];
    unsigned seed = 5;
    for (uint32_t n = 1; n <= 100; n++) {
        uint32_t at = 0;
        for (uint32_t i = 0; i < n; i++)
            last[i] = at += 1 + (uint32_t)rand_r(&seed) % 5;
        struct postings p = {.block_count = n, .last = last};
        for (uint32_t from = 0; from <= n; from += 1 + n / 7)
            for (uint32_t doc = 0; doc <= at + 2; doc += 1 + at / 40) {
                uint32_t want = from;
                while (want < n && last[want] < doc)
                    want++;
                assert_int_equal(postings_seek_block(&p, from, doc), want);
            }
    }
}

static void the_dictionary_is_sorted_and_searchable(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 3, 2000}; /* without and with a hash table */
    for (unsigned k = 0; k < 3; k++) {
        struct shelf shelf = {.count = 0};
        struct slice before = SLICE_LIT(""), word;
        uint32_t ordinal, lo, hi;
        shelf_build(&shelf, 77, 1, 1 + sizes[k]);
        struct segment *s = shelf_open(&shelf);
        for (uint32_t t = 0; t < segment_term_count(s); t++) {
            assert_int_equal(segment_term(s, t, &word), STATUS_OK);
            assert_true(slice_compare(before, word) < 0);
            assert_int_equal(segment_find_term(s, word, &ordinal), STATUS_OK);
            assert_int_equal(ordinal, t);
            assert_int_equal(segment_lower_bound(s, word, &ordinal), STATUS_OK);
            assert_int_equal(ordinal, t);
            before = word;
        }
        assert_int_equal(segment_term(s, segment_term_count(s), &word), STATUS_NOT_FOUND);
        for (const char *prefix = "abcd"; *prefix; prefix++) {
            uint32_t count = 0;
            for (uint32_t t = 0; t < segment_term_count(s); t++)
                count += segment_term(s, t, &word) == STATUS_OK && word.ptr[0] == *prefix;
            assert_int_equal(segment_prefix_range(s, slice_make(prefix, 1), &lo, &hi), STATUS_OK);
            assert_int_equal(hi - lo, count);
        }
        segment_close(&s);
        shelf_fini(&shelf);
    }
}

/* One product that repeats a word far more often than any block could store. */
static void endless_repetition_keeps_the_first_positions(void **state)
{
    (void)state;
    enum { REPEATS = 50000, KEPT = 1024, PRODUCTS = 40 };
    struct shelf shelf = {.count = 0};
    struct segment_builder *b;
    struct builder_token *tokens = malloc(REPEATS * sizeof *tokens);
    uint32_t doc, ordinal, count, *pos = malloc(REPEATS * sizeof *pos);
    struct postings p;
    assert_true(tokens && pos);
    for (uint32_t i = 0; i < REPEATS; i++)
        tokens[i] = (struct builder_token){SLICE_LIT("spam"), i & 1, i / 2, false};
    assert_int_equal(segment_builder_create(&shelf_facts, 0, &b), STATUS_OK);
    for (uint32_t d = 0; d < PRODUCTS; d++) {
        char id[16];
        snprintf(id, sizeof id, "s%u", d);
        assert_int_equal(
            segment_builder_add(b, slice_str(id), tokens, REPEATS, SLICE_LIT("\x01\x01x"), &doc),
            STATUS_OK);
    }
    assert_int_equal(segment_builder_finish(b, NULL, shelf_sink, &shelf), STATUS_OK);
    struct segment *s = shelf_open(&shelf);
    assert_int_equal(segment_find_term(s, SLICE_LIT("spam"), &ordinal), STATUS_OK);
    assert_int_equal(postings_open(s, ordinal, &p), STATUS_OK);
    assert_int_equal(postings_positions(&p, 0, PRODUCTS - 1, pos, REPEATS, &count), STATUS_OK);
    assert_int_equal(count, KEPT);
    for (uint32_t i = 0; i < KEPT; i++)
        assert_int_equal(pos[i], i / 2 * SHELF_FIELDS + (i & 1));
    segment_builder_destroy(&b);
    segment_close(&s);
    shelf_fini(&shelf);
    free(tokens);
    free(pos);
}

static void what_does_not_fit_an_extent_is_refused_alone(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    struct segment_builder *b;
    struct builder_token t = {SLICE_LIT("word"), 0, 0, false};
    char *huge = calloc(1, SEGMENT_EXTENT);
    uint32_t doc, ordinal;
    assert_int_equal(segment_builder_create(&shelf_facts, 0, &b), STATUS_OK);
    assert_int_equal(
        segment_builder_add(b, SLICE_LIT("big"), &t, 1, slice_make(huge, SEGMENT_EXTENT), &doc),
        STATUS_TOO_LARGE);
    assert_int_equal(segment_builder_add(b, SLICE_LIT("ok"), &t, 1, SLICE_LIT("\x01\x01x"), &doc),
                     STATUS_OK);
    assert_int_equal(doc, 0);
    assert_int_equal(segment_builder_kill_term(b, slice_make(huge, 300)), STATUS_OK);
    assert_int_equal(segment_builder_finish(b, NULL, shelf_sink, &shelf), STATUS_OK);
    struct segment *s = shelf_open(&shelf);
    assert_int_equal(segment_doc_count(s), 1);
    assert_int_equal(segment_dead_count(s), 0);
    assert_int_equal(segment_find_term(s, SLICE_LIT("word"), &ordinal), STATUS_OK);
    assert_int_equal(segment_term_df(s, ordinal), 1);
    segment_builder_destroy(&b);
    segment_close(&s);
    shelf_fini(&shelf);
    free(huge);
}

static void the_newest_of_an_id_is_found(void **state)
{
    (void)state;
    enum { IDS = 300, TIMES = 3 };
    struct shelf shelf = {.count = 0};
    struct segment_builder *b;
    char id[16];
    uint32_t doc;
    assert_int_equal(segment_builder_create(&shelf_facts, 0, &b), STATUS_OK);
    for (uint32_t d = 0; d < IDS * TIMES; d++) {
        snprintf(id, sizeof id, "n%u", d % IDS);
        assert_int_equal(
            segment_builder_add(b, slice_str(id), NULL, 0, SLICE_LIT("\x01\x01x"), &doc),
            STATUS_OK);
    }
    assert_int_equal(segment_builder_finish(b, NULL, shelf_sink, &shelf), STATUS_OK);
    struct segment *s = shelf_open(&shelf);
    for (uint32_t i = 0; i < IDS; i++) {
        snprintf(id, sizeof id, "n%u", i);
        assert_int_equal(segment_builder_find(b, slice_str(id), &doc), STATUS_OK);
        assert_int_equal(doc, IDS * (TIMES - 1) + i);
        assert_int_equal(segment_find_id(s, slice_str(id), &doc), STATUS_OK);
        assert_int_equal(doc, IDS * (TIMES - 1) + i);
    }
    segment_builder_destroy(&b);
    segment_close(&s);
    shelf_fini(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_list_equals_what_was_added),
        cmocka_unit_test(seeking_finds_the_first_block_that_can_hold_a_doc),
        cmocka_unit_test(the_dictionary_is_sorted_and_searchable),
        cmocka_unit_test(endless_repetition_keeps_the_first_positions),
        cmocka_unit_test(the_newest_of_an_id_is_found),
        cmocka_unit_test(what_does_not_fit_an_extent_is_refused_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
