#include "server/otlp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/json_node.h"

static struct span search(void)
{
    struct span s = {
        .kind = SPAN_SERVER, .name = OP_SEARCH, .start_us = 5000000, .end_us = 5000250};
    memset(s.trace_id, 0xab, sizeof s.trace_id);
    memset(s.id, 0x01, sizeof s.id);
    memset(s.parent, 0x02, sizeof s.parent);
    uint8_t stage = span_stage(&s, SPAN_SEARCH, 5000100, 5000200);
    span_say(&s, SPAN_SELF, KEY_COLLECTION, SLICE_LIT("shop \"one\"\n"));
    span_number(&s, SPAN_SELF, KEY_FOUND, INT64_MAX);
    span_number(&s, stage, KEY_BLOCKS_DECODED, 7);
    return s;
}

/* The exact bytes. */
static void a_search_as_it_is_sent(void **state)
{
    (void)state;
    struct span s = search();
    struct otlp_process nobody = {.role = "admin"},
                        front = {.role = "front", .slot = 3, .pid = 77, .spans = &s, .count = 1};
    struct otlp_process all[] = {nobody, front, nobody};
    struct buf b = BUF_INIT;
    otlp_encode(&b, all, 3, INT64_C(1700000000000000));
    static const char wanted[] =
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
        "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"souk\"}},"
        "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"0.1.0\"}},"
        "{\"key\":\"souk.role\",\"value\":{\"stringValue\":\"front\"}},"
        "{\"key\":\"souk.slot\",\"value\":{\"intValue\":\"3\"}},"
        "{\"key\":\"process.pid\",\"value\":{\"intValue\":\"77\"}}]},"
        "\"scopeSpans\":[{\"scope\":{\"name\":\"soukd\",\"version\":\"0.1.0\"},\"spans\":["
        "{\"traceId\":\"abababababababababababababababab\",\"spanId\":\"0101010101010101\","
        "\"parentSpanId\":\"0202020202020202\",\"name\":\"search\",\"kind\":2,"
        "\"startTimeUnixNano\":\"1700000005000000000\",\"endTimeUnixNano\":\"1700000005000250000\","
        "\"attributes\":[{\"key\":\"db.system.name\",\"value\":{\"stringValue\":\"souk\"}},"
        "{\"key\":\"db.operation.name\",\"value\":{\"stringValue\":\"search\"}},"
        "{\"key\":\"db.collection.name\",\"value\":{\"stringValue\":\"shop \\\"one\\\"\\u000a\"}},"
        "{\"key\":\"souk.found\",\"value\":{\"intValue\":\"9223372036854775807\"}}],"
        "\"status\":{\"code\":0}},"
        "{\"traceId\":\"abababababababababababababababab\",\"spanId\":\"1fdf13c6552a9879\","
        "\"parentSpanId\":\"0101010101010101\",\"name\":\"search\",\"kind\":1,"
        "\"startTimeUnixNano\":\"1700000005000100000\",\"endTimeUnixNano\":\"1700000005000200000\","
        "\"attributes\":[{\"key\":\"souk.blocks.decoded\",\"value\":{\"intValue\":\"7\"}}],"
        "\"status\":{\"code\":0}}]}]}]}";
    assert_int_equal(b.len, sizeof wanted - 1);
    assert_memory_equal(b.ptr, wanted, b.len);
    buf_fini(&b);
}

static struct json_node *encoded(const struct span *spans, uint32_t count)
{
    struct otlp_process p = {.role = "front", .spans = spans, .count = count};
    struct json_node *root;
    struct buf b = BUF_INIT;
    otlp_encode(&b, &p, 1, 0);
    assert_int_equal(json_node_parse(buf_slice(&b), 32, &root, NULL), STATUS_OK);
    buf_fini(&b);
    return root;
}

static const struct json_node *span_at(const struct json_node *root, size_t i, const char *member)
{
    const struct json_node *spans =
        json_node_at(root, SLICE_LIT("/resourceSpans/0/scopeSpans/0/spans"));
    return json_node_at(json_node_item(spans, i), slice_str(member));
}

static void stages_have_ids_of_their_own_and_always_the_same(void **state)
{
    (void)state;
    struct span s = search();
    for (int i = 1; i < SPAN_STAGES; i++)
        span_stage(&s, SPAN_ENCODE, 1, 2);
    struct json_node *one = encoded(&s, 1), *two = encoded(&s, 1);
    for (size_t i = 0; i <= SPAN_STAGES; i++) {
        struct slice id = json_node_text(span_at(one, i, "/spanId"));
        assert_int_equal(id.len, 16);
        assert_true(slice_equal(id, json_node_text(span_at(two, i, "/spanId"))));
        for (size_t k = 0; k < i; k++)
            assert_false(slice_equal(id, json_node_text(span_at(one, k, "/spanId"))));
    }
    json_node_destroy(&one);
    json_node_destroy(&two);
}

static void a_root_has_no_parent_and_an_error_is_a_number(void **state)
{
    (void)state;
    struct span s = search();
    memset(s.parent, 0, sizeof s.parent);
    span_fail(&s, STATUS_DEADLINE);
    s.end_us = s.start_us - 5; /* it does not end before it begins */
    struct json_node *root = encoded(&s, 1);
    assert_null(span_at(root, 0, "/parentSpanId"));
    assert_int_equal(json_node_int(span_at(root, 0, "/status/code")), 2);
    assert_true(slice_equal(json_node_text(span_at(root, 0, "/endTimeUnixNano")),
                            json_node_text(span_at(root, 0, "/startTimeUnixNano"))));
    json_node_destroy(&root);
}

static void nothing_is_a_body_too(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    otlp_encode(&b, NULL, 0, 0);
    assert_true(slice_equal(buf_slice(&b), SLICE_LIT("{\"resourceSpans\":[]}")));
    buf_fini(&b);
}

static void what_answers_say_of_rejected_spans(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        uint64_t rejected;
    } cases[] = {
        {"", 0},
        {"{}", 0},
        {"{\"partialSuccess\":{}}", 0},
        {"{\"partialSuccess\":{\"rejectedSpans\":\"12\"}}", 12}, /* as the format has it */
        {"{\"partialSuccess\":{\"rejectedSpans\":12,\"more\":[1]}}", 12},
        {"{\"partialSuccess\":{\"rejectedSpans\":-12}}", 0},
        {"{\"partialSuccess\":{\"rejectedSpans\":\"-12\"}}", 0},
        {"{\"partialSuccess\":{\"rejectedSpans\":null}}", 0},
        {"{\"partialSuccess\":{\"rejectedSpans\":{\"a\":1}}}", 0},
        {"{\"partialSuccess\":7}", 0},
        {"[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]", 0},
        {"\xff{", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(otlp_rejected(slice_str(cases[i].body)), cases[i].rejected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_as_it_is_sent),
        cmocka_unit_test(stages_have_ids_of_their_own_and_always_the_same),
        cmocka_unit_test(a_root_has_no_parent_and_an_error_is_a_number),
        cmocka_unit_test(nothing_is_a_body_too),
        cmocka_unit_test(what_answers_say_of_rejected_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
