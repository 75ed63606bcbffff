/*
 * segment_image - a segment that is not in the store yet: its extents in memory.
 *
 * A batch builds its segment here, merges it with small neighbours into another image, and only the
 * result is written.
 */
#ifndef SOUK_INDEX_SEGMENT_IMAGE_H
#define SOUK_INDEX_SEGMENT_IMAGE_H

#include "index/segment_build.h"
#include "index/store.h"

struct segment_image {
    struct slice *extents; /* owned bytes, checksums behind them */
    uint32_t count, cap;
    uint64_t bytes;
};

void segment_image_fini(struct segment_image *m);
/* segment_sink: ctx = struct segment_image *. */
enum status segment_image_sink(void *ctx, uint32_t extent, struct slice bytes, struct slice sums);
/* segment_lookup: ctx = struct segment_image *; the number does not matter. */
enum status segment_image_lookup(void *ctx, uint32_t number, uint32_t extent, struct slice *value);
enum status segment_image_write(const struct segment_image *m, struct store_txn *t,
                                uint32_t number);

#endif
