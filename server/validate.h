/*
 * validate - the edge: items of a PUT become canonical documents of the catalog, or are refused
 * with a field and a reason, so that nothing invalid reaches the event log.
 */
#ifndef SOUK_SERVER_VALIDATE_H
#define SOUK_SERVER_VALIDATE_H

#include "index/schema.h"
#include "protocol/request.h"

/* None above what the index takes: an item it refuses after the ack would be lost. */
enum { VALIDATE_ID_MAX = 255, VALIDATE_ITEM_MAX = DOCUMENT_MAX, VALIDATE_LIST_MAX = 10000 };

/* Field ids of the names in a PUT's table; a name the schema lacks is UINT32_MAX. */
void validate_names(const struct schema *schema, const struct slice *names, uint32_t count,
                    uint32_t *ids);
/* Appends the canonical document of the item to `out`; on a refusal `out` is as before and `fault`
 * says why. */
enum status validate_item(const struct schema *schema, const struct put_request *p,
                          const uint32_t *ids, const struct put_item *item, struct buf *out,
                          struct fault *fault);

#endif
