#include "index/suggest.h"
#include "index/lev.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct suggest *list_of(struct folder *f, const char *lines)
{
    struct suggest *s;
    assert_int_equal(suggest_create(&s), STATUS_OK);
    assert_int_equal(suggest_add_lines(s, f, slice_str(lines)), STATUS_OK);
    assert_int_equal(suggest_build(s), STATUS_OK);
    return s;
}

static bool not_refused(void *ctx, struct slice text)
{
    return !slice_equal(text, slice_str(ctx));
}

static void check(const char *typed, uint32_t limit, char *refused, const char *want)
{
    static const char lines[] =
        "running shoes\t50\nred shoes\t40\nRed Dress\t60\nshoe rack\t10\n"
        "shoes\t90\nshirt\t80\nshort sleeve shirt\t5\nCafé crème\t7\n"
        "iphone 15\t30\niphone 14\t20\nred  SHOES\t1\n\n\t5\nheadphones\t3\n"
        "运动鞋\t4\n运动服\t6\nno weight\nbag 5㎏\t3\nbag 5kg\t2\nwomen’s bag\t1\n";
    struct folder *f;
    struct suggestion found[SUGGEST_MAX];
    uint32_t count;
    char text[1024] = "";
    assert_int_equal(folder_create(&f), STATUS_OK);
    struct suggest *s = list_of(f, lines);
    assert_int_equal(suggest_find(s, f, slice_str(typed), limit, refused ? not_refused : NULL,
                                  refused, found, &count),
                     STATUS_OK);
    for (uint32_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", i ? "|" : "",
                 (int)found[i].text.len, found[i].text.ptr);
    assert_string_equal(text, want);
    suggest_destroy(&s);
    folder_destroy(&f);
}

static void the_heaviest_beginnings_come_first(void **state)
{
    (void)state;
    check("re", 5, NULL, "Red Dress|red shoes");
    check("Red", 5, NULL, "Red Dress|red shoes");
    check("red s", 5, NULL, "red shoes");
    check("bag 5k", 5, NULL, "bag 5㎏"); /* one of those that are read alike */
    check("bag 5㎏", 5, NULL, "bag 5㎏");
    check("womens", 5, NULL, "women’s bag");
    check("women's", 5, NULL, "women’s bag");
    check("sh", 2, NULL, "shoes|shirt");
    check("s", 3, NULL, "shoes|shirt|shoe rack");
    check("zzz", 5, NULL, "");
    check("", 5, NULL, "");
    check("no w", 5, NULL, "no weight");
}

static void later_words_complete_too_but_after_beginnings(void **state)
{
    (void)state;
    check("sho", 5, NULL, "shoes|shoe rack|short sleeve shirt|running shoes|red shoes");
    check("dress", 5, NULL, "Red Dress");
}

static void case_accents_and_scripts_are_folded(void **state)
{
    (void)state;
    check("cafe cr", 5, NULL, "Café crème");
    check("CAFÉ", 5, NULL, "Café crème");
    check("运动", 5, NULL, "运动服|运动鞋");
}

/* Complaint: a typo while typing empties the box. */
static void a_typo_in_what_was_typed_still_completes(void **state)
{
    (void)state;
    check("runnig", 5, NULL, "running shoes");
    check("runing sh", 5, NULL, "running shoes");
    check("haedphones", 5, NULL, "headphones");
    check("shirp", 5, NULL, "shirt");
    check("xhirt", 5, NULL, "");
    check("iphone 16", 5, NULL, ""); /* no typos with digits */
    check("sht", 5, NULL, "");       /* nor below four letters */
}

static void refused_ones_make_room(void **state)
{
    (void)state;
    char refused[] = "shoes";
    check("sh", 2, refused, "shirt|shoe rack");
}

/* Random lists against a walk over all of them. */
static void finds_what_a_walk_finds(void **state)
{
    (void)state;
    static char texts[3000][16];
    static double weights[3000];
    struct folder *f;
    struct suggest *s;
    uint64_t seed = 7;
    assert_int_equal(folder_create(&f), STATUS_OK);
    assert_int_equal(suggest_create(&s), STATUS_OK);
    uint32_t n = 0;
    while (n < 3000) {
        uint32_t len = 3 + (uint32_t)(seed >> 60) / 2, same = 0;
        for (uint32_t i = 0; i < len; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            texts[n][i] = "abcdeabcab"[(seed >> 33) % 10];
        }
        texts[n][len] = '\0';
        for (uint32_t i = 0; i < n && !same; i++)
            same = !strcmp(texts[i], texts[n]);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        if (same)
            continue;
        weights[n] = 1 + (double)n; /* all differ */
        assert_int_equal(suggest_add(s, f, slice_str(texts[n]), weights[n]), STATUS_OK);
        n++;
    }
    assert_int_equal(suggest_build(s), STATUS_OK);
    for (int round = 0; round < 400; round++) {
        char typed[16];
        struct suggestion found[SUGGEST_MAX];
        uint32_t count, len = 1 + (uint32_t)(seed >> 40) % 7;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        snprintf(typed, sizeof typed, "%.*s", (int)len, texts[(seed >> 33) % 3000]);
        if (round % 3 == 0 && len > 1)
            typed[len - 1] = 'd';
        len = (uint32_t)strlen(typed);
        uint32_t edits = len < 4 ? 0 : 1;
        bool seen[3000] = {false};
        assert_int_equal(suggest_find(s, f, slice_str(typed), 20, NULL, NULL, found, &count),
                         STATUS_OK);
        for (uint32_t k = 0; k < 20; k++) {
            /* the best of what is left: least edits of any beginning, then the weight */
            uint32_t best = 3000, best_distance = 9;
            for (uint32_t i = 0; i < 3000; i++) {
                uint32_t least = 9;
                if (seen[i] || texts[i][0] != typed[0])
                    continue;
                for (size_t cut = 1; cut <= strlen(texts[i]); cut++) {
                    uint32_t d = lev_distance(slice_str(typed), slice_make(texts[i], cut), edits);
                    least = d < least ? d : least;
                }
                if (least <= edits && (least < best_distance ||
                                       (least == best_distance && weights[i] > weights[best]))) {
                    best = i;
                    best_distance = least;
                }
            }
            if (best == 3000) {
                assert_int_equal(count, k);
                break;
            }
            seen[best] = true;
            assert_true(k < count);
            if (!slice_equal(found[k].text, slice_str(texts[best])))
                print_error("typed %s, place %u: %.*s, not %s\n", typed, k, (int)found[k].text.len,
                            found[k].text.ptr, texts[best]);
            assert_true(slice_equal(found[k].text, slice_str(texts[best])));
            assert_int_equal(found[k].distance, best_distance);
        }
    }
    suggest_destroy(&s);
    folder_destroy(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_heaviest_beginnings_come_first),
        cmocka_unit_test(later_words_complete_too_but_after_beginnings),
        cmocka_unit_test(case_accents_and_scripts_are_folded),
        cmocka_unit_test(a_typo_in_what_was_typed_still_completes),
        cmocka_unit_test(refused_ones_make_room),
        cmocka_unit_test(finds_what_a_walk_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
