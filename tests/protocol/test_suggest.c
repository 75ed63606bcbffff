/* SUGGEST and QUERIES come back as they were sent; every cut is refused or ends early, in bounds.
 */
#include "protocol/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct slice cut_of(const struct buf *b, size_t n)
{
    char *p = malloc(n ? n : 1);
    memcpy(p, b->ptr, n);
    return slice_make(p, n);
}

static void requests_come_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct suggest_request q = {SLICE_LIT("shop"), SLICE_LIT("sho"), 7, 2}, out;
    struct queries_request k = {SLICE_LIT("shop"), QUERIES_NO_HITS, 9}, kout;
    suggest_request_encode(&q, &b);
    assert_int_equal(suggest_request_decode(buf_slice(&b), &out, NULL), STATUS_OK);
    assert_true(slice_equal(out.catalog, q.catalog) && slice_equal(out.text, q.text));
    assert_int_equal(out.limit, 7);
    assert_int_equal(out.products, 2);
    q.limit = 21;
    buf_clear(&b);
    suggest_request_encode(&q, &b);
    assert_int_equal(suggest_request_decode(buf_slice(&b), &out, NULL), STATUS_TOO_LARGE);
    buf_clear(&b);
    queries_request_encode(&k, &b);
    assert_int_equal(queries_request_decode(buf_slice(&b), &kout, NULL), STATUS_OK);
    assert_int_equal(kout.kind, QUERIES_NO_HITS);
    assert_int_equal(kout.limit, 9);
    buf_clear(&b);
    tlv_put_u64(&b, TAG_QUERIES_KIND, 3);
    assert_int_equal(queries_request_decode(buf_slice(&b), &kout, NULL), STATUS_UNSUPPORTED);
    buf_fini(&b);
}

static void replies_come_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct arena a;
    struct slice categories[] = {SLICE_LIT("Shoes"), SLICE_LIT("Shoes > Running")};
    struct suggest_query_reply q = {SLICE_LIT("shoes"), 2.5, 1, true, categories, 2};
    struct suggest_product_reply p = {SLICE_LIT("7"), SLICE_LIT("red shoe")};
    struct queries_row row = {SLICE_LIT("shoes"), 1.5, 20, 30, 40}, *rows;
    struct suggest_reply out;
    uint32_t count;
    arena_init(&a, 0);
    suggest_query_encode(&b, &q);
    suggest_product_encode(&b, &p);
    tlv_put_u64(&b, TAG_SUGGEST_TOOK_US, 12);
    tlv_put(&b, 999, SLICE_LIT("of a newer server"));
    assert_int_equal(suggest_reply_decode(buf_slice(&b), &a, &out), STATUS_OK);
    assert_int_equal(out.query_count, 1);
    assert_true(out.queries[0].weight == 2.5 && out.queries[0].inner);
    assert_int_equal(out.queries[0].category_count, 2);
    assert_true(slice_equal(out.queries[0].categories[1], categories[1]));
    assert_true(slice_equal(out.products[0].title, p.title));
    assert_int_equal(out.took_us, 12);
    for (size_t n = 0; n < b.len; n++) {
        struct slice cut = cut_of(&b, n);
        suggest_reply_decode(cut, &a, &out);
        free((void *)(uintptr_t)cut.ptr);
    }
    buf_clear(&b);
    queries_row_encode(&b, &row);
    queries_row_encode(&b, &row);
    assert_int_equal(queries_reply_decode(buf_slice(&b), &a, &rows, &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(rows[1].count == 1.5);
    assert_int_equal(rows[1].age_ms, 20);
    assert_int_equal(rows[1].found, 30);
    assert_int_equal(rows[1].slowest_us, 40);
    for (size_t n = 0; n < b.len; n++) {
        struct slice cut = cut_of(&b, n);
        queries_reply_decode(cut, &a, &rows, &count);
        free((void *)(uintptr_t)cut.ptr);
    }
    buf_fini(&b);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_back),
        cmocka_unit_test(replies_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
