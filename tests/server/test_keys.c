/* The keys of a front: finding one, a file that changes under it, what is kept when it is wrong. */
#include "server/keys.h"

#include "server/shared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/souk-keys-XXXXXX";
static char texts[4][KEY_TEXT + 1];

/* Key n, of a secret that is the n-th: its text, and its line into `out`. */
static void put_line(struct buf *out, uint8_t n, uint8_t secret_n, const char *more)
{
    uint8_t id[KEY_ID] = {n}, secret[KEY_SECRET] = {secret_n}, digest[KEY_DIGEST];
    char hex[2 * KEY_DIGEST + 1];
    api_key_print(id, secret, texts[secret_n]);
    assert_int_equal(key_digest(slice_str(texts[secret_n]), digest), STATUS_OK);
    key_hex_print(id, KEY_ID, hex);
    buf_printf(out, "key%u id=%s", n, hex);
    key_hex_print(digest, KEY_DIGEST, hex);
    buf_printf(out, " sha256=%s %s\n", hex, more);
}

static void write_file(const struct buf *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text->len ? text->ptr : "", 1, text->len, f), text->len);
    fclose(f);
    assert_int_equal(chmod(path, 0600), 0);
}

static void write_keys(uint8_t first, uint8_t last, const char *more)
{
    struct buf text = BUF_INIT;
    for (uint8_t n = first; n <= last; n++)
        put_line(&text, n, n, more);
    write_file(&text);
    buf_fini(&text);
}

static enum status find(struct keys *k, const char *text, int64_t now, struct key **out)
{
    uint8_t digest[KEY_DIGEST];
    struct fault fault = {0};
    enum status s = keys_find(k, slice_str(text), now, out, digest, &fault);
    assert_true(!s || fault.text[0]);
    assert_null(strstr(fault.text, strlen(text) > 38 ? text + 38 : "souk_0"));
    return s;
}

static void without_a_file_everything_is_open(void **state)
{
    (void)state;
    struct keys k;
    keys_init(&k);
    assert_false(k.on);
    assert_true(k.open.unbounded && k.open.known);
    assert_int_equal(k.open.scopes & SCOPE_ALL, SCOPE_ALL);
    assert_false(k.nobody.scopes & SCOPE_ALL);
    assert_false(k.gone.scopes & SCOPE_ALL);
    assert_false(k.nobody.known || k.nobody.everywhere || k.nobody.unbounded);
    assert_int_equal(keys_take(&k, "", NULL), STATUS_OK);
    assert_false(k.on);
    keys_fini(&k);
}

static void a_key_is_found_by_its_text_alone(void **state)
{
    (void)state;
    struct keys k;
    struct key *key;
    char other[KEY_TEXT + 1];
    write_keys(1, 3, "scopes=search catalogs=shop*");
    keys_init(&k);
    assert_int_equal(keys_take(&k, path, NULL), STATUS_OK);
    for (int n = 1; n <= 3; n++) {
        assert_int_equal(find(&k, texts[n], 0, &key), STATUS_OK);
        assert_int_equal(key->row.id[0], n);
        assert_int_equal(key->scopes, SCOPE_SEARCH | KEY_ANYBODY);
        assert_false(key->everywhere || key->unbounded);
        assert_true(key_reaches(key, SLICE_LIT("shop1")));
        assert_false(key_reaches(key, SLICE_LIT("books")));
    }
    memcpy(other, texts[1], sizeof other); /* the id of one, the secret of another */
    memcpy(other + 38, texts[2] + 38, 64);
    assert_int_equal(find(&k, other, 0, &key), STATUS_UNAUTHENTICATED);
    memcpy(other, texts[1], sizeof other); /* an id nobody has */
    other[6] = '9';
    assert_int_equal(find(&k, other, 0, &key), STATUS_UNAUTHENTICATED);
    assert_int_equal(find(&k, "", 0, &key), STATUS_UNAUTHENTICATED);
    assert_int_equal(find(&k, "souk_", 0, &key), STATUS_UNAUTHENTICATED);
    assert_null(key);
    keys_fini(&k);
}

