#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/index/support_index.h"

static void must_check(struct shop *s)
{
    struct fault fault = {0};
    if (index_check(s->ix, &fault))
        fail_msg("index_check: %s", fault.text);
}

static void must_upsert(struct batch *b, const struct shop_product *p, uint64_t version)
{
    struct buf doc = BUF_INIT;
    struct change c = shop_change(version, 1000 + (int64_t)version);
    shop_document(&doc, p);
    assert_int_equal(batch_upsert(b, buf_slice(&doc), &c), STATUS_OK);
    buf_fini(&doc);
}

static const struct shop_product kettle = {.id = "kettle-1",
                                           .title = "Steel kettle 1.7 l",
                                           .body = "Boils fast",
                                           .brand = "Acme",
                                           .price = 39.95,
                                           .stock = 7,
                                           .path = {"Kitchen", "Kettles"},
                                           .attr = {"colour", "silver"},
                                           .attr_number = 17,
                                           .tags = {"new", "sale"}};

static const char kettle_text[] = "0=Steel kettle 1.7 l;1=Boils fast;2=Acme;3=39.95;4=7;"
                                  "5=Kitchen/Kettles/;6=colour:silver,size:17,;7=new/sale/;";

static void expect(struct shop *s, const char *id, const char *text)
{
    struct snapshot *snap;
    char have[512];
    assert_int_equal(snapshot_create(s->ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    shop_text(snap, id, have, sizeof have);
    assert_string_equal(have, text);
    snapshot_destroy(&snap);
}

static void a_product_reads_back_as_it_was_put(void **state)
{
    (void)state;
    struct shop s;
    struct batch *b;
    shop_open(&s);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    must_upsert(b, &kettle, 3);
    assert_int_equal(batch_doc_count(b), 1);
    assert_int_equal(batch_commit(&b, 41), STATUS_OK);
    expect(&s, "kettle-1", kettle_text);
    expect(&s, "kettle-2", "");
    shop_reopen(&s);
    expect(&s, "kettle-1", kettle_text);
    must_check(&s);
    shop_close(&s);
}

static void patch(struct batch *b, const struct shop_product *p, enum status want)
{
    struct buf doc = BUF_INIT;
    struct change c = shop_change(9, 2000);
    shop_document(&doc, p);
    assert_int_equal(batch_patch(b, buf_slice(&doc), &c), want);
    buf_fini(&doc);
}

static void a_price_patch_keeps_the_docid_and_a_title_patch_does_not(void **state)
{
    (void)state;
    struct shop s;
    struct batch *b;
    struct snapshot *snap;
    uint32_t docid;
    shop_open(&s);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    must_upsert(b, &kettle, 1);
    assert_int_equal(batch_commit(&b, 1), STATUS_OK);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    patch(b, &(struct shop_product){.id = "kettle-1", .price = 25, .stock = -1}, STATUS_OK);
    patch(b, &(struct shop_product){.id = "nobody", .price = 25, .stock = -1}, STATUS_NOT_FOUND);
    assert_int_equal(batch_commit(&b, 2), STATUS_OK);
    assert_int_equal(snapshot_create(s.ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    assert_int_equal(snapshot_find(snap, SLICE_LIT("kettle-1"), &docid), STATUS_OK);
    assert_int_equal(docid, 0);
    snapshot_end(snap);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    patch(b,
          &(struct shop_product){
              .id = "kettle-1", .title = "Copper kettle", .price = -1, .stock = -1},
          STATUS_OK);
    assert_int_equal(batch_commit(&b, 3), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    assert_int_equal(snapshot_find(snap, SLICE_LIT("kettle-1"), &docid), STATUS_OK);
    assert_int_equal(docid, 1);
    assert_int_equal(snapshot_live_count(snap), 1);
    assert_false(snapshot_is_live(snap, 0));
    assert_int_equal(snapshot_sequence(snap), 3);
    snapshot_destroy(&snap);
    expect(&s, "kettle-1",
           "0=Copper kettle;1=Boils fast;2=Acme;3=25;4=7;5=Kitchen/Kettles/;"
           "6=colour:silver,size:17,;7=new/sale/;");
    must_check(&s);
    shop_close(&s);
}

static void the_last_of_one_id_in_a_batch_stays(void **state)
{
    (void)state;
    struct shop s;
    struct batch *b;
    shop_open(&s);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    must_upsert(b, &kettle, 1);
    must_upsert(
        b, &(struct shop_product){.id = "kettle-1", .title = "Two", .price = -1, .stock = 3}, 2);
    assert_int_equal(batch_delete(b, SLICE_LIT("nobody")), STATUS_NOT_FOUND);
    assert_int_equal(batch_commit(&b, 1), STATUS_OK);
    expect(&s, "kettle-1", "0=Two;4=3;");
    must_check(&s);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    assert_int_equal(batch_delete(b, SLICE_LIT("kettle-1")), STATUS_OK);
    assert_int_equal(batch_delete(b, SLICE_LIT("kettle-1")), STATUS_NOT_FOUND);
    assert_int_equal(batch_commit(&b, 2), STATUS_OK);
    expect(&s, "kettle-1", "");
    must_check(&s);
    shop_close(&s);
}

static void an_aborted_batch_leaves_nothing(void **state)
{
    (void)state;
    struct shop s;
    struct batch *b;
    shop_open(&s);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    must_upsert(b, &kettle, 1);
    batch_abort(&b);
    expect(&s, "kettle-1", "");
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    must_upsert(b, &kettle, 1);
    assert_int_equal(batch_commit(&b, 1), STATUS_OK);
    expect(&s, "kettle-1", kettle_text);
    must_check(&s);
    shop_close(&s);
}

static void nodes_written_together_are_the_same_path_in_any_order(void **state)
{
    (void)state;
    const struct shop_product ways[] = {
        {.id = "one", .price = -1, .stock = -1, .path = {"Kitchen > Kettles"}},
        {.id = "two", .price = -1, .stock = -1, .path = {"Kitchen", "Kettles"}},
        {.id = "three", .price = -1, .stock = -1, .path = {"Kitchen > Kettles", "Steel"}}};
    for (int order = 0; order < 3; order++) {
        struct shop s;
        struct batch *b;
        shop_open(&s);
        assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
        for (int i = 0; i < 3; i++)
            must_upsert(b, &ways[(i + order) % 3], 3);
        assert_int_equal(batch_commit(&b, 41), STATUS_OK);
        expect(&s, "one", "5=Kitchen/Kettles/;");
        expect(&s, "two", "5=Kitchen/Kettles/;");
        expect(&s, "three", "5=Kitchen/Kettles/Steel/;");
        must_check(&s);
        shop_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_reads_back_as_it_was_put),
        cmocka_unit_test(nodes_written_together_are_the_same_path_in_any_order),
        cmocka_unit_test(a_price_patch_keeps_the_docid_and_a_title_patch_does_not),
        cmocka_unit_test(the_last_of_one_id_in_a_batch_stays),
        cmocka_unit_test(an_aborted_batch_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
