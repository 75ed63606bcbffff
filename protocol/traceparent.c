#include "protocol/traceparent.h"

#include <stdio.h>

static bool any(const uint8_t *id, size_t len)
{
    uint8_t bits = 0;
    for (size_t i = 0; i < len; i++)
        bits |= id[i];
    return bits != 0;
}

bool trace_context_valid(const struct trace_context *t)
{
    return any(t->trace_id, sizeof t->trace_id) && any(t->span_id, sizeof t->span_id);
}

/* --- text ------------------------------------------------------------------------------------- */

/* Upper case is not allowed. */
static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *text, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

enum status traceparent_parse(struct slice text, struct trace_context *out)
{
    enum { TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, NO_VERSION = 0xff };
    struct trace_context t;
    uint8_t version;
    if (text.len < TRACEPARENT_LEN || !read_hex(text.ptr, &version, 1) || version == NO_VERSION ||
        text.ptr[TRACE_AT - 1] != '-' || text.ptr[SPAN_AT - 1] != '-' ||
        text.ptr[FLAGS_AT - 1] != '-')
        return STATUS_INVALID;
    if (text.len > TRACEPARENT_LEN && (!version || text.ptr[TRACEPARENT_LEN] != '-'))
        return STATUS_INVALID;
    if (!read_hex(text.ptr + TRACE_AT, t.trace_id, sizeof t.trace_id) ||
        !read_hex(text.ptr + SPAN_AT, t.span_id, sizeof t.span_id) ||
        !read_hex(text.ptr + FLAGS_AT, &t.flags, 1) || !trace_context_valid(&t))
        return STATUS_INVALID;
    *out = t;
    return STATUS_OK;
}

void trace_hex(const uint8_t *id, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[id[i] >> 4];
        out[2 * i + 1] = digits[id[i] & 15];
    }
    out[2 * len] = '\0';
}

void traceparent_format(const struct trace_context *t, char out[TRACEPARENT_LEN + 1])
{
    char trace[2 * TRACE_ID_LEN + 1], span[2 * TRACE_SPAN_LEN + 1];
    trace_hex(t->trace_id, sizeof t->trace_id, trace);
    trace_hex(t->span_id, sizeof t->span_id, span);
    snprintf(out, TRACEPARENT_LEN + 1, "00-%s-%s-%02x", trace, span, t->flags & TRACE_SAMPLED);
}

/* --- bytes ------------------------------------------------------------------------------------ */

_Static_assert((int)TAG_TRACE_CONTEXT < 0x80, "the tag is one byte");

void trace_context_put(struct buf *b, const struct trace_context *t)
{
    uint8_t bytes[TRACE_CONTEXT_LEN];
    memcpy(bytes, t->trace_id, TRACE_ID_LEN);
    memcpy(bytes + TRACE_ID_LEN, t->span_id, TRACE_SPAN_LEN);
    bytes[TRACE_ID_LEN + TRACE_SPAN_LEN] = t->flags & TRACE_SAMPLED;
    tlv_put(b, TAG_TRACE_CONTEXT, slice_make(bytes, sizeof bytes));
}

bool trace_context_take(struct slice *body, struct trace_context *out)
{
    struct wire_reader r = wire_reader_of(*body);
    uint32_t tag;
    struct slice v;
    if (tlv_next(&r, &tag, &v) != STATUS_OK || tag != TAG_TRACE_CONTEXT)
        return false;
    *body = slice_make(r.at, wire_left(&r));
    if (v.len != TRACE_CONTEXT_LEN)
        return false;
    memcpy(out->trace_id, v.ptr, TRACE_ID_LEN);
    memcpy(out->span_id, v.ptr + TRACE_ID_LEN, TRACE_SPAN_LEN);
    out->flags = (uint8_t)v.ptr[TRACE_ID_LEN + TRACE_SPAN_LEN];
    return trace_context_valid(out);
}
