/*
 * Properties that hold for every query, on random words and on the titles of the sample catalog:
 * what is found by typos is what brute force finds in the dictionary, and a letter more never finds
 * more.
 */
#include "index/typo.h"
#include "index/analyse.h"
#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zstd.h>

enum { PRODUCTS_MAX = 4000, TITLE_MAX = 512, TYPO_CAP = 50, ROUNDS = 150 };

static char titles[PRODUCTS_MAX][TITLE_MAX], ids[PRODUCTS_MAX][8];
static struct find_product products[PRODUCTS_MAX + 1];
static uint32_t product_count;
static uint64_t seed = 23;

static uint32_t roll(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

static void add_title(const char *text, size_t len)
{
    char *to = titles[product_count];
    len = len < TITLE_MAX - 1 ? len : TITLE_MAX - 1;
    memcpy(to, text, len);
    to[len] = 0;
    snprintf(ids[product_count], sizeof ids[0], "%u", product_count);
    products[product_count] = (struct find_product){.id = ids[product_count], .title = to};
    products[++product_count] = (struct find_product){0};
}

static void random_titles(void)
{
    product_count = 0;
    for (int i = 0; i < 1200; i++) {
        char text[64];
        size_t len = 0;
        for (uint32_t w = 0, words = 1 + roll(3); w < words; w++) {
            for (uint32_t k = 0, n = 1 + roll(9); k < n; k++)
                text[len++] = (char)('a' + roll(4));
            text[len++] = ' ';
        }
        add_title(text, len);
    }
}

/* Plain ASCII titles without escapes, read without a parser of JSON. */
static void sample_titles(void)
{
    static const char key[] = "\"title\":\"";
    FILE *f = fopen(SOUK_SOURCE_DIR "/data/esci-us.jsonl.zst", "rb");
    assert_non_null(f);
    static char packed[4 << 20], text[32 << 20];
    ZSTD_inBuffer in = {packed, fread(packed, 1, sizeof packed, f), 0};
    ZSTD_outBuffer out = {text, sizeof text - 1, 0};
    ZSTD_DStream *z = ZSTD_createDStream();
    while (in.pos < in.size && out.pos < out.size)
        assert_false(ZSTD_isError(ZSTD_decompressStream(z, &out, &in)));
    ZSTD_freeDStream(z);
    fclose(f);
    text[out.pos] = 0;
    product_count = 0;
    for (char *at = text; (at = strstr(at, key)) && product_count < PRODUCTS_MAX;) {
        at += sizeof key - 1;
        size_t len = strcspn(at, "\"");
        bool plain = true;
        for (size_t i = 0; i < len; i++)
            plain &= at[i] != '\\' && (unsigned char)at[i] < 0x80;
        if (plain)
            add_title(at, len);
    }
    assert_true(product_count > 1000);
}

/* Optimal string alignment; what touches the first letter counts one more. */
static uint32_t distance(struct slice a, struct slice b)
{
    static uint32_t d[ANALYSE_TERM_MAX + 1][ANALYSE_TERM_MAX + 1];
    for (size_t i = 0; i <= a.len; i++)
        for (size_t j = 0; j <= b.len; j++) {
            if (!i || !j) {
                d[i][j] = (uint32_t)(i + j) + (i + j > 0);
                continue;
            }
            bool same = a.ptr[i - 1] == b.ptr[j - 1];
            uint32_t best = d[i - 1][j - 1] + (same ? 0 : 1 + (i == 1 && j == 1));
            best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
            best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1]) {
                uint32_t swap = d[i - 2][j - 2] + 1 + (i == 2 && j == 2);
                best = swap < best ? swap : best;
            }
            d[i][j] = best;
        }
    return d[a.len][b.len];
}

struct words {
    char bytes[TITLE_MAX * 4];
    struct slice items[ANALYSE_TOKENS_MAX];
    uint32_t count;
};

/* The terms of a product, as the index was given them. */
static void words_of(struct find *f, uint32_t product, struct words *w)
{
    const struct token_list *l;
    size_t at = 0;
    w->count = 0;
    assert_int_equal(analyser_run(searcher_analyser(f->searcher), slice_str(titles[product]), &l),
                     STATUS_OK);
    for (uint32_t i = 0; i < l->count && at + l->items[i].term.len <= sizeof w->bytes; i++) {
        struct slice t = l->items[i].term;
        memcpy(w->bytes + at, t.ptr, t.len);
        w->items[w->count++] = slice_make(w->bytes + at, t.len);
        at += t.len;
    }
}

static bool letters_only(struct slice w)
{
    for (size_t i = 0; i < w.len; i++)
        if (w.ptr[i] < 'a' || w.ptr[i] > 'z')
            return false;
    return w.len > 0;
}

/* A word of the catalog, with up to two edits. */
static bool random_query(struct find *f, char *out, bool edited)
{
    static struct words w;
    words_of(f, roll(product_count), &w);
    struct slice word = w.count ? w.items[roll(w.count)] : SLICE_NULL;
    if (!letters_only(word) || word.len > 20)
        return false;
    memcpy(out, word.ptr, word.len);
    out[word.len] = 0;
    for (uint32_t n = edited ? roll(3) : 0; n > 0; n--) {
        size_t len = strlen(out), at = roll((uint32_t)len);
        if (roll(2) || len < 2)
            out[at] = (char)('a' + roll(26));
        else
            memmove(out + at, out + at + 1, len - at);
    }
    return true;
}

