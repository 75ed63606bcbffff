#include "loadtest/observe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "protocol/reply.h"

/* A search reply of which one thing may be wrong. */
struct answer {
    uint32_t hits, found;
    bool exact, climbing, twice, expired, miscounted, degraded, cut;
    uint64_t sequence, level;
};

static void encode(const struct answer *a, struct buf *b)
{
    uint64_t fresh = a->hits + a->miscounted;
    buf_clear(b);
    tlv_put_u64(b, TAG_HITS_FOUND, a->found);
    tlv_put_u64(b, TAG_HITS_FOUND_EXACT, a->exact);
    tlv_put_u64(b, TAG_HITS_SEQUENCE, a->sequence);
    if (a->level)
        tlv_put_u64(b, TAG_HITS_LEVEL, a->level);
    if (a->degraded)
        tlv_put(b, TAG_HITS_DEGRADED, SLICE_LIT("typos"));
    size_t at = search_reply_hits_begin(b, a->hits);
    for (uint32_t i = 0; i < a->hits; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%u", a->twice && i ? 0 : i);
        struct hit_reply h = {.id = slice_str(id),
                              .score = a->climbing ? 10 + i : 100 - i,
                              .freshness = a->expired && i == 1 ? EXPIRED : FRESH};
        size_t document = search_reply_hit_begin(b, &h);
        search_reply_hit_end(b, document, &h);
    }
    search_reply_hits_end(b, at);
    at = tlv_begin(b, TAG_HITS_FRESHNESS);
    wire_put_varint(b, fresh);
    wire_put_varint(b, 0);
    wire_put_varint(b, 0);
    tlv_end(b, at);
    if (a->cut)
        b->len -= 2;
}

static const struct mix_op search = {
    .name = "search", .kind = MIX_SEARCH, .k = 5, .no_cache = true};

static bool look(struct observer *o, const struct answer *a, struct counts *c)
{
    struct buf b = BUF_INIT;
    struct pending p = {0};
    encode(a, &b);
    struct frame f = {.opcode = OP_SEARCH, .flags = FLAG_REPLY, .body = buf_slice(&b)};
    bool good = observe_reply(o, &search, 1, &p, &f, c);
    buf_fini(&b);
    return good;
}

static void each_lie_is_found_and_named(void **state)
{
    (void)state;
    static const struct {
        struct answer answer;
        const char *said; /* NULL = nothing is wrong */
    } cases[] = {
        {{.hits = 5, .found = 9}, NULL},
        {{.hits = 2, .found = 2, .exact = true}, NULL},
        {{.hits = 6, .found = 9}, "6 hits where 5 were asked for"},
        {{.hits = 3, .found = 2}, "3 hits of 2 found"},
        {{.hits = 3, .found = 4, .exact = true}, "3 hits where 4 were found and 5 asked for"},
        {{.hits = 3, .found = 3, .climbing = true}, "hit 1 scores more than the one before it"},
        {{.hits = 3, .found = 3, .twice = true}, "product p0 is a hit twice"},
        {{.hits = 3, .found = 3, .expired = true}, "hit p1 is expired"},
        {{.hits = 3, .found = 3, .miscounted = true}, "3 hits are fresh, the reply counts 4"},
        {{.hits = 3, .found = 3, .cut = true}, "the body of a search reply is damaged"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tally *t = tally_create();
        struct observer o;
        struct counts c = {0};
        observer_init(&o, true, 2, t);
        assert_int_equal(look(&o, &cases[i].answer, &c), cases[i].said == NULL);
        assert_string_equal(t->wrong, cases[i].said ? cases[i].said : "");
        observer_fini(&o);
        tally_destroy(t);
    }
}

static void a_sequence_that_goes_back_is_found(void **state)
{
    (void)state;
    struct tally *t = tally_create();
    struct observer o;
    struct counts c = {0};
    observer_init(&o, true, 2, t);
    assert_true(look(&o, &(struct answer){.hits = 1, .found = 1, .sequence = 7}, &c));
    assert_true(look(&o, &(struct answer){.hits = 1, .found = 1, .sequence = 7}, &c));
    assert_false(look(&o, &(struct answer){.hits = 1, .found = 1, .sequence = 6}, &c));
    assert_string_equal(t->wrong, "the sequence went back from 7 to 6 on one connection");
    assert_true(c.verified == 3 && c.wrong == 1);
    observer_fini(&o);
    tally_destroy(t);
}

static void without_verify_only_the_shares_are_read(void **state)
{
    (void)state;
    struct tally *t = tally_create();
    struct observer o;
    struct counts c = {0};
    observer_init(&o, false, 2, t);
    assert_true(look(&o, &(struct answer){.hits = 4, .found = 9, .climbing = true}, &c));
    assert_true(
        look(&o, &(struct answer){.hits = 1, .found = 1, .degraded = true, .level = 3}, &c));
    assert_false(look(&o, &(struct answer){.hits = 1, .found = 1, .cut = true}, &c));
    assert_true(c.fresh >= 5 && c.degraded == 1 && c.level_sum == 3 && c.verified == 0);
    observer_fini(&o);
    tally_destroy(t);
}

static void another_opcode_is_no_answer(void **state)
{
    (void)state;
    struct tally *t = tally_create();
    struct observer o;
    struct counts c = {0};
    struct pending p = {0};
    struct frame f = {.opcode = OP_PING};
    observer_init(&o, false, 2, t);
    assert_false(observe_reply(&o, &search, 0, &p, &f, &c));
    observer_fini(&o);
    tally_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lie_is_found_and_named),
        cmocka_unit_test(a_sequence_that_goes_back_is_found),
        cmocka_unit_test(without_verify_only_the_shares_are_read),
        cmocka_unit_test(another_opcode_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
