/* Keys: told again within the window, refused with another body, pruned in order of time. */
#include "server/idempotency.h"
#include "tests/index/support_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct shop shop;
static uint64_t sequence;

static int setup(void **state)
{
    (void)state;
    sequence = 0;
    shop_open(&shop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    shop_close(&shop);
    return 0;
}

static void hash_of(const char *body, uint8_t hash[BODY_HASH])
{
    struct put_item item = {.document = slice_str(body)};
    struct put_request p = {.items = &item, .item_count = 1};
    struct buf scratch = BUF_INIT;
    assert_int_equal(idempotency_hash_bulk(&p, &scratch, hash), STATUS_OK);
    buf_fini(&scratch);
}

/* Batches of `each` keys named k<from>..., accepted at `ms`. */
static void apply_keys(unsigned from, unsigned count, int64_t ms, int64_t window)
{
    struct batch *b;
    struct buf scratch = BUF_INIT;
    struct key_counts added = {0};
    assert_int_equal(batch_begin(shop.ix, &b), STATUS_OK);
    for (unsigned i = from; i < from + count; i++) {
        char key[16];
        uint8_t hash[BODY_HASH];
        hash_of("body", hash);
        snprintf(key, sizeof key, "k%u", i);
        struct log_changes c = {.accepted_ms = ms,
                                .key = slice_str(key),
                                .hash = slice_make(hash, BODY_HASH),
                                .reply = SLICE_LIT("reply")};
        assert_int_equal(idempotency_apply(b, &c, ++sequence, &scratch, &added), STATUS_OK);
    }
    assert_int_equal(added.of[KEY_OF_BULK], count);
    assert_int_equal(idempotency_prune(b, ms - window, &added), STATUS_OK);
    assert_int_equal(batch_commit(&b, sequence), STATUS_OK);
    buf_fini(&scratch);
}

static enum status find(const char *key, const char *body, int64_t oldest)
{
    struct idempotency *t;
    struct buf reply = BUF_INIT;
    uint8_t hash[BODY_HASH];
    hash_of(body, hash);
    assert_int_equal(idempotency_create(&t), STATUS_OK);
    enum status st =
        idempotency_find(t, shop.ix, KEY_OF_BULK, slice_str(key), hash, oldest, &reply);
    if (!st)
        assert_true(slice_equal(buf_slice(&reply), SLICE_LIT("reply")));
    buf_fini(&reply);
    idempotency_destroy(&t);
    return st;
}

static unsigned rows_with(const char *prefix)
{
    struct batch *b;
    struct slice key, value;
    char from[600];
    unsigned n = 0;
    size_t len = strlen(prefix);
    memcpy(from, prefix, len + 1);
    assert_int_equal(batch_begin(shop.ix, &b), STATUS_OK);
    while (batch_row_seek(b, slice_make(from, len), &key, &value) == STATUS_OK &&
           slice_starts(key, slice_str(prefix))) {
        n++;
        memcpy(from, key.ptr, key.len);
        from[key.len] = 0; /* the next key behind it */
        len = key.len + 1;
    }
    batch_abort(&b);
    return n;
}

static void a_key_is_told_again_and_another_body_conflicts(void **state)
{
    (void)state;
    apply_keys(0, 3, 1000, 500);
    assert_int_equal(find("k1", "body", 0), STATUS_OK);
    assert_int_equal(find("k1", "other", 0), STATUS_CONFLICT);
    assert_int_equal(find("k9", "body", 0), STATUS_NOT_FOUND);
    assert_int_equal(find("k1", "body", 1001), STATUS_NOT_FOUND); /* beyond the window */
}

static void what_is_beyond_the_window_is_removed(void **state)
{
    (void)state;
    for (int64_t t = 0; t < 20; t++)
        apply_keys((unsigned)t * 100, 100, 1000 + t * 100, 450);
    assert_int_equal(rows_with("idem/"), rows_with("idemt/"));
    assert_in_range(rows_with("idem/"), 500, 600);
    assert_int_equal(find("k1950", "body", 0), STATUS_OK);
    assert_int_equal(find("k10", "body", 0), STATUS_NOT_FOUND);
}

static void a_key_used_again_outlives_its_first_row(void **state)
{
    (void)state;
    apply_keys(0, 10, 1000, 500);
    apply_keys(0, 5, 2000, 1500); /* k0..k4 again, the first rows not pruned yet */
    apply_keys(100, 10, 2100, 500);
    assert_int_equal(find("k2", "body", 0), STATUS_OK);
    assert_int_equal(find("k7", "body", 0), STATUS_NOT_FOUND);
    assert_int_equal(rows_with("idem/"), 15);
    assert_int_equal(rows_with("idemt/"), 15);
}

/* --- keys of items ---------------------------------------------------------------------------- */

enum { ITEMS = 300 };

static void items_make(struct put_item items[ITEMS], char keys[ITEMS][16], const char *document)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        snprintf(keys[i], sizeof keys[i], "k%u", i);
        items[i] = (struct put_item){.key = slice_str(i % 3 ? keys[i] : ""),
                                     .document = slice_str(document)};
    }
}

