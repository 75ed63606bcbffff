#include "loadtest/json_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void values_are_told_by_kind(void **state)
{
    (void)state;
    struct json_value *root;
    const char *text = "{\"a\": [1, 2.5, \"x\"], \"b\": true, \"c\": {}}";
    assert_int_equal(json_in_parse(slice_str(text), &root, NULL), STATUS_OK);
    const struct json_value *a = json_in_member(root, "a");
    double n = 0;
    bool flag = false;
    assert_true(json_in_is_list(a) && json_in_count(a) == 3 && json_in_count(root) == 3);
    assert_true(json_in_number(json_in_item(a, 1), &n) && n == 2.5);
    assert_false(json_in_number(json_in_item(a, 2), &n));
    assert_string_equal(json_in_text(json_in_item(a, 2)), "x");
    assert_null(json_in_text(json_in_item(a, 0)));
    assert_true(json_in_flag(json_in_member(root, "b"), &flag) && flag);
    assert_false(json_in_flag(a, &flag));
    assert_string_equal(json_in_name(root, 2), "c");
    assert_null(json_in_name(root, 3));
    json_in_free(root);
}

static void what_is_missing_is_of_no_kind(void **state)
{
    (void)state;
    double n;
    bool flag;
    assert_null(json_in_member(NULL, "a"));
    assert_null(json_in_item(NULL, 0));
    assert_null(json_in_text(NULL));
    assert_null(json_in_name(NULL, 0));
    assert_int_equal(json_in_count(NULL), 0);
    assert_false(json_in_is_list(NULL) || json_in_number(NULL, &n) || json_in_flag(NULL, &flag));
}

static void mistakes_have_a_place(void **state)
{
    (void)state;
    struct json_value *root;
    struct fault f = {0};
    assert_int_equal(json_in_parse(SLICE_LIT("{\n \"a\": }"), &root, &f), STATUS_SYNTAX);
    assert_int_equal(f.line, 2);
    assert_true(f.column > 0 && f.text[0]);
    assert_int_equal(json_in_parse(SLICE_LIT("{\"a\":1,\"a\":2}"), &root, &f), STATUS_SYNTAX);
    assert_int_equal(json_in_parse(SLICE_LIT(""), &root, &f), STATUS_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_told_by_kind),
        cmocka_unit_test(what_is_missing_is_of_no_kind),
        cmocka_unit_test(mistakes_have_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
