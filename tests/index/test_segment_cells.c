/* Checksums of cells: damage is found by who reads it and by nobody else; extents of format 4. */
#include "support_segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/segment_format.h"

enum { SEED = 5, PRODUCTS = 20000 };

static size_t blob_len(const struct shelf *shelf, uint32_t e)
{
    return shelf->extents[e].len - (size_t)shelf->sums[e] * SEGMENT_SUM;
}

/* Reads all of a segment; what came of each product, by number and by id, and of each list, one
 * byte each. */
static void read_all(const struct segment *s, struct buf *out)
{
    buf_clear(out);
    for (uint32_t d = 0; d < segment_doc_count(s); d++) {
        struct catalog_product p;
        uint32_t doc = d;
        catalog_product(SEED, d, &p);
        buf_put_u8(out, (uint8_t)segment_find_id(s, slice_str(p.id), &doc));
        assert_int_equal(doc, d);
    }
    for (uint32_t d = 0; d < segment_doc_count(s); d++) {
        char room[SEGMENT_ID_MAX];
        struct slice id;
        buf_put_u8(out, (uint8_t)segment_id(s, d, room, &id));
    }
    for (uint32_t t = 0; t < segment_term_count(s); t++) {
        struct postings p;
        struct postings_block block;
        uint32_t pos[4], count;
        enum status st = postings_open(s, t, &p);
        for (uint32_t b = 0; !st && b < p.block_count; b++) {
            st = postings_decode(&p, b, &block);
            st = st ? st : postings_positions(&p, b, block.count - 1, pos, 4, &count);
        }
        buf_put_u8(out, (uint8_t)st);
    }
}

static void damage_is_found_by_who_reads_it(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    struct buf good = BUF_INIT, now = BUF_INIT;
    shelf_build(&shelf, SEED, 0, PRODUCTS);
    struct segment *s = shelf_open(&shelf);
    read_all(s, &good);
    segment_close(&s);
    uint32_t found = 0, spared = 0, refused = 0;
    for (uint32_t e = 0; e < shelf.count; e++)
        for (size_t at = 0; at < blob_len(&shelf, e); at += SEGMENT_CELL) {
            size_t left = blob_len(&shelf, e) - at, n = left < SEGMENT_CELL ? left : SEGMENT_CELL;
            char *p = shelf.extents[e].ptr + at + (at + e) * 7919 % n;
            *p ^= 0x10;
            enum status st = segment_open(7, shelf_lookup, &shelf, &s);
            if (st) { /* the head is in it */
                assert_true(e == 0 && at == 0);
                refused++;
            } else {
                assert_int_equal(segment_verify(s), STATUS_CORRUPT);
                read_all(s, &now);
                assert_int_equal(now.len, good.len);
                uint32_t bad = 0;
                for (size_t i = 0; i < now.len; i++) {
                    assert_true(now.ptr[i] == good.ptr[i] || now.ptr[i] == STATUS_CORRUPT);
                    bad += now.ptr[i] != good.ptr[i];
                }
                found += bad > 0;
                spared += bad < now.len / 2;
            }
            segment_close(&s);
            *p ^= 0x10;
        }
    assert_int_equal(refused, 1);
    assert_true(found > 10);
    assert_true(spared > found / 2);
    shelf_fini(&shelf);
    buf_fini(&good);
    buf_fini(&now);
}

static void a_damaged_sum_is_found(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    shelf_build(&shelf, SEED, 0, PRODUCTS);
    struct segment *s = shelf_open(&shelf);
    assert_int_equal(segment_verify(s), STATUS_OK);
    for (size_t i = SEGMENT_SUM; i < (size_t)shelf.sums[0] * SEGMENT_SUM; i += 3) {
        char *p = shelf.extents[0].ptr + blob_len(&shelf, 0) + i;
        *p ^= 1;
        assert_int_equal(segment_verify(s), STATUS_CORRUPT);
        *p ^= 1;
    }
    segment_close(&s);
    shelf_fini(&shelf);
}

static bool all(void *ctx, uint32_t docid)
{
    (void)ctx;
    (void)docid;
    return true;
}

