/*
 * One searcher serves many catalogs for a long time, and remembers much of each: what dictionaries
 * say of words, counts, best products, settings. Whatever was asked before, and of which catalog,
 * its answers are those of a searcher that was never asked anything: while products come, change
 * and go, segments are merged, settings change, and catalogs are made anew under the same words.
 */
#include "index/highlight.h"
#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <cmocka.h>

/* Editions are named by this. What tells them apart are all bytes of the name: here the last. */
ssize_t getrandom(void *buf, size_t len, unsigned flags)
{
    static unsigned char number;
    (void)flags;
    memset(buf, 7, len);
    ((unsigned char *)buf)[len - 1] = number++;
    return (ssize_t)len;
}

enum { CATALOGS = 4, IDS = 260, STEPS = 4000, ROOM = 1 << 16, WORDS = 44, CURSOR = 8192 };

static const char *const words[WORDS] = {
    "lamp",   "lamps",    "shoe",        "shoes",    "boot",   "boots",     "red",      "blue",
    "green",  "book",     "case",        "bookcase", "door",   "bell",      "doorbell", "copper",
    "faucet", "sillcock", "outdoor",     "garden",   "polish", "polishing", "polisher", "xps15",
    "xps",    "15",       "k\xc3\xa4se", "kaese",    "kuchen", "apfel",     "saft",     "apfelsaft",
    "box",    "boxes",    "berry",       "berries",  "run",    "running",   "runner",   "zinc",
    "brass",  "with",     "for",         "cord"};

static uint64_t seed = 11;

