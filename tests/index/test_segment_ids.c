/* What a segment has learned of its ids changes no answer. */
#include "support_segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "index/segment_format.h"

enum { SEED = 5, PRODUCTS = 20000 };

static void every_id_is_found_and_no_other(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    shelf_build(&shelf, SEED, 0, PRODUCTS);
    struct segment *s = shelf_open(&shelf);
    segment_learn_ids(s);
    for (uint32_t d = 0; d < 2 * PRODUCTS; d++) {
        struct catalog_product p;
        uint32_t doc = 0;
        catalog_product(SEED, d, &p);
        enum status st = segment_find_id(s, slice_str(p.id), &doc);
        assert_int_equal(st, d < PRODUCTS ? STATUS_OK : STATUS_NOT_FOUND);
        assert_int_equal(doc, d < PRODUCTS ? d : 0);
    }
    segment_close(&s);
    shelf_fini(&shelf);
}

static void damaged_ids_are_not_learned(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    struct segment_head head;
    uint32_t doc;
    shelf_build(&shelf, SEED, 0, PRODUCTS);
    assert_int_equal(segment_head_decode(slice_make(shelf.extents[0].ptr, SEGMENT_HEAD), &head),
                     STATUS_OK);
    for (uint32_t d = 0; d < PRODUCTS; d += SEGMENT_CELL / 4) { /* in each cell of the ties */
        uint32_t at = head.tie + d * 4;
        shelf.extents[at / SEGMENT_EXTENT].ptr[at % SEGMENT_EXTENT] ^= 1;
    }
    struct segment *s = shelf_open(&shelf);
    segment_learn_ids(s);
    assert_int_equal(segment_find_id(s, SLICE_LIT("nobody"), &doc), STATUS_CORRUPT);
    segment_close(&s);
    shelf_fini(&shelf);
}

static void empty_segments_learn_nothing(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    uint32_t doc;
    shelf_build(&shelf, SEED, 0, 0);
    struct segment *s = shelf_open(&shelf);
    segment_learn_ids(s);
    assert_int_equal(segment_find_id(s, SLICE_LIT("nobody"), &doc), STATUS_NOT_FOUND);
    segment_close(&s);
    shelf_fini(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_id_is_found_and_no_other),
        cmocka_unit_test(damaged_ids_are_not_learned),
        cmocka_unit_test(empty_segments_learn_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
