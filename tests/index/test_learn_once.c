/*
 * What is learnt from titles (learn.h) depends on the words and the catalog alone: not on how
 * products came, nor on page, order, filter or what sub-queries share.
 */
#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool has(const char *ids, const char *id)
{
    char text[9000];
    snprintf(text, sizeof text, " %s ", ids);
    return strstr(text, id) != NULL;
}

enum { VOCABULARY = 70, PRODUCTS = 220, QUERIES = 120, ROOM = 8192 };

static uint64_t seed = 5;

static uint32_t roll(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

/* Some words are in many titles, most in few. */
static size_t put_words(char *out, size_t room, uint32_t words)
{
    size_t len = 0;
    for (uint32_t i = 0; i < words; i++) {
        uint32_t w = roll(VOCABULARY) * roll(VOCABULARY) / VOCABULARY;
        len += (size_t)snprintf(out + len, room - len, "%s%c%cord", i ? " " : "",
                                (char)('b' + w % 20), (char)('a' + w / 20));
    }
    return len;
}

static struct find_product products[PRODUCTS];

static void make_products(void)
{
    static char ids[PRODUCTS][16], titles[PRODUCTS][128];
    static const char *const brands[] = {"acme", "zeta", "noname"};
    for (int i = 0; i < PRODUCTS; i++) {
        snprintf(ids[i], sizeof ids[i], "p%d", i);
        put_words(titles[i], sizeof titles[i], 2 + roll(5));
        products[i] = (struct find_product){ids[i], titles[i], brands[roll(3)], 1 + roll(1000)};
    }
}

/* In several pieces, forwards or backwards. */
static void open_products(struct find *f, bool backwards)
{
    static struct find_product order[PRODUCTS];
    find_open(f, "", NULL);
    for (int i = 0; i < PRODUCTS; i++)
        order[i] = products[backwards ? PRODUCTS - 1 - i : i];
    for (int i = 0; i < PRODUCTS; i += 50)
        find_put_all(f, order + i, PRODUCTS - i < 50 ? (uint32_t)(PRODUCTS - i) : 50);
    f->query.k = 256;
}

static char texts[QUERIES][128], answers[QUERIES][ROOM];

static const char *answer(struct find *f, const char *text)
{
    static char out[ROOM];
    find_ids(f, text);
    size_t len = (size_t)snprintf(out, ROOM, "%d:", (int)f->result.found);
    for (uint32_t i = 0; i < f->result.hit_count; i++)
        len +=
            (size_t)snprintf(out + len, ROOM - len, " %.*s=%llx/%u", (int)f->result.hits[i].id.len,
                             f->result.hits[i].id.ptr, (unsigned long long)f->result.hits[i].score,
                             f->result.hits[i].lacks_count);
    return out;
}

static void make_queries(struct find *f)
{
    int learnt = 0;
    for (int i = 0; i < QUERIES; i++) {
        put_words(texts[i], sizeof texts[i], 3 + roll(3));
        f->query.profile_text = SLICE_LIT("learn_below 0; learn_order 0");
        find_ids(f, texts[i]);
        uint64_t found = f->result.found;
        f->query.profile_text = SLICE_NULL;
        strcpy(answers[i], answer(f, texts[i]));
        assert_true(f->result.found >= found);
        learnt += f->result.found > found;
    }
    assert_true(learnt > QUERIES / 4);
}

static void the_answer_does_not_depend_on_how_products_came(void **state)
{
    (void)state;
    struct find f;
    make_products();
    open_products(&f, false);
    make_queries(&f);
    assert_int_equal(index_merge_all(f.ix), STATUS_OK);
    for (int i = 0; i < QUERIES; i++)
        assert_string_equal(answer(&f, texts[i]), answers[i]);
    find_close(&f);
    open_products(&f, true);
    for (int i = 0; i < QUERIES; i++)
        assert_string_equal(answer(&f, texts[i]), answers[i]);
    find_close(&f);
}

/* What is learnt is the same for every page, order and filter, and each value of a facet finds as
 * many as were counted for it. */
static void nothing_but_the_words_decides_what_is_learnt(void **state)
{
    (void)state;
    struct find f;
    struct facet_request facet = {.field = SLICE_LIT("brand")};
    struct sort_request sort = {.field = SLICE_LIT("popularity"), .descending = true};
    open_products(&f, false);
    for (int i = 0; i < QUERIES; i++) {
        static char all[4096], set[4096];
        char filter[64];
        f.query.k = 256;
        strcpy(all, find_ids(&f, texts[i]));
        strcpy(set, find_set(&f, texts[i]));
        uint64_t found = f.result.found, counted = 0;
        f.query.sorts = &sort;
        f.query.sort_count = 1;
        assert_string_equal(find_set(&f, texts[i]), set);
        f.query.sort_count = 0;
        for (f.query.k = 0; f.query.k < 3; f.query.k++) {
            find_ids(&f, texts[i]);
            assert_int_equal(f.result.found, found);
        }
        f.query.offset = 20;
        find_ids(&f, texts[i]);
        assert_int_equal(f.result.found, found);
        f.query.offset = 0;
        f.query.k = 256;
        f.query.facets = &facet;
        f.query.facet_count = 1;
        find_ids(&f, texts[i]);
        struct facet_result r = found ? f.result.facets[0] : (struct facet_result){0};
        uint64_t counts[3] = {0};
        char values[3][16];
        for (uint32_t v = 0; v < r.value_count; v++) {
            counts[v] = r.values[v].count;
            snprintf(values[v], sizeof values[v], "%.*s", (int)r.values[v].value.len,
                     r.values[v].value.ptr);
        }
        f.query.facet_count = 0;
        for (uint32_t v = 0; v < r.value_count; v++) {
            snprintf(filter, sizeof filter, "brand = %s", values[v]);
            f.query.filter = slice_str(filter);
            find_ids(&f, texts[i]);
            assert_int_equal(f.result.found, counts[v]);
            counted += counts[v];
            for (uint32_t h = 0; h < f.result.hit_count; h++) {
                char id[16];
                snprintf(id, sizeof id, " %.*s ", (int)f.result.hits[h].id.len,
                         f.result.hits[h].id.ptr);
                assert_true(has(all, id));
            }
        }
        f.query.filter = SLICE_NULL;
        assert_int_equal(counted, found);
    }
    find_close(&f);
}

/* Where learnt words only order, pages of the first products are answered without them: they are
 * the same, and the next ones go on behind them. */
static void first_pages_are_those_of_the_whole(void **state)
{
    (void)state;
    enum { MANY = 500, ASKED = 60 };
    static char ids[MANY][16], titles[MANY][96], all[4096], pages[8192], cursor[8192];
    static struct find_product p[MANY];
    struct find f;
    int compared = 0;
    find_open(&f, "", NULL);
    for (int i = 0; i < MANY; i++) {
        size_t len = 0;
        snprintf(ids[i], sizeof ids[i], "p%d", i);
        for (uint32_t w = 0, n = 2 + roll(4); w < n; w++)
            len += (size_t)snprintf(titles[i] + len, sizeof titles[i] - len, "%s%cord",
                                    w ? " " : "", (char)('b' + roll(14)));
        p[i] = (struct find_product){ids[i], titles[i], NULL, 0};
    }
    find_put_all(&f, p, MANY);
    for (int i = 0, put = 0; i < ASKED; i++) {
        char text[64], id[16];
        uint32_t a = roll(14), n = 2 + roll(3), size = 1 + roll(20);
        size_t len = 0;
        for (uint32_t w = 0; w < n; w++)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%cord", w ? " " : "",
                                    (char)('b' + (a + w * 3) % 14));
        f.query.k = 200;
        strcpy(all, find_ids(&f, text));
        uint64_t found = f.result.found;
        f.query.profile_text = SLICE_LIT("learn_order 0; learn_below 0");
        compared += found >= 100 && strcmp(find_ids(&f, text), all) != 0;
        f.query.profile_text = SLICE_NULL;
        f.query.k = size;
        for (f.query.offset = 0; f.query.offset < 100; f.query.offset += size) {
            const char *page = find_ids(&f, text);
            assert_non_null(strstr(all, page));
            assert_int_equal(f.result.found, found);
        }
        f.query.offset = 0;
        pages[0] = 0;
        for (len = 0; i % 4 == 3 || len < strlen(all);) {
            bool first = !f.query.cursor.len;
            find_ids(&f, text);
            for (uint32_t h = 0; h < f.result.hit_count; h++)
                if (f.result.hits[h].id.ptr[0] == 'p')
                    len +=
                        (size_t)snprintf(pages + len, sizeof pages - len, "%s%.*s", len ? " " : "",
                                         (int)f.result.hits[h].id.len, f.result.hits[h].id.ptr);
            if (!f.result.cursor.len)
                break;
            memcpy(cursor, f.result.cursor.ptr, f.result.cursor.len);
            f.query.cursor = slice_make(cursor, f.result.cursor.len);
            if (first && i % 4 == 3) { /* what is not there any more changes nothing */
                snprintf(id, sizeof id, "new%d", put++);
                find_put(&f, &(struct find_product){id, "zord yord", NULL, 0});
            }
        }
        f.query.cursor = SLICE_NULL;
        if (i % 4 != 3) {
            pages[strlen(all)] = 0;
            assert_string_equal(pages, all);
        } else if (found <= 200) { /* learnt of another catalog: each once, in whatever order */
            assert_int_equal(strlen(pages), strlen(all));
            for (char *id = strtok(all, " "); id; id = strtok(NULL, " ")) {
                char word[16];
                snprintf(word, sizeof word, " %s ", id);
                assert_true(has(pages, word));
            }
        }
    }
    assert_true(compared > ASKED / 4);
    find_close(&f);
}

