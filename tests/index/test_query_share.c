#include "tests/index/support_find.h"
#include "tests/index/support_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PARTS = 6, TERMS = 5 };

static const struct facet_request facets[] = {
    {.field = {"brand", 5}, .disjunctive = true},
    {.field = {"category", 8}, .disjunctive = true},
    {.field = {"price", 5}, .kind = FACET_STATS, .disjunctive = true},
    {.field = {"tags", 4}},
};

/* A row of random terms; a term may be a whole "or" in brackets. */
struct terms {
    struct filter_case cases[TERMS];
    uint32_t count;
    bool bare; /* without brackets */
};

static struct terms random_terms(uint64_t *seed)
{
    struct terms t = {.count = 1 + roll(seed, TERMS)};
    for (uint32_t i = 0; i < t.count; i++)
        do
            t.cases[i] = random_filter(seed);
        while (!t.cases[i].text[0]);
    return t;
}

static struct slice text_without(struct world *w, const struct terms *t, uint32_t without)
{
    struct slice text = SLICE_LIT("");
    for (uint32_t i = 0; i < t->count; i++)
        if (i != without) /* an "or" without brackets takes all that stands before it along */
            text = arena_printf(&w->arena, t->bare ? "%.*s%s%s" : "%.*s%s(%s)", (int)text.len,
                                text.ptr, text.len ? " and " : "", t->cases[i].text);
    return text;
}

static void assert_same(const struct query_result *a, const struct query_result *b)
{
    assert_int_equal(a->found, b->found);
    assert_int_equal(a->hit_count, b->hit_count);
    assert_int_equal(a->group_total, b->group_total);
    for (uint32_t i = 0; i < a->hit_count; i++) {
        assert_int_equal(a->hits[i].docid, b->hits[i].docid);
        assert_int_equal(a->hits[i].score, b->hits[i].score);
        assert_int_equal(a->hits[i].group_count, b->hits[i].group_count);
    }
    assert_int_equal(a->facet_count, b->facet_count);
    for (uint32_t f = 0; f < a->facet_count; f++) {
        assert_int_equal(a->facets[f].count, b->facets[f].count);
        assert_true(a->facets[f].min == b->facets[f].min && a->facets[f].max == b->facets[f].max);
        assert_int_equal(a->facets[f].value_count, b->facets[f].value_count);
        for (uint32_t v = 0; v < a->facets[f].value_count; v++) {
            assert_true(slice_equal(a->facets[f].values[v].value, b->facets[f].values[v].value));
            assert_int_equal(a->facets[f].values[v].count, b->facets[f].values[v].count);
        }
    }
    assert_int_equal(a->dropped_count, b->dropped_count);
    assert_int_equal(a->degraded_count, b->degraded_count);
}

/* Whatever a sub-query asks besides the words, it is answered as if it came alone. */
static void sub_queries_are_answered_as_if_alone(void **state)
{
    (void)state;
    struct world *w = make_world(51);
    static const struct sort_request by_price[] = {{{"price", 5}, true}};
    for (int round = 0; round < 120; round++) {
        struct words_case c = random_words(&w->seed);
        struct terms t = random_terms(&w->seed);
        struct filter_case none = {0};
        t.bare = round % 3 == 0;
        struct query q[PARTS];
        struct query_result alone[PARTS], shared[PARTS];
        for (uint32_t i = 0; i < PARTS; i++) {
            q[i] = query_of(&c, &none);
            q[i].filter = text_without(w, &t, i ? i - 1 : TERMS);
            q[i].facets = facets;
            q[i].facet_count = roll(&w->seed, 5);
            q[i].k = i ? roll(&w->seed, 3) : 20;
            q[i].sorts = by_price;
            q[i].sort_count = roll(&w->seed, 4) == 0;
            q[i].count_to = roll(&w->seed, 2) ? QUERY_COUNT_ALL : 0;
            if (roll(&w->seed, 5) == 0)
                q[i].group_field = SLICE_LIT("brand");
            if (round % 2) {
                q[i].match = QUERY_RELAXED;
                q[i].typos = QUERY_TYPOS_AUTO;
                q[i].profile = SLICE_NULL;
            }
            run(w, &q[i], &alone[i]);
        }
        search_share_begin(w->searcher, &w->arena);
        for (uint32_t i = 0; i < PARTS; i++) {
            run(w, &q[i], &shared[i]);
            if (alone[i].found_exact) /* pruning stops counting early, sharing does not */
                assert_same(&alone[i], &shared[i]);
        }
        search_share_end(w->searcher);
        arena_reset(&w->arena);
    }
    close_world(w);
}

