/*
 * provider_row - what the writer stores beside the products for the fetcher, as rows of the index:
 * how far a provider's changes were followed, and what the next conditional request names.
 *
 *   "cursor/" provider      -> cursor text
 *   "validator/" product id -> origin varint, validator text (ETag or Last-Modified as it came)
 *
 * Both are written in the transaction of the changes they belong to. A validator counts only while
 * the product's origin column names the same provider: a push sets that to 0.
 */
#ifndef SOUK_SERVER_PROVIDER_ROW_H
#define SOUK_SERVER_PROVIDER_ROW_H

#include "index/index.h"
#include "protocol/request.h"

enum status provider_row_put_cursor(struct batch *b, struct slice provider, struct slice cursor);
/* Appends; NOT_FOUND when nothing was followed yet. */
enum status provider_row_cursor(struct index *ix, struct slice provider, struct buf *out);
/* The row of an item that was applied: written when it has a validator, dropped with its product.
 */
enum status provider_row_put_item(struct batch *b, struct slice id, const struct put_item *item);
/* NOT_FOUND when there is none of this provider. */
enum status provider_row_validator(struct index *ix, struct slice id, uint64_t origin,
                                   struct buf *out);

#endif
