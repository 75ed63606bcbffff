#include "tests/index/support_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The order of single products is tested elsewhere; grouped answers are held against it. */

static const char *const fields[] = {"brand", "stock", "price", "category"};

/* What a product is grouped by; products without it get a value of their own. */
static double value_of(const struct item *it, int field, uint32_t number)
{
    double none = -1000.0 - number;
    switch (field) {
    case 0:
        return it->brand < 0 ? none : it->brand;
    case 1:
        return it->stock < 0 ? none : (double)it->stock;
    case 2:
        return it->price;
    default:
        return it->path < 0 ? none : it->path;
    }
}

struct expected {
    uint32_t number, group, group_count;
};

struct expectation {
    struct expected hits[PRODUCTS];
    double values[PRODUCTS];
    uint32_t counts[PRODUCTS], firsts[PRODUCTS], group_count, hit_count;
};

/* Walks the ungrouped order: groups in order of their first product, `size` of each. */
static void expect(struct world *w, const struct query_result *all, int field, uint32_t size,
                   struct expectation *e)
{
    static uint32_t members[PRODUCTS][8];
    e->group_count = e->hit_count = 0;
    for (uint32_t h = 0; h < all->hit_count; h++) {
        uint32_t n = number_of(all->hits[h].id), g = 0;
        double v = value_of(&w->items[n], field, n);
        while (g < e->group_count && e->values[g] != v)
            g++;
        if (g == e->group_count) {
            e->values[g] = v;
            e->counts[g] = 0;
            e->group_count++;
        }
        if (e->counts[g] < size)
            members[g][e->counts[g]] = n;
        e->counts[g]++;
    }
    for (uint32_t g = 0; g < e->group_count; g++) {
        e->firsts[g] = e->hit_count;
        for (uint32_t i = 0; i < size && i < e->counts[g]; i++)
            e->hits[e->hit_count++] = (struct expected){members[g][i], g, e->counts[g]};
    }
}

/* Checks one page of groups that begins at group `from`. */
static void check_page(const struct expectation *e, const struct query_result *r, uint32_t from)
{
    uint32_t at = from < e->group_count ? e->firsts[from] : e->hit_count;
    assert_int_equal(r->group_total, e->group_count);
    for (uint32_t h = 0; h < r->hit_count; h++, at++) {
        assert_true(at < e->hit_count);
        assert_int_equal(number_of(r->hits[h].id), e->hits[at].number);
        assert_int_equal(r->hits[h].group_count, e->hits[at].group_count);
    }
}

static struct query grouped(const struct query *q, int field, uint32_t size, uint32_t k)
{
    struct query g = *q;
    g.group_field = slice_str(fields[field]);
    g.group_size = size;
    g.k = k;
    return g;
}

static void groups_are_what_a_recount_of_the_order_gives(void **state)
{
    (void)state;
    static struct expectation e;
    for (uint64_t seed = 11; seed <= 12; seed++) {
        struct world *w = make_world(seed);
        for (int i = 0; i < 150; i++) {
            struct words_case c = random_words(&w->seed);
            struct filter_case f = random_filter(&w->seed);
            struct query q = query_of(&c, &f);
            struct query_result all, r;
            int field = i % 4;
            uint32_t size = 1 + roll(&w->seed, 5);
            run(w, &q, &all);
            expect(w, &all, field, size, &e);
            struct query g = grouped(&q, field, size, 1000);
            run(w, &g, &r);
            check_page(&e, &r, 0);
            assert_int_equal(r.found, all.found);
            if (e.group_count <= 1000)
                assert_int_equal(r.hit_count, e.hit_count);
            arena_reset(&w->arena);
        }
        close_world(w);
    }
}

/* Complaint: with grouping, pages end early and the union of pages is not the whole. */
static void pages_of_groups_together_are_all_groups(void **state)
{
    (void)state;
    static struct expectation e;
    struct world *w = make_world(13);
    for (int i = 0; i < 60; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result all, r;
        int field = i % 4;
        uint32_t size = 1 + roll(&w->seed, 3), k = 5 + roll(&w->seed, 40), page = 0, hits = 0;
        run(w, &q, &all);
        expect(w, &all, field, size, &e);
        struct query g = grouped(&q, field, size, k);
        do { /* by cursor; while the window allows, by offset too */
            struct query_result by_offset;
            run(w, &g, &r);
            check_page(&e, &r, page * k);
            hits += r.hit_count;
            if (page * k + k <= 1000) {
                struct query o = g;
                o.cursor = SLICE_NULL;
                o.offset = page * k;
                run(w, &o, &by_offset);
                check_page(&e, &by_offset, page * k);
                assert_int_equal(by_offset.hit_count, r.hit_count);
            }
            g.cursor = r.cursor;
            page++;
        } while (r.cursor.len);
        assert_int_equal(hits, e.hit_count);
        arena_reset(&w->arena);
    }
    close_world(w);
}

