#include "protocol/labels.h"

#include "protocol/request.h"

static const char *name_of(const char *const *names, size_t count, size_t i)
{
    return i < count ? names[i] : "unknown";
}

const char *freshness_name(enum freshness f)
{
    static const char *const names[] = {"fresh", "stale", "stale_if_error", "expired"};
    return name_of(names, FRESHNESS_COUNT, f);
}

const char *upstream_state_name(enum upstream_state u)
{
    static const char *const names[] = {"none", "ok", "failing", "down"};
    return name_of(names, 4, u);
}

const char *safe_mode_name(uint32_t bits)
{
    return bits & SAFE_STORAGE    ? "storage"
           : bits & SAFE_UPSTREAM ? "upstream"
           : bits & SAFE_BY_HAND  ? "by_hand"
                                  : "off";
}

void field_age_encode(struct buf *b, uint32_t tag, const struct field_age *f)
{
    size_t at = tlv_begin(b, tag);
    wire_put_varint(b, (uint64_t)f->max_age_ms);
    wire_put_bytes(b, f->field);
    tlv_end(b, at);
}

enum status field_age_decode(struct slice v, struct field_age *f)
{
    struct wire_reader r = wire_reader_of(v);
    f->max_age_ms = (int64_t)(wire_varint(&r) & INT64_MAX);
    f->field = wire_bytes(&r);
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

void withheld_encode(struct buf *b, uint32_t tag, const struct withheld *w)
{
    size_t at = tlv_begin(b, tag);
    wire_put_varint(b, w->place);
    names_encode(w->names, w->name_count, b);
    tlv_end(b, at);
}

enum status withheld_decode(struct slice v, struct arena *a, struct withheld *w)
{
    struct wire_reader r = wire_reader_of(v);
    w->place = (uint32_t)wire_varint(&r);
    if (r.failed)
        return STATUS_INVALID;
    return names_decode(slice_make(r.at, wire_left(&r)), a, &w->names, &w->name_count);
}

const struct withheld *withheld_of(const struct withheld *all, uint32_t count, uint32_t place)
{
    for (uint32_t i = 0; i < count; i++)
        if (all[i].place == place)
            return &all[i];
    return NULL;
}

void safe_mode_request_encode(const struct safe_mode_request *q, struct buf *out)
{
    tlv_put(out, TAG_SAFE_MODE_CATALOG, q->catalog);
    tlv_put_u64(out, TAG_SAFE_MODE_ACTION, q->action);
    if (q->reason.len)
        tlv_put(out, TAG_SAFE_MODE_REASON, q->reason);
}

enum status safe_mode_request_decode(struct slice body, struct safe_mode_request *q,
                                     struct fault *fault)
{
    struct wire_reader r = wire_reader_of(body);
    struct slice v;
    uint32_t tag;
    enum status s;
    *q = (struct safe_mode_request){.action = SAFE_MODE_STATUS};
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_SAFE_MODE_CATALOG)
            q->catalog = v;
        else if (tag == TAG_SAFE_MODE_ACTION)
            q->action = (enum safe_mode_action)tlv_u32(v);
        else if (tag == TAG_SAFE_MODE_REASON)
            q->reason = v;
    }
    if (s != STATUS_END)
        return fault_set(fault, STATUS_INVALID, NULL, "the body of SAFE_MODE is damaged");
    if (q->action < SAFE_MODE_STATUS || q->action > SAFE_MODE_OFF)
        return fault_set(fault, STATUS_INVALID, "action", "the action is 1, 2 or 3");
    if (q->reason.len > 400 || wire_utf8_valid(q->reason) != q->reason.len)
        return fault_set(fault, STATUS_INVALID, "reason", "a reason is a text of up to 400 bytes");
    return STATUS_OK;
}

enum status safe_mode_reply_decode(struct slice body, struct safe_mode_reply *out)
{
    struct wire_reader r = wire_reader_of(body);
    struct slice v;
    uint32_t tag;
    enum status s;
    *out = (struct safe_mode_reply){0};
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_SAFE_MODE_MODE)
            out->mode = tlv_u32(v);
        else if (tag == TAG_SAFE_MODE_FOR_MS)
            out->for_ms = tlv_u64(v);
        else if (tag == TAG_SAFE_MODE_REASON)
            out->reason = v;
        else if (tag == TAG_SAFE_MODE_UPSTREAM)
            out->upstream = (enum upstream_state)tlv_u32(v);
        else if (tag == TAG_SAFE_MODE_SEQUENCE)
            out->sequence = tlv_u64(v);
    }
    return s == STATUS_END ? STATUS_OK : s;
}