/* Sub-queries of one request share what is found, and find the same. */
static void shared_searches_learn_the_same(void **state)
{
    (void)state;
    struct find f;
    struct query_result alone, shared;
    open_products(&f, false);
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    for (int i = 0; i < QUERIES; i++) {
        f.query.text = slice_str(texts[i]);
        search_share_begin(f.searcher, &f.arena);
        for (int n = 0; n < 4; n++) {
            f.query.filter = n % 2 == i % 2 ? SLICE_LIT("brand = acme") : SLICE_NULL;
            assert_int_equal(search_run(f.searcher, f.snap, &f.query, &f.arena, &shared, &f.fault),
                             STATUS_OK);
            struct searcher *other;
            assert_int_equal(searcher_create(&other), STATUS_OK);
            assert_int_equal(search_run(other, f.snap, &f.query, &f.arena, &alone, &f.fault),
                             STATUS_OK);
            searcher_destroy(&other);
            assert_int_equal(shared.found, alone.found);
            assert_int_equal(shared.hit_count, alone.hit_count);
            for (uint32_t h = 0; h < alone.hit_count; h++) {
                assert_int_equal(shared.hits[h].docid, alone.hits[h].docid);
                assert_int_equal(shared.hits[h].score, alone.hits[h].score);
            }
        }
        search_share_end(f.searcher);
        arena_reset(&f.arena);
    }
    snapshot_end(f.snap);
    find_close(&f);
}