static bool brand_test(const struct test *t)
{
    return t->kind == 1 || t->kind == 6;
}

static bool brands_only(const struct filter_case *f)
{
    for (uint32_t k = 0; k < f->count; k++)
        if (!brand_test(&f->tests[k]))
            return false;
    return true;
}

/* Counts of a disjunctive facet are those of the filter without the terms on its own field. */
static void disjunctive_counts_are_a_recount_without_the_own_terms(void **state)
{
    (void)state;
    struct world *w = make_world(52);
    for (int round = 0; round < 150; round++) {
        struct words_case c = random_words(&w->seed);
        struct terms t = random_terms(&w->seed);
        struct filter_case none = {0};
        struct query q = query_of(&c, &none);
        struct query_result r;
        uint64_t brand[4] = {0}, found = 0;
        q.filter = text_without(w, &t, TERMS);
        q.facets = facets;
        q.facet_count = 1;
        q.k = 5;
        run(w, &q, &r);
        for (uint32_t n = 0; n < PRODUCTS; n++) {
            const struct item *it = &w->items[n];
            bool others = true, all = true;
            for (uint32_t i = 0; i < t.count; i++) {
                const struct filter_case *f = &t.cases[i];
                bool joined = f->count == 2; /* two terms, also in brackets */
                all &= passes(f, it);
                for (uint32_t k = 0; k < (joined ? 2 : 1); k++) {
                    struct filter_case one = {.tests = {f->tests[k]}, .count = 1};
                    bool own = brand_test(&f->tests[k]) && (f->count < 3 || brands_only(f));
                    others &= own || passes(f->count == 3 ? f : &one, it);
                }
            }
            if (!it->live || !holds(&c, it))
                continue;
            found += all;
            if (others && it->brand >= 0)
                brand[it->brand]++;
        }
        assert_int_equal(r.found, found);
        for (int b = 0; b < 4; b++) {
            uint64_t got = 0;
            for (uint32_t v = 0; v < r.facets[0].value_count; v++)
                if (slice_equal(r.facets[0].values[v].value, slice_str(walk_brands[b])))
                    got = r.facets[0].values[v].count;
            if (got != brand[b])
                print_error("%s: %.*s\n", walk_brands[b], (int)q.filter.len, q.filter.ptr);
            assert_int_equal(got, brand[b]);
        }
        arena_reset(&w->arena);
    }
    close_world(w);
}

/* More terms than there are bits for: the rest is one. */
static void many_terms_are_still_all_asked(void **state)
{
    (void)state;
    struct world *w = make_world(53);
    struct words_case c = {0};
    struct filter_case none = {0};
    struct query q = query_of(&c, &none);
    struct query_result r;
    struct slice text = SLICE_LIT("price < 99");
    for (int i = 0; i < 45; i++)
        text = arena_printf(&w->arena, "%.*s and price != %d", (int)text.len, text.ptr, i);
    text = arena_printf(&w->arena, "%.*s and brand = Puma", (int)text.len, text.ptr);
    q.filter = text;
    q.facets = facets;
    q.facet_count = 2;
    run(w, &q, &r);
    uint64_t found = 0, puma = 0;
    for (uint32_t n = 0; n < PRODUCTS; n++) {
        const struct item *it = &w->items[n];
        bool price = it->price < 99 && !(it->price < 44.5 && it->price == (int)it->price);
        found += it->live && price && it->brand == 1;
        puma += it->live && price && it->brand == 1;
    }
    assert_int_equal(r.found, found);
    assert_int_equal(r.facets[0].count, puma); /* the last clause is mixed: it stays on */
    close_world(w);
}

