/*
 * The contract vectors: whole frames in hex, good and damaged, with what a reader must make of
 * them. They are compared byte by byte with tests/contract/vectors/frames.json, which every client
 * in any language reads; SOUK_WRITE_VECTORS=1 writes the file anew after a change of the protocol.
 */
#include "protocol/follow.h"
#include "protocol/hello.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "protocol/traceparent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define VECTORS SOUK_SOURCE_DIR "/tests/contract/vectors/frames.json"

enum { LIMIT = 65536 };

static void vector(struct buf *json, const char *name, struct slice bytes)
{
    struct frame f = {0};
    size_t used, need;
    enum status s = frame_decode(bytes, LIMIT, &f, &used, &need);
    buf_printf(json, "%s\n  {\"name\": \"%s\", \"result\": \"%s\",", json->len > 1 ? "," : "", name,
               status_name(s));
    if (s == STATUS_OK)
        buf_printf(json,
                   " \"opcode\": %u, \"flags\": %u, \"status\": %u, \"request_id\": %u, "
                   "\"time\": %u, \"body_len\": %zu,",
                   f.opcode, f.flags, (unsigned)f.status, f.request_id, f.time, f.body.len);
    buf_printf(json, "\n   \"hex\": \"");
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(json, "%02x", (unsigned char)bytes.ptr[i]);
    buf_printf(json, "\"}");
}

static void good(struct buf *json, const char *name, uint8_t opcode, uint16_t flags,
                 const struct buf *body)
{
    struct buf b = BUF_INIT;
    struct frame f = {.opcode = opcode, .flags = flags, .request_id = 7, .time = 250};
    size_t at = frame_begin(&b);
    buf_put_slice(&b, buf_slice(body));
    frame_end(&b, at, &f);
    vector(json, name, buf_slice(&b));
    buf_fini(&b);
}

static void requests(struct buf *json)
{
    struct buf b = BUF_INIT, d = BUF_INIT;
    buf_put_slice(&b, SLICE_LIT("hi"));
    good(json, "ping", OP_PING, FLAG_CLASS_DEFAULT, &b);
    good(json, "ping with checksum", OP_PING, FLAG_CLASS_DEFAULT | FLAG_CHECKSUM, &b);
    good(json, "unknown flags and opcode are tolerated by the frame", 200, 0xfc00, &b);
    buf_clear(&b);
    struct hello h = {.min_version = 1, .max_version = 1, .features = HELLO_FEATURES};
    h.name = SLICE_LIT("vectors");
    hello_encode(&h, 5, &b);
    good(json, "hello with a reserved feature and tag", OP_HELLO, 0, &b);
    buf_clear(&b);
    h.key = SLICE_LIT("souk_0123456789abcdef0123456789abcdef_"
                      "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210");
    hello_encode(&h, 0, &b);
    good(json, "hello with an API key", OP_HELLO, 0, &b);
    buf_clear(&b);
    struct search_request q;
    search_request_init(&q);
    q.catalog = SLICE_LIT("shop");
    q.text = SLICE_LIT("red shoes");
    q.filter = SLICE_LIT("price < 10");
    search_request_encode(&q, &b);
    good(json, "search", OP_SEARCH, FLAG_CLASS_DEFAULT, &b);
    buf_clear(&b);
    struct log_have have = {.catalog = q.catalog,
                            .stream = {.name = "0123456789abcde", .epoch = 2},
                            .after = 300,
                            .hash = 77,
                            .offset = 5};
    struct log_read_request l = {
        .name = SLICE_LIT("second"), .bytes = 65536, .seen = 3, .have = &have, .have_count = 1};
    log_read_request_encode(&l, &b);
    good(json, "log_read", OP_LOG_READ, FLAG_CLASS_BACKGROUND, &b);
    buf_clear(&b);
    struct copy_read c = {.catalog = q.catalog, .copy = 9, .from = 262144, .bytes = 262144};
    copy_read_encode(&c, &b);
    good(json, "copy_read", OP_COPY_READ, FLAG_CLASS_BACKGROUND, &b);
    buf_clear(&b);
    struct slice names[] = {SLICE_LIT("title"), SLICE_LIT("price")};
    struct put_request p = {.catalog = q.catalog, .ack = ACK_LOGGED, .key = SLICE_LIT("k")};
    p.names = names;
    p.name_count = 2;
    document_put_header(&d, SLICE_LIT("sku-1"), 2);
    wire_put_varint(&d, 0);
    value_put_text(&d, SLICE_LIT("red shoe"));
    wire_put_varint(&d, 1);
    value_put_float(&d, 9.5);
    struct put_item item = {
        .version = 3, .ttl_ms = -1, .swr_ms = -1, .sie_ms = -1, .document = buf_slice(&d)};
    put_request_header(&p, &b);
    put_item_encode(&item, &b);
    good(json, "put of one product", OP_PUT, FLAG_CLASS_DEFAULT, &b);
    buf_clear(&b);
    struct get_request g = {.catalog = q.catalog, .ids = names, .id_count = 2};
    get_request_encode(&g, &b);
    good(json, "get of two products", OP_GET, FLAG_CLASS_DEFAULT, &b);
    buf_clear(&b);
    good(json, "cancel", OP_CANCEL, 0, &b);
    buf_fini(&b);
    buf_fini(&d);
}

