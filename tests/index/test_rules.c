#include "tests/index/support_find.h"

#include "index/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct find_product shoes[] = {{.id = "a", .title = "red shoes"},
                                            {.id = "b", .title = "red shoes leather"},
                                            {.id = "c", .title = "blue shoes", .brand = "Puma"},
                                            {.id = "d", .title = "sandals", .brand = "Puma"},
                                            {0}};

static void pins_stand_at_their_place_and_hides_are_gone(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", shoes);
    find_setting(&f, "rule", "r", "query red shoes\nquery shoes\npin d 2\nhide b\n");
    assert_string_equal(find_ids(&f, "Red SHOES"), "a d c");
    assert_int_equal(f.result.found, 3);
    assert_string_equal(find_set(&f, "shoes"), "a c d");
    assert_string_equal(find_set(&f, "blue shoes"), "c"); /* another query */
    find_setting(&f, "rule", "r", "contains shoes\npin c\npin d 50\n");
    assert_string_equal(find_ids(&f, "red shoes"), "c a b d"); /* the last follows the others */
    find_setting(&f, "rule", "r", "");
    assert_string_equal(find_set(&f, "red shoes"), "a b c");
    find_close(&f);
}

static void what_is_excluded_is_no_word_of_the_query(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "a", .title = "red shoes"},
                                      {.id = "b", .title = "blue shoes"},
                                      {.id = "c", .title = "green shoes"},
                                      {.id = "d", .title = "lamp"},
                                      {0}});
    find_setting(&f, "rule", "r", "query red shoes\ncontains red\npin d 1\n");
    assert_string_equal(find_ids(&f, "red shoes"), "d a");
    assert_string_equal(find_set(&f, "shoes -red"), "b c");
    assert_string_equal(find_set(&f, "-red shoes"), "b c");
    assert_string_equal(find_set(&f, "shoes -\"red shoes\""), "b c");
    assert_string_equal(find_set(&f, "shoes -title:red"), "b c");
    find_setting(&f, "rule", "r", "query shoes\npin d 1\nhide c\n");
    assert_string_equal(find_set(&f, "shoes -red"), "b d");
    find_close(&f);
}

/* Ten hold the word, which is enough to look no further; a rule must not make more be looked for.
 */
static void rules_do_not_decide_what_is_tried(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", (struct find_product[]){{.id = "typo", .title = "lampiom"}, {0}});
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "l%d", i);
        find_put(&f, &(struct find_product){.id = id, .title = "lampion", .popularity = 1 + i});
    }
    for (int filtered = 0; filtered < 2; filtered++) {
        find_setting(&f, "rule", "r", "");
        f.query.filter = filtered ? SLICE_LIT("popularity > 2") : SLICE_NULL;
        find_ids(&f, "lampion");
        assert_int_equal(f.result.found, filtered ? 8 : 10);
        find_setting(&f, "rule", "r", "query lampion\npin l5 1\nhide l6\n");
        assert_memory_equal(find_ids(&f, "lampion"), "l5 ", 3);
        assert_int_equal(f.result.found, filtered ? 7 : 9);
        f.query.sorts = &(struct sort_request){.field = SLICE_LIT("popularity")};
        f.query.sort_count = 1;
        find_ids(&f, "lampion");
        assert_int_equal(f.result.found, filtered ? 7 : 9);
        f.query.sort_count = 0;
    }
    find_setting(&f, "rule", "r",
                 "query lampion\nhide l0\nhide l1\nhide l2\nhide l3\nhide l4\nhide "
                 "l5\nhide l6\nhide l7\nhide l8\nhide l9\n");
    f.query.filter = SLICE_NULL;
    assert_string_equal(find_ids(&f, "lampion"), ""); /* and not what is a typo away */
    find_close(&f);
}

