/*
 * positions - where in the texts the postings of a block stand, packed.
 *
 * A position is place * F + field (F = searchable fields). Of each posting they ascend, and come
 * and go as a stream, as the builder notes them and lists of less than LIST_TINY postings keep
 * them: varints (delta << 1 | more follow). A block of more packs them:
 *
 *   head      bit c: all that stands only in class c stands in one field; bit 4: some postings have
 *             more than one position
 *   fields    u8 for each such class: what stands there is packed as a place
 *   firsts    the first position of each posting, in groups
 *   more      with bit 4: a bit for each posting that has more | how many more there are in all,
 *             varint | these in groups, each delta << 1 | more follow
 *   groups    of 16 numbers, each group with the least of 16 widths that holds them: widths, 4 bits
 *             a group, the first in the lower half of a byte | numbers, least significant bits
 *             first, 2 x width bytes a group
 *
 * So one posting's first position is found without reading those before it. The class that says how
 * a posting is packed is in its evidence, which is packed elsewhere (postings.h).
 */
#ifndef SOUK_INDEX_POSITIONS_H
#define SOUK_INDEX_POSITIONS_H

#include "protocol/buf.h"
#include "protocol/status.h"
#include "protocol/wire.h"

/* Packs the stream of `count` (at most POSTINGS_BLOCK) postings behind what is in `out`. */
void positions_encode(struct buf *out, const uint8_t *evidence, uint32_t count, uint32_t fields,
                      const uint8_t *stream);

/* A packed block, opened. */
struct positions_block {
    uint32_t count, more_count, fields;
    uint8_t alone, field[4]; /* by class */
    const uint8_t *first_widths, *first, *more_bits, *more_widths, *more, *behind, *end;
};

/* `bytes` may be longer than the block. CORRUPT when it is shorter. */
enum status positions_open(struct positions_block *p, struct slice bytes, uint32_t count,
                           uint32_t fields);
/* The same for positions_of() alone: what lies behind the first positions is looked at when a
 * posting is asked for that has more; most have none. */
enum status positions_begin(struct positions_block *p, struct slice bytes, uint32_t count,
                            uint32_t fields);
/* Positions of posting i, whose evidence it is: up to `cap` into out; *count = how many there are.
 * CORRUPT. */
enum status positions_of(const struct positions_block *p, uint32_t i, uint8_t evidence,
                         uint32_t *out, uint32_t cap, uint32_t *count);
/* The stream of all postings, appended to `out`. CORRUPT. */
enum status positions_stream(const struct positions_block *p, const uint8_t *evidence,
                             struct buf *out);

/* The same of a stream: steps over the positions of `count` postings; reads those of one. */
void positions_skip(struct wire_reader *r, uint32_t count);
enum status positions_read(struct wire_reader *r, uint32_t *out, uint32_t cap, uint32_t *count);

#endif
