/* Facets count products: each once for a value however often it holds it, and a disjunctive facet
 * on one attribute leaves out what the filter says of that one, not of its neighbours. */
#include "index/query.h"
#include "tests/index/support_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    struct shop shop;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
    char told[512];
};

static void put(struct world *w, const struct shop_product *products, uint32_t count)
{
    struct batch *batch;
    assert_int_equal(batch_begin(w->shop.ix, &batch), STATUS_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct buf b = BUF_INIT;
        struct change c = shop_change(0, 1);
        shop_document(&b, &products[i]);
        assert_int_equal(batch_upsert(batch, buf_slice(&b), &c), STATUS_OK);
        buf_fini(&b);
    }
    assert_int_equal(batch_commit(&batch, 1), STATUS_OK);
}

static void open_world(struct world *w)
{
    *w = (struct world){0};
    shop_open(&w->shop);
    arena_init(&w->arena, 0);
}

static void begin(struct world *w)
{
    assert_int_equal(snapshot_create(w->shop.ix, &w->snap), STATUS_OK);
    assert_int_equal(searcher_create(&w->searcher), STATUS_OK);
    assert_int_equal(snapshot_begin(w->snap), STATUS_OK);
}

static void close_world(struct world *w)
{
    snapshot_end(w->snap);
    searcher_destroy(&w->searcher);
    snapshot_destroy(&w->snap);
    arena_fini(&w->arena);
    shop_close(&w->shop);
}

/* "count: value=n value=n" of one facet while all is browsed. */
static const char *facet(struct world *w, const char *field, bool disjunctive, const char *filter)
{
    struct facet_request request = {.field = slice_str(field), .disjunctive = disjunctive};
    struct query q = {
        .facets = &request, .facet_count = 1, .max_stale_ms = -1, .filter = slice_str(filter)};
    struct query_result r;
    struct fault fault = {0};
    arena_reset(&w->arena);
    assert_int_equal(search_run(w->searcher, w->snap, &q, &w->arena, &r, &fault), STATUS_OK);
    int n = snprintf(w->told, sizeof w->told, "%d:", (int)r.facets[0].count);
    for (uint32_t i = 0; i < r.facets[0].value_count; i++)
        n += snprintf(w->told + n, sizeof w->told - (size_t)n, " %.*s=%d",
                      (int)r.facets[0].values[i].value.len, r.facets[0].values[i].value.ptr,
                      (int)r.facets[0].values[i].count);
    return w->told;
}

static void a_product_counts_once_for_a_value(void **state)
{
    (void)state;
    static const struct shop_product products[] = {
        {.id = "1",
         .title = "a",
         .price = -1,
         .stock = -1,
         .tags = {"red", "blue", "red"},
         .attr = {"colour", "red", "colour", "red"}},
        {.id = "2",
         .title = "b",
         .price = -1,
         .stock = -1,
         .tags = {"red"},
         .attr = {"colour", "red", "make", "red"}},
        {.id = "3",
         .title = "c",
         .price = -1,
         .stock = -1,
         .tags = {"blue", "blue", "blue", "blue"},
         .attr = {"colour", "blue"}},
    };
    struct world w;
    open_world(&w);
    put(&w, products, 3);
    begin(&w);
    assert_string_equal(facet(&w, "tags", false, ""), "3: blue=2 red=2");
    assert_string_equal(facet(&w, "attrs.colour", false, ""), "3: red=2 blue=1");
    assert_string_equal(facet(&w, "attrs.make", false, ""), "1: red=1");
    close_world(&w);
}