/* Cursors carry what was learnt: what products come in between changes nothing for the others. */
static void pages_by_cursor_go_on_with_what_was_learnt(void **state)
{
    (void)state;
    struct find f;
    static char all[4096], pages[4096], cursor[8192], id[16], title[128];
    open_products(&f, false);
    for (int i = 0, put = 0; i < QUERIES; i++) {
        bool moves = i % 8 == 7;
        f.query.k = 256;
        strcpy(all, find_ids(&f, texts[i]));
        pages[0] = 0;
        f.query.k = 4;
        do {
            size_t len = strlen(pages);
            const char *ids = find_ids(&f, texts[i]);
            if (!f.query.cursor.len)
                snprintf(pages, sizeof pages, "%s", ids);
            else /* those that came in between are left out */
                for (uint32_t h = 0; h < f.result.hit_count; h++)
                    if (f.result.hits[h].id.ptr[0] == 'p')
                        len +=
                            (size_t)snprintf(pages + len, sizeof pages - len, " %.*s",
                                             (int)f.result.hits[h].id.len, f.result.hits[h].id.ptr);
            if (f.result.cursor.len)
                memcpy(cursor, f.result.cursor.ptr, f.result.cursor.len);
            f.query.cursor = slice_make(cursor, f.result.cursor.len);
            if (moves && f.query.cursor.len) {
                snprintf(id, sizeof id, "new%d", put++);
                put_words(title, sizeof title, 3);
                find_put(&f, &(struct find_product){id, title, "acme", 1});
            }
        } while (f.query.cursor.len);
        assert_string_equal(pages, all);
        if (put) { /* as before */
            find_close(&f);
            open_products(&f, false);
            put = 0;
        }
    }
    find_close(&f);
}

