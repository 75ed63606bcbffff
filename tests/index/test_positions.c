/* Packed positions against the streams they were made from. */
#include "index/positions.h"
#include "index/postings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FIELDS_MAX = 255, MORE_MAX = 9, ROOM = 64 };

struct made {
    uint8_t evidence[POSTINGS_BLOCK];
    uint32_t count, fields, at[POSTINGS_BLOCK][ROOM], counts[POSTINGS_BLOCK];
    struct buf stream;
};

/* Random postings. Field f has class f % 4 or, `few`, one field each class; places grow `wide`. */
static void make(struct made *m, unsigned *seed, uint32_t count, uint32_t fields, uint32_t wide)
{
    *m = (struct made){.count = count, .fields = fields};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n = rand_r(seed) % 4 ? 1 : 1 + (uint32_t)rand_r(seed) % MORE_MAX, mask = 0;
        bool mixed = rand_r(seed) % 8 == 0;
        uint32_t field = (uint32_t)rand_r(seed) % fields, last = 0;
        uint32_t place = (uint32_t)rand_r(seed) % wide;
        for (uint32_t k = 0; k < n; k++) {
            uint32_t f = mixed ? (uint32_t)rand_r(seed) % fields : field;
            m->at[i][k] = place * fields + f;
            mask |= 1u << f % 4;
            place += 1 + (uint32_t)rand_r(seed) % wide;
        }
        m->counts[i] = n;
        m->evidence[i] = (uint8_t)(mask << 4 | (1 + i % 15));
        for (uint32_t k = 0; k < n; last = m->at[i][k++])
            wire_put_varint(&m->stream, (uint64_t)(m->at[i][k] - last) << 1 | (k + 1 < n));
    }
}

static void comes_back(const struct made *m, struct buf *packed)
{
    struct positions_block p, begun;
    struct buf stream = BUF_INIT;
    uint32_t at[ROOM], n;
    positions_encode(packed, m->evidence, m->count, m->fields, (const uint8_t *)m->stream.ptr);
    assert_false(packed->failed);
    assert_int_equal(positions_open(&p, buf_slice(packed), m->count, m->fields), STATUS_OK);
    assert_ptr_equal(p.end, packed->ptr + packed->len);
    assert_int_equal(positions_stream(&p, m->evidence, &stream), STATUS_OK);
    assert_int_equal(stream.len, m->stream.len);
    assert_memory_equal(stream.ptr, m->stream.ptr, stream.len);
    assert_int_equal(positions_begin(&begun, buf_slice(packed), m->count, m->fields), STATUS_OK);
    for (uint32_t i = 0; i < m->count; i++) {
        assert_int_equal(positions_of(&p, i, m->evidence[i], at, ROOM, &n), STATUS_OK);
        assert_int_equal(n, m->counts[i]);
        assert_memory_equal(at, m->at[i], n * sizeof *at);
        assert_int_equal(positions_of(&begun, i, m->evidence[i], at, ROOM, &n), STATUS_OK);
        assert_int_equal(n, m->counts[i]);
        assert_memory_equal(at, m->at[i], n * sizeof *at);
        assert_int_equal(positions_of(&p, i, m->evidence[i], at, 1, &n), STATUS_OK);
        assert_int_equal(n, m->counts[i]);
        struct wire_reader r = wire_reader_of(buf_slice(&m->stream));
        positions_skip(&r, i);
        assert_int_equal(positions_read(&r, at, ROOM, &n), STATUS_OK);
        assert_int_equal(n, m->counts[i]);
        assert_memory_equal(at, m->at[i], n * sizeof *at);
    }
    buf_fini(&stream);
}

static void what_is_packed_comes_back(void **state)
{
    static const uint32_t fields[] = {1, 2, 3, 4, 7, FIELDS_MAX}, wide[] = {1, 2, 40, 3000, 200000};
    (void)state;
    unsigned seed = 7;
    for (uint32_t round = 0; round < 600; round++) {
        struct made m;
        struct buf packed = BUF_INIT;
        uint32_t count = round % 5 ? 16 + (uint32_t)rand_r(&seed) % 113 : POSTINGS_BLOCK;
        make(&m, &seed, count, fields[round % 6], wide[round / 6 % 5]);
        comes_back(&m, &packed);
        buf_fini(&packed);
        buf_fini(&m.stream);
    }
}

/* A word that stands in titles only needs no bits for the field, and a bit less for each doubling
 * of places: 128 single places below 16 are four bits each. */
static void one_field_costs_nothing(void **state)
{
    (void)state;
    struct made m = {.count = POSTINGS_BLOCK, .fields = 200};
    struct buf packed = BUF_INIT;
    for (uint32_t i = 0; i < POSTINGS_BLOCK; i++) {
        m.evidence[i] = 0x25;
        m.counts[i] = 1;
        m.at[i][0] = i % 16 * 200 + 77;
        wire_put_varint(&m.stream, (uint64_t)m.at[i][0] << 1);
    }
    comes_back(&m, &packed);
    assert_int_equal(packed.len, 1 + 1 + 4 + 8 * 8);
    buf_fini(&packed);
    buf_fini(&m.stream);
}