/* The stamps of long lists: more values than are compared with each other. */
static void long_lists_count_once_too(void **state)
{
    (void)state;
    struct world w;
    struct buf b = BUF_INIT;
    struct batch *batch;
    struct change c = shop_change(0, 1);
    open_world(&w);
    assert_int_equal(batch_begin(w.shop.ix, &batch), STATUS_OK);
    for (int product = 0; product < 2; product++) {
        b.len = 0;
        document_put_header(&b, product ? SLICE_LIT("2") : SLICE_LIT("1"), 2);
        wire_put_varint(&b, SHOP_TAGS);
        value_put_list(&b, 300);
        for (int i = 0; i < 300; i++)
            wire_put_bytes(&b, i % 3 ? SLICE_LIT("odd") : SLICE_LIT("third"));
        wire_put_varint(&b, SHOP_ATTRS);
        value_put_pairs(&b, 300);
        for (int i = 0; i < 300; i++) {
            wire_put_bytes(&b, i % 2 ? SLICE_LIT("size") : SLICE_LIT("colour"));
            value_put_text(&b, i % 3 ? SLICE_LIT("odd") : SLICE_LIT("third"));
        }
        assert_int_equal(batch_upsert(batch, buf_slice(&b), &c), STATUS_OK);
    }
    assert_int_equal(batch_commit(&batch, 1), STATUS_OK);
    buf_fini(&b);
    begin(&w);
    assert_string_equal(facet(&w, "tags", false, ""), "2: odd=2 third=2");
    assert_string_equal(facet(&w, "attrs.size", false, ""), "2: odd=2 third=2");
    close_world(&w);
}

static void a_disjunctive_facet_leaves_the_terms_of_other_attributes(void **state)
{
    (void)state;
    static const struct shop_product products[] = {
        {.id = "1",
         .title = "a",
         .price = -1,
         .stock = -1,
         .attr = {"colour", "red", "make", "wool"},
         .attr_number = 40},
        {.id = "2",
         .title = "b",
         .price = -1,
         .stock = -1,
         .attr = {"colour", "blue", "make", "wool"},
         .attr_number = 40},
        {.id = "3",
         .title = "c",
         .price = -1,
         .stock = -1,
         .attr = {"colour", "blue", "make", "silk"},
         .attr_number = 42},
    };
    struct world w;
    open_world(&w);
    put(&w, products, 3);
    begin(&w);
    const char *filter = "attrs.colour = red and attrs.make = wool and attrs.size < 41";
    assert_string_equal(facet(&w, "attrs.colour", true, filter), "2: blue=1 red=1");
    assert_string_equal(facet(&w, "attrs.make", true, filter), "1: wool=1");
    assert_string_equal(facet(&w, "attrs.colour", true,
                              "attrs.colour = red and exists(attrs.make) and (attrs.colour = red "
                              "or attrs.size > 41)"),
                        "2: blue=1 red=1");
    assert_string_equal(facet(&w, "attrs.colour", true,
                              "attrs.colour != red and exists(attrs) and not exists(attrs.none)"),
                        "3: blue=2 red=1");
    close_world(&w);
}

/* More terms than are asked apart: those of one field stay together. */
static void a_disjunctive_facet_of_many_terms_leaves_all_of_its_own(void **state)
{
    (void)state;
    static const struct shop_product products[] = {
        {.id = "1",
         .brand = "a",
         .price = 1,
         .stock = -1,
         .attr = {"colour", "red"},
         .attr_number = 40},
        {.id = "2",
         .brand = "b",
         .price = 1,
         .stock = -1,
         .attr = {"colour", "blue"},
         .attr_number = 40},
        {.id = "3",
         .brand = "b",
         .price = 9,
         .stock = -1,
         .attr = {"colour", "blue"},
         .attr_number = 42},
    };
    struct world w;
    struct buf b = BUF_INIT;
    open_world(&w);
    put(&w, products, 3);
    begin(&w);
    buf_printf(&b, "price < 5");
    for (int i = 0; i < 35; i++)
        buf_printf(&b, " and attrs.size != %d", i);
    buf_printf(&b, " and (attrs.size > 1 or price > 1) and attrs.colour = red and brand = a and "
                   "(price < 8 or brand = a)");
    buf_put_u8(&b, 0);
    assert_string_equal(facet(&w, "attrs.colour", true, b.ptr), "1: red=1");
    assert_string_equal(facet(&w, "attrs.size", true, b.ptr), "1: 40=1");
    assert_string_equal(facet(&w, "brand", true, b.ptr), "1: a=1");
    buf_clear(&b);
    buf_printf(&b, "brand != c");
    for (int i = 0; i < 35; i++)
        buf_printf(&b, " and attrs.size != %d", i);
    buf_printf(&b, " and price < 8 and brand = a and attrs.colour in [red, blue]");
    buf_put_u8(&b, 0);
    assert_string_equal(facet(&w, "brand", true, b.ptr), "2: a=1 b=1");
    assert_string_equal(facet(&w, "price", true, b.ptr), "1: 1=1");
    buf_fini(&b);
    close_world(&w);
}