/* What a rule does to the order without it: some go, some stand where they are pinned. */
struct ruled {
    char text[512], expected[4096];
    uint32_t count;
};

static int split(char *ids, char *out[256])
{
    int n = 0;
    for (char *id = strtok(ids, " "); id; id = strtok(NULL, " "))
        out[n++] = id;
    return n;
}

static void make_rule(const char *query, const char *all, struct ruled *r)
{
    static char copy[4096], pinned[3][16];
    char *ids[256], *shown[256];
    int n = split(strcpy(copy, all), ids), kept = 0, pins = 0, place = -1;
    size_t len = (size_t)snprintf(r->text, sizeof r->text, "query %s\n", query);
    for (uint32_t h = roll(6); h && n; h--) { /* of the first ones more often */
        int at = (int)roll(1 + roll((uint32_t)n));
        len += (size_t)snprintf(r->text + len, sizeof r->text - len, "hide %s\n",
                                ids[at] ? ids[at] : "nobody");
        ids[at] = NULL;
    }
    uint32_t positions[3] = {roll(4), 4 + roll(20), 24 + roll(76)}, want = roll(4);
    for (uint32_t p = 0; p < want; p++) {
        int at = n && roll(2) ? (int)roll((uint32_t)n) : -1;
        snprintf(pinned[p], sizeof pinned[p], "p%d", (int)roll(PRODUCTS));
        if (at >= 0 && ids[at])
            strcpy(pinned[p], ids[at]);
        bool twice = strstr(r->text, pinned[p]) != NULL; /* hidden or pinned already */
        if (twice)
            break;
        len += (size_t)snprintf(r->text + len, sizeof r->text - len, "pin %s %u\n", pinned[p],
                                positions[p] + 1);
        pins++;
        for (int i = 0; i < n; i++)
            if (ids[i] && !strcmp(ids[i], pinned[p]))
                ids[i] = NULL;
    }
    if (!strchr(strchr(r->text, '\n') + 1, '\n'))
        snprintf(r->text + len, sizeof r->text - len, "hide nobody\n");
    for (int i = 0; i < n; i++)
        if (ids[i])
            shown[kept++] = ids[i];
    for (int p = 0; p < pins; p++, kept++) {
        place = (int)positions[p] > place ? (int)positions[p] : place + 1;
        place = place < kept ? place : kept;
        memmove(shown + place + 1, shown + place, (size_t)(kept - place) * sizeof *shown);
        shown[place] = pinned[p];
    }
    r->count = (uint32_t)kept;
    r->expected[0] = 0;
    for (int i = 0; i < kept; i++)
        snprintf(r->expected + strlen(r->expected), sizeof r->expected - strlen(r->expected),
                 "%s%s", i ? " " : "", shown[i]);
}

