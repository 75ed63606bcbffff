#include "index/segment_build.h"
#include "index/segment_records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Extents in memory: what LMDB is to the real thing. */
enum { MAX_EXTENTS = 64, MAX_SEGMENTS = 8 };
struct disk {
    struct buf extents[MAX_SEGMENTS][MAX_EXTENTS];
    uint32_t writing;
};

static enum status sink(void *ctx, uint32_t e, struct slice bytes, struct slice sums)
{
    struct disk *d = ctx;
    assert_true(e < MAX_EXTENTS);
    buf_clear(&d->extents[d->writing][e]);
    buf_put_slice(&d->extents[d->writing][e], bytes);
    buf_put_slice(&d->extents[d->writing][e], sums);
    return STATUS_OK;
}

static enum status lookup(void *ctx, uint32_t number, uint32_t e, struct slice *v)
{
    struct disk *d = ctx;
    if (e >= MAX_EXTENTS || !d->extents[number][e].len)
        return STATUS_NOT_FOUND;
    *v = buf_slice(&d->extents[number][e]);
    return STATUS_OK;
}

static void disk_fini(struct disk *d)
{
    for (int i = 0; i < MAX_SEGMENTS; i++)
        for (int e = 0; e < MAX_EXTENTS; e++)
            buf_fini(&d->extents[i][e]);
    free(d);
}

static const struct segment_facts facts = {
    .field_count = 2, .field_class = {0, 2}, .class_reference_len = {8, 8, 40, 40}};

/* A made-up product: word w stands in document d when d % (w + 1) == 0, or by chance. */
enum { WORDS = 300 };

static uint32_t product(uint32_t d, struct builder_token *tokens, char (*words)[8])
{
    uint32_t n = 0;
    unsigned seed = d * 7919 + 1;
    for (uint32_t w = 0; w < WORDS; w++) {
        if (d % (w + 1) != 0 && rand_r(&seed) % 997 != 0)
            continue;
        snprintf(words[w], 8, "w%u", w);
        tokens[n] = (struct builder_token){slice_str(words[w]), n & 1, n / 2, false};
        n++;
    }
    return n;
}

static void build(struct disk *d, uint32_t number, uint32_t base, uint32_t count,
                  struct record_writer *rw)
{
    struct segment_builder *b;
    struct builder_token tokens[WORDS];
    static char words[WORDS][8];
    assert_int_equal(segment_builder_create(&facts, base, &b), STATUS_OK);
    for (uint32_t i = 0; i < count; i++) {
        char id[16], raw[64];
        uint32_t doc, n = product(base + i, tokens, words);
        snprintf(id, sizeof id, "id%u", base + i);
        int len = snprintf(raw, sizeof raw, "the record of product %u", base + i);
        assert_int_equal(
            segment_builder_add(b, slice_str(id), tokens, n, slice_make(raw, (size_t)len), &doc),
            STATUS_OK);
        assert_int_equal(doc, i);
    }
    d->writing = number;
    assert_int_equal(segment_builder_finish(b, rw, sink, d), STATUS_OK);
    segment_builder_destroy(&b);
}

/* Every posting of every word, against product(). */
static void expect_words(const struct segment *s, bool (*live)(void *, uint32_t))
{
    struct builder_token tokens[WORDS];
    static char words[WORDS][8];
    uint32_t *at = calloc(WORDS, sizeof *at), base = segment_base(s);
    struct postings *lists = calloc(WORDS, sizeof *lists);
    struct postings_block *blocks = calloc(WORDS, sizeof *blocks);
    for (uint32_t w = 0; w < WORDS; w++) {
        char name[8];
        uint32_t ordinal;
        snprintf(name, sizeof name, "w%u", w);
        if (segment_find_term(s, slice_str(name), &ordinal) == STATUS_OK)
            assert_int_equal(postings_open(s, ordinal, &lists[w]), STATUS_OK);
    }
    for (uint32_t d = 0; d < segment_doc_count(s); d++) {
        uint32_t n = live && !live(NULL, base + d) ? 0 : product(base + d, tokens, words);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t w = (uint32_t)atoi(tokens[i].term.ptr + 1), k = at[w]++, pos[4], count;
            if (k % POSTINGS_BLOCK == 0)
                assert_int_equal(postings_decode(&lists[w], k / POSTINGS_BLOCK, &blocks[w]),
                                 STATUS_OK);
            assert_int_equal(blocks[w].docs[k % POSTINGS_BLOCK], d);
            assert_int_equal(blocks[w].evidence[k % POSTINGS_BLOCK] >> 4, tokens[i].field ? 4 : 1);
            if (k % 37 == 0) {
                assert_int_equal(postings_positions(&lists[w], k / POSTINGS_BLOCK,
                                                    k % POSTINGS_BLOCK, pos, 4, &count),
                                 STATUS_OK);
                assert_int_equal(count, 1);
                assert_int_equal(pos[0], tokens[i].position * 2 + tokens[i].field);
            }
        }
    }
    for (uint32_t w = 0; w < WORDS; w++)
        assert_int_equal(lists[w].df, at[w]);
    free(at);
    free(lists);
    free(blocks);
}

