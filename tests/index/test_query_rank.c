#include "tests/index/support_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Each word a product holds is worth one tier, however many forms or completions of it there are;
 * any word of the plain profile is a mere sum. */
static void more_words_come_before_fewer(void **state)
{
    (void)state;
    struct world *w = make_world(5);
    for (int i = 0; i < 300; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result r;
        if (c.any)
            continue;
        run(w, &q, &r);
        for (uint32_t h = 0; h < r.hit_count; h++) {
            const struct item *it = &w->items[number_of(r.hits[h].id)];
            uint32_t words = 0;
            for (uint32_t k = 0; k < c.count; k++)
                words += has_word(it, c.words[k], c.prefix && k + 1 == c.count);
            if (r.hits[h].score >> 24 != words)
                print_error("text '%s' any %d prefix %d\n", c.text, c.any, c.prefix);
            assert_int_equal(r.hits[h].score >> 24, words);
        }
        arena_reset(&w->arena);
    }
    close_world(w);
}

static void the_order_of_coming_does_not_matter(void **state)
{
    (void)state;
    struct world *a = make_world(51), *b = same_in_one_batch(a);
    for (int i = 0; i < 300; i++) {
        struct words_case c = random_words(&a->seed);
        struct filter_case f = random_filter(&a->seed);
        struct query q = query_of(&c, &f);
        struct query_result x, y;
        q.k = 50;
        run(a, &q, &x);
        run(b, &q, &y);
        assert_int_equal(x.found, y.found);
        assert_int_equal(x.hit_count, y.hit_count);
        for (uint32_t h = 0; h < x.hit_count; h++) {
            if (x.hits[h].score != y.hits[h].score || !slice_equal(x.hits[h].id, y.hits[h].id))
                print_error("hit %u: text '%s' any %d prefix %d filter '%s'\n", h, c.text, c.any,
                            c.prefix, f.text);
            assert_int_equal(x.hits[h].score, y.hits[h].score);
            assert_true(slice_equal(x.hits[h].id, y.hits[h].id));
        }
        arena_reset(&a->arena);
        arena_reset(&b->arena);
    }
    close_world(a);
    close_world(b);
}

/* found belongs to the query, not to the page or the count that was asked for. */
static void page_and_count_do_not_decide_on_typos(void **state)
{
    (void)state;
    struct world *w = make_world(61);
    for (int i = 0; i < 1500; i++) {
        struct words_case c = random_words(&w->seed);
        struct filter_case f = random_filter(&w->seed);
        struct query q = query_of(&c, &f);
        struct query_result all, few;
        c.any = false;
        q.match = QUERY_ALL;
        q.typos = QUERY_TYPOS_AUTO;
        q.no_pruning = true;
        run(w, &q, &all);
        q.no_pruning = false;
        q.k = 1;
        q.count_to = 0;
        run(w, &q, &few);
        assert_int_equal(few.hit_count, all.hit_count ? 1 : 0);
        if (few.hit_count)
            assert_int_equal(few.hits[0].docid, all.hits[0].docid);
        assert_int_equal(few.work.terms_expanded, all.work.terms_expanded);
        arena_reset(&w->arena);
    }
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_words_come_before_fewer),
        cmocka_unit_test(the_order_of_coming_does_not_matter),
        cmocka_unit_test(page_and_count_do_not_decide_on_typos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
