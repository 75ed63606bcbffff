#include "support_segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

const struct segment_facts shelf_facts = {
    .field_count = SHELF_FIELDS, .field_class = {0, 1, 3}, .class_reference_len = {4, 4, 8, 8}};

void shelf_fini(struct shelf *s)
{
    for (uint32_t e = 0; e < SHELF_EXTENTS; e++)
        buf_fini(&s->extents[e]);
    *s = (struct shelf){.count = 0};
}

enum status shelf_sink(void *ctx, uint32_t extent, struct slice bytes, struct slice sums)
{
    struct shelf *s = ctx;
    assert_true(extent < SHELF_EXTENTS && extent == s->count);
    buf_put_slice(&s->extents[extent], bytes);
    buf_put_slice(&s->extents[extent], sums);
    s->sums[extent] = (uint32_t)sums.len / 8;
    s->count++;
    return STATUS_OK;
}

enum status shelf_lookup(void *ctx, uint32_t number, uint32_t extent, struct slice *value)
{
    const struct shelf *s = ctx;
    (void)number;
    if (extent >= s->count)
        return STATUS_NOT_FOUND;
    *value = buf_slice(&s->extents[extent]);
    return STATUS_OK;
}

void shelf_seal(struct shelf *s)
{
    for (uint32_t e = 0; e < s->count; e++) {
        struct buf *b = &s->extents[e];
        size_t n = s->sums[e], len = b->len - n * 8, cell = n > 1 ? SEGMENT_CELL : len;
        for (size_t i = 0; i < n; i++)
            wire_store64((uint8_t *)b->ptr + len + i * 8,
                         XXH3_64bits(b->ptr + i * cell, i + 1 < n ? cell : len - i * cell));
    }
}

struct segment *shelf_open(struct shelf *s)
{
    struct segment *segment;
    assert_int_equal(segment_open(7, shelf_lookup, s, &segment), STATUS_OK);
    return segment;
}

void catalog_product(unsigned seed, uint32_t docid, struct catalog_product *out)
{
    unsigned r = seed * 2654435761u + docid * 40503u + 1;
    out->count = (uint32_t)rand_r(&r) % (CATALOG_TOKENS + 1);
    snprintf(out->id, sizeof out->id, "p-%u", docid);
    for (uint32_t i = 0; i < out->count; i++) {
        /* squares of a uniform number: few words are everywhere, many are rare */
        uint32_t u = (uint32_t)rand_r(&r) % 1000, word = u * u / 1000 * 3 / (u % 3 + 1);
        snprintf(out->words[i], SHELF_TERM, "%c%u", 'a' + word % 3, word);
        out->tokens[i] = (struct builder_token){slice_str(out->words[i]),
                                                (uint32_t)rand_r(&r) % SHELF_FIELDS, i, false};
    }
}

void shelf_build(struct shelf *s, unsigned seed, uint32_t from, uint32_t to)
{
    struct segment_builder *b;
    struct catalog_product p;
    assert_int_equal(segment_builder_create(&shelf_facts, from, &b), STATUS_OK);
    for (uint32_t d = from; d < to; d++) {
        uint32_t doc;
        catalog_product(seed, d, &p);
        assert_int_equal(segment_builder_add(b, slice_str(p.id), p.tokens, p.count,
                                             SLICE_LIT("\x01\x01x"), &doc),
                         STATUS_OK);
        assert_int_equal(doc, d - from);
    }
    assert_int_equal(segment_builder_finish(b, NULL, shelf_sink, s), STATUS_OK);
    segment_builder_destroy(&b);
}