static void a_segment_gives_back_what_was_added(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 15, 16, 17, 128, 129, 1000, 5000};
    struct record_writer *rw;
    struct record_reader *rr;
    assert_int_equal(record_writer_create(SLICE_NULL, 0, &rw), STATUS_OK);
    assert_int_equal(record_reader_create(&rr), STATUS_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct disk *d = calloc(1, sizeof *d);
        struct segment *s;
        build(d, 0, 100, sizes[i], rw);
        assert_int_equal(segment_open(0, lookup, d, &s), STATUS_OK);
        assert_int_equal(segment_verify(s), STATUS_OK);
        assert_int_equal(segment_doc_count(s), sizes[i]);
        expect_words(s, NULL);
        for (uint32_t doc = 0; doc < sizes[i]; doc += 7) {
            char id[16], raw[64];
            uint32_t found;
            struct slice record;
            snprintf(id, sizeof id, "id%u", 100 + doc);
            int len = snprintf(raw, sizeof raw, "the record of product %u", 100 + doc);
            assert_int_equal(segment_find_id(s, slice_str(id), &found), STATUS_OK);
            assert_int_equal(found, doc);
            assert_int_equal(segment_record(s, doc, rr, &record), STATUS_OK);
            assert_true(slice_equal(record, slice_make(raw, (size_t)len)));
        }
        uint32_t none;
        assert_int_equal(segment_find_id(s, SLICE_LIT("nobody"), &none), STATUS_NOT_FOUND);
        assert_int_equal(segment_find_term(s, SLICE_LIT("zebra"), &none), STATUS_NOT_FOUND);
        segment_close(&s);
        disk_fini(d);
    }
    record_writer_destroy(&rw);
    record_reader_destroy(&rr);
}

static bool odd(void *ctx, uint32_t docid)
{
    (void)ctx;
    return docid & 1;
}

static void a_merge_keeps_the_living_of_all_inputs(void **state)
{
    (void)state;
    struct disk *d = calloc(1, sizeof *d);
    struct record_writer *rw;
    struct segment *in[3], *s;
    assert_int_equal(record_writer_create(SLICE_NULL, 0, &rw), STATUS_OK);
    build(d, 0, 0, 1000, rw);
    build(d, 1, 1000, 3, rw);
    build(d, 2, 1003, 2500, rw);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(segment_open(i, lookup, d, &in[i]), STATUS_OK);
    d->writing = 3;
    assert_int_equal(segment_merge((const struct segment *const *)in, 3, odd, NULL, NULL, sink, d),
                     STATUS_OK);
    assert_int_equal(segment_open(3, lookup, d, &s), STATUS_OK);
    assert_int_equal(segment_doc_count(s), 3503);
    assert_int_equal(segment_record_count(s), 1751);
    expect_words(s, odd);
    uint32_t doc;
    assert_int_equal(segment_find_id(s, SLICE_LIT("id1002"), &doc), STATUS_NOT_FOUND);
    assert_int_equal(segment_find_id(s, SLICE_LIT("id1003"), &doc), STATUS_OK);
    for (int i = 0; i < 3; i++)
        segment_close(&in[i]);
    segment_close(&s);
    record_writer_destroy(&rw);
    disk_fini(d);
}

static void killed_postings_cancel_when_their_documents_are_purged(void **state)
{
    (void)state;
    struct disk *d = calloc(1, sizeof *d);
    struct record_writer *rw;
    struct segment_builder *b;
    struct segment *in[2], *s;
    uint32_t doc, ordinal;
    assert_int_equal(record_writer_create(SLICE_NULL, 0, &rw), STATUS_OK);
    build(d, 0, 0, 10, rw);
    assert_int_equal(segment_builder_create(&facts, 10, &b), STATUS_OK);
    for (int i = 0; i < 5; i++) /* documents 0 2 4 6 8 hold w1 */
        assert_int_equal(segment_builder_kill_term(b, SLICE_LIT("w1")), STATUS_OK);
    struct builder_token t = {SLICE_LIT("new"), 0, 0, false};
    assert_int_equal(segment_builder_add(b, SLICE_LIT("idx"), &t, 1, SLICE_LIT("r"), &doc),
                     STATUS_OK);
    d->writing = 1;
    assert_int_equal(segment_builder_finish(b, NULL, sink, d), STATUS_OK);
    segment_builder_destroy(&b);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(segment_open(i, lookup, d, &in[i]), STATUS_OK);
    assert_int_equal(segment_dead_df(in[1], SLICE_LIT("w1")), 5);
    assert_int_equal(segment_dead_df(in[1], SLICE_LIT("w2")), 0);
    d->writing = 2;
    assert_int_equal(segment_merge((const struct segment *const *)in, 2, odd, NULL, NULL, sink, d),
                     STATUS_OK);
    assert_int_equal(segment_open(2, lookup, d, &s), STATUS_OK);
    assert_int_equal(segment_dead_df(s, SLICE_LIT("w1")), 0);
    assert_int_equal(segment_find_term(s, SLICE_LIT("new"), &ordinal),
                     STATUS_NOT_FOUND); /* docid 10 is even */
    for (int i = 0; i < 2; i++)
        segment_close(&in[i]);
    segment_close(&s);
    record_writer_destroy(&rw);
    disk_fini(d);
}

