#include "tests/index/support_find.h"
#include "tests/index/support_segment.h"

#include "index/probe.h"
#include "index/segment_private.h"
#include "index/tails.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct collected {
    char text[1024];
};

static enum status collect(void *ctx, struct slice term)
{
    struct collected *c = ctx;
    size_t len = strlen(c->text);
    snprintf(c->text + len, sizeof c->text - len, "%s%.*s", len ? " " : "", (int)term.len,
             term.ptr);
    return STATUS_OK;
}

static void terms_are_found_by_their_end(void **state)
{
    (void)state;
    struct find f;
    find_open(
        &f, "",
        (struct find_product[]){
            {.id = "a", .title = "handshower rainshower shower showerhead hour our tower"}, {0}});
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    const struct segment *s = snapshot_segment(f.snap, 0);
    struct collected c = {{0}};
    assert_int_equal(tails_find(s, SLICE_LIT("shower"), collect, &c), STATUS_OK);
    assert_string_equal(c.text, "handshower rainshower");
    c.text[0] = 0;
    tails_find(s, SLICE_LIT("ower"), collect, &c);
    assert_string_equal(c.text, "shower handshower rainshower tower");
    c.text[0] = 0;
    tails_find(s, SLICE_LIT("our"), collect, &c);
    assert_string_equal(c.text, ""); /* too short to be looked for */
    snapshot_end(f.snap);
    find_close(&f);
}

enum { SEED = 11, COUNT = 3000 };

static enum status count(void *ctx, struct slice term)
{
    (void)term;
    ++*(uint32_t *)ctx;
    return STATUS_OK;
}

/* How many terms of the segment end with `word` and are longer, looked at one by one. */
static uint32_t recount(const struct segment *s, struct slice word)
{
    uint32_t n = 0;
    struct slice term;
    for (uint32_t o = 0; o < segment_term_count(s); o++) {
        assert_int_equal(segment_term(s, o, &term), STATUS_OK);
        n += term.len > word.len && !memcmp(term.ptr + term.len - word.len, word.ptr, word.len);
    }
    return n;
}

static void endings_are_those_of_a_recount_with_the_order_and_without(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    shelf_build(&shelf, SEED, 0, COUNT);
    struct segment *s = shelf_open(&shelf);
    uint32_t some = 0;
    for (int old = 0; old < 2; old++) {
        for (uint32_t digits = 0; digits < 10000; digits++) {
            char word[8];
            snprintf(word, sizeof word, "%04u", digits);
            uint32_t n = 0;
            assert_int_equal(tails_find(s, slice_str(word), count, &n), STATUS_OK);
            assert_int_equal(n, recount(s, slice_str(word)));
            some += n;
        }
        s->head.tails = s->head.tail_count = 0; /* as it was written before there was the order */
    }
    assert_true(some > 100);
    segment_close(&s);
    shelf_fini(&shelf);
}

static void a_probe_walks_a_list_by_chosen_documents(void **state)
{
    (void)state;
    struct find f;
    struct probe p;
    uint32_t at[8], n;
    find_open(&f, "", NULL);
    find_fill(&f, "even", 600);
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    const struct segment *s = snapshot_segment(f.snap, 0);
    uint32_t docs = segment_doc_count(s);
    assert_int_equal(probe_open(&p, s, SLICE_LIT("nothere")), STATUS_NOT_FOUND);
    assert_int_equal(probe_open(&p, s, SLICE_LIT("even")), STATUS_OK);
    for (uint32_t d = 0; d < docs; d += 7) {
        bool there;
        assert_int_equal(probe_seek(&p, d, &there), STATUS_OK);
        assert_true(there);
        assert_int_equal(probe_evidence(&p) >> 4, 1); /* the title */
        assert_int_equal(probe_positions(&p, at, 8, &n), STATUS_OK);
        assert_true(n == 1 && at[0] == 0);
    }
    const uint32_t ready[] = {2, 5, 9};
    assert_true(probe_docs(ready, 3, 5) && !probe_docs(ready, 3, 6) && !probe_docs(ready, 0, 2));
    snapshot_end(f.snap);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_found_by_their_end),
        cmocka_unit_test(endings_are_those_of_a_recount_with_the_order_and_without),
        cmocka_unit_test(a_probe_walks_a_list_by_chosen_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