static void the_most_of_the_highest_are_packed(void **state)
{
    (void)state;
    enum { MOST = 1024 };
    uint8_t evidence[POSTINGS_BLOCK];
    struct buf stream = BUF_INIT, packed = BUF_INIT, back = BUF_INIT;
    struct positions_block p;
    memset(evidence, 0x3f, sizeof evidence);
    for (uint32_t i = 0; i < POSTINGS_BLOCK; i++)
        for (uint32_t k = 0; k < MOST; k++)
            wire_put_varint(&stream,
                            (uint64_t)(k ? 1 : UINT32_C(0x7fff0000)) << 1 | (k + 1 < MOST));
    positions_encode(&packed, evidence, POSTINGS_BLOCK, 255, (const uint8_t *)stream.ptr);
    assert_int_equal(positions_open(&p, buf_slice(&packed), POSTINGS_BLOCK, 255), STATUS_OK);
    assert_int_equal(positions_stream(&p, evidence, &back), STATUS_OK);
    assert_int_equal(back.len, stream.len);
    assert_memory_equal(back.ptr, stream.ptr, back.len);
    buf_fini(&stream);
    buf_fini(&packed);
    buf_fini(&back);
}

/* As many follow as the postings that have more say. */
static void numbers_left_over_are_damage(void **state)
{
    (void)state;
    uint8_t evidence[16];
    struct buf stream = BUF_INIT, packed = BUF_INIT, back = BUF_INIT;
    struct positions_block p;
    memset(evidence, 0x15, sizeof evidence);
    for (uint32_t i = 0; i < 16; i++) {
        wire_put_varint(&stream, i << 1 | (i == 3));
        if (i == 3)
            wire_put_varint(&stream, 5 << 1);
    }
    positions_encode(&packed, evidence, 16, 1, (const uint8_t *)stream.ptr);
    assert_int_equal(positions_open(&p, buf_slice(&packed), 16, 1), STATUS_OK);
    assert_int_equal(positions_stream(&p, evidence, &back), STATUS_OK);
    packed.ptr[p.more_bits - (const uint8_t *)packed.ptr] = 0;
    assert_int_equal(positions_stream(&p, evidence, &back), STATUS_CORRUPT);
    packed.ptr[p.more_bits - (const uint8_t *)packed.ptr] = 3 << 3;
    assert_int_equal(positions_stream(&p, evidence, &back), STATUS_CORRUPT);
    buf_fini(&stream);
    buf_fini(&packed);
    buf_fini(&back);
}

/* Cut anywhere it is not opened, and nothing is read beyond the bytes; with any bit turned it may
 * say something else, but ends. */
static void damaged_blocks_are_told_or_end(void **state)
{
    (void)state;
    unsigned seed = 3;
    for (uint32_t round = 0; round < 60; round++) {
        struct made m;
        struct buf packed = BUF_INIT, back = BUF_INIT;
        struct positions_block p;
        uint32_t at[ROOM], n;
        make(&m, &seed, 16 + (uint32_t)rand_r(&seed) % 113, 3, 50);
        positions_encode(&packed, m.evidence, m.count, 3, (const uint8_t *)m.stream.ptr);
        for (size_t len = 0; len < packed.len; len++) {
            char *cut = malloc(len + 1);
            assert_non_null(cut);
            memcpy(cut, packed.ptr, len);
            assert_int_equal(positions_open(&p, slice_make(cut, len), m.count, 3), STATUS_CORRUPT);
            free(cut);
        }
        char *turned = malloc(packed.len);
        assert_non_null(turned);
        for (size_t bit = 0; bit < packed.len * 8; bit++) {
            memcpy(turned, packed.ptr, packed.len);
            turned[bit / 8] ^= (char)(1 << bit % 8);
            if (positions_begin(&p, slice_make(turned, packed.len), m.count, 3))
                continue;
            for (uint32_t i = 0; i < m.count; i++)
                positions_of(&p, i, m.evidence[i], at, ROOM, &n);
            if (positions_open(&p, slice_make(turned, packed.len), m.count, 3))
                continue;
            buf_clear(&back);
            positions_stream(&p, m.evidence, &back);
            for (uint32_t i = 0; i < m.count; i++)
                positions_of(&p, i, m.evidence[i], at, ROOM, &n);
        }
        free(turned);
        buf_fini(&packed);
        buf_fini(&back);
        buf_fini(&m.stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(one_field_costs_nothing),
        cmocka_unit_test(the_most_of_the_highest_are_packed),
        cmocka_unit_test(numbers_left_over_are_damage),
        cmocka_unit_test(damaged_blocks_are_told_or_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
