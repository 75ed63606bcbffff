/* provider: what an operator may write, what is refused with a field, and URLs that cannot climb.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/provider.h"

static void a_definition_and_its_defaults(void **state)
{
    (void)state;
    struct provider *p;
    struct fault fault = {0};
    assert_int_equal(
        provider_create(SLICE_LIT("main"),
                        SLICE_LIT("{\"one\":\"https://shop/p/{id}\",\"rate\":7,\"enabled\":false,"
                                  "\"map\":{\"items\":\"/data\"},\"fields\":{\"title\":\"/name\"},"
                                  "\"headers\":{\"Authorization\":\"file:/token\"},\"number\":3}"),
                        &p, &fault),
        STATUS_OK);
    assert_int_equal(p->rate, 7);
    assert_int_equal(p->enabled, 0);
    assert_int_equal(p->number, 3);
    assert_int_equal(p->first_byte_ms, 2000);
    assert_true(slice_equal(p->map.items, SLICE_LIT("/data")));
    assert_true(slice_equal(p->map.id, SLICE_LIT("/id")));
    assert_int_equal(p->field_count, 1);
    provider_destroy(&p);
}

static const struct {
    const char *json, *field;
} refused[] = {
    {"[]", "provider"},
    {"{}", "one"},
    {"{\"one\":\"ftp://h/{id}\"}", "one"},
    {"{\"one\":\"http://h/x\"}", "one"},
    {"{\"one\":\"http://{id}/x\"}", "one"}, /* an id must not choose the host */
    {"{\"one\":\"http://h{id}/x\"}", "one"},
    {"{\"one\":\"http://me:secret@h/{id}\"}", "one"},
    {"{\"one\":\"http://h/{id} x\"}", "one"},
    {"{\"many\":\"http://h/{id}\"}", "many"},
    {"{\"one\":\"http://h/{id}\",\"rate\":0}", "rate"},
    {"{\"one\":\"http://h/{id}\",\"rate\":\"7\"}", "rate"},
    {"{\"one\":\"http://h/{id}\",\"rat\":7}", "provider"},
    {"{\"one\":\"http://h/{id}\",\"map\":{\"id\":\"x\"}}", "id"},
    {"{\"one\":\"http://h/{id}\",\"map\":{\"what\":\"/x\"}}", "map"},
    {"{\"one\":\"http://h/{id}\",\"fields\":{\"a\":\"x\"}}", "fields"},
    {"{\"one\":\"http://h/{id}\",\"headers\":{\"A\":\"b\\r\\nC: d\"}}", "headers"},
    {"{\"one\":\"http://h/{id}\",\"headers\":{\"A:\":\"b\"}}", "headers"},
    {"{\"one\":\"http://h/{id}\",\"breaker_open_ms\":9000,\"breaker_open_max_ms\":100}",
     "breaker_open_max_ms"},
    {"{\"one\":\"http://h/{id}\",\"one\":\"http://i/{id}\"}", ""},
    {"{\"one\":", ""},
};

static void what_is_wrong_is_refused_with_its_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct provider *p;
        struct fault fault = {0};
        print_message("%s\n", refused[i].json);
        assert_int_equal(provider_create(SLICE_LIT("x"), slice_str(refused[i].json), &p, &fault),
                         STATUS_INVALID);
        assert_null(p);
        assert_string_equal(fault.field, refused[i].field);
        assert_true(fault.text[0] != 0);
    }
}

static void names_are_plain(void **state)
{
    (void)state;
    assert_true(provider_name_valid(SLICE_LIT("eu-1.main_2")));
    assert_false(provider_name_valid(SLICE_LIT("a,b")));
    assert_false(provider_name_valid(SLICE_LIT("-a")));
    assert_false(provider_name_valid(SLICE_LIT("")));
}

static void urls_escape_what_they_are_given(void **state)
{
    (void)state;
    static const struct {
        const char *id, *url;
    } cases[] = {{"B01-x_y~z", "http://h/p/B01-x_y~z.json"},
                 {"a b/c?d#e", "http://h/p/a%20b%2Fc%3Fd%23e.json"},
                 {"..", "http://h/p/%2E%2E.json"},
                 {"\xc3\xa9\r\n", "http://h/p/%C3%A9%0D%0A.json"},
                 {"{id}", "http://h/p/%7Bid%7D.json"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT;
        assert_int_equal(
            provider_url(SLICE_LIT("http://h/p/{id}.json"), "{id}", slice_str(cases[i].id), &out),
            STATUS_OK);
        assert_true(slice_equal(buf_slice(&out), slice_str(cases[i].url)));
        buf_fini(&out);
    }
}

static void an_order_comes_apart(void **state)
{
    (void)state;
    struct slice name;
    assert_true(provider_order_part(SLICE_LIT("a,bc,d"), 1, &name) &&
                slice_equal(name, SLICE_LIT("bc")));
    assert_true(provider_order_part(SLICE_LIT("a"), 0, &name) && slice_equal(name, SLICE_LIT("a")));
    assert_false(provider_order_part(SLICE_LIT("a"), 1, &name));
    assert_false(provider_order_part(SLICE_NULL, 0, &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_definition_and_its_defaults),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_field),
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(urls_escape_what_they_are_given),
        cmocka_unit_test(an_order_comes_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
