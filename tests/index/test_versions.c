#include "index/segment_pack.h"
#include "index/segment_private.h"
#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * The same products over and over, in batches of all sizes and with merges between: segments of a
 * megabyte and more with holes where earlier versions were. What says where a product's record lies
 * takes twelve bytes for 32 products, which may stand on both sides of the border of two extents.
 */

enum { PRODUCTS = 12000, VERSIONS = 8, RUNS = 6 };

static struct find_product products[PRODUCTS];

static void write_version(int version)
{
    static char ids[PRODUCTS][12], titles[PRODUCTS][96];
    unsigned seed = (unsigned)version + 1; /* what repeats itself would be packed too well */
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        snprintf(ids[i], sizeof ids[i], "s%u", i);
        snprintf(titles[i], sizeof titles[i], "Table lamp %u version %d %08x%08x%08x%08x%08x%08x",
                 i, version, rand_r(&seed), rand_r(&seed), rand_r(&seed), rand_r(&seed),
                 rand_r(&seed), rand_r(&seed));
        products[i] = (struct find_product){.id = ids[i], .title = titles[i], .popularity = 3};
    }
}

/* Places that stand on the border of two extents, with products that have no record. */
static uint32_t holes_at_borders(struct find *f)
{
    uint32_t found = 0;
    assert_int_equal(snapshot_begin(f->snap), STATUS_OK);
    for (uint32_t i = 0; i < snapshot_segment_count(f->snap); i++) {
        const struct segment *s = snapshot_segment(f->snap, i);
        uint64_t from = s->head.places, end = from + (uint64_t)(segment_doc_count(s) / 32) * 12;
        for (uint64_t at = (from / SEGMENT_EXTENT + 1) * SEGMENT_EXTENT; at < end;
             at += SEGMENT_EXTENT) {
            uint32_t first = (uint32_t)((at - from) / 12) * 32, block, k;
            for (uint32_t d = first; (at - from) % 12 && d < first + 32; d++) {
                if (record_exists(s, d))
                    continue;
                assert_int_equal(record_place(s, d, &block, &k), STATUS_NOT_FOUND);
                found++;
            }
        }
    }
    snapshot_end(f->snap);
    return found;
}

static uint32_t put_and_merge(struct find *f, unsigned *seed)
{
    uint32_t holes = 0;
    for (uint32_t at = 0, n; at < PRODUCTS; at += n) {
        n = rand_r(seed) % 3 ? 1024 : 1 + (uint32_t)rand_r(seed) % 9000;
        n = n < PRODUCTS - at ? n : PRODUCTS - at;
        find_put_all(f, products + at, n);
        bool worked = true;
        for (int k = 0; k < 3 && worked && rand_r(seed) % 3; k++)
            assert_int_equal(index_merge_step(f->ix, 0, &worked), STATUS_OK);
        holes += holes_at_borders(f);
    }
    return holes;
}

static void versions_of_products_are_merged(void **state)
{
    (void)state;
    static const struct find_product none[] = {{0}};
    uint32_t holes = 0;
    for (unsigned run = 1; run <= RUNS; run++) {
        struct find f;
        unsigned seed = run;
        find_open(&f, "", none);
        for (int version = 0; version < VERSIONS; version++) {
            write_version(version);
            holes += put_and_merge(&f, &seed);
        }
        assert_int_equal(index_merge_all(f.ix), STATUS_OK);
        find_close(&f);
    }
    assert_true(holes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_of_products_are_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
