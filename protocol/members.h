/*
 * members - the members of a message that has each tag once, declared and read by one loop.
 *
 *   static const struct tlv_member members[] = {
 *       TLV_BYTES(TAG_WAIT_CATALOG, struct wait_request, catalog),
 *       TLV_NUMBER(TAG_WAIT_SEQUENCE, struct wait_request, sequence)};
 *   *w = (struct wait_request){0};
 *   s = tlv_members_decode(body, members, TLV_COUNT(members), w);
 *
 * Of a tag that comes twice the last counts; tags that are not declared are passed over. Bytes
 * point into the body.
 */
#ifndef SOUK_PROTOCOL_MEMBERS_H
#define SOUK_PROTOCOL_MEMBERS_H

#include <stddef.h>

#include "protocol/status.h"
#include "protocol/wire.h"

struct tlv_member {
    uint32_t tag;
    uint8_t number; /* bytes of a number, enum or bool; 0: a slice */
    uint16_t at;    /* in the message */
};

#define TLV_BYTES(tag, type, name)                                                                 \
    {                                                                                              \
        tag, 0, offsetof(type, name)                                                               \
    }
#define TLV_NUMBER(tag, type, name)                                                                \
    {                                                                                              \
        tag, sizeof(((type *)0)->name), offsetof(type, name)                                       \
    }
#define TLV_COUNT(members) (sizeof(members) / sizeof *(members))

/* False: not one of them. A number that is too large for its member becomes the largest, for a bool
 * any but 0 is true. */
bool tlv_member_take(const struct tlv_member *members, size_t count, uint32_t tag, struct slice v,
                     void *message);
/* INVALID when the body is damaged; the reader then stands there. */
enum status tlv_members_read(struct wire_reader *r, const struct tlv_member *members, size_t count,
                             void *message);
enum status tlv_members_decode(struct slice body, const struct tlv_member *members, size_t count,
                               void *message);

#endif
