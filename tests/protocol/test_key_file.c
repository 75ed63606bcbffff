/* The keys file: what a line may say, what is refused, which catalogs a pattern reaches, and times.
 */
#include "protocol/key_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ID     "0123456789abcdef0123456789abcdef"
#define ID2    "1123456789abcdef0123456789abcdef"
#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define GOOD   "shop id=" ID " sha256=" DIGEST " scopes=search catalogs=*"

static void a_line_says_what_a_key_may(void **state)
{
    (void)state;
    struct key_file f;
    struct fault fault = {0};
    static const char text[] = "# keys of the shop\n\n"
                               "  storefront\tid=" ID " sha256=" DIGEST "," DIGEST
                               " scopes=search,get catalogs=shop*,books class=sheddable rate=500"
                               " expires=2027-02-28T12:30:05Z \r\n"
                               "ops.1 id=" ID2 " sha256=" DIGEST " scopes=admin,stats catalogs=*";
    assert_int_equal(key_file_parse(slice_str(text), &f, &fault), STATUS_OK);
    assert_int_equal(f.count, 2);
    const struct key_row *r = &f.rows[0];
    assert_string_equal(r->name, "storefront");
    assert_int_equal(r->id[0], 0x01);
    assert_int_equal(r->id[15], 0xef);
    assert_int_equal(r->digest_count, 2);
    assert_int_equal(r->digests[1][1], 0x11);
    assert_int_equal(r->scopes, SCOPE_SEARCH | SCOPE_GET);
    assert_int_equal(r->pattern_count, 2);
    assert_int_equal(r->highest, CLASS_SHEDDABLE);
    assert_int_equal(r->rate, 500);
    assert_int_equal(r->expires_ms, INT64_C(1803817805000));
    assert_int_equal(r->line, 3);
    assert_true(key_row_reaches(r, SLICE_LIT("shop_de")));
    assert_false(key_row_reaches(r, SLICE_LIT("books2")));
    assert_false(key_row_everywhere(r));
    assert_int_equal(f.rows[1].expires_ms, INT64_MAX);
    assert_int_equal(f.rows[1].highest, CLASS_CRITICAL);
    assert_true(key_row_everywhere(&f.rows[1]));
    key_file_fini(&f);
}

static void a_line_that_is_printed_reads_the_same(void **state)
{
    (void)state;
    struct key_file f, again;
    struct buf one = BUF_INIT, two = BUF_INIT;
    static const char text[] = "a id=" ID " sha256=" DIGEST "," DIGEST
                               " scopes=search,delete,follow catalogs=a*,b class=background "
                               "rate=7 expires=2030-01-01T00:00:00Z\n";
    assert_int_equal(key_file_parse(slice_str(text), &f, NULL), STATUS_OK);
    key_row_print(&f.rows[0], &one);
    assert_true(slice_equal(buf_slice(&one), slice_str(text)));
    assert_int_equal(key_file_parse(buf_slice(&one), &again, NULL), STATUS_OK);
    key_row_print(&again.rows[0], &two);
    assert_true(slice_equal(buf_slice(&one), buf_slice(&two)));
    key_file_fini(&f);
    key_file_fini(&again);
    buf_fini(&one);
    buf_fini(&two);
}

/* Each differs from a good line in one thing, and nothing of the file is taken. */
static void what_is_wrong_is_refused_with_its_line(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "shop id=" ID " sha256=" DIGEST " scopes=search",
        "shop id=" ID " sha256=" DIGEST " catalogs=*",
        "shop id=" ID " scopes=search catalogs=*",
        "shop sha256=" DIGEST " scopes=search catalogs=*",
        "sh/op id=" ID " sha256=" DIGEST " scopes=search catalogs=*",
        "shop id=0" ID " sha256=" DIGEST " scopes=search catalogs=*",
        "shop id=X123456789abcdef0123456789abcdef sha256=" DIGEST " scopes=search catalogs=*",
        "shop id=" ID " sha256=" DIGEST "0 scopes=search catalogs=*",
        "shop id=" ID " sha256=" DIGEST "," DIGEST "," DIGEST " scopes=search catalogs=*",
        "shop id=" ID " sha256= scopes=search catalogs=*",
        "shop id=" ID " sha256=" DIGEST " scopes= catalogs=*",
        "shop id=" ID " sha256=" DIGEST " scopes=search,all catalogs=*",
        "shop id=" ID " sha256=" DIGEST " scopes=search, get catalogs=*",
        "shop id=" ID " sha256=" DIGEST " scopes=search catalogs=",
        "shop id=" ID " sha256=" DIGEST " scopes=search catalogs=a?b",
        "shop id=" ID " sha256=" DIGEST " scopes=search catalogs=a,,b",
        "shop id=" ID " sha256=" DIGEST " scopes=search catalogs=*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*",
        GOOD " scopes=admin",
        GOOD " expire=2027-02-28",
        GOOD " expires=2027-02-30",
        GOOD " expires=2027-13-01",
        GOOD " expires=2027-2-1",
        GOOD " expires=2027-02-28T25:00:00Z",
        GOOD " expires=",
        GOOD " rate=0",
        GOOD " rate=-1",
        GOOD " rate=999999999",
        GOOD " class=urgent",
        GOOD " # a comment",
        GOOD "\nother id=" ID " sha256=" DIGEST " scopes=search catalogs=*",
        GOOD "\nshop id=" ID2 " sha256=" DIGEST " scopes=search catalogs=*",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct key_file f;
        struct fault fault = {0};
        print_message("%s\n", wrong[i]);
        assert_int_equal(key_file_parse(slice_str(wrong[i]), &f, &fault), STATUS_SYNTAX);
        assert_true(fault.text[0] && fault.line == 1 + (strchr(wrong[i], '\n') != NULL));
        assert_null(strstr(fault.text, DIGEST));
        assert_null(f.rows);
    }
    struct key_file f;
    assert_int_equal(key_file_parse(SLICE_LIT(GOOD "\0"), &f, NULL), STATUS_SYNTAX);
    assert_int_equal(key_file_parse(SLICE_LIT("# nothing but this\n\n"), &f, NULL), STATUS_SYNTAX);
    assert_int_equal(key_file_parse(SLICE_NULL, &f, NULL), STATUS_SYNTAX);
}