/* By offset or by cursor, of any size: the same order. */
static void pages_are(struct find *f, const char *text, const char *expected, bool by_cursor)
{
    static char pages[4096], cursor[16384];
    size_t len = 0;
    f->query.k = 1 + roll(30);
    f->query.offset = 0;
    f->query.cursor = SLICE_NULL;
    pages[0] = 0;
    for (;;) {
        const char *ids = find_ids(f, text);
        len +=
            (size_t)snprintf(pages + len, sizeof pages - len, "%s%s", len && *ids ? " " : "", ids);
        if (by_cursor ? !f->result.cursor.len : f->result.hit_count < f->query.k)
            break;
        if (by_cursor) {
            assert_true(f->result.cursor.len < sizeof cursor);
            memcpy(cursor, f->result.cursor.ptr, f->result.cursor.len);
            f->query.cursor = slice_make(cursor, f->result.cursor.len);
        } else
            f->query.offset += f->query.k;
    }
    f->query.offset = 0;
    f->query.cursor = SLICE_NULL;
    f->query.k = 256;
    assert_string_equal(pages, expected);
}

/* Hidden products teach like all others, and so do pinned ones: a rule takes away and puts where it
 * says, and changes nothing else. */
static void rules_change_nothing_but_what_they_say(void **state)
{
    (void)state;
    struct find f;
    struct ruled r;
    static char all[4096];
    struct facet_request facet = {.field = SLICE_LIT("brand")};
    open_products(&f, false);
    for (int i = 0; i < QUERIES; i++) {
        find_setting(&f, "rule", "r", "");
        strcpy(all, find_ids(&f, texts[i]));
        uint64_t found = 0;
        make_rule(texts[i], all, &r);
        find_setting(&f, "rule", "r", r.text);
        assert_string_equal(find_ids(&f, texts[i]), r.expected);
        assert_int_equal(f.result.found, r.count);
        pages_are(&f, texts[i], r.expected, false);
        pages_are(&f, texts[i], r.expected, true);
        f.query.facets = &facet;
        f.query.facet_count = 1;
        find_ids(&f, texts[i]);
        for (uint32_t v = 0; r.count && v < f.result.facets[0].value_count; v++)
            found += f.result.facets[0].values[v].count;
        assert_int_equal(found, r.count);
        f.query.facet_count = 0;
        f.query.filter = SLICE_LIT("brand = acme");
        find_ids(&f, texts[i]);
        found = f.result.found;
        f.query.filter = SLICE_LIT("not brand = acme");
        find_ids(&f, texts[i]);
        assert_int_equal(found + f.result.found, r.count);
        f.query.filter = SLICE_NULL;
    }
    find_close(&f);
}

/* A profile may change between two pages, and with it the window that a cursor speaks of. */
static void a_window_may_go_between_pages(void **state)
{
    (void)state;
    enum { SOME = 150 };
    static char ids[SOME][16], cursor[8192];
    struct find_product p[SOME];
    struct find f;
    find_open(&f, "", NULL);
    for (int i = 0; i < SOME; i++) {
        snprintf(ids[i], sizeof ids[i], "p%d", i);
        p[i] = (struct find_product){.id = ids[i],
                                     .title = i % 2 ? "outdoor copper" : "copper faucet"};
    }
    find_put_all(&f, p, SOME);
    find_fill(&f, "faucet", 60);
    f.query.k = 10;
    find_ids(&f, "outdoor copper faucet");
    memcpy(cursor, f.result.cursor.ptr, f.result.cursor.len);
    f.query.cursor = slice_make(cursor, f.result.cursor.len);
    find_setting(&f, "profile", "default", "window 0");
    find_ids(&f, "outdoor copper faucet");
    assert_int_equal(f.result.hit_count, 10);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_does_not_depend_on_how_products_came),
        cmocka_unit_test(nothing_but_the_words_decides_what_is_learnt),
        cmocka_unit_test(first_pages_are_those_of_the_whole),
        cmocka_unit_test(shared_searches_learn_the_same),
        cmocka_unit_test(pages_by_cursor_go_on_with_what_was_learnt),
        cmocka_unit_test(rules_change_nothing_but_what_they_say),
        cmocka_unit_test(a_window_may_go_between_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
