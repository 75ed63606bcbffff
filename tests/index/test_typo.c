#include "index/typo.h"
#include "index/lev.h"
#include "tests/index/support_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What typo_find() says is held against the distance of each word, one by one. */

enum { WORDS = 900, BATCHES = 3, WORD_CAP = 24 };

static uint32_t roll(uint32_t below)
{
    static uint64_t seed = 7;
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(seed >> 33) % below;
}

/* Few letters, so that many words are near each other; some take two bytes. */
static void some_word(char *out, uint32_t most)
{
    static const char *const letters[] = {"a", "b", "c", "d", "\xce\xb2", "\xce\xbb"};
    uint32_t n = 1 + roll(most);
    out[0] = '\0';
    while (n--) {
        const char *l = letters[roll(6)];
        size_t at = strlen(out);
        memcpy(out + at, l, strlen(l) + 1);
    }
}

static void put(struct batch *b, const char *id, const char *title)
{
    struct shop_product p = {.id = id, .title = title, .price = -1, .stock = -1};
    struct change c = shop_change(0, 1000);
    struct buf doc = BUF_INIT;
    shop_document(&doc, &p);
    assert_int_equal(batch_upsert(b, buf_slice(&doc), &c), STATUS_OK);
    buf_fini(&doc);
}

static char words[WORDS][WORD_CAP];
static uint32_t holders[WORDS]; /* of the first of equal words; 0 = another stands for it */

static void fill(struct shop *s)
{
    char id[16];
    for (uint32_t i = 0; i < WORDS; i++) {
        uint32_t same = 0;
        some_word(words[i], 7);
        while (strcmp(words[same], words[i]) != 0)
            same++;
        holders[same]++;
    }
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        struct batch *b;
        assert_int_equal(batch_begin(s->ix, &b), STATUS_OK);
        for (uint32_t i = batch; i < WORDS; i += BATCHES) {
            snprintf(id, sizeof id, "%u", i);
            put(b, id, words[i]);
        }
        assert_int_equal(batch_commit(&b, batch + 1), STATUS_OK);
    }
}

static void each_word_within_reach_is_found_once(void **state)
{
    (void)state;
    struct shop s;
    struct snapshot *snap;
    struct arena arena;
    struct typo_list found;
    shop_open(&s);
    fill(&s);
    arena_init(&arena, 0);
    assert_int_equal(snapshot_create(s.ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    for (uint32_t round = 0; round < 600; round++) {
        char typed[WORD_CAP];
        uint32_t edits = 1 + round % 3, want = 0;
        some_word(typed, 7);
        arena_reset(&arena);
        assert_int_equal(typo_find(snap, slice_str(typed), edits, &arena, &found), STATUS_OK);
        for (uint32_t i = 0; i < WORDS; i++) {
            uint32_t d = lev_distance(slice_str(typed), slice_str(words[i]), edits), k = 0;
            if (!holders[i] || d == 0 || d > edits)
                continue;
            while (k < found.count && !slice_equal(found.items[k].term, slice_str(words[i])))
                k++;
            assert_true(k < found.count);
            assert_int_equal(found.items[k].distance, d);
            assert_int_equal(found.items[k].df, holders[i]);
            want++;
        }
        assert_int_equal(found.count, want);
    }
    snapshot_destroy(&snap);
    arena_fini(&arena);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_within_reach_is_found_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
