/*
 * column_pack - how the values of a chunk lie, and writing them so: in whole bytes, unless LMDB
 * takes fewer pages for the row with values of as many bits as the greatest needs (column.c draws
 * both).
 */
#ifndef SOUK_INDEX_COLUMN_PACK_H
#define SOUK_INDEX_COLUMN_PACK_H

#include "protocol/buf.h"

struct column_layout {
    uint8_t width; /* as it is written */
    uint32_t bits; /* of a value */
};

/* Bytes of a number: 0, 1, 2, 4 or 8. */
uint8_t column_width(uint64_t most);
/* Of `count` numbers up to `most`, which take `width` bytes each; `before`: bytes of the row before
 * them. */
struct column_layout column_layout_of(uint8_t width, uint64_t most, uint32_t count, size_t before);

struct column_packer {
    struct buf *out;
    struct column_layout layout;
    uint64_t waiting; /* bits below `have` */
    uint32_t have;
};

void column_pack(struct column_packer *p, uint64_t v);
/* Writes what waits, and what has to lie behind. */
void column_pack_end(struct column_packer *p);

#endif