/* A page behind a cursor ranks by the weights of its first page; those beside it do not. */
static void a_cursor_lends_its_weights_to_no_other_part(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world *w = make_world(700 + seed);
        struct words_case c = random_words(&w->seed);
        struct filter_case none = {0};
        bool changed[PRODUCTS] = {false};
        struct query q[3];
        struct query_result first, alone[3], shared[3];
        for (int i = 0; i < 3; i++) {
            q[i] = query_of(&c, &none);
            q[i].k = 10;
            if (seed % 4 > 1) { /* a second phase, too */
                q[i].match = QUERY_RELAXED;
                q[i].typos = QUERY_TYPOS_AUTO;
                q[i].profile = SLICE_NULL;
            }
        }
        run(w, &q[0], &first);
        q[seed % 2].cursor = arena_copy(&w->arena, first.cursor);
        for (int i = 0; i < 6; i++)
            change_world(w, 200, changed);
        for (int i = 0; i < 3; i++)
            run(w, &q[i], &alone[i]);
        search_share_begin(w->searcher, &w->arena);
        for (int i = 0; i < 3; i++)
            run(w, &q[i], &shared[i]);
        search_share_end(w->searcher);
        for (int i = 0; i < 3; i++)
            assert_same(&alone[i], &shared[i]);
        close_world(w);
    }
}

/* Nor what it knows of words that nothing was known of on its first page. */
static void a_cursor_lends_its_words_to_no_other_part(void **state)
{
    (void)state;
    static const struct find_product bottles[] = {{.id = "a", .title = "red bottle"},
                                                  {.id = "b", .title = "bottle"},
                                                  {.id = "c", .title = "blue bottle cap"},
                                                  {.id = "d", .title = "bottle bag"},
                                                  {0}};
    static const struct find_product later = {"e", "bottel", NULL, 0};
    struct find f;
    struct query_result alone, shared;
    char kept[1024];
    find_open(&f, "en", bottles);
    f.query.match = QUERY_RELAXED;
    f.query.typos = QUERY_TYPOS_AUTO;
    f.query.k = 2;
    find_ids(&f, "bottel");
    struct slice cursor = f.result.cursor;
    assert_true(cursor.len && cursor.len < sizeof kept);
    memcpy(kept, cursor.ptr, cursor.len);
    find_put(&f, &later);
    struct query q = f.query, next;
    q.text = SLICE_LIT("bottel");
    q.k = 10;
    next = q;
    next.cursor = slice_make(kept, cursor.len);
    arena_reset(&f.arena);
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    assert_int_equal(search_run(f.searcher, f.snap, &q, &f.arena, &alone, &f.fault), STATUS_OK);
    search_share_begin(f.searcher, &f.arena);
    assert_int_equal(search_run(f.searcher, f.snap, &next, &f.arena, &shared, &f.fault), STATUS_OK);
    assert_int_equal(search_run(f.searcher, f.snap, &q, &f.arena, &shared, &f.fault), STATUS_OK);
    search_share_end(f.searcher);
    assert_int_equal(alone.hit_count, 5);
    assert_same(&alone, &shared);
    snapshot_end(f.snap);
    find_close(&f);
}

/* Where the first part was stopped early, what the others take of it is no more than that, and
 * told. */
static void what_was_stopped_early_is_told_of_each_part(void **state)
{
    (void)state;
    struct world *w = make_world(54);
    struct words_case c = {0};
    struct filter_case none = {0};
    struct query_result alone, shared[3];
    char one[8], two[8];
    word_text(1, one);
    word_text(2, two);
    snprintf(c.text, sizeof c.text, "%s %s", one, two);
    struct query q = query_of(&c, &none);
    q.text = slice_str(c.text);
    q.match = QUERY_ANY;
    q.postings_max = 1;
    run(w, &q, &alone);
    assert_int_equal(alone.degraded_count, 1);
    search_share_begin(w->searcher, &w->arena);
    for (int i = 0; i < 3; i++) {
        q.filter = i ? SLICE_LIT("price < 90") : SLICE_NULL;
        run(w, &q, &shared[i]);
        assert_int_equal(shared[i].degraded_count, 1);
        assert_false(shared[i].found_exact);
    }
    search_share_end(w->searcher);
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sub_queries_are_answered_as_if_alone),
        cmocka_unit_test(a_cursor_lends_its_weights_to_no_other_part),
        cmocka_unit_test(a_cursor_lends_its_words_to_no_other_part),
        cmocka_unit_test(disjunctive_counts_are_a_recount_without_the_own_terms),
        cmocka_unit_test(many_terms_are_still_all_asked),
        cmocka_unit_test(what_was_stopped_early_is_told_of_each_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
