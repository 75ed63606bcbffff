/*
 * multi - bodies that hold several of another kind: MULTI_SEARCH and the list of catalogs.
 *
 * A MULTI_SEARCH request repeats PART, each a whole SEARCH body; its reply repeats PART in the same
 * order, each a status varint and then a SEARCH reply or an ERROR body. A list of catalogs repeats
 * NAME, and what follows a name until the next one belongs to it. Iteration borrows from the body.
 */
#ifndef SOUK_PROTOCOL_MULTI_H
#define SOUK_PROTOCOL_MULTI_H

#include "protocol/frame.h"

/* The next request of a MULTI_SEARCH (reader over the body): OK, END or INVALID. */
enum status multi_request_next(struct wire_reader *r, struct slice *search);
/* One part of the request: append the SEARCH body between begin and end (tlv_begin, tlv_end). */
static inline size_t multi_request_begin(struct buf *out)
{
    return tlv_begin(out, TAG_HITS_PART);
}

/* One part of the reply: append the body behind it, then tlv_end(out, result). */
size_t multi_reply_begin(struct buf *out, enum status status);
/* The next part: its status and its body (decode with search_reply_decode or as an error). */
enum status multi_reply_next(struct wire_reader *r, enum status *status, struct slice *body);

struct catalog_entry {
    struct slice name, schema, key, value; /* key, value: of settings */
    uint64_t sequence, products, generation, edition;
};
void catalog_entry_encode(const struct catalog_entry *e, struct buf *out);
/* The next entry of a CATALOG reply: OK, END or INVALID. Start with wire_reader_of(body). */
enum status catalog_entry_next(struct wire_reader *r, struct catalog_entry *e);

#endif
