#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "index/expiry.h"
#include "index/facet_values.h"
#include "tests/index/support_index.h"

static void put(struct batch *b, const struct shop_product *p, const struct change *c)
{
    struct buf doc = BUF_INIT;
    shop_document(&doc, p);
    assert_int_equal(batch_upsert(b, buf_slice(&doc), c), STATUS_OK);
    buf_fini(&doc);
}

static struct snapshot *begin(struct shop *s)
{
    struct snapshot *snap;
    assert_int_equal(snapshot_create(s->ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    return snap;
}

static void a_snapshot_sees_one_generation_until_it_begins_anew(void **state)
{
    (void)state;
    struct shop s;
    struct batch *b;
    struct change c = shop_change(5, 1000);
    struct product_state ps;
    uint32_t docid;
    shop_open(&s);
    struct snapshot *snap = begin(&s);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    put(b, &(struct shop_product){.id = "a", .title = "one", .price = 1, .stock = -1}, &c);
    assert_int_equal(batch_commit(&b, 8), STATUS_OK);
    assert_int_equal(snapshot_find(snap, SLICE_LIT("a"), &docid), STATUS_NOT_FOUND);
    snapshot_end(snap);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    assert_int_equal(snapshot_find(snap, SLICE_LIT("a"), &docid), STATUS_OK);
    assert_int_equal(snapshot_product_state(snap, SLICE_LIT("a"), &ps), STATUS_OK);
    assert_true(ps.exists && ps.version == 5 && ps.validated_ms == 1000);
    assert_int_equal(snapshot_product_state(snap, SLICE_LIT("b"), &ps), STATUS_OK);
    assert_false(ps.exists);
    snapshot_destroy(&snap);
    shop_close(&s);
}

static void facet_values_have_parents_and_numbers(void **state)
{
    (void)state;
    struct shop s;
    struct batch *b;
    struct change c = shop_change(0, 1000);
    uint32_t o;
    double number;
    struct slice text;
    shop_open(&s);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    put(b,
        &(struct shop_product){
            .id = "a", .price = -1, .stock = -1, .attr_number = 55, .path = {"Shoes", "Running"}},
        &c);
    assert_int_equal(batch_commit(&b, 1), STATUS_OK);
    struct snapshot *snap = begin(&s);
    assert_int_equal(facet_value_count(snap, SHOP_PATH), 2);
    assert_int_equal(
        facet_value_find(snap, SHOP_PATH, SLICE_LIT("Shoes > Running"), VALUE_TEXT, &o), STATUS_OK);
    o = facet_value_parent(snap, SHOP_PATH, o);
    assert_int_equal(facet_value_text(snap, SHOP_PATH, o, &text, NULL), STATUS_OK);
    assert_true(slice_equal(text, SLICE_LIT("Shoes")));
    assert_int_equal(facet_value_parent(snap, SHOP_PATH, o), 0);
    assert_int_equal(facet_value_find(snap, SHOP_ATTRS,
                                      SLICE_LIT("size\x1f"
                                                "55"),
                                      VALUE_INT, &o),
                     STATUS_OK);
    assert_true(facet_value_number(snap, SHOP_ATTRS, o, &number) && number == 55);
    assert_int_equal(facet_value_find(snap, SHOP_BRAND, SLICE_LIT("x"), VALUE_TEXT, &o),
                     STATUS_NOT_FOUND);
    snapshot_destroy(&snap);
    shop_close(&s);
}

static void settings_are_listed_by_kind(void **state)
{
    (void)state;
    struct shop s;
    struct batch *b;
    struct slice name = SLICE_NULL, value;
    shop_open(&s);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    assert_int_equal(batch_setting(b, SLICE_LIT("synonyms"), SLICE_LIT("tv"), SLICE_LIT("1")),
                     STATUS_OK);
    assert_int_equal(batch_setting(b, SLICE_LIT("synonyms"), SLICE_LIT("pc"), SLICE_LIT("2")),
                     STATUS_OK);
    assert_int_equal(batch_setting(b, SLICE_LIT("stop"), SLICE_LIT("the"), SLICE_LIT("3")),
                     STATUS_OK);
    assert_int_equal(batch_commit(&b, 77), STATUS_OK);
    struct snapshot *snap = begin(&s);
    assert_int_equal(snapshot_settings_sequence(snap), 77);
    assert_int_equal(snapshot_next_setting(snap, SLICE_LIT("synonyms"), &name, &value), STATUS_OK);
    assert_true(slice_equal(name, SLICE_LIT("pc")) && slice_equal(value, SLICE_LIT("2")));
    assert_int_equal(snapshot_next_setting(snap, SLICE_LIT("synonyms"), &name, &value), STATUS_OK);
    assert_true(slice_equal(name, SLICE_LIT("tv")));
    assert_int_equal(snapshot_next_setting(snap, SLICE_LIT("synonyms"), &name, &value), STATUS_END);
    snapshot_destroy(&snap);
    shop_close(&s);
}

/* A setting without a name, as older servers took them, is passed like any other. */
static void a_setting_without_a_name_ends_no_iteration(void **state)
{
    (void)state;
    struct shop s;
    struct batch *b;
    struct slice name = SLICE_NULL, value;
    shop_open(&s);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    assert_int_equal(batch_setting(b, SLICE_LIT("stop"), SLICE_LIT(""), SLICE_LIT("1")), STATUS_OK);
    assert_int_equal(batch_setting(b, SLICE_LIT("stop"), SLICE_LIT("a"), SLICE_LIT("2")),
                     STATUS_OK);
    assert_int_equal(batch_commit(&b, 77), STATUS_OK);
    struct snapshot *snap = begin(&s);
    assert_int_equal(snapshot_next_setting(snap, SLICE_LIT("stop"), &name, &value), STATUS_OK);
    assert_int_equal(name.len, 0);
    assert_int_equal(snapshot_next_setting(snap, SLICE_LIT("stop"), &name, &value), STATUS_OK);
    assert_true(slice_equal(name, SLICE_LIT("a")));
    assert_int_equal(snapshot_next_setting(snap, SLICE_LIT("stop"), &name, &value), STATUS_END);
    snapshot_destroy(&snap);
    shop_close(&s);
}

static bool count_one(void *ctx, uint32_t docid)
{
    (void)docid;
    ++*(int *)ctx;
    return true;
}

static void a_product_expires_at_its_limit_and_a_validation_moves_it(void **state)
{
    (void)state;
    struct shop s;
    struct batch *b;
    struct change c = {1, 1000, 1000, 50, 500, 0};
    struct windows f = {1000, 1000, 50, 500};
    int64_t next;
    int n = 0;
    shop_open(&s);
    int64_t limit = expiry_limit_ms(index_schema(s.ix), &f, SLICE_LIT("a"));
    assert_in_range(limit, 2400, 2500);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    put(b, &(struct shop_product){.id = "a", .title = "x", .price = -1, .stock = -1}, &c);
    assert_int_equal(batch_commit(&b, 1), STATUS_OK);
    struct snapshot *snap = begin(&s);
    assert_int_equal(snapshot_expired(snap, -1, limit - 1, count_one, &n, &next), STATUS_OK);
    assert_int_equal(n, 0);
    assert_int_equal(next, limit);
    assert_int_equal(snapshot_expired(snap, limit, limit + 9, count_one, &n, &next), STATUS_OK);
    assert_int_equal(n, 0);
    assert_int_equal(next, EXPIRY_NEVER);
    assert_int_equal(snapshot_expired(snap, -1, limit, count_one, &n, &next), STATUS_OK);
    assert_int_equal(n, 1);
    snapshot_end(snap);
    c = shop_change(2, 9000);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    assert_int_equal(batch_validate(b, SLICE_LIT("a"), &c), STATUS_OK);
    assert_int_equal(batch_commit(&b, 2), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    assert_int_equal(snapshot_expired(snap, -1, 9500, count_one, &n, NULL), STATUS_OK);
    assert_int_equal(n, 1);
    assert_int_equal(snapshot_expired(snap, -1, 10500, count_one, &n, NULL), STATUS_OK);
    assert_int_equal(n, 2);
    snapshot_destroy(&snap);
    shop_close(&s);
}

/* Rows of values move in the store as others come in; those kept must not be taken for them. */
static void values_looked_up_before_are_found_where_they_moved(void **state)
{
    (void)state;
    enum { ROUNDS = 40, NEW = 40 };
    struct shop s;
    struct batch *b;
    struct change c = shop_change(0, 1000);
    char id[16], brand[24];
    struct slice text;
    shop_open(&s);
    struct snapshot *snap = begin(&s);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        snapshot_end(snap);
        assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
        for (uint32_t i = round * NEW; i < (round + 1) * NEW; i++) {
            snprintf(id, sizeof id, "%u", i);
            snprintf(brand, sizeof brand, "brand %u", i);
            put(b, &(struct shop_product){.id = id, .brand = brand, .price = -1, .stock = -1}, &c);
        }
        assert_int_equal(batch_commit(&b, round + 1), STATUS_OK);
        assert_int_equal(snapshot_begin(snap), STATUS_OK);
        for (uint32_t twice = 0; twice < 2; twice++)
            for (uint32_t i = 0; i < (round + 1) * NEW; i++) {
                snprintf(brand, sizeof brand, "brand %u", i);
                assert_int_equal(facet_value_text(snap, SHOP_BRAND, i + 1, &text, NULL), STATUS_OK);
                assert_true(slice_equal(text, slice_str(brand)));
            }
    }
    snapshot_destroy(&snap);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_sees_one_generation_until_it_begins_anew),
        cmocka_unit_test(facet_values_have_parents_and_numbers),
        cmocka_unit_test(settings_are_listed_by_kind),
        cmocka_unit_test(a_setting_without_a_name_ends_no_iteration),
        cmocka_unit_test(values_looked_up_before_are_found_where_they_moved),
        cmocka_unit_test(a_product_expires_at_its_limit_and_a_validation_moves_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
