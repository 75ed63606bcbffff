#include "loadtest/mix.h"

#include "loadtest/ask.h"
#include "loadtest/replay.h"
#include "protocol/traceparent.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* A search over three queries, with a facet and two filters. */
static uint32_t player_next(struct player *p, struct frame *f)
{
    uint32_t number = player_pick(p);
    player_make(p, number, NULL, f);
    return number;
}

static void make(struct mix *m, struct arena *a)
{
    static struct slice texts[3];
    const struct slice words[3] = {SLICE_LIT("red shoe"), SLICE_LIT("blue lamp"),
                                   SLICE_LIT("gr\xc3\xbcner Tisch")};
    static double weights[] = {1, 1, 2};
    struct ask q;
    memcpy(texts, words, sizeof texts);
    memset(m, 0, sizeof *m);
    arena_init(a, 0);
    m->op_count = 1;
    m->ops[0] = (struct mix_op){.name = "search",
                                .weight = 1,
                                .deadline_ms = 70,
                                .frame_class = CLASS_SHEDDABLE,
                                .queries = {texts, weights, 3, true},
                                .query_pick = {.mode = PICK_WEIGHTED}};
    ask_init(&q, MIX_SEARCH, SLICE_LIT("shop"));
    assert_int_equal(ask_facet(&q, SLICE_LIT("brand:7"), NULL), STATUS_OK);
    assert_int_equal(ask_sort(&q, SLICE_LIT("price:desc"), NULL), STATUS_OK);
    assert_int_equal(ask_filter(&q, SLICE_LIT("price < 5"), NULL), STATUS_OK);
    assert_int_equal(ask_filter(&q, SLICE_LIT("price > 9"), NULL), STATUS_OK);
    assert_int_equal(ask_return(&q, SLICE_LIT("title,,price"), NULL), STATUS_OK);
    assert_int_equal(ask_finish(&q, a, &m->ops[0]), STATUS_OK);
    assert_int_equal(mix_finish(m), STATUS_OK);
}

static void search_of(const struct frame *f, struct arena *a, struct search_request *q)
{
    assert_int_equal(f->opcode, OP_SEARCH);
    assert_int_equal(search_request_decode(f->body, a, q, NULL), STATUS_OK);
}

static void a_request_decodes_to_what_was_asked(void **state)
{
    (void)state;
    struct mix m;
    struct arena a;
    struct player p;
    struct frame f;
    make(&m, &a);
    player_init(&p, &m, 4);
    uint32_t tables = 0, cheap = 0;
    for (int i = 0; i < 400; i++) {
        struct search_request q;
        assert_int_equal(player_next(&p, &f), 0);
        search_of(&f, &a, &q);
        assert_true(slice_equal(q.catalog, SLICE_LIT("shop")));
        assert_int_equal(q.facet_count, 1);
        assert_int_equal(q.facets[0].limit, 7);
        assert_true(q.sorts[0].descending && m.ops[0].sorted);
        assert_int_equal(q.return_count, 2);
        assert_int_equal(f.time, 70);
        assert_int_equal(frame_class_of(&f), CLASS_SHEDDABLE);
        tables += slice_starts(q.text, SLICE_LIT("gr"));
        cheap += slice_equal(q.filter, SLICE_LIT("price < 5"));
    }
    assert_true(tables > 150 && tables < 250); /* half the weight */
    assert_true(cheap > 150 && cheap < 250);
    player_fini(&p);
    mix_fini(&m);
    arena_fini(&a);
}

static void the_same_seed_asks_the_same(void **state)
{
    (void)state;
    struct mix m;
    struct arena a;
    struct player p, q;
    struct frame f, g;
    make(&m, &a);
    m.ops[0].misspelt = 0.5;
    m.ops[0].unseen = 0.3;
    player_init(&p, &m, 9);
    player_init(&q, &m, 9);
    for (int i = 0; i < 300; i++) {
        player_next(&p, &f);
        player_next(&q, &g);
        assert_true(slice_equal(f.body, g.body));
    }
    player_fini(&q);
    player_init(&q, &m, 10);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        player_next(&p, &f);
        player_next(&q, &g);
        same += slice_equal(f.body, g.body);
    }
    assert_true(same < 40);
    player_fini(&p);
    player_fini(&q);
    mix_fini(&m);
    arena_fini(&a);
}