static enum status find_item(struct idempotency *t, const struct put_item *item, enum key_kind kind,
                             int64_t oldest)
{
    struct buf scratch = BUF_INIT, reply = BUF_INIT;
    uint8_t hash[BODY_HASH];
    assert_int_equal(idempotency_hash_item(item, &scratch, hash), STATUS_OK);
    enum status st = idempotency_find(t, shop.ix, kind, item->key, hash, oldest, &reply);
    assert_int_equal(reply.len, 0);
    buf_fini(&scratch);
    buf_fini(&reply);
    return st;
}

static void keys_of_items_are_noted_taken_back_and_forgotten(void **state)
{
    (void)state;
    static struct put_item items[ITEMS], others[ITEMS];
    static char keys[ITEMS][16];
    struct idempotency *t;
    struct buf scratch = BUF_INIT;
    items_make(items, keys, "one");
    items_make(others, keys, "two");
    struct log_changes c = {.accepted_ms = 1000, .items = items, .item_count = ITEMS};
    assert_int_equal(idempotency_create(&t), STATUS_OK);
    assert_int_equal(idempotency_note_items(t, &c, 7, &scratch), STATUS_OK);
    assert_int_equal(idempotency_count(t), 200);
    for (unsigned i = 0; i < ITEMS; i++) {
        if (!items[i].key.len)
            continue;
        assert_int_equal(find_item(t, &items[i], KEY_OF_ITEM, 0), STATUS_OK);
        assert_int_equal(find_item(t, &others[i], KEY_OF_ITEM, 0), STATUS_CONFLICT);
        assert_int_equal(find_item(t, &items[i], KEY_OF_BULK, 0), STATUS_NOT_FOUND);
        assert_int_equal(find_item(t, &items[i], KEY_OF_ITEM, 1001), STATUS_NOT_FOUND);
    }
    c.items = others; /* used again, and taken back */
    assert_int_equal(idempotency_note_items(t, &c, 8, &scratch), STATUS_OK);
    assert_int_equal(find_item(t, &others[1], KEY_OF_ITEM, 0), STATUS_OK);
    idempotency_undo(t, 200);
    assert_int_equal(find_item(t, &items[1], KEY_OF_ITEM, 0), STATUS_OK);
    assert_int_equal(idempotency_note_items(t, &c, 8, &scratch), STATUS_OK);
    idempotency_forget(t, 7);
    assert_int_equal(idempotency_count(t), 200);
    assert_int_equal(find_item(t, &others[299], KEY_OF_ITEM, 0), STATUS_OK);
    idempotency_forget(t, 8);
    assert_int_equal(find_item(t, &others[299], KEY_OF_ITEM, 0), STATUS_NOT_FOUND);
    idempotency_destroy(&t);
    buf_fini(&scratch);
}

static void rows_of_items_are_pruned_apart_from_those_of_bulks(void **state)
{
    (void)state;
    static struct put_item items[ITEMS];
    static char keys[ITEMS][16];
    struct idempotency *t;
    struct buf scratch = BUF_INIT;
    apply_keys(0, 5, 1000, 500);
    assert_int_equal(idempotency_create(&t), STATUS_OK);
    items_make(items, keys, "one");
    for (int64_t ms = 1000; ms <= 2000; ms += 500) {
        struct log_changes c = {.accepted_ms = ms, .items = items, .item_count = ITEMS};
        struct key_counts added = {0};
        struct batch *b;
        items_make(items, keys, "one");
        for (unsigned i = 0; i < ITEMS; i++) /* a third of the keys is each round's own */
            keys[i][0] = i % 3 == 1 ? (char)('a' + ms / 500) : 'k';
        assert_int_equal(batch_begin(shop.ix, &b), STATUS_OK);
        assert_int_equal(idempotency_apply(b, &c, ++sequence, &scratch, &added), STATUS_OK);
        assert_int_equal(added.of[KEY_OF_ITEM], 200);
        assert_int_equal(idempotency_prune(b, ms - 600, &added), STATUS_OK);
        assert_int_equal(batch_commit(&b, sequence), STATUS_OK);
        assert_int_equal(find_item(t, &items[1], KEY_OF_ITEM, 0), STATUS_OK);
    }
    assert_int_equal(rows_with("ideit/"), 400); /* of 1500 and 2000 */
    assert_int_equal(rows_with("idei/"), 300);  /* those they share once */
    assert_int_equal(rows_with("idem/"), 5);
    keys[1][0] = 'a' + 2; /* of 1000 */
    assert_int_equal(find_item(t, &items[1], KEY_OF_ITEM, 0), STATUS_NOT_FOUND);
    keys[1][0] = 'a' + 3;
    assert_int_equal(find_item(t, &items[1], KEY_OF_ITEM, 0), STATUS_OK);
    idempotency_destroy(&t);
    buf_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_told_again_and_another_body_conflicts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_beyond_the_window_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_used_again_outlives_its_first_row, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_of_items_are_noted_taken_back_and_forgotten, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rows_of_items_are_pruned_apart_from_those_of_bulks, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
