/* Every body comes back as it was sent, and every cut of it is refused or ends early, in bounds. */
#include "protocol/multi.h"
#include "protocol/reply.h"
#include "protocol/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct slice names[] = {{"title", 5}, {"price", 5}};

/* An exact copy on the heap, so that the sanitizer sees a read behind the end. */
static struct slice cut_of(const struct buf *b, size_t n)
{
    char *p = malloc(n ? n : 1);
    memcpy(p, b->ptr, n);
    return slice_make(p, n);
}

static void free_cut(struct slice s)
{
    free((void *)(uintptr_t)s.ptr);
}

static void search_comes_back(void **state)
{
    (void)state;
    struct search_request q, out;
    struct search_facet facet = {.field = SLICE_LIT("brand"), .limit = 5, .disjunctive = true};
    struct search_sort sort = {.field = SLICE_LIT("price"), .descending = true};
    search_request_init(&q);
    q.catalog = SLICE_LIT("shop");
    q.text = SLICE_LIT("red shoes");
    q.match = SEARCH_ALL;
    q.fields = q.returns = q.highlights = names;
    q.field_count = q.return_count = q.highlight_count = 2;
    q.facets = &facet;
    q.sorts = &sort;
    q.facet_count = q.sort_count = 1;
    q.filter = SLICE_LIT("price < 10");
    q.k = 40;
    q.offset = 20;
    q.count_to = 0;
    q.group_field = SLICE_LIT("family");
    q.group_size = 2;
    q.max_stale_ms = 0;
    q.highlight_pre = SLICE_LIT("<b>");
    q.query_id = SLICE_LIT("q1");
    struct buf b = BUF_INIT;
    struct arena a;
    arena_init(&a, 0);
    search_request_encode(&q, &b);
    tlv_put(&b, 5000, SLICE_LIT("of a newer client"));
    assert_int_equal(search_request_decode(buf_slice(&b), &a, &out, NULL), STATUS_OK);
    assert_true(slice_equal(out.text, q.text) && slice_equal(out.filter, q.filter));
    assert_int_equal(out.match, SEARCH_ALL);
    assert_int_equal(out.field_count, 2);
    assert_int_equal(out.highlight_count, 2);
    assert_true(slice_equal(out.returns[1], names[1]));
    assert_true(out.facets[0].disjunctive && out.facets[0].limit == 5);
    assert_true(out.sorts[0].descending && slice_equal(out.sorts[0].field, sort.field));
    assert_true(out.k == 40 && out.offset == 20 && out.count_to == 0 && out.max_stale_ms == 0);
    assert_true(slice_equal(out.group_field, q.group_field) && out.group_size == 2);
    assert_true(slice_equal(out.query_id, q.query_id));
    for (size_t n = 0; n < b.len; n++) {
        struct slice cut = cut_of(&b, n);
        arena_reset(&a);
        search_request_decode(cut, &a, &out, NULL);
        free_cut(cut);
    }
    arena_fini(&a);
    buf_fini(&b);
}

static void searches_without_hits_are_told_from_their_bytes(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct search_request q;
    search_request_init(&q);
    q.catalog = SLICE_LIT("shop");
    search_request_encode(&q, &b);
    assert_false(search_request_only_counts(buf_slice(&b)));
    buf_clear(&b);
    q.k = 0;
    search_request_encode(&q, &b);
    assert_true(search_request_only_counts(buf_slice(&b)));
    for (size_t len = 0; len < b.len; len++) /* cut short: whoever decodes it complains */
        (void)search_request_only_counts(slice_make(b.ptr, len));
    b.len--;
    assert_false(search_request_only_counts(buf_slice(&b)));
    buf_clear(&b);
    assert_false(search_request_only_counts(buf_slice(&b)));
    buf_fini(&b);
}

