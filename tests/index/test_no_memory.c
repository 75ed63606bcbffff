/*
 * One allocation of a batch, a merge, a search, an open fails, each in its turn: the answer is
 * NO_MEMORY or as ever, the index is sound, and holds what was committed and nothing else.
 */
#include "index/query.h"
#include "index/text.h"
#include "tests/index/support_index.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
int main(void)
{
    puts("skipped: the sanitizer's allocator cannot be made to fail");
    return 0;
}
#else

static uint64_t until; /* so many more succeed, then one fails; 0 = none does */
static bool failed;
const char *asked_now; /* for a debugger */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);

static bool fails(void)
{
    if (!until || --until)
        return false;
    failed = true;
    errno = ENOMEM;
    return true;
}
void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}
void *calloc(size_t nmemb, size_t size)
{
    return fails() ? NULL : __libc_calloc(nmemb, size);
}
void *realloc(void *ptr, size_t size)
{
    return fails() ? NULL : __libc_realloc(ptr, size);
}

enum { BASE = 300, CHANGED = 40, LARGE = 4200, CLOSE = 250, STRIDE = 40 };

struct world {
    struct shop shop;
    uint64_t sequence, products;
};

static const char *const colours[] = {"red", "blue", "green", "black", "walnut"};

static void document(struct buf *out, uint64_t number, uint64_t round)
{
    char id[24], title[96], body[160];
    snprintf(id, sizeof id, "p%llu", (unsigned long long)number);
    snprintf(title, sizeof title, "%s lamp number %llu", colours[(number + round) % 5],
             (unsigned long long)number);
    snprintf(body, sizeof body, "a lamp of kind k%llu for rooms r%llu, lampshade %llux%llu",
             (unsigned long long)(number % 17), (unsigned long long)(number % 5),
             (unsigned long long)round, (unsigned long long)number);
    struct shop_product p = {.id = id,
                             .title = title,
                             .body = body,
                             .brand = colours[number % 3],
                             .price = (double)(number % 90),
                             .stock = (int64_t)(number % 7),
                             .path = {"home", number % 2 ? "light" : "room"},
                             .tags = {colours[number % 4]},
                             .attr_number = (int)(number % 9 + 1)};
    shop_document(out, &p);
}

/* Products from `first` on, of which the first is new where `first` is beyond all; one is deleted.
 */
static enum status change(struct world *w, uint64_t first, uint32_t count, uint64_t round)
{
    struct batch *b;
    struct buf doc = BUF_INIT;
    struct change c = shop_change(0, 1000 + (int64_t)round);
    enum status st = batch_begin(w->shop.ix, &b);
    if (st)
        return st;
    for (uint32_t i = 0; i < count && !st; i++) {
        uint64_t then = until;
        until = 0; /* the product is the test's own */
        buf_clear(&doc);
        document(&doc, first + i, round);
        until = then;
        st = batch_upsert(b, buf_slice(&doc), &c);
    }
    st = st ? st
            : batch_setting(b, SLICE_LIT("synonyms"), SLICE_LIT("x"), SLICE_LIT("lamp, light\n"));
    if (!st && (st = batch_delete(b, SLICE_LIT("p1"))) == STATUS_NOT_FOUND)
        st = STATUS_OK;
    buf_fini(&doc);
    if (st) {
        batch_abort(&b);
        return st;
    }
    return batch_commit(&b, w->sequence + 1);
}

static uint64_t lives(struct world *w)
{
    struct snapshot *s;
    assert_int_equal(snapshot_create(w->shop.ix, &s), STATUS_OK);
    assert_int_equal(snapshot_begin(s), STATUS_OK);
    assert_int_equal(snapshot_sequence(s), w->sequence);
    uint64_t n = snapshot_live_count(s);
    snapshot_end(s);
    snapshot_destroy(&s);
    return n;
}