/* As format 4 had them everywhere: one sum behind an extent. */
static void one_sum_for_all(struct shelf *shelf)
{
    for (uint32_t e = 0; e < shelf->count; e++) {
        struct buf *b = &shelf->extents[e];
        b->len = blob_len(shelf, e);
        wire_put_u64(b, XXH3_64bits(b->ptr, b->len));
        shelf->sums[e] = 1;
    }
}

static void extents_with_one_sum_are_read(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0}, merged = {.count = 0};
    struct buf good = BUF_INIT, now = BUF_INIT;
    shelf_build(&shelf, SEED, 0, PRODUCTS);
    struct segment *s = shelf_open(&shelf);
    read_all(s, &good);
    segment_close(&s);
    one_sum_for_all(&shelf);
    s = shelf_open(&shelf);
    assert_int_equal(segment_verify(s), STATUS_OK);
    read_all(s, &now);
    assert_true(slice_equal(buf_slice(&good), buf_slice(&now)));
    const struct segment *in[1] = {s};
    assert_int_equal(segment_merge(in, 1, all, NULL, NULL, shelf_sink, &merged), STATUS_OK);
    segment_close(&s);
    assert_true(merged.sums[0] > 1);
    assert_int_equal(wire_load32((uint8_t *)merged.extents[0].ptr + 4), SEGMENT_FORMAT);
    shelf.extents[0].ptr[blob_len(&shelf, 0) - 1] ^= 1; /* any byte of it */
    assert_int_equal(segment_open(7, shelf_lookup, &shelf, &s), STATUS_CORRUPT);
    shelf_fini(&shelf);
    shelf_fini(&merged);
    buf_fini(&good);
    buf_fini(&now);
}

/* Positions that fill more than two cells are read to their end. */
static void items_longer_than_a_cell_are_read(void **state)
{
    (void)state;
    enum { HOLDERS = 100, REPEATS = 800, BEFORE = 3000 };
    struct shelf shelf = {.count = 0};
    struct segment_builder *b;
    struct builder_token *tokens = malloc(REPEATS * sizeof *tokens);
    uint32_t doc, ordinal, count, *pos = malloc(REPEATS * sizeof *pos);
    char id[16], filler[16];
    struct postings p;
    assert_true(tokens && pos);
    assert_int_equal(segment_builder_create(&shelf_facts, 0, &b), STATUS_OK);
    for (uint32_t d = 0; d < HOLDERS + BEFORE; d++) {
        uint32_t n = d < HOLDERS ? REPEATS : 1;
        for (uint32_t i = 0; i < n; i++)
            tokens[i] = (struct builder_token){SLICE_LIT("spam"), 0, i * 50, false};
        snprintf(filler, sizeof filler, "a%u", d);
        if (d >= HOLDERS)
            tokens[0].term = slice_str(filler);
        snprintf(id, sizeof id, "s%u", d);
        assert_int_equal(
            segment_builder_add(b, slice_str(id), tokens, n, SLICE_LIT("\x01\x01x"), &doc),
            STATUS_OK);
    }
    assert_int_equal(segment_builder_finish(b, NULL, shelf_sink, &shelf), STATUS_OK);
    struct segment *s = shelf_open(&shelf);
    assert_int_equal(segment_find_term(s, SLICE_LIT("spam"), &ordinal), STATUS_OK);
    assert_int_equal(postings_open(s, ordinal, &p), STATUS_OK);
    for (uint32_t d = 0; d < HOLDERS; d++) {
        assert_int_equal(postings_positions(&p, 0, d, pos, REPEATS, &count), STATUS_OK);
        assert_int_equal(count, REPEATS);
        assert_int_equal(pos[REPEATS - 1], (REPEATS - 1) * 50 * SHELF_FIELDS);
    }
    segment_builder_destroy(&b);
    segment_close(&s);
    shelf_fini(&shelf);
    free(tokens);
    free(pos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_found_by_who_reads_it),
        cmocka_unit_test(a_damaged_sum_is_found),
        cmocka_unit_test(extents_with_one_sum_are_read),
        cmocka_unit_test(items_longer_than_a_cell_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
