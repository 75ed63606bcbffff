#include "index/lev.h"
#include "tests/index/support_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_search_finds_what_a_walk_finds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct world *w = make_world(seed);
        for (int i = 0; i < 300; i++) {
            struct words_case c = random_words(&w->seed);
            struct filter_case f = random_filter(&w->seed);
            struct query q = query_of(&c, &f);
            struct query_result r;
            uint32_t want = 0, seen[PRODUCTS] = {0};
            run(w, &q, &r);
            for (uint32_t h = 0; h < r.hit_count; h++)
                seen[number_of(r.hits[h].id)]++;
            for (uint32_t n = 0; n < PRODUCTS; n++) {
                bool yes = w->items[n].live && holds(&c, &w->items[n]) && passes(&f, &w->items[n]);
                if (seen[n] != yes)
                    print_error("p%u: text '%s' any %d prefix %d filter '%s'\n", n, c.text, c.any,
                                c.prefix, f.text);
                assert_int_equal(seen[n], yes);
                want += yes;
            }
            assert_int_equal(r.found, want);
            assert_true(r.found_exact);
            arena_reset(&w->arena);
        }
        close_world(w);
    }
}

struct patience { /* of who asked: so many looks, then this */
    uint32_t looks, left;
    enum status end;
};

static enum status look(void *ctx)
{
    struct patience *p = ctx;
    p->looks++;
    return p->left && --p->left ? STATUS_OK : p->end;
}

/* It looks again and again while it runs, and ends with what it is told, wherever that is. */
static void a_search_is_given_up_while_it_runs(void **state)
{
    (void)state;
    struct world *w = make_world(5);
    char words[80] = "", word[8];
    for (uint32_t i = 0; i < 10; i++) {
        word_text(i, word);
        strcat(strcat(words, i ? " " : ""), word);
    }
    for (int form = 0; form < 4; form++) {
        struct patience whole = {.left = UINT32_MAX};
        struct words_case c = {.count = 1, .prefix = form & 1};
        struct filter_case f = {0};
        struct query q = query_of(&c, &f);
        struct query_result r;
        struct fault fault = {0};
        q.text = form < 2 ? SLICE_NULL : slice_str(words);
        q.match = QUERY_ANY;
        q.prefix = true;
        q.check = look;
        q.check_ctx = &whole;
        run(w, &q, &r);
        assert_true(r.found > 1000);
        assert_true(whole.looks > 3);
        for (uint32_t after = 1; after < whole.looks; after++) {
            struct patience p = {.left = after,
                                 .end = after & 1 ? STATUS_DEADLINE : STATUS_CANCELLED};
            q.check_ctx = &p;
            assert_int_equal(search_run(w->searcher, w->snap, &q, &w->arena, &r, &fault), p.end);
            assert_true(p.looks <= after + 2);
        }
        arena_reset(&w->arena);
    }
    close_world(w);
}

static bool nearly_holds(const struct words_case *c, const struct item *it)
{
    for (uint32_t k = 0; k < c->count; k++) {
        bool one = false;
        for (uint32_t i = 0; i < it->word_count && !one; i++) {
            char mine[8];
            word_text(it->words[i], mine);
            one = lev_distance(slice_str(c->words[k]), slice_str(mine), 1) <= 1;
        }
        if (!one)
            return false;
    }
    return true;
}

static void typos_find_what_one_edit_reaches(void **state)
{
    (void)state;
    struct world *w = make_world(71);
    for (int i = 0; i < 200; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result r;
        if (c.prefix || c.any)
            continue;
        uint8_t seen[PRODUCTS] = {0};
        bool typo_before = false;
        q.typos = 1;
        run(w, &q, &r);
        for (uint32_t h = 0; h < r.hit_count; h++) {
            uint32_t n = number_of(r.hits[h].id);
            bool exact = holds(&c, &w->items[n]);
            seen[n]++;
            assert_false(exact && typo_before); /* no typo above an exact match */
            typo_before |= !exact;
        }
        for (uint32_t n = 0; n < PRODUCTS; n++)
            assert_int_equal(seen[n], w->items[n].live && nearly_holds(&c, &w->items[n]) &&
                                          passes(&f, &w->items[n]));
        arena_reset(&w->arena);
    }
    close_world(w);
}

