/*
 * What is found by typos is what brute force finds in the dictionary, on random words and on the
 * titles of the sample catalog.
 */
#include "index/typo.h"
#include "index/lev.h"
#include "tests/index/support_titles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#ifdef __SANITIZE_ADDRESS__ /* ten times as slow, and the answers are those of the release */
enum { ROUNDS = 50 };
#else
enum { ROUNDS = 200 };
#endif
enum { TYPO_CAP = 50, LETTERS = ANALYSE_TERM_MAX };

struct letters {
    uint32_t items[LETTERS];
    uint32_t count;
};

static struct letters letters_of(struct slice text)
{
    struct letters l = {.count = 0};
    for (uint32_t at = 0; at < text.len && l.count < LETTERS;)
        l.items[l.count++] = lev_next_point(text, &at);
    return l;
}

/* Optimal string alignment; what touches the first letter counts one more. */
static uint32_t distance(const struct letters *a, const struct letters *b)
{
    static uint32_t d[LETTERS + 1][LETTERS + 1];
    for (uint32_t i = 0; i <= a->count; i++)
        for (uint32_t j = 0; j <= b->count; j++) {
            if (!i || !j) {
                d[i][j] = i + j + (i + j > 0);
                continue;
            }
            bool same = a->items[i - 1] == b->items[j - 1];
            uint32_t best = d[i - 1][j - 1] + (same ? 0 : 1 + (i == 1 && j == 1));
            best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
            best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
            if (i > 1 && j > 1 && a->items[i - 1] == b->items[j - 2] &&
                a->items[i - 2] == b->items[j - 1]) {
                uint32_t swap = d[i - 2][j - 2] + 1 + (i == 2 && j == 2);
                best = swap < best ? swap : best;
            }
            d[i][j] = best;
        }
    return d[a->count][b->count];
}

static size_t put_letter(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out = (char)c;
        return 1;
    }
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
}

/* One edit at `at`: another letter, one less, one more, two swapped. */
static void edit(struct letters *l, uint32_t at)
{
    uint32_t kind = titles_roll(4), *x = l->items + at, rest = l->count - at,
             other = (*x < 0x80 ? 'a' : 0x430) + titles_roll(7);
    if (kind == 0) {
        *x = other;
    } else if (kind == 1 && l->count > 1) {
        memmove(x, x + 1, (rest - 1) * sizeof *x);
        l->count--;
    } else if (kind == 2 && l->count < LETTERS) {
        memmove(x + 1, x, rest * sizeof *x);
        *x = other;
        l->count++;
    } else if (kind == 3 && rest > 1) {
        uint32_t c = x[0];
        x[0] = x[1];
        x[1] = c;
    }
}

/* A word of the catalog, with up to two edits; every third time one of its first letter. */
static bool random_query(struct find *f, char *out)
{
    if (!titles_word(f, out))
        return false;
    struct letters l = letters_of(slice_str(out));
    size_t len = 0;
    if (titles_roll(3) == 0)
        edit(&l, 0);
    else
        for (uint32_t n = titles_roll(3); n > 0; n--)
            edit(&l, titles_roll(l.count));
    for (uint32_t i = 0; i < l.count; i++)
        len += put_letter(out + len, l.items[i]);
    out[len] = 0;
    return true;
}

static uint32_t most_edits(size_t letters)
{
    return letters < 4 ? 0 : letters < 8 ? 1 : 2;
}

/* How often the list has the term. */
static uint32_t in_list(const struct typo_list *l, struct slice term)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->count; i++)
        n += slice_equal(l->items[i].term, term);
    return n;
}

/* Each term of each product is in the list once when, and only when, it is near enough; and each
 * of the list is in a product. */
static uint64_t check_typos(struct find *f, struct slice word, uint32_t most,
                            const struct typo_list *list)
{
    static struct title_words w;
    struct letters a = letters_of(word);
    uint64_t found = 0, df = 0, listed_df = 0;
    for (uint32_t p = 0; p < titles_count(); p++) {
        bool holds = false;
        titles_words(f, p, &w);
        for (uint32_t i = 0; i < w.count; i++) {
            struct letters b = letters_of(w.items[i]);
            uint32_t d = distance(&a, &b), listed = in_list(list, w.items[i]);
            bool near = d > 0 && d <= most, again = false;
            if (listed != near)
                fail_msg("'%.*s' and '%.*s': %u edits, found %u times", (int)word.len, word.ptr,
                         (int)w.items[i].len, w.items[i].ptr, d, listed);
            for (uint32_t k = 0; k < i; k++)
                again |= slice_equal(w.items[k], w.items[i]);
            df += near && !again;
            holds |= d <= most;
        }
        found += holds;
    }
    for (uint32_t i = 0; i < list->count; i++)
        listed_df += list->items[i].df;
    assert_int_equal(listed_df, df);
    for (uint32_t i = 0; i < list->count; i++)
        assert_true(list->items[i].df > 0);
    return found;
}

static void typos_of_one_catalog(void)
{
    struct find f;
    char text[LETTERS * 4 + 4];
    uint32_t asked = 0, found = 0;
    titles_open(&f, "");
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    assert_true(snapshot_segment_count(f.snap) > 1);
    for (int i = 0; i < ROUNDS; i++) {
        struct typo_list list;
        struct arena arena = {0};
        struct query_result r;
        if (!random_query(&f, text))
            continue;
        struct slice word = slice_str(text);
        uint32_t most = most_edits(letters_of(word).count);
        if (!most)
            continue;
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
    titles_random();
    typos_of_one_catalog();
    titles_sample();
    typos_of_one_catalog();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typos_are_what_brute_force_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