static uint32_t most_edits(size_t len)
{
    return len < 4 ? 0 : len < 8 ? 1 : 2;
}

static bool in_list(const struct typo_list *l, struct slice term)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (slice_equal(l->items[i].term, term))
            return true;
    return false;
}

/* Each term of each product is in the list when, and only when, it is near enough. */
static uint64_t check_typos(struct find *f, struct slice word, uint32_t most,
                            const struct typo_list *list)
{
    static struct words w;
    uint64_t found = 0;
    for (uint32_t p = 0; p < product_count; p++) {
        bool holds = false;
        words_of(f, p, &w);
        for (uint32_t i = 0; i < w.count; i++) {
            uint32_t d = distance(word, w.items[i]);
            bool listed = in_list(list, w.items[i]);
            if (listed != (d > 0 && d <= most))
                fail_msg("'%.*s' and '%.*s': %u edits, %s", (int)word.len, word.ptr,
                         (int)w.items[i].len, w.items[i].ptr, d, listed ? "found" : "not found");
            holds |= d <= most;
        }
        found += holds;
    }
    return found;
}

static void typos_of_one_catalog(void)
{
    struct find f;
    char text[64];
    uint32_t asked = 0, found = 0;
    find_open(&f, "", products);
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    for (int i = 0; i < ROUNDS; i++) {
        struct typo_list list;
        struct arena arena = {0};
        struct query_result r;
        if (!random_query(&f, text, true) || !most_edits(strlen(text)))
            continue;
        struct slice word = slice_str(text);
        uint32_t most = most_edits(word.len);
        assert_int_equal(typo_find(f.snap, word, most, &arena, &list), STATUS_OK);
        uint64_t want = check_typos(&f, word, most, &list);
        struct query q = {.text = word,
                          .typos = 2,
                          .k = 10,
                          .count_to = QUERY_COUNT_ALL,
                          .profile = SLICE_LIT("bm25"),
                          .max_stale_ms = -1};
        assert_int_equal(search_run(f.searcher, f.snap, &q, &arena, &r, &f.fault), STATUS_OK);
        if (list.count <= TYPO_CAP)
            assert_int_equal(r.found, want);
        asked++;
        found += list.count > 0;
        arena_fini(&arena);
    }
    assert_true(asked > ROUNDS / 8 && found > asked / 4);
    snapshot_end(f.snap);
    find_close(&f);
}

static void typos_are_what_brute_force_finds(void **state)
{
    (void)state;
    random_titles();
    typos_of_one_catalog();
    sample_titles();
    typos_of_one_catalog();
}

/* --- beginnings ------------------------------------------------------------------------------- */

static void mark(struct find *f, const char *text, uint8_t *found, uint64_t *count)
{
    struct arena arena = {0};
    struct query_result r;
    struct query q = {.text = slice_str(text),
                      .prefix = true,
                      .k = PRODUCTS_MAX,
                      .count_to = QUERY_COUNT_ALL,
                      .profile = SLICE_LIT("bm25"),
                      .max_stale_ms = -1};
    assert_int_equal(search_run(f->searcher, f->snap, &q, &arena, &r, &f->fault), STATUS_OK);
    memset(found, 0, PRODUCTS_MAX);
    assert_int_equal(r.hit_count, r.found);
    assert_int_equal(r.degraded_count, 0);
    for (uint32_t i = 0; i < r.hit_count; i++) {
        char id[16];
        snprintf(id, sizeof id, "%.*s", (int)r.hits[i].id.len, r.hits[i].id.ptr);
        found[atoi(id)] = 1;
    }
    *count = r.found;
    arena_fini(&arena);
}

static void beginnings_of_one_catalog(void)
{
    static uint8_t shorter[PRODUCTS_MAX], longer[PRODUCTS_MAX];
    struct find f;
    char first[64], last[64], text[160];
    uint64_t a, b = 0, narrowed = 0;
    find_open(&f, "", products);
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    for (int i = 0; i < ROUNDS; i++) {
        bool two = roll(2);
        if (!random_query(&f, first, false) || !random_query(&f, last, false))
            continue;
        for (size_t len = 1; len <= strlen(last); len++) {
            snprintf(text, sizeof text, "%s%s%.*s", two ? first : "", two ? " " : "", (int)len,
                     last);
            mark(&f, text, longer, &a);
            for (uint32_t p = 0; len > 1 && p < product_count; p++)
                if (longer[p] && !shorter[p])
                    fail_msg("'%s' finds %u, a letter less does not", text, p);
            narrowed += len > 1 && a < b;
            b = a;
            memcpy(shorter, longer, sizeof shorter);
        }
    }
    assert_true(narrowed > ROUNDS / 2);
    snapshot_end(f.snap);
    find_close(&f);
}

static void a_letter_more_never_finds_more(void **state)
{
    (void)state;
    random_titles();
    beginnings_of_one_catalog();
    sample_titles();
    beginnings_of_one_catalog();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typos_are_what_brute_force_finds),
        cmocka_unit_test(a_letter_more_never_finds_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
