/* refresh_queue: hottest first, rests end in their second, waiters are told once; then any order of
 * calls against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/refresh_queue.h"

static struct refresh_entry *add(struct refresh_queue *q, const char *id)
{
    struct refresh_entry *e = refresh_queue_add(q, slice_str(id));
    assert_non_null(e);
    return e;
}

static void the_hottest_come_first(void **state)
{
    (void)state;
    struct refresh_queue q;
    struct refresh_entry *out[8];
    assert_int_equal(refresh_queue_init(&q, 100, 0), STATUS_OK);
    struct refresh_entry *a = add(&q, "a"), *b = add(&q, "b"), *c = add(&q, "c");
    refresh_queue_ready(&q, a);
    refresh_queue_ready(&q, b);
    refresh_queue_ready(&q, c);
    for (int i = 0; i < 9; i++)
        refresh_queue_heat(&q, c);
    for (int i = 0; i < 3; i++)
        refresh_queue_heat(&q, b);
    assert_int_equal(refresh_queue_hottest(&q, out, 8), 3);
    assert_ptr_equal(out[0], c);
    assert_ptr_equal(out[1], b);
    assert_ptr_equal(out[2], a);
    refresh_queue_fini(&q, STATUS_UNAVAILABLE);
}

static void an_id_with_a_comma_comes_alone(void **state)
{
    (void)state;
    struct refresh_queue q;
    struct refresh_entry *out[8];
    assert_int_equal(refresh_queue_init(&q, 100, 0), STATUS_OK);
    refresh_queue_ready(&q, add(&q, "a,b"));
    refresh_queue_ready(&q, add(&q, "c"));
    assert_int_equal(refresh_queue_hottest(&q, out, 8), 1);
    refresh_queue_remove(&q, out[0]);
    assert_int_equal(refresh_queue_hottest(&q, out, 8), 1);
    refresh_queue_fini(&q, STATUS_UNAVAILABLE);
}

static void count_told(void *ctx, const struct get_item_reply *item)
{
    int *told = ctx;
    told[item->status == STATUS_DEADLINE]++;
}

static void waiters_are_told_once_and_bounded(void **state)
{
    (void)state;
    struct refresh_queue q;
    int told[2] = {0};
    assert_int_equal(refresh_queue_init(&q, 100, 0), STATUS_OK);
    struct refresh_entry *e = add(&q, "a");
    for (int i = 0; i < 10; i++)
        assert_true(refresh_entry_wait(e, 10, i < 4 ? 50 : 500, count_told, told));
    assert_false(refresh_entry_wait(e, 10, 50, count_told, told));
    refresh_entry_expire(e, 100);
    assert_int_equal(told[1], 4);
    assert_true(refresh_entry_wait(e, 10, 500, count_told, told));
    refresh_entry_tell(e, &(struct get_item_reply){.status = STATUS_OK});
    assert_int_equal(told[0], 7);
    refresh_queue_fini(&q, STATUS_UNAVAILABLE);
    assert_int_equal(told[0] + told[1], 11);
}

static void an_answer_is_kept_until_the_next_flight(void **state)
{
    (void)state;
    struct refresh_queue q;
    struct get_item_reply out;
    char text[] = "shoe";
    assert_int_equal(refresh_queue_init(&q, 100, 0), STATUS_OK);
    struct refresh_entry *e = add(&q, "a");
    assert_false(refresh_entry_kept(e, 0, &out));
    refresh_queue_rest(&q, e, 1000);
    const struct get_item_reply item = {
        .status = STATUS_OK, .document = slice_make(text, 4), .age_ms = 7, .version = 3};
    refresh_queue_keep(&q, e, &item, 100);
    text[0] = '_'; /* a copy is kept */
    assert_true(refresh_entry_kept(e, 150, &out));
    assert_true(slice_equal(out.document, slice_str("shoe")));
    assert_true(slice_equal(out.id, slice_str("a")));
    assert_int_equal(out.age_ms, 57);
    assert_int_equal(out.version, 3);
    refresh_queue_keep(&q, e, &(struct get_item_reply){.status = STATUS_OK}, 200);
    assert_true(refresh_entry_kept(e, 200, &out));
    assert_int_equal(out.document.len, 0);
    assert_int_equal(q.kept_bytes, 0);
    refresh_queue_ready(&q, e);
    assert_false(refresh_entry_kept(e, 300, &out));
    char *large = calloc(1, REFRESH_KEPT_MOST / 2);
    assert_non_null(large);
    const struct get_item_reply half = {.document = slice_make(large, REFRESH_KEPT_MOST / 2)};
    struct refresh_entry *more[] = {e, add(&q, "b"), add(&q, "c")};
    for (int i = 0; i < 3; i++) {
        refresh_queue_rest(&q, more[i], 1000);
        refresh_queue_keep(&q, more[i], &half, 0);
        assert_int_equal(refresh_entry_kept(more[i], 0, &out), i < 2);
    }
    refresh_queue_remove(&q, more[0]);
    refresh_queue_keep(&q, more[2], &half, 0);
    assert_true(refresh_entry_kept(more[2], 0, &out));
    free(large);
    refresh_queue_fini(&q, STATUS_UNAVAILABLE);
}

