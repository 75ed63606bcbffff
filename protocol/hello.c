#include "protocol/hello.h"

#include "protocol/members.h"

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
    if (h->key.len)
        tlv_put(out, TAG_HELLO_KEY, h->key);
    if (grease)
        tlv_put_u64(out, 0x4000 + grease % 0x1000, grease);
}

enum status hello_decode(struct slice body, struct hello *h)
{
    static const struct tlv_member members[] = {
        TLV_NUMBER(TAG_HELLO_MIN_VERSION, struct hello, min_version),
        TLV_NUMBER(TAG_HELLO_MAX_VERSION, struct hello, max_version),
        TLV_NUMBER(TAG_HELLO_FEATURES, struct hello, features),
        TLV_NUMBER(TAG_HELLO_MAX_FRAME, struct hello, max_frame),
        TLV_NUMBER(TAG_HELLO_MAX_IN_FLIGHT, struct hello, max_in_flight),
        TLV_BYTES(TAG_HELLO_NAME, struct hello, name),
        TLV_BYTES(TAG_HELLO_SERVER_VERSION, struct hello, server_version),
        TLV_NUMBER(TAG_HELLO_MAX_K, struct hello, max_k),
        TLV_NUMBER(TAG_HELLO_MAX_ITEMS, struct hello, max_items),
        TLV_BYTES(TAG_HELLO_KEY, struct hello, key)};
    *h = (struct hello){.min_version = 1, .max_version = 1};
    return tlv_members_decode(body, members, TLV_COUNT(members), h);
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
