#include "protocol/upstream.h"

#include "protocol/members.h"

enum { LIST_MOST = 100000 };

static void put_all(struct buf *out, uint32_t tag, const struct slice *v, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        tlv_put(out, tag, v[i]);
}

/* The values of a tag that repeats. */
static enum status take_all(struct slice body, uint32_t wanted, struct arena *a,
                            const struct slice **out, uint32_t *count)
{
    struct wire_reader r = wire_reader_of(body);
    struct slice v, *list = NULL;
    uint32_t tag, n = 0;
    *count = 0;
    while (tlv_next(&r, &tag, &v) == STATUS_OK)
        n += tag == wanted;
    if (n > LIST_MOST || !(list = arena_alloc(a, (n + 1) * sizeof *list)))
        return n > LIST_MOST ? STATUS_TOO_LARGE : STATUS_NO_MEMORY;
    r = wire_reader_of(body);
    while (tlv_next(&r, &tag, &v) == STATUS_OK)
        if (tag == wanted)
            list[(*count)++] = v;
    *out = list;
    return STATUS_OK;
}

void upstream_request_encode(const struct upstream_request *u, struct buf *out)
{
    tlv_put(out, TAG_UPSTREAM_CATALOG, u->catalog);
    tlv_put_u64(out, TAG_UPSTREAM_ACTION, u->action);
    put_all(out, TAG_UPSTREAM_NAME, u->names, u->name_count);
    put_all(out, TAG_UPSTREAM_ID, u->ids, u->id_count);
    if (u->definition.len)
        tlv_put(out, TAG_UPSTREAM_DEFINITION, u->definition);
}

enum status upstream_request_decode(struct slice body, struct arena *a, struct upstream_request *u,
                                    struct fault *fault)
{
    static const struct tlv_member members[] = {
        TLV_BYTES(TAG_UPSTREAM_CATALOG, struct upstream_request, catalog),
        TLV_NUMBER(TAG_UPSTREAM_ACTION, struct upstream_request, action),
        TLV_BYTES(TAG_UPSTREAM_DEFINITION, struct upstream_request, definition)};
    *u = (struct upstream_request){0};
    enum status s = tlv_members_decode(body, members, TLV_COUNT(members), u);
    if (!s)
        s = take_all(body, TAG_UPSTREAM_NAME, a, &u->names, &u->name_count);
    if (!s)
        s = take_all(body, TAG_UPSTREAM_ID, a, &u->ids, &u->id_count);
    return s ? fault_set(fault, s, NULL, "the body of the upstream request is damaged") : STATUS_OK;
}

void upstream_row_put(struct buf *b, const char *name, struct slice value)
{
    wire_put_bytes(b, slice_str(name));
    wire_put_bytes(b, value);
}

bool upstream_row_next(struct wire_reader *r, struct slice *name, struct slice *value)
{
    if (!wire_left(r))
        return false;
    *name = wire_bytes(r);
    *value = wire_bytes(r);
    return !r->failed;
}

void refresh_request_encode(const struct refresh_request *q, struct buf *out)
{
    tlv_put(out, TAG_REFRESH_CATALOG, q->catalog);
    put_all(out, TAG_REFRESH_ID, q->ids, q->id_count);
    if (q->wait)
        tlv_put_u64(out, TAG_REFRESH_WAIT, 1);
}

enum status refresh_request_decode(struct slice body, struct arena *a, struct refresh_request *q)
{
    static const struct tlv_member members[] = {
        TLV_BYTES(TAG_REFRESH_CATALOG, struct refresh_request, catalog),
        TLV_NUMBER(TAG_REFRESH_WAIT, struct refresh_request, wait)};
    *q = (struct refresh_request){0};
    enum status s = tlv_members_decode(body, members, TLV_COUNT(members), q);
    return s ? s : take_all(body, TAG_REFRESH_ID, a, &q->ids, &q->id_count);
}
