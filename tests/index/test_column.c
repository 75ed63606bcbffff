#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/column_edit.h"
#include "index/column_private.h"

struct world {
    char dir[64];
    struct store *store;
};

static void open_world(struct world *w)
{
    strcpy(w->dir, "/tmp/souk-column-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    struct store_options o = {.map_bytes = 1 << 28, .create = true, .max_readers = 16};
    assert_int_equal(store_open(w->dir, &o, &w->store), STATUS_OK);
}

static void close_world(struct world *w)
{
    char path[128];
    store_close(&w->store);
    snprintf(path, sizeof path, "%s/data.mdb", w->dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/lock.mdb", w->dir);
    unlink(path);
    rmdir(w->dir);
}

static bool all_live(void *ctx, uint32_t docid)
{
    (void)ctx;
    (void)docid;
    return true;
}

static void write_values(struct world *w, enum column_kind kind, const struct column_value *values,
                         const uint32_t *docids, uint32_t count, uint64_t generation)
{
    struct store_txn *read, *write;
    struct column_edits *e;
    assert_int_equal(store_begin(w->store, false, &read), STATUS_OK);
    assert_int_equal(column_edits_create(read, &e), STATUS_OK);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(column_edits_set(e, 7, kind, docids[i], &values[i]), STATUS_OK);
    assert_int_equal(store_begin(w->store, true, &write), STATUS_OK);
    assert_int_equal(column_edits_write(e, write, generation, all_live, NULL), STATUS_OK);
    assert_int_equal(store_commit(&write), STATUS_OK);
    column_edits_destroy(&e);
    store_abort(&read);
}

static void ints_of_every_width_read_back(void **state)
{
    (void)state;
    static const int64_t ranges[][2] = {{5, 5},         {-3, 200},       {1000, 60000},
                                        {0, 1LL << 31}, {-1, 1LL << 40}, {INT64_MIN, INT64_MAX}};
    struct world w;
    open_world(&w);
    for (uint32_t k = 0; k < 6; k++) {
        struct column_value v[2] = {{.present = true, .i = ranges[k][0]},
                                    {.present = true, .i = ranges[k][1]}};
        const uint32_t docids[2] = {3, 4095};
        struct store_txn *t;
        uint64_t epoch = 1;
        int64_t got;
        write_values(&w, COLUMN_INT, v, docids, 2, k + 1);
        assert_int_equal(store_begin(w.store, false, &t), STATUS_OK);
        struct column c = {.id = 7, .kind = COLUMN_INT, .txn = &t, .epoch = &epoch};
        assert_int_equal(column_int(&c, 3, &got), STATUS_OK);
        assert_true(got == ranges[k][0]);
        assert_int_equal(column_int(&c, 4095, &got), STATUS_OK);
        assert_true(got == ranges[k][1]);
        assert_int_equal(column_int(&c, 4, &got), STATUS_NOT_FOUND);
        assert_int_equal(column_int(&c, 5000, &got), STATUS_NOT_FOUND);
        column_fini(&c);
        store_abort(&t);
    }
    close_world(&w);
}

/* 4,096 values of two bytes would need three pages. */
static void a_full_chunk_lies_in_bits_where_that_saves_pages(void **state)
{
    (void)state;
    static struct column_value v[COLUMN_CHUNK];
    static uint32_t docids[COLUMN_CHUNK], together[COLUMN_CHUNK];
    static const struct {
        uint32_t most, bits;
        enum column_kind kind;
    } cases[] = {{3, 2, COLUMN_INT},       {4095, 12, COLUMN_INT},    {65535, 16, COLUMN_INT},
                 {65536, 17, COLUMN_INT},  {1 << 23, 25, COLUMN_INT}, {5, 3, COLUMN_ORDINAL},
                 {255, 9, COLUMN_ORDINAL}, {999, 10, COLUMN_ORDINAL}, {40000, 16, COLUMN_ORDINAL}};
    for (uint32_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        uint32_t base = 70000, most = cases[k].most;
        bool ordinals = cases[k].kind == COLUMN_ORDINAL;
        struct world w;
        struct store_txn *t;
        uint64_t epoch = 1;
        const struct column_chunk *chunk;
        for (uint32_t i = 0; i < COLUMN_CHUNK; i++) {
            uint32_t n = i == 9 ? 1 : i == 10 ? most : 1 + (i * 2654435761u >> 8) % most;
            docids[i] = i;
            v[i] = (struct column_value){.present = i % 5 != 3};
            if (ordinals) /* those of 16 bits are none to count from another */
                v[i].ordinal = n + (most < 40000 ? base : 0);
            else
                v[i].i = i == 9 ? -7 : (int64_t)n - 7;
        }
        open_world(&w);
        write_values(&w, cases[k].kind, v, docids, COLUMN_CHUNK, k + 1);
        assert_int_equal(store_begin(w.store, false, &t), STATUS_OK);
        struct column c = {.id = 7, .kind = cases[k].kind, .txn = &t, .epoch = &epoch};
        assert_int_equal(column_chunk(&c, 0, &chunk), STATUS_OK);
        assert_int_equal(chunk->bits, cases[k].bits);
        for (uint32_t i = 0; i < COLUMN_CHUNK; i++) {
            int64_t n = 0;
            uint32_t o = 0;
            enum status st = ordinals ? column_ordinal(&c, i, &o) : column_int(&c, i, &n);
            assert_int_equal(st, v[i].present ? STATUS_OK : STATUS_NOT_FOUND);
            if (v[i].present)
                assert_true(ordinals ? o == v[i].ordinal : n == v[i].i);
        }
        if (ordinals) {
            column_chunk_ordinals(chunk, 0, docids, COLUMN_CHUNK, together);
            for (uint32_t i = 0; i < COLUMN_CHUNK; i++)
                assert_int_equal(together[i], v[i].present ? v[i].ordinal : 0);
        }
        column_fini(&c);
        store_abort(&t);
        close_world(&w);
    }
}

static void prices_are_kept_exactly_and_odd_doubles_raw(void **state)
{
    (void)state;
    static const double prices[] = {0, 19.99, 1234.5, 0.1 + 0.2, 1e300};
    struct world w;
    open_world(&w);
    for (uint32_t n = 2; n <= 5; n++) {
        struct column_value v[5];
        uint32_t docids[5];
        struct store_txn *t;
        uint64_t epoch = 1;
        const struct column_chunk *chunk;
        for (uint32_t i = 0; i < n; i++) {
            v[i] = (struct column_value){.present = true, .f = prices[i]};
            docids[i] = i * 9;
        }
        write_values(&w, COLUMN_FLOAT, v, docids, n, n);
        assert_int_equal(store_begin(w.store, false, &t), STATUS_OK);
        struct column c = {.id = 7, .kind = COLUMN_FLOAT, .txn = &t, .epoch = &epoch};
        assert_int_equal(column_chunk(&c, 0, &chunk), STATUS_OK);
        assert_int_equal(chunk->scale, n < 4 ? 2 : COLUMN_RAW_SCALE);
        for (uint32_t i = 0; i < n; i++) {
            double got;
            assert_int_equal(column_float(&c, docids[i], &got), STATUS_OK);
            assert_true(got == prices[i]);
        }
        column_fini(&c);
        store_abort(&t);
    }
    close_world(&w);
}

static void lists_keep_their_order_and_can_be_replaced(void **state)
{
    (void)state;
    static const uint32_t one[] = {9, 300, 9}, two[] = {70000};
    struct world w;
    struct store_txn *t;
    uint64_t epoch = 1;
    uint32_t got[4], n;
    open_world(&w);
    struct column_value v[2] = {{.present = true, .items = one, .count = 3},
                                {.present = true, .items = two, .count = 1}};
    const uint32_t docids[2] = {0, 2}, again[2] = {2, 0};
    write_values(&w, COLUMN_ORDINALS, v, docids, 2, 1);
    write_values(&w, COLUMN_ORDINALS, v, again, 2, 2);
    assert_int_equal(store_begin(w.store, false, &t), STATUS_OK);
    struct column c = {.id = 7, .kind = COLUMN_ORDINALS, .txn = &t, .epoch = &epoch};
    assert_int_equal(column_ordinals(&c, 2, got, 4, &n), STATUS_OK);
    assert_int_equal(n, 3);
    assert_memory_equal(got, one, sizeof one);
    assert_int_equal(column_ordinals(&c, 1, got, 4, &n), STATUS_NOT_FOUND);
    assert_int_equal(column_ordinals(&c, 0, got, 4, &n), STATUS_OK);
    assert_int_equal(got[0], 70000);
    column_fini(&c);
    store_abort(&t);
    close_world(&w);
}

/* Any change of any byte is an error or other values, never a read outside (sanitizers watch). */
static void damaged_chunks_are_refused_or_harmless(void **state)
{
    (void)state;
    uint8_t bytes[24 + 16 + 8];
    for (size_t i = 0; i < 200000; i++) {
        struct column_slot slot = {0};
        memset(bytes, 0, sizeof bytes);
        bytes[8] = (uint8_t)(i % 4);
        bytes[9] = (uint8_t)(i % 3 ? 1u << (i / 4 % 4) : COLUMN_PACKED + 1u + i / 4 % 33);
        bytes[12] = (uint8_t)(i % 97);
        bytes[(i * 31) % sizeof bytes] = (uint8_t)(i * 17);
        bytes[(i * 7) % sizeof bytes] ^= (uint8_t)(i >> 5);
        enum column_kind kind = (enum column_kind)(i % 4);
        if (column_parse(slice_make(bytes, sizeof bytes), kind, &slot) == STATUS_OK)
            for (uint32_t d = 0; d < slot.chunk.count; d++) {
                int64_t v;
                uint32_t first;
                if (kind == COLUMN_INT)
                    column_chunk_int(&slot.chunk, d, &v);
                else if (kind == COLUMN_ORDINAL)
                    column_chunk_ordinal(&slot.chunk, d);
                else if (kind == COLUMN_ORDINALS && column_chunk_list(&slot.chunk, d, &first))
                    column_chunk_item(&slot.chunk, first);
            }
        free(slot.present_copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints_of_every_width_read_back),
        cmocka_unit_test(a_full_chunk_lies_in_bits_where_that_saves_pages),
        cmocka_unit_test(prices_are_kept_exactly_and_odd_doubles_raw),
        cmocka_unit_test(lists_keep_their_order_and_can_be_replaced),
        cmocka_unit_test(damaged_chunks_are_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
