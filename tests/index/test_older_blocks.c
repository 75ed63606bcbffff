/*
 * Blocks of postings of formats 6 to 8: tests/index/golden/segment-N.txt holds, in hex, the only
 * extent of a segment that was built with it. The same products built today say the same.
 */
#include "support_segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/segment_format.h"

enum { OLDEST = 6, PRODUCTS = 300, TERMS = 40 };

/* Term k stands in about one of k + 1 products, once or twice in it, in any of the fields. */
static void build(struct shelf *shelf)
{
    struct segment_builder *b;
    uint32_t doc, roll = 1;
    assert_int_equal(segment_builder_create(&shelf_facts, 0, &b), STATUS_OK);
    for (uint32_t d = 0; d < PRODUCTS; d++) {
        struct builder_token tokens[TERMS * 2];
        char words[TERMS][8], id[8];
        uint32_t count = 0;
        for (uint32_t k = 0; k < TERMS; k++) {
            roll = roll * 1103515245 + 12345;
            snprintf(words[k], sizeof words[k], "w%u", k);
            for (uint32_t n = roll >> 16 & 1; n < 2 && (roll >> 17) % (k + 1) == 0; n++)
                tokens[count++] = (struct builder_token){slice_str(words[k]),
                                                         (roll >> 20) % SHELF_FIELDS, k * 9 + n, n};
        }
        snprintf(id, sizeof id, "%u", d);
        assert_int_equal(segment_builder_add(b, slice_str(id), tokens, count, SLICE_LIT("r"), &doc),
                         STATUS_OK);
    }
    assert_int_equal(segment_builder_finish(b, NULL, shelf_sink, shelf), STATUS_OK);
    segment_builder_destroy(&b);
}

static void load(struct shelf *s, uint32_t format)
{
    char path[512];
    unsigned byte;
    snprintf(path, sizeof path, SOUK_SOURCE_DIR "/tests/index/golden/segment-%u.txt", format);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fscanf(f, "%2x", &byte) == 1)
        buf_put_u8(&s->extents[0], (uint8_t)byte);
    fclose(f);
    s->count = 1;
    s->sums[0] = (uint32_t)(s->extents[0].len / SEGMENT_CELL + 1);
    assert_int_equal(wire_load32(s->extents[0].ptr + 4), format);
}

static void same_list(const struct segment *a, const struct segment *b, uint32_t ordinal)
{
    struct postings p, q;
    struct postings_block have, want;
    assert_int_equal(postings_open(a, ordinal, &p), STATUS_OK);
    assert_int_equal(postings_open(b, ordinal, &q), STATUS_OK);
    assert_int_equal(p.df, q.df);
    for (uint32_t k = 0; k < p.block_count; k++) {
        assert_int_equal(postings_decode(&p, k, &have), STATUS_OK);
        assert_int_equal(postings_decode(&q, k, &want), STATUS_OK);
        assert_int_equal(have.count, want.count);
        assert_memory_equal(have.docs, want.docs, have.count * sizeof *have.docs);
        assert_memory_equal(have.evidence, want.evidence, have.count);
        for (uint32_t i = 0; i < have.count; i++) {
            uint32_t at[2], is[2], n, m;
            assert_int_equal(postings_positions(&p, k, i, at, 2, &n), STATUS_OK);
            assert_int_equal(postings_positions(&q, k, i, is, 2, &m), STATUS_OK);
            assert_int_equal(n, m);
            assert_memory_equal(at, is, n * sizeof *at);
        }
    }
}

static bool all(void *ctx, uint32_t docid)
{
    (void)ctx;
    (void)docid;
    return true;
}

/* Lists of every kind: tiny ones, one block, several. */
static void blocks_are_read(uint32_t format)
{
    struct shelf older = {.count = 0}, built = {.count = 0};
    uint32_t kinds[3] = {0};
    load(&older, format);
    build(&built);
    struct segment *a = shelf_open(&older), *b = shelf_open(&built);
    assert_int_equal(segment_term_count(a), segment_term_count(b));
    for (uint32_t t = 0; t < segment_term_count(a); t++) {
        uint32_t df = segment_term_df(a, t);
        kinds[df < LIST_TINY ? 0 : df <= POSTINGS_BLOCK ? 1 : 2]++;
        same_list(a, b, t);
    }
    assert_true(kinds[0] && kinds[1] && kinds[2]);
    segment_close(&a);
    segment_close(&b);
    shelf_fini(&older);
    shelf_fini(&built);
}

static void blocks_of_older_formats_are_read(void **state)
{
    (void)state;
    for (uint32_t format = OLDEST; format < SEGMENT_FORMAT; format++)
        blocks_are_read(format);
}

static void written_anew(uint32_t format)
{
    struct shelf older = {.count = 0}, built = {.count = 0}, merged = {.count = 0};
    load(&older, format);
    build(&built);
    const struct segment *in[1] = {shelf_open(&older)};
    assert_int_equal(segment_merge(in, 1, all, NULL, NULL, shelf_sink, &merged), STATUS_OK);
    assert_int_equal(merged.extents[0].len, built.extents[0].len);
    assert_memory_equal(merged.extents[0].ptr, built.extents[0].ptr, built.extents[0].len);
    segment_close((struct segment **)&in[0]);
    shelf_fini(&older);
    shelf_fini(&built);
    shelf_fini(&merged);
}

static void a_merge_writes_them_anew(void **state)
{
    (void)state;
    for (uint32_t format = OLDEST; format < SEGMENT_FORMAT; format++)
        written_anew(format);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_older_formats_are_read),
        cmocka_unit_test(a_merge_writes_them_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
