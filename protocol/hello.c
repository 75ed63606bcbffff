#include "protocol/hello.h"

void hello_encode(const struct hello *h, uint32_t grease, struct buf *out)
{
    uint64_t features = h->features;
    if (grease)
        features |= UINT64_C(1) << (32 + grease % 31);
    tlv_put_u64(out, TAG_HELLO_MIN_VERSION, h->min_version);
    tlv_put_u64(out, TAG_HELLO_MAX_VERSION, h->max_version);
    tlv_put_u64(out, TAG_HELLO_FEATURES, features);
    if (h->max_frame)
        tlv_put_u64(out, TAG_HELLO_MAX_FRAME, h->max_frame);
    if (h->max_in_flight)
        tlv_put_u64(out, TAG_HELLO_MAX_IN_FLIGHT, h->max_in_flight);
    if (h->name.len)
        tlv_put(out, TAG_HELLO_NAME, h->name);
    if (h->server_version.len)
        tlv_put(out, TAG_HELLO_SERVER_VERSION, h->server_version);
    if (h->max_k)
        tlv_put_u64(out, TAG_HELLO_MAX_K, h->max_k);
    if (h->max_items)
        tlv_put_u64(out, TAG_HELLO_MAX_ITEMS, h->max_items);
    if (grease)
        tlv_put_u64(out, 0x4000 + grease % 0x1000, grease);
}

static uint32_t number(struct slice v)
{
    uint64_t n = tlv_u64(v);
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

enum status hello_decode(struct slice body, struct hello *h)
{
    *h = (struct hello){.min_version = 1, .max_version = 1};
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        switch (tag) {
        case TAG_HELLO_MIN_VERSION:
            h->min_version = number(v);
            break;
        case TAG_HELLO_MAX_VERSION:
            h->max_version = number(v);
            break;
        case TAG_HELLO_FEATURES:
            h->features = tlv_u64(v);
            break;
        case TAG_HELLO_MAX_FRAME:
            h->max_frame = number(v);
            break;
        case TAG_HELLO_MAX_IN_FLIGHT:
            h->max_in_flight = number(v);
            break;
        case TAG_HELLO_NAME:
            h->name = v;
            break;
        case TAG_HELLO_SERVER_VERSION:
            h->server_version = v;
            break;
        case TAG_HELLO_MAX_K:
            h->max_k = number(v);
            break;
        case TAG_HELLO_MAX_ITEMS:
            h->max_items = number(v);
            break;
        default:
            break;
        }
    }
    return s == STATUS_END ? STATUS_OK : s;
}

enum status hello_agree(const struct hello *client, struct hello *offer)
{
    if (client->min_version > PROTOCOL_VERSION || client->max_version < PROTOCOL_VERSION)
        return STATUS_BAD_VERSION;
    offer->min_version = PROTOCOL_VERSION;
    offer->max_version = PROTOCOL_VERSION;
    offer->features = client->features & HELLO_FEATURES;
    return STATUS_OK;
}