static void pages_with_pins_are_the_whole_set_once(void **state)
{
    (void)state;
    struct find f;
    char all[4096], pages[4096] = "";
    find_open(&f, "en", shoes);
    find_fill(&f, "shoes", 40);
    find_setting(&f, "rule", "r", "query shoes\npin d 1\npin a 7\npin b 44\n");
    f.query.k = 100;
    strcpy(all, find_ids(&f, "shoes"));
    assert_int_equal(f.result.found, 44);
    assert_int_equal(f.result.hit_count, 44);
    for (uint32_t k = 1; k < 12; k += 3) {
        pages[0] = 0;
        f.query.k = k;
        for (f.query.offset = 0; f.query.offset < 44; f.query.offset += k) {
            const char *ids = find_ids(&f, "shoes");
            snprintf(pages + strlen(pages), sizeof pages - strlen(pages), "%s%s",
                     f.query.offset ? " " : "", ids);
        }
        assert_string_equal(pages, all);
    }
    find_close(&f);
}

static void pages_behind_cursors_have_their_pins(void **state)
{
    (void)state;
    struct find f;
    char all[4096], pages[4096], cursor[1024];
    find_open(&f, "en", shoes);
    find_fill(&f, "shoes", 100);
    find_setting(&f, "rule", "r", "query shoes\npin d 1\npin a 7\npin b 90\n");
    f.query.k = 200;
    strcpy(all, find_ids(&f, "shoes"));
    assert_int_equal(f.result.hit_count, 104);
    for (uint32_t k = 1; k < 30; k += 7) {
        pages[0] = 0;
        f.query.k = k;
        f.query.cursor = SLICE_NULL;
        do {
            const char *ids = find_ids(&f, "shoes");
            snprintf(pages + strlen(pages), sizeof pages - strlen(pages), "%s%s",
                     pages[0] ? " " : "", ids);
            assert_true(f.result.cursor.len < sizeof cursor);
            if (f.result.cursor.len)
                memcpy(cursor, f.result.cursor.ptr, f.result.cursor.len);
            f.query.cursor = slice_make(cursor, f.result.cursor.len);
        } while (f.query.cursor.len);
        assert_string_equal(pages, all);
    }
    find_close(&f);
}

static void a_pin_passes_the_filter_or_is_not_shown(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", shoes);
    find_setting(&f, "rule", "r", "query shoes\npin a 1\npin d 1\n");
    f.query.filter = SLICE_LIT("brand = \"Puma\"");
    assert_string_equal(find_ids(&f, "shoes"), "d c");
    assert_int_equal(f.result.found, 2);
    struct facet_request facet = {.field = SLICE_LIT("brand")};
    f.query.facets = &facet;
    f.query.facet_count = 1;
    find_ids(&f, "shoes");
    assert_int_equal(f.result.facets[0].values[0].count, 2);
    find_close(&f);
}

static void sorted_results_have_no_pins_and_lose_nothing(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", shoes);
    find_setting(&f, "rule", "r", "query shoes\npin c 1\n");
    struct sort_request sort = {.field = SLICE_LIT("popularity"), .descending = true};
    f.query.sorts = &sort;
    f.query.sort_count = 1;
    assert_string_equal(find_set(&f, "shoes"), "a b c");
    find_close(&f);
}

/* Parts of one request share what is found: one that is sorted has no pins, the others have theirs.
 */
static void shared_searches_have_each_their_pins(void **state)
{
    (void)state;
    struct find f;
    struct query_result alone, shared;
    struct sort_request sort = {.field = SLICE_LIT("popularity"), .descending = true};
    find_open(&f, "en", shoes);
    find_setting(&f, "rule", "r", "query shoes\npin c 1\n");
    f.query.text = SLICE_LIT("shoes");
    f.query.sorts = &sort;
    assert_int_equal(snapshot_begin(f.snap), STATUS_OK);
    for (int first = 0; first < 2; first++) {
        search_share_begin(f.searcher, &f.arena);
        for (int i = 0; i < 4; i++) {
            struct searcher *other;
            f.query.sort_count = (uint32_t)(i + first) % 2;
            assert_int_equal(search_run(f.searcher, f.snap, &f.query, &f.arena, &shared, &f.fault),
                             STATUS_OK);
            assert_int_equal(searcher_create(&other), STATUS_OK);
            assert_int_equal(search_run(other, f.snap, &f.query, &f.arena, &alone, &f.fault),
                             STATUS_OK);
            searcher_destroy(&other);
            assert_int_equal(shared.found, alone.found);
            assert_int_equal(shared.hit_count, alone.hit_count);
            for (uint32_t h = 0; h < alone.hit_count; h++)
                assert_int_equal(shared.hits[h].docid, alone.hits[h].docid);
        }
        search_share_end(f.searcher);
    }
    snapshot_end(f.snap);
    find_close(&f);
}

