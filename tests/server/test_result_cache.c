#include "server/result_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BYTES = 200000, BODY = 1000 };

static struct result_cache *cache;

static int setup(void **state)
{
    (void)state;
    return result_cache_create(BYTES, 42, &cache);
}

static int teardown(void **state)
{
    (void)state;
    result_cache_destroy(&cache);
    return 0;
}

static struct cache_key key(int n)
{
    char text[32];
    snprintf(text, sizeof text, "request %d", n);
    return result_cache_key(cache, slice_str(text));
}

static struct cached *put_costing(int n, uint32_t us)
{
    static char body[BODY];
    struct cache_facts facts = {.cost_us = us, .hit_count = 2, .generation = (uint64_t)n};
    facts.hits[1].docid = (uint32_t)n;
    memset(body, n, sizeof body);
    return result_cache_put(cache, key(n), &facts, slice_make(body, sizeof body));
}

static struct cached *put(int n)
{
    return put_costing(n, 20);
}

static bool has(int n)
{
    return result_cache_find(cache, key(n)) != NULL;
}

static void use(int n, int times)
{
    struct cached *e = result_cache_find(cache, key(n));
    while (e && times--)
        result_cache_used(e);
}

static void a_page_comes_back_as_it_was_put(void **state)
{
    (void)state;
    put(7);
    struct cached *e = result_cache_find(cache, key(7));
    assert_non_null(e);
    assert_int_equal(e->body.len, BODY);
    assert_int_equal(e->body.ptr[BODY - 1], 7);
    assert_int_equal(e->facts->generation, 7);
    assert_int_equal(e->facts->hits[1].docid, 7);
    assert_false(has(8));
}

static void it_never_holds_more_bytes_than_it_may(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++) {
        put(i % 700);
        use(i * 31 % 700, i % 4);
        struct result_cache_figures f = result_cache_figures(cache);
        assert_true(f.bytes <= BYTES);
    }
    assert_true(result_cache_figures(cache).entries > 100);
    result_cache_resize(cache, BYTES / 10);
    assert_true(result_cache_figures(cache).bytes <= BYTES / 10);
    result_cache_resize(cache, 0);
    assert_int_equal(result_cache_figures(cache).entries, 0);
}

/* A crawler asks for each page once; what shoppers ask for again and again stays. */
static void a_scan_does_not_wash_out_what_is_asked_for_again(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        put(i);
        use(i, 2);
    }
    for (int i = 1000; i < 6000; i++) {
        put(i);
        if (i % 50 == 0)
            for (int hot = 0; hot < 20; hot++)
                use(hot, 1);
    }
    int kept = 0;
    for (int i = 0; i < 20; i++)
        kept += has(i);
    assert_in_range(kept, 19, 20);
}

static void what_returns_soon_after_it_left_goes_to_main(void **state)
{
    (void)state;
    put(1);
    for (int i = 100; has(1); i++)
        put(i);
    put(1);
    assert_int_equal(result_cache_figures(cache).from_ghost, 1);
    assert_true(result_cache_find(cache, key(1))->in_main);
}

static void dear_pages_stay_after_one_second_look(void **state)
{
    (void)state;
    put_costing(1, 5000);
    put_costing(2, 20);
    use(1, 1);
    use(2, 1);
    for (int i = 100; i < 400; i++)
        put(i);
    assert_true(has(1));
    assert_false(has(2));
}

static void a_newer_page_takes_the_place_of_the_older(void **state)
{
    (void)state;
    put(1);
    use(1, 3);
    put(1);
    assert_int_equal(result_cache_figures(cache).entries, 1);
    assert_int_equal(result_cache_find(cache, key(1))->freq, 3);
}

static void a_page_larger_than_an_eighth_is_not_taken(void **state)
{
    (void)state;
    static char body[BYTES / 8];
    struct cache_facts facts = {.cost_us = 20};
    assert_null(result_cache_put(cache, key(1), &facts, slice_make(body, sizeof body)));
    assert_int_equal(result_cache_figures(cache).bytes, 0);
}

static void an_alias_finds_its_page_until_that_is_gone(void **state)
{
    (void)state;
    struct cache_key raw = result_cache_key(cache, SLICE_LIT("raw bytes"));
    struct cached *e = put(1);
    assert_null(result_cache_find_alias(cache, raw, 0));
    result_cache_alias(cache, raw, 0, e);
    assert_ptr_equal(result_cache_find_alias(cache, raw, 0), e);
    assert_null(result_cache_find_alias(cache, raw, 1)); /* another level */
    result_cache_alias(cache, raw, 1, put(2));
    assert_null(result_cache_find_alias(cache, raw, 0));
    result_cache_drop(cache, result_cache_find(cache, key(2)));
    assert_null(result_cache_find_alias(cache, raw, 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_page_comes_back_as_it_was_put),
        TEST(it_never_holds_more_bytes_than_it_may),
        TEST(a_scan_does_not_wash_out_what_is_asked_for_again),
        TEST(what_returns_soon_after_it_left_goes_to_main),
        TEST(dear_pages_stay_after_one_second_look),
        TEST(a_newer_page_takes_the_place_of_the_older),
        TEST(a_page_larger_than_an_eighth_is_not_taken),
        TEST(an_alias_finds_its_page_until_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