static void put_comes_back(void **state)
{
    (void)state;
    struct put_request p = {.catalog = SLICE_LIT("shop"),
                            .ack = ACK_VISIBLE,
                            .key = SLICE_LIT("k1"),
                            .names = names,
                            .name_count = 2},
                       out;
    struct put_item items[] = {
        {.op = PUT_UPSERT, .version = 9, .ttl_ms = 60000, .swr_ms = 0, .sie_ms = -1},
        {.op = PUT_DELETE, .ttl_ms = -1, .swr_ms = -1, .sie_ms = -1, .key = SLICE_LIT("i2")}};
    struct buf d = BUF_INIT, b = BUF_INIT;
    struct arena a;
    arena_init(&a, 0);
    document_put_header(&d, SLICE_LIT("sku-1"), 1);
    wire_put_varint(&d, 1);
    value_put_float(&d, 9.5);
    items[0].document = items[1].document = buf_slice(&d);
    put_request_header(&p, &b);
    put_item_encode(&items[0], &b);
    put_item_encode(&items[1], &b);
    assert_int_equal(put_request_decode(buf_slice(&b), &a, &out, NULL), STATUS_OK);
    assert_int_equal(out.item_count, 2);
    assert_int_equal(out.ack, ACK_VISIBLE);
    assert_true(out.items[0].ttl_ms == 60000 && out.items[0].swr_ms == 0);
    assert_true(out.items[0].sie_ms == -1 && out.items[0].version == 9);
    assert_true(out.items[1].op == PUT_DELETE && slice_equal(out.items[1].key, items[1].key));
    assert_true(slice_equal(out.items[0].document, buf_slice(&d)));
    for (size_t n = 0; n < b.len; n++) {
        struct slice cut = cut_of(&b, n);
        arena_reset(&a);
        put_request_decode(cut, &a, &out, NULL);
        free_cut(cut);
    }
    arena_fini(&a);
    buf_fini(&b);
    buf_fini(&d);
}

static void put_search_reply(struct buf *b)
{
    struct facet_value_reply values[] = {{SLICE_LIT("acme"), 3, VALUE_INT}};
    struct facet_reply facet = {
        .field = SLICE_LIT("brand"), .distinct = 7, .values = values, .value_count = 1, .max = 2.5};
    struct hit_reply hits[] = {{.id = SLICE_LIT("a"), .score = 1u << 30, .age_ms = 12},
                               {.id = SLICE_LIT("b"), .freshness = STALE, .group_count = 4}};
    tlv_put_u64(b, TAG_HITS_FOUND, 2);
    tlv_put_u64(b, TAG_HITS_FOUND_EXACT, 1);
    size_t at = search_reply_hits_begin(b, 2);
    for (int i = 0; i < 2; i++) {
        size_t document = search_reply_hit_begin(b, &hits[i]);
        if (i == 0)
            document_put_header(b, hits[i].id, 0);
        search_reply_hit_end(b, document, &hits[i]);
    }
    search_reply_hits_end(b, at);
    search_reply_facet(b, &facet);
    search_reply_texts(b, TAG_HITS_DROPPED, names, 2);
    withheld_encode(b, TAG_HITS_LACKS, &(struct withheld){1, names, 1});
}

static void search_reply_comes_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct arena a;
    struct search_reply out;
    arena_init(&a, 0);
    put_search_reply(&b);
    assert_int_equal(search_reply_decode(buf_slice(&b), &a, &out), STATUS_OK);
    assert_true(out.found == 2 && out.found_exact && out.hit_count == 2);
    assert_true(out.hits[0].score == 1u << 30 && out.hits[0].age_ms == 12);
    assert_int_equal(out.hits[0].document.len, 3);
    assert_int_equal(out.hits[1].document.len, 0);
    assert_true(out.hits[1].freshness == STALE && out.hits[1].group_count == 4);
    assert_true(out.facet_count == 1 && out.facets[0].distinct == 7);
    assert_true(out.facets[0].max == 2.5 && out.facets[0].values[0].count == 3);
    assert_int_equal(out.dropped_count, 2);
    assert_null(withheld_of(out.lacks, out.lacks_count, 0));
    assert_int_equal(withheld_of(out.lacks, out.lacks_count, 1)->name_count, 1);
    for (size_t n = 0; n < b.len; n++) {
        struct slice cut = cut_of(&b, n);
        arena_reset(&a);
        search_reply_decode(cut, &a, &out);
        free_cut(cut);
    }
    arena_fini(&a);
    buf_fini(&b);
}