static void texts_are_checked(void **state)
{
    (void)state;
    struct analyser *a;
    static const struct {
        const char *text;
        enum status status;
    } cases[] = {
        {"query a\npin x", STATUS_OK},        {"contains a b\nhide x\n# note\n", STATUS_OK},
        {"query a", STATUS_INVALID},          {"pin x", STATUS_INVALID},
        {"query a\npush x", STATUS_INVALID},  {"query\npin x", STATUS_INVALID},
        {"query a\npin x 1", STATUS_OK},      {"query a\npin x 100", STATUS_OK},
        {"query a\npin x 0", STATUS_INVALID}, {"query a\npin x 101", STATUS_INVALID}};
    assert_int_equal(analyser_create(&a), STATUS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(rules_check(a, slice_str(cases[i].text), NULL), cases[i].status);
    analyser_destroy(&a);
}

/* Whether words are dropped is decided by what they find, hidden or not. */
static void what_is_hidden_counts_for_what_is_tried(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "", (struct find_product[]){{.id = "one", .title = "red"}, {0}});
    find_fill(&f, "red shoes", 50);
    find_setting(&f, "rule", "r", "query red shoes\nhide fillred0\n");
    find_ids(&f, "red shoes");
    assert_int_equal(f.result.found, 49);
    find_setting(&f, "rule", "r", "query red shoes\npin fillred2\npin fillred3 9\nhide fillred0\n");
    f.query.k = 100;
    find_ids(&f, "red shoes");
    assert_int_equal(f.result.found, 49);
    assert_int_equal(f.result.dropped_count, 0);
    find_close(&f);
}

/* However many are hidden, a pinned one is not found a second time. */
static void pins_beside_many_hides_come_once(void **state)
{
    (void)state;
    static char rule[8192];
    struct find f;
    find_open(&f, "", (struct find_product[]){{.id = "x", .title = "red"}, {0}});
    find_fill(&f, "red", 300);
    size_t len = (size_t)snprintf(rule, sizeof rule, "query red\n");
    for (int i = 0; i < 256; i++)
        len += (size_t)snprintf(rule + len, sizeof rule - len, "hide fillred%d%d\n", i, i);
    find_setting(&f, "rule", "a", rule);
    find_setting(&f, "rule", "b", "query red\npin x\npin fillred299299 3\n");
    f.query.k = 100;
    find_ids(&f, "red");
    assert_int_equal(f.result.found, 301 - 256);
    assert_int_equal(f.result.hit_count, 301 - 256);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pins_stand_at_their_place_and_hides_are_gone),
        cmocka_unit_test(what_is_excluded_is_no_word_of_the_query),
        cmocka_unit_test(rules_do_not_decide_what_is_tried),
        cmocka_unit_test(pages_with_pins_are_the_whole_set_once),
        cmocka_unit_test(pages_behind_cursors_have_their_pins),
        cmocka_unit_test(a_pin_passes_the_filter_or_is_not_shown),
        cmocka_unit_test(sorted_results_have_no_pins_and_lose_nothing),
        cmocka_unit_test(shared_searches_have_each_their_pins),
        cmocka_unit_test(texts_are_checked),
        cmocka_unit_test(what_is_hidden_counts_for_what_is_tried),
        cmocka_unit_test(pins_beside_many_hides_come_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