/* The second phase orders the best products anew, and groups and what is in them with it. */
static void groups_follow_the_second_phase(void **state)
{
    (void)state;
    static struct expectation e;
    struct world *w = make_world(18);
    for (int i = 0; i < 120; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result all, r;
        int field = i % 4;
        uint32_t k = 5 + roll(&w->seed, 40), page = 0, hits = 0;
        q.profile = SLICE_NULL;
        q.profile_text = i % 3 ? SLICE_LIT("window 60\ntitle 1\nlead 1\nnear 1")
                               : SLICE_LIT("window 9\nlead 3\nsignal price linear 1 10");
        q.match = i % 5 ? q.match : QUERY_RELAXED;
        run(w, &q, &all);
        expect(w, &all, field, 1 + i % 3, &e);
        struct query g = grouped(&q, field, 1 + i % 3, k);
        do {
            struct query_result by_offset;
            run(w, &g, &r);
            check_page(&e, &r, page * k);
            assert_int_equal(r.found, all.found);
            assert_int_equal(r.dropped_count, all.dropped_count);
            hits += r.hit_count;
            if (page * k + k <= 1000) {
                struct query o = g;
                o.cursor = SLICE_NULL;
                o.offset = page * k;
                run(w, &o, &by_offset);
                check_page(&e, &by_offset, page * k);
                assert_int_equal(by_offset.hit_count, r.hit_count);
            }
            g.cursor = r.cursor;
            page++;
        } while (r.cursor.len);
        assert_int_equal(hits, e.hit_count);
        arena_reset(&w->arena);
    }
    close_world(w);
}

/* Complaint: grouping changes `found` and the facet counts. */
static void grouping_changes_neither_found_nor_facets(void **state)
{
    (void)state;
    struct world *w = make_world(14);
    const struct facet_request facets[] = {{.field = SLICE_LIT("brand")},
                                           {.field = SLICE_LIT("category")},
                                           {.field = SLICE_LIT("price"), .kind = FACET_STATS}};
    for (int i = 0; i < 60; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result plain, r;
        q.facets = facets;
        q.facet_count = 3;
        q.k = 10;
        run(w, &q, &plain);
        struct query g = grouped(&q, i % 4, 1 + roll(&w->seed, 4), 1 + roll(&w->seed, 20));
        run(w, &g, &r);
        assert_int_equal(r.found, plain.found);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(r.facets[k].count, plain.facets[k].count);
            assert_int_equal(r.facets[k].value_count, plain.facets[k].value_count);
            assert_true(r.facets[k].sum == plain.facets[k].sum);
            for (uint32_t v = 0; v < r.facets[k].value_count; v++) {
                assert_true(
                    slice_equal(r.facets[k].values[v].value, plain.facets[k].values[v].value));
                assert_int_equal(r.facets[k].values[v].count, plain.facets[k].values[v].count);
            }
        }
        arena_reset(&w->arena);
    }
    close_world(w);
}

static void groups_follow_the_asked_order(void **state)
{
    (void)state;
    static struct expectation e;
    struct world *w = make_world(15);
    const struct sort_request sorts[] = {{{"stock", 5}, true}, {{"price", 5}, false}};
    for (int i = 0; i < 40; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result all, r;
        q.sorts = sorts + i % 2;
        q.sort_count = 2 - (uint32_t)(i % 2);
        run(w, &q, &all);
        expect(w, &all, 0, 3, &e);
        struct query g = grouped(&q, 0, 3, 1000);
        run(w, &g, &r);
        check_page(&e, &r, 0);
        arena_reset(&w->arena);
    }
    close_world(w);
}

static void a_group_carries_its_value_as_text(void **state)
{
    (void)state;
    struct world *w = make_world(16);
    for (int field = 0; field < 4; field++) {
        struct words_case c = {0};
        struct filter_case f = {0};
        struct query q = query_of(&c, &f), g = grouped(&q, field, 2, 300);
        struct query_result r;
        run(w, &g, &r);
        for (uint32_t h = 0; h < r.hit_count; h++) {
            const struct item *it = &w->items[number_of(r.hits[h].id)];
            struct slice v = r.hits[h].group_value;
            if (field == 0)
                assert_true(slice_equal(v, slice_str(it->brand < 0 ? "" : walk_brands[it->brand])));
            else if (field == 3)
                assert_true(slice_equal(v, slice_str(it->path < 0 ? "" : walk_paths[it->path])));
            else if (v.len)
                assert_true(strtod(v.ptr, NULL) == (field == 1 ? (double)it->stock : it->price));
            else
                assert_true(field == 1 && it->stock < 0);
        }
    }
    close_world(w);
}

static void grouping_by_what_has_no_single_value_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        uint32_t size, k;
        enum status want;
    } cases[] = {{"title", 3, 10, STATUS_SCHEMA_MISMATCH}, {"tags", 3, 10, STATUS_SCHEMA_MISMATCH},
                 {"nothing", 3, 10, STATUS_UNKNOWN_FIELD}, {"brand", 100, 10, STATUS_TOO_LARGE},
                 {"brand", 99, 200, STATUS_TOO_LARGE},     {"brand", 99, 100, STATUS_OK}};
    struct world *w = make_world(17);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct words_case c = {0};
        struct filter_case f = {0};
        struct query q = query_of(&c, &f);
        struct query_result r;
        struct fault fault = {0};
        q.group_field = slice_str(cases[i].field);
        q.group_size = cases[i].size;
        q.k = cases[i].k;
        assert_int_equal(search_run(w->searcher, w->snap, &q, &w->arena, &r, &fault),
                         cases[i].want);
    }
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_what_a_recount_of_the_order_gives),
        cmocka_unit_test(pages_of_groups_together_are_all_groups),
        cmocka_unit_test(groups_follow_the_second_phase),
        cmocka_unit_test(grouping_changes_neither_found_nor_facets),
        cmocka_unit_test(groups_follow_the_asked_order),
        cmocka_unit_test(a_group_carries_its_value_as_text),
        cmocka_unit_test(grouping_by_what_has_no_single_value_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
