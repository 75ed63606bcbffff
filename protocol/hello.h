/*
 * hello - the first exchange: versions, features and limits of both sides.
 *
 * HELLO may be left out. The server answers with the version it chose in both version fields, the
 * features both know, and its limits. Bits and tags nobody knows yet are ignored by both sides;
 * clients of ours send one of each (hello_encode() with `grease`), so that nobody starts refusing
 * them.
 */
#ifndef SOUK_PROTOCOL_HELLO_H
#define SOUK_PROTOCOL_HELLO_H

#include "protocol/frame.h"

/* All features this code knows. */
enum {
    HELLO_FEATURES =
        FEATURE_CHECKSUM | FEATURE_MULTI_SEARCH | FEATURE_CANCEL | FEATURE_TRACE | FEATURE_FOLLOW
};

struct hello {
    uint32_t min_version, max_version;
    uint64_t features;                                   /* enum feature */
    uint32_t max_frame, max_in_flight, max_k, max_items; /* 0 = not said */
    struct slice name, server_version;
    struct slice key; /* of a client: its API key; see api_key.h */
};

/* grease != 0: adds one reserved feature bit and one reserved tag chosen by it. */
void hello_encode(const struct hello *h, uint32_t grease, struct buf *out);
/* An empty body is version 1 without features. INVALID on damage. */
enum status hello_decode(struct slice body, struct hello *h);
/* The server's part: `offer` becomes what both can do; BAD_VERSION when that is nothing. */
enum status hello_agree(const struct hello *client, struct hello *offer);

#endif