static void stars_stand_for_any_letters(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {
        {"*", "", true},          {"*", "shop", true},         {"shop", "shop", true},
        {"shop", "shops", false}, {"shop*", "shop", true},     {"shop*", "shop-de", true},
        {"shop*", "sho", false},  {"*-de", "shop-de", true},   {"*-de", "shop-de-x", false},
        {"a*b*c", "abc", true},   {"a*b*c", "axxbyybc", true}, {"a*b*c", "axxbyyb", false},
        {"*a*a*", "xaxa", true},  {"**", "x", true},           {"", "x", false},
        {"", "", true},           {"Shop", "shop", false},     {"a*a", "a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s %s\n", cases[i].pattern, cases[i].name);
        assert_int_equal(key_pattern_matches(slice_str(cases[i].pattern), slice_str(cases[i].name)),
                         cases[i].matches);
    }
}

static void times_are_read_and_written(void **state)
{
    (void)state;
    int64_t ms;
    char text[KEY_EXPIRES_TEXT];
    assert_true(key_time_parse(SLICE_LIT("1970-01-02"), &ms));
    assert_int_equal(ms, 86400000);
    assert_true(key_time_parse(SLICE_LIT("2028-02-29T23:59:59Z"), &ms));
    key_time_print(ms, text);
    assert_string_equal(text, "2028-02-29T23:59:59Z");
    assert_false(key_time_parse(SLICE_LIT("2027-02-29"), &ms));
    assert_false(key_time_parse(SLICE_LIT("2027-02-28T23:59:59"), &ms));
    assert_false(key_time_parse(SLICE_LIT("2027-02-28 23:59:59Z"), &ms));
}

static void a_key_is_its_id_and_its_secret(void **state)
{
    (void)state;
    uint8_t id[KEY_ID], secret[KEY_SECRET], back[KEY_ID];
    char text[KEY_TEXT + 1];
    for (size_t i = 0; i < sizeof id; i++)
        id[i] = (uint8_t)(17 * i);
    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (uint8_t)(255 - i);
    api_key_print(id, secret, text);
    assert_int_equal(strlen(text), KEY_TEXT);
    assert_true(api_key_parse(slice_str(text), back));
    assert_memory_equal(id, back, KEY_ID);
    for (size_t at = 0; at < KEY_TEXT; at++) { /* no letter of it is free */
        char was = text[at];
        text[at] = 'X';
        assert_false(api_key_parse(slice_str(text), back));
        text[at] = was;
    }
    assert_false(api_key_parse(slice_make(text, KEY_TEXT - 1), back));
    assert_false(api_key_parse(SLICE_NULL, back));
}

static void a_digest_is_the_sha256_of_the_text(void **state)
{
    (void)state;
    uint8_t digest[KEY_DIGEST], other[KEY_DIGEST] = {0};
    char hex[2 * KEY_DIGEST + 1];
    assert_int_equal(key_digest(SLICE_LIT("abc"), digest), STATUS_OK);
    key_hex_print(digest, KEY_DIGEST, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(key_digest_equal(digest, digest));
    for (size_t i = 0; i < KEY_DIGEST; i++) {
        memcpy(other, digest, sizeof other);
        other[i] ^= 1;
        assert_false(key_digest_equal(digest, other));
    }
}

static void a_file_that_others_can_read_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/souk-keys-XXXXXX";
    int fd = mkstemp(path);
    struct key_file f;
    assert_int_equal(write(fd, GOOD, sizeof GOOD - 1), sizeof GOOD - 1);
    close(fd);
    static const struct {
        mode_t mode;
        enum status status;
    } modes[] = {{0600, STATUS_OK},      {0640, STATUS_OK},      {0400, STATUS_OK},
                 {0644, STATUS_INVALID}, {0604, STATUS_INVALID}, {0660, STATUS_INVALID},
                 {0602, STATUS_INVALID}, {0601, STATUS_INVALID}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path, modes[i].mode), 0);
        assert_int_equal(key_file_read(path, &f, NULL), modes[i].status);
        key_file_fini(&f);
    }
    unlink(path);
    assert_int_equal(key_file_read(path, &f, NULL), STATUS_IO);
    assert_int_equal(key_file_read("/tmp", &f, NULL), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_what_a_key_may),
        cmocka_unit_test(a_line_that_is_printed_reads_the_same),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_line),
        cmocka_unit_test(stars_stand_for_any_letters),
        cmocka_unit_test(times_are_read_and_written),
        cmocka_unit_test(a_key_is_its_id_and_its_secret),
        cmocka_unit_test(a_digest_is_the_sha256_of_the_text),
        cmocka_unit_test(a_file_that_others_can_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
