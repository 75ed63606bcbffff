#include "loadtest/json_out.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void the_text_is_exactly_this(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct json_out j = {&b, false};
    json_out_open(&j, NULL, '{');
    json_out_text(&j, "a\"", "x\n</script>\\");
    json_out_open(&j, "list", '[');
    json_out_count(&j, NULL, UINT64_MAX);
    json_out_number(&j, NULL, 0.5);
    json_out_number(&j, NULL, 12345678.25);
    json_out_number(&j, NULL, INFINITY);
    json_out_bool(&j, NULL, true);
    json_out_close(&j, ']');
    json_out_open(&j, "empty", '{');
    json_out_close(&j, '}');
    json_out_null(&j, "none");
    json_out_close(&j, '}');
    buf_put_u8(&b, 0);
    assert_string_equal(b.ptr, "{\"a\\\"\":\"x\\u000a\\u003c/script>\\\\\","
                               "\"list\":[18446744073709551615,0.5,12345678.2,null,true],"
                               "\"empty\":{},\"none\":null}");
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_text_is_exactly_this)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
