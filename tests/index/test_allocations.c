/*
 * After warm-up a search takes nothing from the heap: every allocation of the process is counted
 * while the same queries run again.
 */
#include "index/dense.h"
#include "tests/index/support_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static volatile uint64_t allocations;

#if defined(__SANITIZE_ADDRESS__)
int __sanitizer_install_malloc_and_free_hooks(void (*taken)(const volatile void *, size_t),
                                              void (*given)(const volatile void *));
static void on_taken(const volatile void *p, size_t size)
{
    (void)p, (void)size;
    allocations = allocations + 1;
}
static void on_given(const volatile void *p)
{
    (void)p;
}
static void watch(void)
{
    assert_true(__sanitizer_install_malloc_and_free_hooks(on_taken, on_given) > 0);
}
#elif defined(__SANITIZE_THREAD__)
#define UNWATCHED 1
static void watch(void)
{
}
#else
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
void *malloc(size_t size)
{
    allocations = allocations + 1;
    return __libc_malloc(size);
}
void *calloc(size_t nmemb, size_t size)
{
    allocations = allocations + 1;
    return __libc_calloc(nmemb, size);
}
void *realloc(void *ptr, size_t size)
{
    allocations = allocations + 1;
    return __libc_realloc(ptr, size);
}
static void watch(void)
{
}
#endif

enum { QUERIES = 400 };

struct asked {
    struct words_case words;
    struct filter_case filter;
    struct query query;
};

static struct facet_request facets[] = {
    {.field = {"brand", 5}, .limit = 10},
    {.field = {"category", 8}, .limit = 10},
    {.field = {"tags", 4}, .limit = 10},
    {.field = {"price", 5}, .kind = FACET_RANGES, .ranges = {"..20,20..50,50..", 16}}};
static struct sort_request by_price[] = {{.field = {"price", 5}, .descending = true}};

static void ask(struct world *w, struct asked *a)
{
    a->words = random_words(&w->seed);
    a->filter = random_filter(&w->seed);
    a->query = query_of(&a->words, &a->filter);
    a->query.k = 1 + roll(&w->seed, 100);
    a->query.count_to = roll(&w->seed, 3) ? 1000 : QUERY_COUNT_ALL;
    a->query.typos = roll(&w->seed, 3) ? 0 : roll(&w->seed, 2) ? 1 : QUERY_TYPOS_AUTO;
    a->query.facets = facets;
    a->query.facet_count = roll(&w->seed, 3) ? 0 : sizeof facets / sizeof facets[0];
    a->query.sorts = by_price;
    a->query.sort_count = roll(&w->seed, 5) == 0;
    if (roll(&w->seed, 2))
        a->query.profile = SLICE_NULL; /* the default one: forms, second phase */
    if (roll(&w->seed, 4) == 0)
        a->query.match = QUERY_RELAXED;
}

static void run_all(struct world *w, const struct asked *asked, const char *what)
{
    for (int i = 0; i < QUERIES; i++) {
        struct query_result r;
        uint64_t before = allocations;
        arena_reset(&w->arena);
        snapshot_end(w->snap);
        assert_int_equal(snapshot_begin(w->snap), STATUS_OK);
        run(w, &asked[i].query, &r);
        if (what && allocations != before)
            fail_msg("%s: '%s' any %d prefix %d typos %d facets %u filter '%s' took memory", what,
                     asked[i].words.text, asked[i].words.any, asked[i].words.prefix,
                     asked[i].query.typos, asked[i].query.facet_count, asked[i].filter.text);
    }
}

static void a_warm_search_takes_no_memory(void **state)
{
    (void)state;
    struct world *w = make_world(91);
    struct asked *asked = calloc(QUERIES, sizeof *asked);
    assert_non_null(asked);
    for (int i = 0; i < QUERIES; i++)
        ask(w, &asked[i]);
    run_all(w, asked, NULL);
    watch();
#ifndef UNWATCHED
    uint64_t before = allocations;
    void *volatile p = malloc(10);
    free(p);
    assert_true(allocations > before); /* else nothing is counted */
#endif
    run_all(w, asked, "warm");
    free(asked);
    close_world(w);
}

/* All terms of a segment, as if they were of several editions: far more than are kept. */
static void mark_all(struct dense *d, const struct segment *s)
{
    uint64_t decoded = 0;
    const uint64_t *bits;
    for (struct edition edition = {1, 0}; edition.first <= 8; edition.first++)
        for (uint32_t o = 0; o < segment_term_count(s); o++) {
            struct postings p;
            assert_int_equal(postings_open(s, o, &p), STATUS_OK);
            assert_int_equal(dense_bits(d, edition, (const struct postings *[]){&p}, 1,
                                        (segment_doc_count(s) + 63) / 64, &decoded, &bits),
                             STATUS_OK);
            assert_non_null(bits);
        }
}

static void a_bitmap_lies_where_the_one_lay_that_it_displaces(void **state)
{
    (void)state;
    struct world *w = make_world(17);
    struct dense *d;
    assert_int_equal(dense_create(&d), STATUS_OK);
    const struct segment *s = snapshot_segment(w->snap, 0);
    mark_all(d, s);
    watch();
    uint64_t before = allocations;
    mark_all(d, s);
    assert_int_equal(allocations, before);
    dense_destroy(&d);
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_search_takes_no_memory),
        cmocka_unit_test(a_bitmap_lies_where_the_one_lay_that_it_displaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