static uint32_t roll(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

/* Some words are in many titles. */
static const char *some_word(void)
{
    return words[roll(WORDS) * (1 + roll(WORDS)) / WORDS];
}

static void put_some(struct find *f, uint32_t count)
{
    static char ids[IDS][8], titles[IDS][128];
    static const char *const brands[] = {"acme", "zeta", "noname", NULL};
    struct find_product p[IDS];
    for (uint32_t i = 0; i < count; i++) {
        size_t len = 0;
        snprintf(ids[i], sizeof ids[i], "p%u", roll(IDS));
        for (uint32_t w = 0, n = 1 + roll(6); w < n; w++)
            len += (size_t)snprintf(titles[i] + len, sizeof titles[i] - len, "%s%s", w ? " " : "",
                                    some_word());
        p[i] = (struct find_product){ids[i], titles[i], brands[roll(4)], roll(50)};
    }
    find_put_all(f, p, count);
}

/* --- what happens to catalogs ----------------------------------------------------------------- */

static const char *const languages[CATALOGS] = {"", "en", "de", "en"};

static void make(struct find *f, uint32_t i)
{
    find_open(f, languages[i], NULL);
    searcher_destroy(&f->searcher);
    put_some(f, 120);
    if (roll(2)) /* else all are alive in a single segment for a while */
        for (uint32_t n = 0; n < 4; n++)
            put_some(f, 1 + roll(40));
    else
        assert_int_equal(index_merge_all(f->ix), STATUS_OK);
}

static void end(struct find *f)
{
    assert_int_equal(searcher_create(&f->searcher), STATUS_OK);
    find_close(f);
}

static void take_away(struct find *f)
{
    struct batch *b;
    char id[8];
    assert_int_equal(batch_begin(f->ix, &b), STATUS_OK);
    for (uint32_t i = 0; i < 3; i++) {
        snprintf(id, sizeof id, "p%u", roll(IDS));
        enum status st = batch_delete(b, slice_str(id));
        assert_true(st == STATUS_OK || st == STATUS_NOT_FOUND);
    }
    assert_int_equal(batch_commit(&b, ++f->sequence), STATUS_OK);
}

static void set(struct find *f)
{
    static const char *const settings[][3] = {
        {"synonyms", "s", "lamp, zinc\nboot => garden cord"},
        {"synonyms", "s", "shoe, brass"},
        {"synonyms", "s", ""},
        {"stopwords", "w", "for, red"},
        {"stopwords", "w", ""},
        {"rule", "r", "query red shoe\npin p3 2\nhide p7\n"},
        {"rule", "r", "contains lamp\nhide p5\npin p9 1\n"},
        {"rule", "r", ""},
        {"profile", "default", "class_0 0.4\nform_factor 0.5\nwindow 20"},
        {"profile", "default", "class_0 0.1\nclass_1 3"},
        {"profile", "default", "learn_below 0; learn_order 0"},
        {"profile", "default", "typo_below 3; parts_plenty 5; bare_below 20"},
        {"profile", "default", ""},
    };
    const char *const *s = settings[roll(sizeof settings / sizeof *settings)];
    find_setting(f, s[0], s[1], s[2]);
}

static void happen(struct find *f, uint32_t i)
{
    switch (roll(9)) {
    case 0:
    case 1:
        put_some(f, 1 + roll(5));
        break;
    case 2:
        take_away(f);
        break;
    case 3:
    case 4:
        set(f);
        break;
    case 5:
        assert_int_equal(index_merge_all(f->ix), STATUS_OK);
        break;
    case 6:
        if (roll(4) == 0) { /* the same name, another edition: numbers begin anew */
            end(f);
            make(f, i);
        }
        break;
    default:
        break;
    }
}

/* --- what is asked ---------------------------------------------------------------------------- */

static size_t put_query_word(char *out, size_t room)
{
    char word[32];
    size_t len = (size_t)snprintf(word, sizeof word, "%s", some_word());
    switch (roll(9)) {
    case 0:
        word[roll((uint32_t)len)] = 'o';
        break;
    case 1:
        word[len > 2 ? len - 1 - roll((uint32_t)len - 2) : len] = 0;
        break;
    case 2:
        snprintf(word + len, sizeof word - len, "%s", some_word());
        break;
    default:
        break;
    }
    return (size_t)snprintf(out, room, "%s", word);
}

static void make_text(char *out, size_t room)
{
    size_t len = 0;
    for (uint32_t w = 0, n = roll(2) ? 2 : 1 + roll(6); w < n; w++) {
        len += (size_t)snprintf(out + len, room - len, "%s", w ? roll(20) ? " " : " -" : "");
        len += put_query_word(out + len, room - len);
    }
}

static const struct slice limited[] = {{"brand", 5}};
static const struct sort_request by_popularity[] = {{{"popularity", 10}, true}};
static const struct facet_request facets[] = {{.field = {"brand", 5}, .disjunctive = true}};

static struct query make_query(const char *text)
{
    struct query q = {.text = slice_str(text),
                      .match = roll(6) ? QUERY_RELAXED : (enum query_match)roll(3),
                      .prefix = roll(4) != 0,
                      .typos = roll(5) ? QUERY_TYPOS_AUTO : (int)roll(3),
                      .k = 1 + roll(roll(3) ? 25 : 100),
                      .count_to = roll(4) ? 10000 : QUERY_COUNT_ALL,
                      .want_terms = roll(2),
                      .explain = roll(8) == 0,
                      .max_stale_ms = -1};
    if (roll(8) == 0)
        q.offset = roll(60);
    if (roll(10) == 0) {
        q.fields = limited;
        q.field_count = 1;
    }
    if (roll(6) == 0)
        q.filter = SLICE_LIT("brand = acme or popularity < 20");
    if (roll(8) == 0) {
        q.sorts = by_popularity;
        q.sort_count = 1;
    }
    if (roll(8) == 0) {
        q.facets = facets;
        q.facet_count = 1;
    }
    if (roll(12) == 0) {
        q.group_field = SLICE_LIT("brand");
        q.group_size = 2;
    }
    if (roll(10) == 0)
        q.profile_text = SLICE_LIT("class_0 0.3\nprefix_factor 0.6\nwindow 0");
    if (roll(12) == 0)
        q.profile = SLICE_LIT("bm25");
    q.skip = roll(15) == 0 ? QUERY_SKIP_TYPO_STEP | QUERY_SKIP_SYNONYMS : 0;
    return q;
}

struct text {
    char bytes[ROOM];
    size_t len;
};

static void __attribute__((format(printf, 2, 3))) say(struct text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    t->len += (size_t)vsnprintf(t->bytes + t->len, sizeof t->bytes - t->len, fmt, args);
    va_end(args);
    assert_true(t->len < sizeof t->bytes);
}

static void say_words(struct text *t, const char *what, const struct slice *w, uint32_t count)
{
    say(t, " %s", what);
    for (uint32_t i = 0; i < count; i++)
        say(t, "/%.*s", (int)w[i].len, w[i].ptr);
}

/* All that an answer tells but for the work it took. */
static void say_answer(struct text *t, enum status st, const struct query_result *r)
{
    t->len = 0;
    say(t, "%s", status_name(st));
    if (st)
        return;
    say(t, " %llu %d groups %llu moved %d:", (unsigned long long)r->found, r->found_exact,
        (unsigned long long)r->group_total, r->index_moved);
    for (uint32_t i = 0; i < r->hit_count; i++) {
        const struct hit *h = &r->hits[i];
        say(t, "\n%.*s=%llx of %.*s %llu", (int)h->id.len, h->id.ptr, (unsigned long long)h->score,
            (int)h->group_value.len, h->group_value.ptr, (unsigned long long)h->group_count);
        say_words(t, "lacks", h->lacks, h->lacks_count);
        say(t, " %.*s", (int)h->explain.len, h->explain.ptr);
    }
    say_words(t, "\ndropped", r->dropped_words, r->dropped_count);
    say_words(t, "degraded", r->degraded, r->degraded_count);
    say_words(t, "cut", r->cut_words, r->cut_count);
    for (uint32_t f = 0; f < r->facet_count; f++)
        for (uint32_t i = 0; i < r->facets[f].value_count; i++)
            say(t, " %.*s %llu", (int)r->facets[f].values[i].value.len,
                r->facets[f].values[i].value.ptr, (unsigned long long)r->facets[f].values[i].count);
    for (uint32_t i = 0; i < r->term_count; i++)
        say_words(t, r->terms[i].prefix ? "begins" : "term", &r->terms[i].term, 1);
    say(t, "\ncursor ");
    for (size_t i = 0; i < r->cursor.len; i++)
        say(t, "%02x", (unsigned char)r->cursor.ptr[i]);
}

static struct text warm_text, new_text;

/* By a searcher that is new, then by the one in use; the cursor is kept where there is one. */
static void compare(struct find *f, struct searcher *warm, const struct query *q,
                    char cursor[CURSOR], size_t *cursor_len)
{
    struct query_result r;
    struct searcher *fresh;
    struct fault fault = {0};
    assert_int_equal(snapshot_begin(f->snap), STATUS_OK);
    assert_int_equal(searcher_create(&fresh), STATUS_OK);
    say_answer(&new_text, search_run(fresh, f->snap, q, &f->arena, &r, &fault), &r);
    searcher_destroy(&fresh);
    arena_reset(&f->arena);
    enum status st = search_run(warm, f->snap, q, &f->arena, &r, &fault);
    say_answer(&warm_text, st, &r);
    snapshot_end(f->snap);
    if (strcmp(warm_text.bytes, new_text.bytes) != 0)
        fail_msg("'%.*s': %s\nby a new searcher: %s", (int)q->text.len, q->text.ptr,
                 warm_text.bytes, new_text.bytes);
    *cursor_len = st ? 0 : r.cursor.len;
    assert_true(*cursor_len <= CURSOR);
    if (*cursor_len)
        memcpy(cursor, r.cursor.ptr, *cursor_len);
    arena_reset(&f->arena);
}

static void what_was_asked_before_changes_no_answer(void **state)
{
    (void)state;
    enum { TEXTS = 90 };
    static struct find catalogs[CATALOGS];
    static char texts[TEXTS][200], cursor[CURSOR];
    struct searcher *warm;
    size_t cursor_len;
    const char *given = getenv("SOUK_SEED");
    if (given)
        seed = strtoull(given, NULL, 10);
    assert_int_equal(searcher_create(&warm), STATUS_OK);
    for (uint32_t i = 0; i < CATALOGS; i++)
        make(&catalogs[i], i);
    for (uint32_t i = 0; i < TEXTS; i++)
        make_text(texts[i], sizeof texts[i]);
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t n = roll(CATALOGS);
        struct find *f = &catalogs[n];
        if (roll(6) == 0)
            happen(f, n);
        struct query q = make_query(texts[roll(TEXTS)]);
        if (roll(2)) /* the plain search of a shop, asked again and again */
            q = (struct query){.text = q.text,
                               .match = QUERY_RELAXED,
                               .prefix = true,
                               .typos = QUERY_TYPOS_AUTO,
                               .k = 10,
                               .count_to = 10000,
                               .max_stale_ms = -1};
        compare(f, warm, &q, cursor, &cursor_len);
        q.offset = 0;
        for (uint32_t page = 0; page < 4 && cursor_len && roll(3); page++) {
            if (roll(4) == 0)
                happen(f, n);
            q.cursor = slice_make(cursor, cursor_len);
            compare(f, warm, &q, cursor, &cursor_len);
        }
    }
    for (uint32_t i = 0; i < CATALOGS; i++)
        end(&catalogs[i]);
    searcher_destroy(&warm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_before_changes_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