static void typing_grows_by_whole_letters_to_the_end(void **state)
{
    (void)state;
    struct mix m;
    struct arena a;
    struct player p;
    struct frame f;
    struct search_request q;
    make(&m, &a);
    m.ops[0].typing = true;
    m.ops[0].query_pick.mode = PICK_SEQUENTIAL;
    player_init(&p, &m, 1);
    for (int i = 0; i < 7 + 8; i++) /* "re" .. "red shoe", "bl" .. "blue lamp" */
        player_next(&p, &f);
    search_of(&f, &a, &q);
    assert_true(slice_equal(q.text, SLICE_LIT("blue lamp")));
    static const char *const want[] = {"gr", "gr\xc3\xbc", "gr\xc3\xbcn", "gr\xc3\xbcne"};
    for (int i = 0; i < 4; i++) {
        player_next(&p, &f);
        search_of(&f, &a, &q);
        assert_true(slice_equal(q.text, slice_str(want[i])));
    }
    player_fini(&p);
    mix_fini(&m);
    arena_fini(&a);
}

static void a_log_is_replayed_as_it_was(void **state)
{
    (void)state;
    struct mix m;
    struct arena a;
    struct player p;
    struct frame f;
    struct replay log;
    struct search_request q;
    struct fault fault = {0};
    make(&m, &a);
    player_init(&p, &m, 1);
    assert_int_equal(replay_parse(SLICE_LIT("# log\n500\tsearch\tred hat\n502.5\t0\tx\ty\n"), &m, 2,
                                  &a, &log, NULL),
                     STATUS_OK);
    assert_int_equal(log.count, 2);
    assert_int_equal(log.entries[0].at_ns, 0);
    assert_int_equal(log.entries[1].at_ns, 1250000);
    replay_frame(&log.entries[0], &p, &f);
    search_of(&f, &a, &q);
    assert_true(slice_equal(q.text, SLICE_LIT("red hat")));
    static const char *const wrong[] = {"", "x\tsearch\ta\n", "1\tget\ta\n", "2\t0\ta\n1\t0\tb\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(replay_parse(slice_str(wrong[i]), &m, 1, &a, &log, &fault),
                         STATUS_INVALID);
    player_fini(&p);
    mix_fini(&m);
    arena_fini(&a);
}

static void wrong_words_of_an_operation_are_refused(void **state)
{
    (void)state;
    struct ask q;
    ask_init(&q, MIX_SEARCH, SLICE_LIT("shop"));
    assert_int_equal(ask_facet(&q, SLICE_LIT("brand:many"), NULL), STATUS_INVALID);
    assert_int_equal(ask_sort(&q, SLICE_LIT("price:up"), NULL), STATUS_INVALID);
    assert_int_equal(mix_kind_of(SLICE_LIT("find")), MIX_KIND_COUNT);
    enum frame_class c;
    assert_false(mix_class_of(SLICE_LIT("vip"), &c));
}

static void a_share_of_the_requests_is_traced(void **state)
{
    (void)state;
    struct mix m;
    struct arena a;
    struct player p, plain;
    struct frame f, g;
    struct trace_context t;
    uint32_t traced = 0;
    make(&m, &a);
    player_init(&plain, &m, 3);
    player_make(&plain, 0, NULL, &g);
    assert_false(g.flags & FLAG_TRACE);
    m.trace = 0.25;
    player_init(&p, &m, 3);
    for (int i = 0; i < 2000; i++) {
        player_next(&p, &f);
        size_t len = f.body.len;
        assert_true(!(f.flags & FLAG_TRACE) == !trace_context_take(&f.body, &t));
        if (!(f.flags & FLAG_TRACE))
            continue;
        traced++;
        assert_int_equal(t.flags, TRACE_SAMPLED);
        assert_int_equal(f.body.len, len - TRACE_FIELD_LEN);
    }
    assert_in_range(traced, 400, 600);
    player_fini(&p);
    player_fini(&plain);
    mix_fini(&m);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_of_the_requests_is_traced),
        cmocka_unit_test(a_request_decodes_to_what_was_asked),
        cmocka_unit_test(the_same_seed_asks_the_same),
        cmocka_unit_test(typing_grows_by_whole_letters_to_the_end),
        cmocka_unit_test(a_log_is_replayed_as_it_was),
        cmocka_unit_test(wrong_words_of_an_operation_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
