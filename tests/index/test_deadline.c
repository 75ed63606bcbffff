/*
 * A search may be ended at every point where it looks at its deadline. It says so, and what it left
 * behind half done changes no later answer of the same searcher.
 */
#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PRODUCTS = 700, QUERIES = 18, ROOM = 1 << 16, ENDS = 60 };

static uint64_t seed = 3;

static uint32_t roll(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

static size_t put_words(char *out, size_t room, uint32_t words)
{
    size_t len = 0;
    for (uint32_t i = 0; i < words; i++) {
        uint32_t w = roll(90) * roll(90) / 90;
        len += (size_t)snprintf(out + len, room - len, "%s%c%cding%s", i ? " " : "",
                                (char)('b' + w % 20), (char)('a' + w / 20), roll(5) ? "" : "s");
    }
    return len;
}

static void open_products(struct find *f)
{
    static char ids[PRODUCTS][16], titles[PRODUCTS][200], brands[PRODUCTS][32];
    static struct find_product p[PRODUCTS];
    find_open(f, "en", NULL);
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        snprintf(ids[i], sizeof ids[i], "p%u", i);
        snprintf(brands[i], sizeof brands[i], "Brand %u", roll(400));
        put_words(titles[i], sizeof titles[i], 2 + roll(8));
        p[i] = (struct find_product){ids[i], titles[i], brands[i], 1 + roll(5000)};
    }
    find_put_all(f, p, PRODUCTS / 2);
    find_put_all(f, p + PRODUCTS / 2, PRODUCTS - PRODUCTS / 2);
}

static const struct slice limited[] = {{"title", 5}};
static const struct sort_request by_brand[] = {{{"brand", 5}, false}};
static const struct facet_request facets[] = {{.field = {"brand", 5}, .limit = 5},
                                              {.field = {"popularity", 10}, .limit = 5},
                                              {.field = {"brand", 5}, .query = {"bra 1", 5}}};

static struct query make_query(uint32_t i, char text[200], char filter[200])
{
    struct query q = {.match = QUERY_RELAXED,
                      .prefix = true,
                      .typos = QUERY_TYPOS_AUTO,
                      .k = 30,
                      .count_to = 10000,
                      .max_stale_ms = -1};
    size_t len = put_words(text, 200, i % 6 == 5 ? 0 : 1 + roll(5));
    if (len > 3 && roll(2))
        text[roll(3)] = 'x';
    if (i % 4 == 1)
        snprintf(text + len, 200 - len, " \"%cading %cading\"", 'b' + (int)roll(20),
                 'b' + (int)roll(20));
    q.text = slice_str(text);
    if (i % 6 == 1) {
        q.fields = limited;
        q.field_count = 1;
    }
    if (i % 3 == 2) {
        q.facets = facets;
        q.facet_count = 3;
    }
    if (i % 5 == 3) {
        q.group_field = roll(2) ? SLICE_LIT("brand") : SLICE_LIT("popularity");
        q.group_size = 1 + roll(3);
    }
    if (i % 5 == 4) {
        q.sorts = by_brand;
        q.sort_count = 1;
    }
    if (i % 4 == 3) {
        snprintf(filter, 200,
                 "brand in [\"Brand 1\", \"Brand 2\", \"Brand %u\"] or popularity > %u", roll(400),
                 roll(5000));
        q.filter = slice_str(filter);
    }
    return q;
}

static size_t say(char *out, const struct query_result *r)
{
    size_t len = (size_t)snprintf(out, ROOM, "%llu %llu:", (unsigned long long)r->found,
                                  (unsigned long long)r->group_total);
    for (uint32_t i = 0; i < r->hit_count; i++)
        len += (size_t)snprintf(out + len, ROOM - len, " %.*s=%llx/%u", (int)r->hits[i].id.len,
                                r->hits[i].id.ptr, (unsigned long long)r->hits[i].score,
                                r->hits[i].lacks_count);
    for (uint32_t f = 0; f < r->facet_count; f++)
        for (uint32_t i = 0; i < r->facets[f].value_count; i++)
            len += (size_t)snprintf(
                out + len, ROOM - len, " %.*s:%llu", (int)r->facets[f].values[i].value.len,
                r->facets[f].values[i].value.ptr, (unsigned long long)r->facets[f].values[i].count);
    assert_true(len < ROOM);
    return len;
}

struct ending {
    uint32_t calls, at; /* 0 = never */
};