static bool follows(const struct item *it, uint32_t a, uint32_t b)
{
    for (uint32_t i = 1; i < it->word_count; i++)
        if (it->words[i - 1] == a && it->words[i] == b)
            return true;
    return false;
}

static void phrases_and_exclusions_hold(void **state)
{
    (void)state;
    struct world *w = make_world(81);
    for (int i = 0; i < 200; i++) {
        uint32_t x = some_word(&w->seed), y = some_word(&w->seed), z = some_word(&w->seed);
        int kind = (int)roll(&w->seed, 4);
        char a[8], b[8], c[8], text[64];
        static const char *const forms[] = {"\"%s %s\" -%s", "%s %s -%s", "-\"%s %s\" %s",
                                            "%s -\"%s %s\""};
        word_text(x, a);
        word_text(y, b);
        word_text(z, c);
        snprintf(text, sizeof text, forms[kind], a, b, c);
        struct query q = {.text = slice_str(text),
                          .k = PAGE,
                          .count_to = QUERY_COUNT_ALL,
                          .max_stale_ms = -1,
                          .profile = SLICE_LIT("bm25")};
        struct query_result r;
        uint8_t seen[PRODUCTS] = {0};
        run(w, &q, &r);
        for (uint32_t h = 0; h < r.hit_count; h++)
            seen[number_of(r.hits[h].id)]++;
        for (uint32_t n = 0; n < PRODUCTS; n++) {
            const struct item *it = &w->items[n];
            bool ha = has_word(it, a, false), hb = has_word(it, b, false),
                 hc = has_word(it, c, false);
            bool yes = kind == 0   ? follows(it, x, y) && !hc
                       : kind == 1 ? ha && hb && !hc
                       : kind == 2 ? !follows(it, x, y) && hc
                                   : ha && !follows(it, y, z);
            if (seen[n] != (it->live && yes))
                print_error("p%u: %s\n", n, text);
            assert_int_equal(seen[n], it->live && yes);
        }
        arena_reset(&w->arena);
    }
    close_world(w);
}

static void pruning_never_changes_the_best(void **state)
{
    (void)state;
    struct world *w = make_world(11);
    for (int i = 0; i < 600; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result all, few;
        q.k = 1 + roll(&w->seed, 20);
        q.no_pruning = true;
        run(w, &q, &all);
        q.no_pruning = false;
        q.count_to = roll(&w->seed, 50);
        run(w, &q, &few);
        assert_int_equal(few.hit_count, all.hit_count);
        for (uint32_t h = 0; h < all.hit_count; h++) {
            assert_int_equal(few.hits[h].docid, all.hits[h].docid);
            assert_int_equal(few.hits[h].score, all.hits[h].score);
        }
        assert_true(few.found <= all.found);
        assert_true(few.found_exact ? few.found == all.found : (int64_t)few.found >= q.count_to);
        arena_reset(&w->arena);
    }
    close_world(w);
}

static void a_search_that_may_read_little_says_so(void **state)
{
    (void)state;
    struct world *w = make_world(13);
    uint32_t stopped = 0;
    for (int i = 0; i < 200; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result all, little;
        run(w, &q, &all);
        q.postings_max = 1;
        run(w, &q, &little);
        bool told =
            little.degraded_count && slice_equal(little.degraded[0], SLICE_LIT("early_stop"));
        stopped += told;
        assert_true(little.found <= all.found);
        assert_true(told ? !little.found_exact : little.found == all.found);
        arena_reset(&w->arena);
    }
    assert_true(stopped > 20);
    close_world(w);
}

static void pages_are_pieces_of_one_list(void **state)
{
    (void)state;
    struct world *w = make_world(21);
    for (int i = 0; i < 60; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result all, page;
        run(w, &q, &all);
        q.k = 7;
        q.count_to = 10;
        for (q.offset = 0; q.offset < 40; q.offset += q.k) {
            run(w, &q, &page);
            for (uint32_t h = 0; h < page.hit_count; h++)
                assert_int_equal(page.hits[h].docid, all.hits[q.offset + h].docid);
            uint32_t left = q.offset < all.hit_count ? all.hit_count - q.offset : 0;
            assert_int_equal(page.hit_count, left < q.k ? left : q.k);
        }
        arena_reset(&w->arena);
    }
    close_world(w);
}