static void assert_sound(struct world *w)
{
    struct fault fault = {0};
    if (index_check(w->shop.ix, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(lives(w), w->products);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    shop_open(&w->shop);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(change(w, i * BASE / 3, BASE / 3, 0), STATUS_OK);
        w->sequence++;
    }
    w->products = BASE - 1;
    assert_sound(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    shop_close(&w->shop);
    free(w);
    return 0;
}

/* The next allocation that is to fail: each of the first, then some. */
static uint64_t next_of(uint64_t n)
{
    return n < CLOSE ? n + 1 : n + 1 + n / STRIDE;
}

static void a_batch_is_whole_or_not_there(void **state)
{
    struct world *w = *state;
    bool fell = true;
    for (uint64_t n = 1, round = 1; fell; n = next_of(n), round++) {
        failed = false;
        until = n;
        enum status st = change(w, w->products - CHANGED / 2, CHANGED, round);
        until = 0;
        fell = failed;
        if (st && st != STATUS_NO_MEMORY)
            fail_msg("allocation %llu: %s", (unsigned long long)n, status_text(st));
        assert_true(st == STATUS_OK || fell);
        w->sequence += !st;
        w->products = st ? w->products : lives(w);
        assert_int_equal(lives(w), w->products);
        assert_true(fell || n > 300);
        if (round % 16 == 0 || !fell)
            assert_sound(w);
    }
}

/* Merges what is due, in the three steps of the writer. *merged: something was. */
static enum status merge(struct index *ix, bool *merged)
{
    struct merge_task *t = NULL;
    bool done = false;
    enum status st = index_merge_begin(ix, true, &t);
    *merged = false;
    if (st || !t)
        return st;
    st = merge_task_run(t);
    while (!st && !done)
        st = index_merge_write(ix, t, 4096, &done);
    *merged = done;
    merge_task_destroy(&t);
    return st;
}

/* Two segments of a size that commits leave alone. */
static void something_to_merge(struct world *w, uint64_t round)
{
    for (uint64_t i = 0; i < 2; i++) {
        assert_int_equal(change(w, 1000 + i * LARGE, LARGE, round), STATUS_OK);
        w->sequence++;
    }
    w->products = lives(w);
}

static void a_merge_is_whole_or_not_there(void **state)
{
    struct world *w = *state;
    bool fell = true, merged = true;
    for (uint64_t n = 1, round = 0; fell; n = next_of(n), round++) {
        if (merged)
            something_to_merge(w, round);
        failed = false;
        until = n;
        enum status st = merge(w->shop.ix, &merged);
        until = 0;
        fell = failed;
        if (st && st != STATUS_NO_MEMORY)
            fail_msg("allocation %llu: %s", (unsigned long long)n, status_text(st));
        assert_int_equal(lives(w), w->products);
        assert_true(fell || (merged && n > 40));
        if (round % 64 == 0 || merged)
            assert_sound(w);
    }
}

static struct facet_request facets[] = {
    {.field = {"brand", 5}, .limit = 10},
    {.field = {"category", 8}, .limit = 10},
    {.field = {"tags", 4}, .limit = 10, .query = {"blu", 3}},
    {.field = {"attrs.size", 10}, .limit = 10},
    {.field = {"price", 5}, .kind = FACET_RANGES, .ranges = {"..20,20..50,50..", 16}}};
static struct sort_request by_price[] = {{.field = {"price", 5}, .descending = true}};

static struct query ask(const char *text, const char *filter)
{
    return (struct query){.text = slice_str(text),
                          .filter = slice_str(filter),
                          .match = QUERY_RELAXED,
                          .prefix = true,
                          .typos = QUERY_TYPOS_AUTO,
                          .k = 10,
                          .count_to = QUERY_COUNT_ALL,
                          .max_stale_ms = -1,
                          .now_ms = 2000};
}

/* All of it from nothing: snapshot, searcher, arena. *found: of the last that succeeded. */
static enum status search(struct world *w, const struct query *q, uint64_t *found)
{
    struct snapshot *s = NULL;
    struct searcher *sr = NULL;
    struct arena arena;
    struct query_result r;
    arena_init(&arena, 0);
    enum status st = snapshot_create(w->shop.ix, &s);
    st = st ? st : searcher_create(&sr);
    st = st ? st : snapshot_begin(s);
    st = st ? st : search_run(sr, s, q, &arena, &r, NULL);
    if (!st)
        *found = r.found;
    struct buf product = BUF_INIT;
    for (uint32_t i = 0; !st && i < r.hit_count; i++)
        st = snapshot_whole(s, r.hits[i].docid, &product);
    buf_fini(&product);
    arena_fini(&arena);
    if (s)
        snapshot_end(s);
    searcher_destroy(&sr);
    snapshot_destroy(&s);
    return st;
}

static void a_search_finds_all_or_says_so(void **state)
{
    struct world *w = *state;
    struct query asked[] = {ask("red lamp", ""),
                            ask("blak lampp numbr 7", ""),
                            ask("\"lamp number\" -walnut", "price < 50 and brand = red"),
                            ask("lam", "not (tags = blue) or category under home"),
                            ask("", "exists(stock)"),
                            ask("lamp shade", ""),
                            ask("green lamps", "")};
    asked[0].facets = facets;
    asked[0].facet_count = sizeof facets / sizeof facets[0];
    asked[1].explain = asked[1].want_terms = true;
    asked[4].sorts = by_price;
    asked[4].sort_count = 1;
    asked[6].group_field = SLICE_LIT("brand");
    asked[6].group_size = 3;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        uint64_t all = 0;
        asked_now = asked[i].text.ptr;
        assert_int_equal(search(w, &asked[i], &all), STATUS_OK);
        assert_true(all > 0);
        bool fell = true;
        for (uint64_t n = 1; fell; n = next_of(n)) {
            uint64_t found = all;
            failed = false;
            until = n;
            enum status st = search(w, &asked[i], &found);
            until = 0;
            fell = failed;
            if ((st && st != STATUS_NO_MEMORY) || found != all)
                fail_msg("'%s', allocation %llu: %s, %llu of %llu found", asked[i].text.ptr,
                         (unsigned long long)n, status_text(st), (unsigned long long)found,
                         (unsigned long long)all);
        }
    }
}

/* As a front does: one snapshot and one searcher, which follow what is committed. */
static void a_snapshot_follows_or_says_so(void **state)
{
    struct world *w = *state;
    struct snapshot *s;
    struct searcher *sr;
    struct arena arena;
    struct query q = ask("lampp number 7", "price < 80");
    q.facets = facets;
    q.facet_count = sizeof facets / sizeof facets[0];
    arena_init(&arena, 0);
    assert_int_equal(snapshot_create(w->shop.ix, &s), STATUS_OK);
    assert_int_equal(searcher_create(&sr), STATUS_OK);
    for (uint64_t n = 1, round = 1; n < 150; n++, round++) {
        assert_int_equal(change(w, round % 4 ? round % BASE : w->products, 20, round), STATUS_OK);
        w->sequence++;
        uint64_t found[2] = {0, 0};
        for (int again = 0; again < 3; again++) { /* the last time with all the memory there is */
            struct query_result r;
            failed = false;
            until = again < 2 ? n : 0;
            arena_reset(&arena);
            enum status st = snapshot_begin(s);
            if (!st)
                st = search_run(sr, s, &q, &arena, &r, NULL);
            until = 0;
            snapshot_end(s);
            if (st && (st != STATUS_NO_MEMORY || again == 2))
                fail_msg("allocation %llu: %s", (unsigned long long)n, status_text(st));
            if (!st)
                found[again == 2] = r.found;
            if (again == 2 && found[0] && found[0] != found[1])
                fail_msg("allocation %llu: %llu found, not %llu", (unsigned long long)n,
                         (unsigned long long)found[0], (unsigned long long)found[1]);
        }
        assert_true(found[1] > 0);
    }
    searcher_destroy(&sr);
    snapshot_destroy(&s);
    arena_fini(&arena);
}

static void an_index_opens_or_says_so(void **state)
{
    struct world *w = *state;
    bool fell = true;
    for (uint64_t n = 1; fell; n = next_of(n)) {
        struct index *ix = NULL;
        struct index_options o = {.read_only = true};
        bool stale;
        failed = false;
        until = n;
        enum status st = index_open(w->shop.dir, &o, &ix, &stale, NULL);
        until = 0;
        fell = failed;
        if (st && st != STATUS_NO_MEMORY)
            fail_msg("allocation %llu: %s", (unsigned long long)n, status_text(st));
        index_close(&ix);
    }
}

/* Once a process: in children. */
static void words_of_all_scripts_open_or_say_so(void **state)
{
    (void)state;
    int status = 1;
    for (uint64_t n = 1; status; n++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (!pid) {
            struct text_segmenter *t;
            alarm(20); /* it may also hang */
            until = n;
            enum status st = text_segmenter_create(&t);
            st = st ? st : text_segmenter_open(t);
            _exit(failed ? 1 : st ? 2 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
            fail_msg("allocation %llu: %d", (unsigned long long)n, status);
        assert_true(status || n > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_all_scripts_open_or_say_so),
        cmocka_unit_test_setup_teardown(a_batch_is_whole_or_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_merge_is_whole_or_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_search_finds_all_or_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_snapshot_follows_or_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_index_opens_or_says_so, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