static void a_file_is_taken_when_it_has_stood_for_one_look(void **state)
{
    (void)state;
    struct keys k;
    struct key *key;
    struct fault fault = {0};
    write_keys(1, 2, "scopes=search catalogs=*");
    keys_init(&k);
    assert_int_equal(keys_take(&k, path, NULL), STATUS_OK);
    int64_t t = 1000;
    assert_false(keys_look(&k, t, 0, &fault));
    write_keys(1, 1, "scopes=search,get catalogs=*");
    assert_false(keys_look(&k, t + KEYS_LOOK_MS - 1, 0, &fault)); /* too soon */
    assert_false(keys_look(&k, t += KEYS_LOOK_MS, 0, &fault));    /* it has changed */
    assert_int_equal(find(&k, texts[2], 0, &key), STATUS_OK);
    assert_true(keys_look(&k, t += KEYS_LOOK_MS, 0, &fault)); /* and stands */
    assert_int_equal(find(&k, texts[2], 0, &key), STATUS_UNAUTHENTICATED);
    assert_int_equal(find(&k, texts[1], 0, &key), STATUS_OK);
    assert_int_equal(key->scopes & SCOPE_ALL, SCOPE_SEARCH | SCOPE_GET);
    assert_false(keys_look(&k, t += KEYS_LOOK_MS, 0, &fault)); /* nothing new */
    assert_false(fault.text[0]);
    keys_fini(&k);
}

static void a_wrong_file_changes_nothing_and_is_told_once(void **state)
{
    (void)state;
    struct keys k;
    struct key *key;
    struct buf none = BUF_INIT;
    write_keys(1, 2, "scopes=search catalogs=*");
    keys_init(&k);
    assert_int_equal(keys_take(&k, path, NULL), STATUS_OK);
    int64_t t = 1000;
    for (int kind = 0; kind < 3; kind++) {
        int told = 0;
        if (kind == 0)
            write_file(&none);
        if (kind == 1)
            assert_int_equal(chmod(path, 0644), 0);
        if (kind == 2)
            unlink(path);
        for (int i = 0; i < 6; i++) {
            struct fault fault = {0};
            assert_false(keys_look(&k, t += KEYS_LOOK_MS, 0, &fault));
            told += fault.text[0] != '\0';
        }
        assert_int_equal(told, 1);
        assert_true(k.wrong);
        assert_int_equal(find(&k, texts[2], 0, &key), STATUS_OK);
    }
    write_keys(2, 3, "scopes=search catalogs=*");
    keys_look(&k, t += KEYS_LOOK_MS, 0, NULL);
    assert_true(keys_look(&k, t += KEYS_LOOK_MS, 0, NULL));
    assert_false(k.wrong);
    assert_int_equal(find(&k, texts[1], 0, &key), STATUS_UNAUTHENTICATED);
    keys_fini(&k);
}

static void who_starts_with_a_wrong_file_knows_nobody(void **state)
{
    (void)state;
    struct keys k;
    struct key *key;
    struct fault fault = {0};
    write_keys(1, 1, "scopes=search catalogs=*");
    assert_int_equal(chmod(path, 0604), 0);
    keys_init(&k);
    assert_int_equal(keys_take(&k, path, &fault), STATUS_INVALID);
    assert_true(k.on && k.wrong && fault.text[0]);
    assert_int_equal(find(&k, texts[1], 0, &key), STATUS_UNAUTHENTICATED);
    assert_int_equal(chmod(path, 0600), 0);
    keys_look(&k, 1000, 0, NULL);
    assert_true(keys_look(&k, 2000, 0, NULL));
    assert_int_equal(find(&k, texts[1], 0, &key), STATUS_OK);
    keys_fini(&k);
}

