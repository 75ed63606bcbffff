/*
 * weight - what the living products of a catalog weigh: what `max_bytes` bounds.
 *
 * A product weighs what it has as one whole document: its id and all of its fields as GET would
 * give them, with the heads in between (document.h). The sum is a member of `meta`, moved by the
 * batch that changes a product and counted anew by index_check(). It follows from the products
 * alone: not from how the file grew, what is dead in it or what a merge holds twice.
 *
 * Weighing puts a product together, a microsecond or two, so it is done only where the schema has a
 * limit in bytes; elsewhere the sum is WEIGHT_UNKNOWN.
 */
#ifndef SOUK_INDEX_WEIGHT_H
#define SOUK_INDEX_WEIGHT_H

#include <stdint.h>

#include "protocol/status.h"

#define WEIGHT_UNKNOWN UINT64_MAX

struct snapshot;
/* All living products, one by one. */
enum status weight_count(struct snapshot *s, uint64_t *out);

#endif