/* A search behind a trace context: of `len` bytes that are `fill`, or the one of the
 * recommendation. */
static void traced(struct buf *json, const char *name, const char *parent, size_t len, char fill)
{
    struct buf b = BUF_INIT;
    struct trace_context t;
    char bytes[32];
    memset(bytes, fill, sizeof bytes);
    if (!traceparent_parse(slice_str(parent), &t))
        trace_context_put(&b, &t);
    else
        tlv_put(&b, TAG_TRACE_CONTEXT, slice_make(bytes, len));
    tlv_put(&b, TAG_SEARCH_CATALOG, SLICE_LIT("shop"));
    tlv_put(&b, TAG_SEARCH_TEXT, SLICE_LIT("red"));
    good(json, name, OP_SEARCH, FLAG_CLASS_DEFAULT | FLAG_TRACE, &b);
    buf_fini(&b);
}

static void traces(struct buf *json)
{
    traced(json, "search of a sampled trace",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 0, 0);
    traced(json, "search of a trace that is not sampled",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", 0, 0);
    traced(json, "trace context with unknown flags: they are tolerated", "", TRACE_CONTEXT_LEN,
           (char)0xfd);
    traced(json, "trace context of zeroes: as if there were none", "", TRACE_CONTEXT_LEN, 0);
    traced(json, "trace context too short: as if there were none", "", TRACE_CONTEXT_LEN - 1, 7);
    traced(json, "trace context too long: as if there were none", "", TRACE_CONTEXT_LEN + 1, 7);
}

static void damaged(struct buf *json)
{
    struct buf b = BUF_INIT;
    struct fault fault = {.status = STATUS_OVERLOADED, .retry_after_ms = 40};
    struct frame to = {.opcode = OP_SEARCH, .request_id = 7}, f = to;
    frame_put_error(&b, &to, &fault);
    vector(json, "error: overloaded", buf_slice(&b));
    vector(json, "a frame cut in its body", slice_make(b.ptr, b.len - 1));
    vector(json, "a frame cut in its header", slice_make(b.ptr, FRAME_HEADER - 1));
    b.ptr[12] ^= 1;
    vector(json, "length changed: header check fails", buf_slice(&b));
    b.ptr[12] ^= 1;
    b.ptr[0] ^= 1;
    vector(json, "wrong magic", buf_slice(&b));
    buf_clear(&b);
    f.flags = FLAG_CHECKSUM;
    size_t at = frame_begin(&b);
    buf_put_slice(&b, SLICE_LIT("body"));
    frame_end(&b, at, &f);
    b.ptr[FRAME_HEADER] ^= 1;
    vector(json, "body changed: checksum fails", buf_slice(&b));
    buf_clear(&b);
    at = frame_begin(&b);
    for (int i = 0; i <= LIMIT / 8; i++)
        wire_put_u64(&b, 0);
    f.flags = 0;
    frame_end(&b, at, &f);
    vector(json, "longer than the limit of 65536", slice_make(b.ptr, FRAME_HEADER));
    buf_fini(&b);
}

static void vectors_are_as_published(void **state)
{
    (void)state;
    struct buf json = BUF_INIT, file = BUF_INIT;
    buf_printf(&json, "[");
    requests(&json);
    traces(&json);
    damaged(&json);
    buf_printf(&json, "\n]\n");
    FILE *f = fopen(VECTORS, getenv("SOUK_WRITE_VECTORS") ? "w+" : "r");
    assert_non_null(f);
    if (getenv("SOUK_WRITE_VECTORS")) {
        fwrite(json.ptr, 1, json.len, f);
        rewind(f);
    }
    assert_true(buf_reserve(&file, json.len + 1));
    file.len = fread(file.ptr, 1, json.len + 1, f);
    fclose(f);
    assert_true(slice_equal(buf_slice(&json), buf_slice(&file)));
    buf_fini(&json);
    buf_fini(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors_are_as_published)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