static void a_connection_keeps_its_key_while_its_secret_stands(void **state)
{
    (void)state;
    struct keys k;
    struct key *key;
    uint8_t digest[KEY_DIGEST];
    struct buf text = BUF_INIT;
    write_keys(1, 1, "scopes=search catalogs=*");
    keys_init(&k);
    assert_int_equal(keys_take(&k, path, NULL), STATUS_OK);
    assert_int_equal(keys_find(&k, slice_str(texts[1]), 0, &key, digest, NULL), STATUS_OK);
    uint8_t id[KEY_ID];
    memcpy(id, key->row.id, KEY_ID);
    key->full_us = 77;
    key->requests = 5;
    assert_int_equal(keys_take(&k, path, NULL), STATUS_OK); /* another list */
    key = keys_again(&k, id, digest, 0);
    assert_true(key->known);
    assert_int_equal(key->full_us, 77); /* with its bucket and what it has counted */
    assert_int_equal(key->requests, 5);
    put_line(&text, 1, 2, "scopes=search catalogs=*"); /* the same key with another secret */
    write_file(&text);
    assert_int_equal(keys_take(&k, path, NULL), STATUS_OK);
    assert_ptr_equal(keys_again(&k, id, digest, 0), &k.gone);
    assert_int_equal(find(&k, texts[2], 0, &key), STATUS_OK);
    buf_fini(&text);
    keys_fini(&k);
}

static void a_key_ends_at_its_time(void **state)
{
    (void)state;
    struct keys k;
    struct key *key;
    uint8_t digest[KEY_DIGEST];
    write_keys(1, 1, "scopes=search catalogs=* expires=1970-01-02");
    keys_init(&k);
    assert_int_equal(keys_take(&k, path, NULL), STATUS_OK);
    assert_int_equal(keys_find(&k, slice_str(texts[1]), 86399999, &key, digest, NULL), STATUS_OK);
    assert_true(keys_again(&k, key->row.id, digest, 86399999)->known);
    int64_t t = 1000;
    assert_false(keys_look(&k, t, 80000000, NULL));
    assert_false(keys_look(&k, t += KEYS_LOOK_MS, 86399999, NULL));
    assert_true(keys_look(&k, t += KEYS_LOOK_MS, 86400001, NULL)); /* connections are looked at */
    assert_ptr_equal(keys_again(&k, key->row.id, digest, 86400000), &k.gone);
    assert_int_equal(find(&k, texts[1], 86400000, &key), STATUS_UNAUTHENTICATED);
    keys_fini(&k);
}

static void figures_are_told_by_name(void **state)
{
    (void)state;
    struct shared *s;
    struct keys k;
    int fd;
    assert_int_equal(shared_create(&s, &fd), STATUS_OK);
    write_keys(1, 2, "scopes=search catalogs=*");
    keys_init(&k);
    assert_int_equal(keys_take(&k, path, NULL), STATUS_OK);
    for (int round = 0; round < 3; round++) {
        k.list[0].requests = 10;
        k.list[0].forbidden = 2;
        k.list[1].limited = 1;
        keys_publish(&k, s);
        keys_publish(&k, s);
        assert_int_equal(keys_take(&k, path, NULL), STATUS_OK);
    }
    struct shared_key *one = shared_key_claim(s, "key1");
    assert_int_equal(one->requests, 30);
    assert_int_equal(one->forbidden, 6);
    assert_string_equal(one->name, "key1");
    assert_int_equal(shared_key_claim(s, "key2")->limited, 3);
    for (int i = 0; i < SHARED_KEYS + 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        assert_non_null(shared_key_claim(s, name));
    }
    assert_ptr_equal(shared_key_claim(s, "one more"), &s->keys[0]);
    assert_ptr_equal(shared_key_claim(s, "key1"), one);
    keys_fini(&k);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_everything_is_open),
        cmocka_unit_test(a_key_is_found_by_its_text_alone),
        cmocka_unit_test(a_file_is_taken_when_it_has_stood_for_one_look),
        cmocka_unit_test(a_wrong_file_changes_nothing_and_is_told_once),
        cmocka_unit_test(who_starts_with_a_wrong_file_knows_nobody),
        cmocka_unit_test(a_connection_keeps_its_key_while_its_secret_stands),
        cmocka_unit_test(a_key_ends_at_its_time),
        cmocka_unit_test(figures_are_told_by_name),
    };
    close(mkstemp(path));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