static enum status check(void *ctx)
{
    struct ending *e = ctx;
    return ++e->calls >= e->at && e->at ? STATUS_DEADLINE : STATUS_OK;
}

static enum status run(struct find *f, struct searcher *s, struct query q, struct ending *e,
                       char *out)
{
    struct query_result r;
    struct fault fault = {0};
    q.check = check;
    q.check_ctx = e;
    q.check_work = 1;
    e->calls = 0;
    enum status st = search_run(s, f->snap, &q, &f->arena, &r, &fault);
    if (!st)
        say(out, &r);
    arena_reset(&f->arena);
    return st;
}

static void a_search_ends_wherever_it_looks(void **state)
{
    (void)state;
    static char expected[ROOM], got[ROOM];
    struct find f;
    const char *given = getenv("SOUK_SEED");
    if (given)
        seed = strtoull(given, NULL, 10);
    open_products(&f);
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    for (uint32_t i = 0; i < QUERIES; i++) {
        char text[200], filter[200];
        struct query q = make_query(i, text, filter);
        struct ending e = {0};
        struct searcher *warm, *fresh;
        assert_int_equal(searcher_create(&fresh), STATUS_OK);
        assert_int_equal(run(&f, fresh, q, &e, expected), STATUS_OK);
        searcher_destroy(&fresh);
        assert_int_equal(searcher_create(&warm), STATUS_OK);
        uint32_t calls = e.calls, step = calls / ENDS + 1;
        for (uint32_t at = 1 + roll(step); at <= calls; at += step) {
            e.at = at;
            enum status st = run(&f, warm, q, &e, got);
            if (!st) /* what is remembered takes no work again */
                assert_true(e.calls < at);
            else
                assert_int_equal(st, STATUS_DEADLINE);
            if (roll(3) == 0) { /* else the next one ends, too */
                e.at = 0;
                assert_int_equal(run(&f, warm, q, &e, got), STATUS_OK);
                assert_string_equal(got, expected);
            }
        }
        e.at = 0;
        assert_int_equal(run(&f, warm, q, &e, got), STATUS_OK);
        assert_string_equal(got, expected);
        searcher_destroy(&warm);
    }
    snapshot_end(f.snap);
    find_close(&f);
}

/* Any word: what of a window was added up by then is in no window of the next search. */
static void no_document_stays_in_a_window(void **state)
{
    (void)state;
    static char expected[ROOM], got[ROOM];
    struct find f;
    struct query q = {.text = SLICE_LIT("bading cading dading eading"),
                      .match = QUERY_ANY,
                      .profile = SLICE_LIT("bm25"),
                      .k = 30,
                      .count_to = QUERY_COUNT_ALL,
                      .max_stale_ms = -1};
    struct ending e = {0};
    open_products(&f);
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    assert_int_equal(run(&f, f.searcher, q, &e, expected), STATUS_OK);
    uint32_t calls = e.calls;
    for (uint32_t at = 1; at <= calls; at++) {
        e.at = at;
        (void)run(&f, f.searcher, q, &e, got);
        e.at = 0;
        assert_int_equal(run(&f, f.searcher, q, &e, got), STATUS_OK);
        assert_string_equal(got, expected);
    }
    snapshot_end(f.snap);
    find_close(&f);
}

/* Values to sort by are taken in bit by bit: however early each search ends, they are there after
 * some of them. */
static void what_was_read_is_there_for_the_next_search(void **state)
{
    (void)state;
    static char expected[ROOM], got[ROOM];
    struct find f;
    struct query q = {
        .sorts = by_brand, .sort_count = 1, .k = 50, .count_to = 10, .max_stale_ms = -1};
    struct ending e = {0};
    uint32_t tries = 0;
    open_products(&f);
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    assert_int_equal(run(&f, f.searcher, q, &e, expected), STATUS_OK);
    uint32_t first = e.calls;
    assert_int_equal(run(&f, f.searcher, q, &e, expected), STATUS_OK);
    assert_true(first > e.calls * 10);
    searcher_destroy(&f.searcher);
    assert_int_equal(searcher_create(&f.searcher), STATUS_OK);
    for (e.at = e.calls * 2; run(&f, f.searcher, q, &e, got) == STATUS_DEADLINE; tries++)
        assert_true(tries < first);
    assert_true(tries > 3);
    assert_string_equal(got, expected);
    snapshot_end(f.snap);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_ends_wherever_it_looks),
        cmocka_unit_test(no_document_stays_in_a_window),
        cmocka_unit_test(what_was_read_is_there_for_the_next_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
