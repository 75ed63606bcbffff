/* Keys: told again within the window, refused with another body, pruned in order of time. */
#include "server/idempotency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char dir[64];
static struct index *ix;
static uint64_t sequence;

static int setup(void **state)
{
    (void)state;
    struct schema_spec spec = {.field_count = 1};
    struct buf bytes = BUF_INIT;
    struct schema *schema;
    bool stale;
    spec.fields[0] = (struct field_spec){.name = SLICE_LIT("title"),
                                         .type = FIELD_TEXT,
                                         .flags = FIELD_SEARCHABLE | FIELD_STORED,
                                         .weight = 1};
    schema_spec_encode(&spec, &bytes);
    snprintf(dir, sizeof dir, "/tmp/souk-keys-XXXXXX");
    sequence = 0;
    if (schema_decode(buf_slice(&bytes), &schema, NULL) || !mkdtemp(dir) ||
        index_create(dir, schema, NULL, NULL) || index_open(dir, NULL, &ix, &stale, NULL))
        return -1;
    schema_destroy(&schema);
    buf_fini(&bytes);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[96];
    index_close(&ix);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static uint8_t hash_of(const char *body, uint8_t hash[BODY_HASH])
{
    idempotency_hash(slice_str(body), hash);
    return hash[0];
}

/* Batches of `each` keys named k<from>..., accepted at `ms`. */
static void apply_keys(unsigned from, unsigned count, int64_t ms, int64_t window)
{
    struct batch *b;
    struct buf scratch = BUF_INIT;
    assert_int_equal(batch_begin(ix, &b), STATUS_OK);
    for (unsigned i = from; i < from + count; i++) {
        char key[16];
        uint8_t hash[BODY_HASH];
        hash_of("body", hash);
        snprintf(key, sizeof key, "k%u", i);
        struct log_changes c = {.accepted_ms = ms,
                                .key = slice_str(key),
                                .hash = slice_make(hash, BODY_HASH),
                                .reply = SLICE_LIT("reply")};
        assert_int_equal(idempotency_apply(b, &c, ++sequence, &scratch), STATUS_OK);
    }
    assert_int_equal(idempotency_prune(b, ms - window, count), STATUS_OK);
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
        idempotency_find(t, ix, slice_str(key), slice_make(hash, BODY_HASH), oldest, &reply);
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
    assert_int_equal(batch_begin(ix, &b), STATUS_OK);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_told_again_and_another_body_conflicts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_beyond_the_window_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_used_again_outlives_its_first_row, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