/* How many are found; below 0 the status and the byte of an error. */
static int found(struct world *w, const char *filter)
{
    struct query q = {.max_stale_ms = -1, .filter = slice_str(filter)};
    struct query_result r;
    struct fault fault = {0};
    arena_reset(&w->arena);
    enum status st = search_run(w->searcher, w->snap, &q, &w->arena, &r, &fault);
    return st ? -(int)st * 1000 - (int)fault.column : (int)r.found;
}

static void attributes_are_compared_by_key_and_as_json_has_them(void **state)
{
    (void)state;
    static const struct shop_product products[] = {
        {.id = "1",
         .title = "a",
         .price = -1,
         .stock = -1,
         .attr = {"code", "007", "hex", "0x10"},
         .attr_number = 16},
        {.id = "2",
         .title = "b",
         .price = -1,
         .stock = -1,
         .attr = {"code", "TRUE", "hex", "1e"},
         .attr_number = 7},
    };
    struct world w;
    open_world(&w);
    put(&w, products, 2);
    begin(&w);
    assert_int_equal(found(&w, "attrs.code = 007"), 1); /* no number of JSON begins so */
    assert_int_equal(found(&w, "attrs.hex = 0x10"), 1);
    assert_int_equal(found(&w, "attrs.size = 16"), 1);
    assert_int_equal(found(&w, "attrs.size = 1.6e1"), 1);
    assert_int_equal(found(&w, "attrs.size in [7, 16.0]"), 2);
    assert_int_equal(found(&w, "attrs.code = TRUE"), 1);
    assert_int_equal(found(&w, "exists(attrs)"), 2);
    assert_int_equal(found(&w, "attrs = 16"), -STATUS_SCHEMA_MISMATCH * 1000 - 1);
    assert_int_equal(found(&w, "exists(attrs) and attrs in [16]"),
                     -STATUS_SCHEMA_MISMATCH * 1000 - 19);
    assert_int_equal(found(&w, "active = TRUE or active = False"), 0);
    close_world(&w);
}

static void values_with_a_byte_of_zero_are_told_apart(void **state)
{
    (void)state;
    const struct slice values[] = {SLICE_LIT("a\0b"), SLICE_LIT("a\0c"), SLICE_LIT("a")};
    struct world w;
    struct buf b = BUF_INIT;
    struct batch *batch;
    struct change c = shop_change(0, 1);
    open_world(&w);
    assert_int_equal(batch_begin(w.shop.ix, &batch), STATUS_OK);
    for (uint32_t i = 0; i < 3; i++) {
        char id[2] = {(char)('1' + i), 0};
        buf_clear(&b);
        document_put_header(&b, slice_str(id), 1);
        wire_put_varint(&b, SHOP_ATTRS);
        value_put_pairs(&b, 1);
        wire_put_bytes(&b, SLICE_LIT("colour"));
        value_put_text(&b, values[i]);
        assert_int_equal(batch_upsert(batch, buf_slice(&b), &c), STATUS_OK);
    }
    assert_int_equal(batch_commit(&batch, 1), STATUS_OK);
    buf_fini(&b);
    begin(&w);
    for (uint32_t i = 0; i < 3; i++) {
        char text[64] = "attrs.colour = '";
        size_t n = strlen(text);
        memcpy(text + n, values[i].ptr, values[i].len);
        n += values[i].len;
        text[n++] = '\'';
        struct query q = {.max_stale_ms = -1, .k = 3, .filter = slice_make(text, n)};
        struct query_result r;
        struct fault fault = {0};
        arena_reset(&w.arena);
        assert_int_equal(search_run(w.searcher, w.snap, &q, &w.arena, &r, &fault), STATUS_OK);
        assert_int_equal(r.found, 1);
        assert_int_equal(r.hits[0].id.ptr[0], '1' + i);
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_counts_once_for_a_value),
        cmocka_unit_test(long_lists_count_once_too),
        cmocka_unit_test(a_disjunctive_facet_leaves_the_terms_of_other_attributes),
        cmocka_unit_test(a_disjunctive_facet_of_many_terms_leaves_all_of_its_own),
        cmocka_unit_test(attributes_are_compared_by_key_and_as_json_has_them),
        cmocka_unit_test(values_with_a_byte_of_zero_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