/* Lengths around the halves of an id's head, and beginnings shared and not. */
static struct slice odd_id(uint32_t d, char room[SEGMENT_ID_MAX])
{
    static const uint32_t lens[] = {4, 14, 15, 16, 29, 30, 31, 255};
    uint32_t len = lens[d % 8], tail = d % 3 ? 4 : len;
    memset(room, 'a', len);
    for (uint32_t i = 0, v = d; i < tail && i < 4; i++, v >>= 8)
        room[len - 1 - i] = (char)(v & 0xff);
    return slice_make(room, len);
}

static struct slice odd_record(uint32_t d, char *room)
{
    static const uint32_t lens[] = {0, 5, 90, 478, 479, 512, 513, 3000};
    unsigned seed = d;
    for (uint32_t i = 0; i < lens[d % 8]; i++)
        room[i] = (char)(d % 5 ? 'a' + (int)(i % 7) : rand_r(&seed)); /* small, or plain */
    return slice_make(room, lens[d % 8]);
}

static void expect_odd(const struct segment *s, bool (*live)(void *, uint32_t))
{
    struct record_reader *rr;
    assert_int_equal(record_reader_create(&rr), STATUS_OK);
    for (uint32_t d = 0; d < segment_doc_count(s); d++) {
        char want[SEGMENT_ID_MAX], have[SEGMENT_ID_MAX], raw[3000];
        struct slice id, record;
        uint32_t found;
        if (live && !live(NULL, d)) {
            assert_int_equal(segment_id(s, d, have, &id), STATUS_NOT_FOUND);
            continue;
        }
        assert_int_equal(segment_id(s, d, have, &id), STATUS_OK);
        assert_true(slice_equal(id, odd_id(d, want)));
        assert_int_equal(segment_find_id(s, id, &found), STATUS_OK);
        assert_int_equal(found, d);
        assert_int_equal(segment_record(s, d, rr, &record), STATUS_OK);
        assert_true(slice_equal(record, odd_record(d, raw)));
    }
    record_reader_destroy(&rr);
}

/* Most of a hundred die: a block begins many words of `places` before its documents. */
static bool few(void *ctx, uint32_t docid)
{
    (void)ctx;
    return docid % 97 < 2;
}

static void ids_and_records_of_any_length_lie_in_blocks(void **state)
{
    (void)state;
    enum { COUNT = 2100 };
    struct disk *d = calloc(1, sizeof *d);
    struct segment_builder *b;
    struct segment *s;
    uint32_t doc;
    assert_int_equal(segment_builder_create(&facts, 0, &b), STATUS_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        char id[SEGMENT_ID_MAX], raw[3000];
        assert_int_equal(segment_builder_add(b, odd_id(i, id), NULL, 0, odd_record(i, raw), &doc),
                         STATUS_OK);
    }
    assert_int_equal(segment_builder_finish(b, NULL, sink, d), STATUS_OK);
    segment_builder_destroy(&b);
    assert_int_equal(segment_open(0, lookup, d, &s), STATUS_OK);
    expect_odd(s, NULL);
    d->writing = 1;
    const struct segment *in[1] = {s};
    assert_int_equal(segment_merge(in, 1, few, NULL, NULL, sink, d), STATUS_OK);
    segment_close(&s);
    assert_int_equal(segment_open(1, lookup, d, &s), STATUS_OK);
    expect_odd(s, few);
    segment_close(&s);
    disk_fini(d);
}

static void a_flipped_bit_is_noticed(void **state)
{
    (void)state;
    struct disk *d = calloc(1, sizeof *d);
    struct record_writer *rw;
    assert_int_equal(record_writer_create(SLICE_NULL, 0, &rw), STATUS_OK);
    build(d, 0, 0, 500, rw);
    struct buf *e = &d->extents[0][0];
    srand(11);
    for (int i = 0; i < 2000; i++) {
        size_t bit = (size_t)rand() % (e->len * 8);
        struct segment *s = NULL;
        e->ptr[bit / 8] ^= (char)(1 << bit % 8);
        enum status st = segment_open(0, lookup, d, &s);
        st = st ? st : segment_verify(s); /* opening reads the head's cell alone */
        assert_true(st == STATUS_CORRUPT || st == STATUS_OLD_FORMAT);
        segment_close(&s);
        e->ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
    record_writer_destroy(&rw);
    disk_fini(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_gives_back_what_was_added),
        cmocka_unit_test(a_merge_keeps_the_living_of_all_inputs),
        cmocka_unit_test(killed_postings_cancel_when_their_documents_are_purged),
        cmocka_unit_test(ids_and_records_of_any_length_lie_in_blocks),
        cmocka_unit_test(a_flipped_bit_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