static void facets_are_counts_of_a_walk(void **state)
{
    (void)state;
    struct world *w = make_world(31);
    struct facet_request facets[] = {
        {.field = {"brand", 5}, .limit = 100},
        {.field = {"category", 8}, .limit = 100},
        {.field = {"tags", 4}, .limit = 100},
        {.field = {"price", 5}, .kind = FACET_RANGES, .ranges = {"..20,20..50,50..", 16}},
        {.field = {"price", 5}, .kind = FACET_STATS}};
    for (int i = 0; i < 200; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result r;
        uint64_t brand[4] = {0}, path[5] = {0}, tag[8] = {0}, range[3] = {0}, count = 0;
        double sum = 0;
        q.facets = facets;
        q.facet_count = 5;
        q.k = 3;
        q.count_to = 0;
        run(w, &q, &r);
        for (uint32_t n = 0; n < PRODUCTS; n++) {
            const struct item *it = &w->items[n];
            if (!it->live || !holds(&c, it) || !passes(&f, it))
                continue;
            count++;
            sum += it->price;
            range[it->price < 20 ? 0 : it->price < 50 ? 1 : 2]++;
            for (int b = 0; b < 4; b++)
                brand[b] += it->brand == b;
            for (int p = 0; p < 5; p++)
                path[p] += path_under(it->path, p);
            for (int t = 0; t < 8; t++)
                tag[t] += it->tags >> t & 1;
        }
        assert_int_equal(r.found, count);
        assert_int_equal(r.facet_count, 5);
        for (int k = 0; k < 3; k++) {
            uint64_t last = UINT64_MAX;
            uint32_t some = 0;
            for (int v = 0; v < (k == 0 ? 4 : k == 1 ? 5 : 8); v++)
                some += (k == 0 ? brand[v] : k == 1 ? path[v] : tag[v]) != 0;
            assert_int_equal(r.facets[k].value_count, some);
            for (uint32_t v = 0; v < r.facets[k].value_count; v++) {
                const struct facet_value *fv = &r.facets[k].values[v];
                uint64_t want = 0;
                for (int b = 0; k == 0 && b < 4; b++)
                    want += slice_equal(fv->value, slice_str(walk_brands[b])) ? brand[b] : 0;
                for (int p = 0; k == 1 && p < 5; p++)
                    want += slice_equal(fv->value, slice_str(walk_paths[p])) ? path[p] : 0;
                if (k == 2)
                    want = tag[fv->value.ptr[1] - '0'];
                assert_int_equal(fv->count, want);
                assert_true(fv->count <= last);
                last = fv->count;
            }
        }
        for (int v = 0; v < 3; v++)
            assert_int_equal(r.facets[3].values[v].count, range[v]);
        assert_int_equal(r.facets[4].count, count);
        assert_true(r.facets[4].sum > sum - 1e-6 * (sum + 1) &&
                    r.facets[4].sum < sum + 1e-6 * (sum + 1));
        arena_reset(&w->arena);
    }
    close_world(w);
}

static void sorted_hits_follow_the_column(void **state)
{
    (void)state;
    struct world *w = make_world(41);
    for (int i = 0; i < 60; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result r;
        bool down = i & 1;
        struct sort_request sorts[] = {{.field = {"stock", 5}, .descending = down},
                                       {.field = {"price", 5}}};
        q.sorts = sorts;
        q.sort_count = 2;
        run(w, &q, &r);
        for (uint32_t h = 1; h < r.hit_count; h++) {
            const struct item *a = &w->items[number_of(r.hits[h - 1].id)],
                              *b = &w->items[number_of(r.hits[h].id)];
            if (a->stock == b->stock)
                assert_true(a->price <= b->price);
            else if (a->stock < 0 || b->stock < 0)
                assert_true(b->stock < 0); /* products without a value come last */
            else
                assert_true(down ? a->stock > b->stock : a->stock < b->stock);
        }
        arena_reset(&w->arena);
    }
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_finds_what_a_walk_finds),
        cmocka_unit_test(a_search_is_given_up_while_it_runs),
        cmocka_unit_test(typos_find_what_one_edit_reaches),
        cmocka_unit_test(phrases_and_exclusions_hold),
        cmocka_unit_test(pruning_never_changes_the_best),
        cmocka_unit_test(a_search_that_may_read_little_says_so),
        cmocka_unit_test(pages_are_pieces_of_one_list),
        cmocka_unit_test(facets_are_counts_of_a_walk),
        cmocka_unit_test(sorted_hits_follow_the_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