static void multi_search_comes_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct wire_reader r;
    enum status part;
    struct slice body;
    size_t at = multi_reply_begin(&b, STATUS_OK);
    put_search_reply(&b);
    tlv_end(&b, at);
    struct fault fault = {.status = STATUS_SYNTAX};
    at = multi_reply_begin(&b, STATUS_SYNTAX);
    error_body_encode(&b, &fault);
    tlv_end(&b, at);
    r = wire_reader_of(buf_slice(&b));
    assert_int_equal(multi_reply_next(&r, &part, &body), STATUS_OK);
    assert_int_equal(part, STATUS_OK);
    assert_int_equal(multi_reply_next(&r, &part, &body), STATUS_OK);
    assert_int_equal(part, STATUS_SYNTAX);
    assert_int_equal(multi_reply_next(&r, &part, &body), STATUS_END);
    buf_fini(&b);
}

static void catalogs_come_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct catalog_entry e[] = {{.name = SLICE_LIT("one"), .products = 5},
                                {.name = SLICE_LIT("two"), .sequence = 8}};
    struct catalog_entry out;
    catalog_entry_encode(&e[0], &b);
    catalog_entry_encode(&e[1], &b);
    struct wire_reader r = wire_reader_of(buf_slice(&b));
    assert_int_equal(catalog_entry_next(&r, &out), STATUS_OK);
    assert_true(slice_equal(out.name, e[0].name) && out.products == 5);
    assert_int_equal(catalog_entry_next(&r, &out), STATUS_OK);
    assert_true(slice_equal(out.name, e[1].name) && out.sequence == 8);
    assert_int_equal(catalog_entry_next(&r, &out), STATUS_END);
    buf_fini(&b);
}

static void small_requests_come_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct arena a;
    arena_init(&a, 0);
    struct get_request g = {.catalog = SLICE_LIT("c"), .ids = names, .id_count = 2}, g2;
    get_request_encode(&g, &b);
    assert_int_equal(get_request_decode(buf_slice(&b), &a, &g2, NULL), STATUS_OK);
    assert_int_equal(g2.id_count, 2);
    buf_clear(&b);
    struct wait_request w = {SLICE_LIT("c"), UINT64_MAX}, w2;
    wait_request_encode(&w, &b);
    assert_int_equal(wait_request_decode(buf_slice(&b), &w2, NULL), STATUS_OK);
    assert_true(w2.sequence == UINT64_MAX);
    buf_clear(&b);
    struct scan_request s = {.catalog = SLICE_LIT("c"), .from = 1, .limit = 2}, s2;
    scan_request_encode(&s, &b);
    assert_int_equal(scan_request_decode(buf_slice(&b), &s2, NULL), STATUS_OK);
    assert_true(s2.from == 1 && s2.limit == 2);
    buf_clear(&b);
    struct catalog_request c = {.action = CATALOG_SET, .name = names[0], .value = names[1]}, c2;
    catalog_request_encode(&c, &b);
    assert_int_equal(catalog_request_decode(buf_slice(&b), &c2, NULL), STATUS_OK);
    assert_true(slice_equal(c2.value, names[1]));
    buf_clear(&b);
    tlv_put_u64(&b, TAG_CATALOG_ACTION, 77);
    assert_int_equal(catalog_request_decode(buf_slice(&b), &c2, NULL), STATUS_UNSUPPORTED);
    arena_fini(&a);
    buf_fini(&b);
}

/* Numbers and tags beyond 32 bits stay absurd instead of becoming small ones. */
static void absurd_numbers_stay_absurd(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct arena a;
    struct search_request q;
    arena_init(&a, 0);
    tlv_put_u64(&b, TAG_SEARCH_K, (UINT64_C(1) << 32) + 5);
    wire_put_varint(&b, (UINT64_C(1) << 32) + TAG_SEARCH_TEXT);
    wire_put_bytes(&b, SLICE_LIT("no words"));
    assert_int_equal(search_request_decode(buf_slice(&b), &a, &q, NULL), STATUS_OK);
    assert_true(q.k == UINT32_MAX && q.text.len == 0);
    buf_clear(&b);
    tlv_put_u64(&b, TAG_SEARCH_MATCH, UINT64_C(1) << 32);
    assert_int_equal(search_request_decode(buf_slice(&b), &a, &q, NULL), STATUS_INVALID);
    arena_fini(&a);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searches_without_hits_are_told_from_their_bytes),
        cmocka_unit_test(search_comes_back),
        cmocka_unit_test(put_comes_back),
        cmocka_unit_test(search_reply_comes_back),
        cmocka_unit_test(multi_search_comes_back),
        cmocka_unit_test(catalogs_come_back),
        cmocka_unit_test(small_requests_come_back),
        cmocka_unit_test(absurd_numbers_stay_absurd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
