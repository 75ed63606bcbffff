/*
 * mapping - a product as the upstream tells it becomes a product of the catalog.
 *
 * Pointers of the provider lead to the values; they are brought to the type of their field where
 * that loses nothing ("12.90" for a float, a number for a keyword, one text for a list, an ISO 8601
 * time for a timestamp) and refused otherwise, so that a lying answer never becomes a product.
 */
#ifndef SOUK_SERVER_MAPPING_H
#define SOUK_SERVER_MAPPING_H

#include "index/schema.h"
#include "server/json_node.h"
#include "server/provider.h"

struct mapped {
    struct slice id; /* in `document` or in the node */
    uint64_t version;
    bool deleted;
    struct slice document; /* canonical: field numbers are field ids */
};

/* Appends the document to `out`; slices of *m point into it or into the node. `id` = the id that
 * was asked for, empty when any may come. INVALID and the other refusals of a PUT, with fault. */
enum status mapping_product(const struct provider *p, const struct schema *schema,
                            const struct json_node *node, struct slice id, struct buf *out,
                            struct mapped *m, struct fault *fault);

#endif
