/*
 * What is remembered of words is what was kept, under the very question; the newest stays; another
 * segment makes all of it void. That answers are the same with and without is asked of the sample
 * catalog in test_same_answers.c.
 */
#include "index/recall.h"
#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct find_product none[] = {{0}};

static void ask(struct recall_question *q, struct find *f, uint32_t i)
{
    char text[32];
    snprintf(text, sizeof text, "word%u", i);
    recall_ask(q, f->snap, RECALL_FORMS, i % 3, slice_str(text), SLICE_LIT("more"));
}

/* Bytes that only question i has, of a length of its own. */
static struct slice answer_of(uint32_t i)
{
    static char bytes[RECALL_MOST + 1];
    size_t len = (i * 37) % 700;
    for (size_t k = 0; k < len; k++)
        bytes[k] = (char)(i + k);
    return slice_make(bytes, len);
}

static void what_is_known_was_kept(void **state)
{
    enum { MORE = 20000 };
    struct find f;
    struct recall *r;
    struct recall_question q;
    struct slice answer;
    uint32_t known = 0;
    (void)state;
    find_open(&f, "", none);
    assert_int_equal(recall_create(&r), STATUS_OK);
    for (uint32_t i = 0; i < MORE; i++) {
        ask(&q, &f, i);
        assert_false(recall_get(r, &q, &answer));
        recall_keep(r, &q, answer_of(i));
        assert_true(recall_get(r, &q, &answer));
        assert_true(slice_equal(answer, answer_of(i)));
    }
    for (uint32_t i = 0; i < MORE; i++) {
        ask(&q, &f, i);
        if (recall_get(r, &q, &answer)) {
            assert_true(slice_equal(answer, answer_of(i)));
            known++;
            assert_true(i >= MORE - RECALL_BYTES / 350);
        }
    }
    assert_in_range(known, RECALL_BYTES / 1000, RECALL_SLOTS);
    recall_destroy(&r);
    find_close(&f);
}

static void questions_are_told_apart(void **state)
{
    struct find f;
    struct recall *r;
    struct recall_question q;
    struct slice answer;
    static char longest[RECALL_KEY + 1], large[RECALL_MOST + 1];
    (void)state;
    find_open(&f, "", none);
    assert_int_equal(recall_create(&r), STATUS_OK);
    recall_ask(&q, f.snap, RECALL_FORMS, 1, SLICE_LIT("ab"), SLICE_LIT("c"));
    recall_keep(r, &q, SLICE_LIT("x"));
    recall_ask(&q, f.snap, RECALL_FORMS, 1, SLICE_LIT("a"), SLICE_LIT("bc"));
    assert_false(recall_get(r, &q, &answer));
    recall_ask(&q, f.snap, RECALL_FORMS, 2, SLICE_LIT("ab"), SLICE_LIT("c"));
    assert_false(recall_get(r, &q, &answer));
    recall_ask(&q, f.snap, RECALL_TYPOS, 1, SLICE_LIT("ab"), SLICE_LIT("c"));
    assert_false(recall_get(r, &q, &answer));
    recall_keep(r, &q, slice_make(large, RECALL_MOST + 1));
    assert_false(recall_get(r, &q, &answer));
    recall_ask(&q, f.snap, RECALL_TYPOS, 1, slice_make(longest, RECALL_KEY), SLICE_NULL);
    recall_keep(r, &q, SLICE_LIT("x"));
    assert_false(recall_get(r, &q, &answer));
    recall_ask(&q, f.snap, RECALL_FORMS, 1, SLICE_LIT("ab"), SLICE_LIT("c"));
    assert_true(recall_get(r, &q, &answer));
    recall_keep(NULL, &q, SLICE_LIT("x"));
    assert_false(recall_get(NULL, &q, &answer));
    recall_destroy(&r);
    find_close(&f);
}

static void another_segment_makes_it_void(void **state)
{
    struct find f;
    (void)state;
    find_open(&f, "en", (const struct find_product[]){{"1", "red lamp", NULL, 0}, {0}});
    assert_string_equal(find_ids(&f, "runing"), "");
    assert_string_equal(find_ids(&f, "bookcase"), "");
    assert_string_equal(find_ids(&f, "polishings"), "");
    find_put(&f, &(struct find_product){"2", "running shoe", NULL, 0});
    find_put(&f, &(struct find_product){"3", "book case", NULL, 0});
    find_put(&f, &(struct find_product){"4", "polishing", NULL, 0});
    assert_string_equal(find_ids(&f, "runing"), "2");
    assert_string_equal(find_ids(&f, "bookcase"), "3");
    assert_string_equal(find_ids(&f, "polishings"), "4");
    assert_string_equal(find_ids(&f, "runing"), "2");
    find_put(&f, &(struct find_product){"2", "blue shirt", NULL, 0});
    assert_string_equal(find_ids(&f, "runing"), "");
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_was_kept),
        cmocka_unit_test(questions_are_told_apart),
        cmocka_unit_test(another_segment_makes_it_void),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
