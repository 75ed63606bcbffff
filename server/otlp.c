#include "server/otlp.h"

#include <inttypes.h>
#include <stdlib.h>

#include "protocol/version.h"
#include "server/json_node.h"

enum { ANSWER_DEPTH = 16, STATUS_CODE_ERROR = 2 };

/* --- values ----------------------------------------------------------------------------------- */

static void put_text(struct buf *b, struct slice text)
{
    buf_put_u8(b, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            buf_printf(b, "\\u%04x", c);
        else
            buf_put_u8(b, c);
    }
    buf_put_u8(b, '"');
}

struct list { /* of attributes; knows whether a comma is due */
    struct buf *out;
    bool any;
};

static void put_key(struct list *l, const char *key)
{
    buf_printf(l->out, "%s{\"key\":\"%s\",\"value\":{", l->any ? "," : "", key);
    l->any = true;
}

static void put_pair(struct list *l, const char *key, struct slice text)
{
    put_key(l, key);
    buf_printf(l->out, "\"stringValue\":");
    put_text(l->out, text);
    buf_printf(l->out, "}}");
}

static void put_number(struct list *l, const char *key, int64_t v)
{
    put_key(l, key);
    buf_printf(l->out, "\"intValue\":\"%" PRId64 "\"}}", v);
}

static void put_attributes(struct list *l, const struct span *s, uint8_t stage)
{
    for (int i = 0; i < s->attribute_count; i++) {
        const struct span_attribute *a = &s->attributes[i];
        const char *key = span_key_text((enum span_key)a->key);
        if (a->stage != stage)
            continue;
        if (a->is_text)
            put_pair(l, key, slice_make(s->text + a->text_at, a->text_len));
        else
            put_number(l, key, a->number);
    }
}

/* --- spans ------------------------------------------------------------------------------------ */

static bool any(const uint8_t id[TRACE_SPAN_LEN])
{
    return wire_load64(id) != 0;
}

/* Another id for each stage, spread over all of them (splitmix64). */
static void stage_id(const uint8_t id[TRACE_SPAN_LEN], uint32_t stage, uint8_t out[TRACE_SPAN_LEN])
{
    uint64_t x = wire_load64(id) + (stage + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    wire_store64(out, x ? x : 1);
}

static void put_head(struct buf *b, const uint8_t *trace, const uint8_t *id, const uint8_t *parent)
{
    char text[2 * TRACE_ID_LEN + 1];
    trace_hex(trace, TRACE_ID_LEN, text);
    buf_printf(b, "{\"traceId\":\"%s\"", text);
    trace_hex(id, TRACE_SPAN_LEN, text);
    buf_printf(b, ",\"spanId\":\"%s\"", text);
    trace_hex(parent, TRACE_SPAN_LEN, text);
    if (any(parent))
        buf_printf(b, ",\"parentSpanId\":\"%s\"", text);
}

static void put_times(struct buf *b, const char *name, int kind, int64_t start_us, int64_t end_us)
{
    buf_printf(b,
               ",\"name\":\"%s\",\"kind\":%d,\"startTimeUnixNano\":\"%" PRId64
               "\",\"endTimeUnixNano\":\"%" PRId64 "\"",
               name, kind, start_us * 1000, (end_us < start_us ? start_us : end_us) * 1000);
}

static void put_span(struct buf *b, const struct span *s, int64_t offset_us)
{
    struct list l = {b, false};
    const char *name = span_name_text(s->name);
    put_head(b, s->trace_id, s->id, s->parent);
    put_times(b, name, s->kind, s->start_us + offset_us, s->end_us + offset_us);
    buf_printf(b, ",\"attributes\":[");
    if (s->name < SPAN_OPERATIONS) {
        put_pair(&l, "db.system.name", SLICE_LIT("souk"));
        put_pair(&l, "db.operation.name", slice_str(name));
    }
    put_attributes(&l, s, SPAN_SELF);
    buf_printf(b, "],\"status\":{\"code\":%d}}", s->failed ? STATUS_CODE_ERROR : 0);
}

static void put_stage(struct buf *b, const struct span *s, uint8_t i, int64_t offset_us)
{
    const struct span_stage *stage = &s->stages[i];
    struct list l = {b, false};
    uint8_t id[TRACE_SPAN_LEN];
    stage_id(s->id, i, id);
    put_head(b, s->trace_id, id, s->id);
    put_times(b, span_name_text(stage->name), SPAN_INTERNAL, stage->start_us + offset_us,
              stage->end_us + offset_us);
    buf_printf(b, ",\"attributes\":[");
    put_attributes(&l, s, i);
    buf_printf(b, "],\"status\":{\"code\":0}}");
}

static void put_process(struct buf *b, const struct otlp_process *p, int64_t offset_us)
{
    struct list l = {b, false};
    buf_printf(b, "{\"resource\":{\"attributes\":[");
    put_pair(&l, "service.name", SLICE_LIT("souk"));
    put_pair(&l, "service.version", SLICE_LIT(SOUK_VERSION));
    put_pair(&l, "souk.role", slice_str(p->role));
    put_number(&l, "souk.slot", p->slot);
    put_number(&l, "process.pid", p->pid);
    buf_printf(b, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"soukd\",\"version\":\"" SOUK_VERSION
                  "\"},\"spans\":[");
    for (uint32_t i = 0; i < p->count; i++) {
        if (i)
            buf_put_u8(b, ',');
        put_span(b, &p->spans[i], offset_us);
        for (uint8_t k = 0; k < p->spans[i].stage_count; k++) {
            buf_put_u8(b, ',');
            put_stage(b, &p->spans[i], k, offset_us);
        }
    }
    buf_printf(b, "]}]}");
}

void otlp_encode(struct buf *out, const struct otlp_process *processes, uint32_t count,
                 int64_t offset_us)
{
    bool some = false;
    buf_printf(out, "{\"resourceSpans\":[");
    for (uint32_t i = 0; i < count; i++) {
        if (!processes[i].count)
            continue;
        if (some)
            buf_put_u8(out, ',');
        put_process(out, &processes[i], offset_us);
        some = true;
    }
    buf_printf(out, "]}");
}

/* --- answers ---------------------------------------------------------------------------------- */

uint64_t otlp_rejected(struct slice answer)
{
    struct json_node *root;
    char text[24];
    uint64_t n = 0;
    if (json_node_parse(answer, ANSWER_DEPTH, &root, NULL))
        return 0;
    const struct json_node *v = json_node_at(root, SLICE_LIT("/partialSuccess/rejectedSpans"));
    if (json_node_kind(v) == JSON_KIND_INT && json_node_int(v) > 0) {
        n = (uint64_t)json_node_int(v);
    } else if (json_node_kind(v) == JSON_KIND_TEXT) {
        struct slice s = json_node_text(v);
        size_t len = s.len < sizeof text - 1 ? s.len : sizeof text - 1;
        memcpy(text, s.ptr, len);
        text[len] = '\0';
        n = text[0] == '-' ? 0 : strtoull(text, NULL, 10);
    }
    json_node_destroy(&root);
    return n;
}