static void there_are_only_so_many(void **state)
{
    (void)state;
    struct refresh_queue q;
    assert_int_equal(refresh_queue_init(&q, 2, 0), STATUS_OK);
    add(&q, "a");
    add(&q, "b");
    assert_null(refresh_queue_add(&q, SLICE_LIT("c")));
    assert_null(refresh_queue_add(&q, SLICE_NULL));
    refresh_queue_fini(&q, STATUS_UNAVAILABLE);
}

/* --- any order of calls ------------------------------------------------------------------------
 */

enum { PRODUCTS = 3000 };
enum where { NOWHERE, READY, FLYING, RESTING };

struct shadow {
    enum where where;
    uint32_t asks;
    int64_t until;
};

static struct shadow shadows[PRODUCTS];
static struct refresh_queue queue;
static int64_t now_ms;

static uint32_t number_of(const struct refresh_entry *e)
{
    return (uint32_t)strtoul(e->id, NULL, 10);
}

static void rested(void *ctx, struct refresh_entry *e)
{
    (void)ctx;
    struct shadow *s = &shadows[number_of(e)];
    assert_int_equal(s->where, RESTING);
    assert_true(e->not_before_ms <= now_ms || e->not_before_ms / 1000 >= now_ms / 1000);
    if (rand() % 2) {
        refresh_queue_ready(&queue, e);
        s->where = READY;
    } else {
        refresh_queue_remove(&queue, e);
        *s = (struct shadow){NOWHERE, 0, 0};
    }
}

static void step(uint32_t i)
{
    char id[16];
    struct shadow *s = &shadows[i];
    struct slice name = slice_make(id, (size_t)snprintf(id, sizeof id, "%u.", i));
    struct refresh_entry *e = refresh_queue_find(&queue, name);
    assert_int_equal(e != NULL, s->where != NOWHERE);
    if (!e) {
        e = refresh_queue_add(&queue, name);
        refresh_queue_ready(&queue, e);
        *s = (struct shadow){READY, 0, 0};
        return;
    }
    switch (rand() % 4) {
    case 0:
        refresh_queue_heat(&queue, e);
        s->asks++;
        assert_int_equal(e->asks, s->asks);
        break;
    case 1:
        if (s->where == READY) {
            refresh_queue_fly(&queue, e);
            s->where = FLYING;
        }
        break;
    case 2:
        if (s->where == FLYING) {
            s->until = now_ms + rand() % 60000;
            refresh_queue_rest(&queue, e, s->until);
            s->where = RESTING;
        }
        break;
    default:
        now_ms += rand() % 3;
        refresh_queue_turn(&queue, now_ms, rested, NULL);
    }
}

static void check(void)
{
    uint32_t ready = 0, late = 0, all = 0;
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        ready += shadows[i].where == READY;
        all += shadows[i].where != NOWHERE;
        late += shadows[i].where == RESTING && shadows[i].until + 2000 < now_ms;
    }
    assert_int_equal(queue.ready_count, ready);
    assert_int_equal(queue.entry_count, all);
    assert_int_equal(late, 0);
    static struct refresh_entry *out[PRODUCTS];
    uint32_t count = refresh_queue_hottest(&queue, out, PRODUCTS);
    assert_int_equal(count, ready);
    for (uint32_t i = 1; i < count; i++)
        assert_true(out[i - 1]->list >= out[i]->list);
}

static void any_order_of_calls_agrees_with_an_array(void **state)
{
    (void)state;
    const char *given = getenv("SOUK_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 11;
    print_message("refresh_queue seed %u\n", seed);
    srand(seed);
    now_ms = 123456;
    assert_int_equal(refresh_queue_init(&queue, PRODUCTS, now_ms), STATUS_OK);
    for (int i = 0; i < 2000000; i++) {
        step((uint32_t)rand() % PRODUCTS);
        if (i % 20000 == 0)
            check();
    }
    refresh_queue_fini(&queue, STATUS_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hottest_come_first),
        cmocka_unit_test(an_id_with_a_comma_comes_alone),
        cmocka_unit_test(waiters_are_told_once_and_bounded),
        cmocka_unit_test(an_answer_is_kept_until_the_next_flight),
        cmocka_unit_test(there_are_only_so_many),
        cmocka_unit_test(any_order_of_calls_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
