/*
 * postings - the codec of posting lists: which products of a segment contain a term, how well,
 * where.
 *
 * A posting is (doc, evidence, positions). `doc` counts from the segment's first docid. Evidence is
 * one byte, `mask << 4 | impact`: mask = weight classes of fields (bit c = class c, class 0 the
 * heaviest by declaration) that hold the term; impact = 0..15, the quantised length-normalised term
 * frequency in the best (lowest-numbered) class of the mask:
 *     x = tf / (tf + k1 * (1 - b + b * len / reference_len))     k1 = 1.2, b = 0.75 (BM25,
 * Robertson) impact = round(15 * x) The reference length belongs to the schema and never moves, so
 * the byte never needs rewriting; weights of classes come in at query time through a table of 256
 * scores.
 *
 * A list is blocks of up to 128 postings (POSTINGS_BLOCK). Per block, apart from its bytes:
 *     last    u32  last doc of the block
 *     bound   u32  4 x 8 bits: byte c = evidence bound of the postings whose best class is c:
 *                  (OR of masks, max of impacts) packed as evidence; 0 = no such posting
 *     tie     u16  smallest tie key (top 16 bits of xxh32(id)) of its postings, for exact top-k on
 * ties off     u32  offset of the block's bytes so a query can skip a block without touching its
 * bytes. Doc ids are delta + bit packed (128 lanes of one width) or a bitmap when dense; evidence
 * bytes are packed as indexes into the block's own small table when few differ. Positions are a
 * separate byte stream: value = position * F + field ordinal (F = searchable fields), ascending,
 * delta varints whose lowest bit says "more follow".
 *
 * Decoding trusts nothing: counts, widths and offsets are checked against the segment's extent.
 */
#ifndef SOUK_INDEX_POSTINGS_H
#define SOUK_INDEX_POSTINGS_H

#include "protocol/status.h"
#include "protocol/slice.h"

enum { POSTINGS_BLOCK = 128, EVIDENCE_CLASSES = 4 };

#define DOC_NONE UINT32_MAX

/* Evidence of two terms of one document put together, 0 = none: every class one of them has, the
 * impact of the best class of both. So the lists of short prefixes have it, and whoever reads the
 * terms of a prefix one by one. */
static inline uint32_t postings_better(uint32_t a, uint32_t b)
{
    if (!a || !b)
        return a | b;
    uint32_t best_a = a >> 4 & (0u - (a >> 4)), best_b = b >> 4 & (0u - (b >> 4)),
             impact_a = a & 15u, impact_b = b & 15u,
             higher = impact_a > impact_b ? impact_a : impact_b,
             impact = best_a == best_b  ? higher
                      : best_a < best_b ? impact_a
                                        : impact_b;
    return ((a | b) & 0xf0) | impact;
}

/* Where the evidence of a block lies in the segment: indexes of `width` bits into the table, or, of
 * 8, itself. */
struct evidence_place {
    const uint8_t *table, *packed;
    uint8_t table_count, width;
};

static inline uint8_t evidence_at(const struct evidence_place *e, uint32_t i)
{
    uint32_t bit = i * e->width, at = bit >> 3, shift = bit & 7;
    if (e->width == 0)
        return e->table[0];
    uint32_t v = e->packed[at];
    if (shift + e->width > 8) /* it ends in the next byte */
        v |= (uint32_t)e->packed[at + 1] << 8;
    v = v >> shift & ((1u << e->width) - 1);
    return e->width == 8 ? (uint8_t)v : v < e->table_count ? e->table[v] : 0;
}

/* A cursor's decoded block: docs ascending, evidence beside them. */
struct postings_block {
    _Alignas(64) uint32_t docs[POSTINGS_BLOCK + 16]; /* the 16 behind the last hold DOC_NONE */
    uint8_t evidence[POSTINGS_BLOCK + 8];            /* from postings_read_evidence() on */
    uint32_t count;
    struct evidence_place lies;
};

/*
 * One posting list as it lies in a segment; plain pointers into the snapshot (valid until it ends).
 * For lists of one block (df <= 128) the arrays hold one entry made by postings_open() in `inl`.
 */
struct postings {
    uint32_t df;   /* postings in the list, killed products included */
    uint32_t dead; /* postings of EARLIER segments that this segment's changes killed */
    uint32_t block_count;
    const uint32_t *last;  /* [block_count] */
    const uint32_t *bound; /* [block_count] */
    const uint16_t *tie;   /* [block_count] */
    const uint32_t *off;   /* [block_count] */
    const uint32_t *pos;   /* [block_count], of more than one block; NULL: without positions */
    uint32_t max_bound;    /* bound over the whole list, same form as bound[] */
    const struct segment *segment;
    struct {
        uint32_t last, bound, off;
        uint16_t tie;
    } inl;
};

/* After a copy: the arrays of a list of one block lie in the struct itself. */
static inline void postings_settle(struct postings *p)
{
    if (p->block_count != 1)
        return;
    p->last = &p->inl.last;
    p->bound = &p->inl.bound;
    p->off = &p->inl.off;
    p->tie = &p->inl.tie;
}

/* Decodes block `b` (docs and evidence). CORRUPT when the bytes are damaged. */
enum status postings_decode(const struct postings *p, uint32_t b, struct postings_block *out);
/* Docs only, and where their evidence lies. */
enum status postings_decode_docs(const struct postings *p, uint32_t b, struct postings_block *out);
/* The evidence of a block whose docs are there: of all, or of one. */
void postings_read_evidence(struct postings_block *b);
static inline uint8_t postings_evidence_of(const struct postings_block *b, uint32_t i)
{
    return evidence_at(&b->lies, i);
}
/* What a document of the list scores: tier + idf * lut[evidence]. */
struct postings_weight {
    const uint32_t *lut; /* 256 entries */
    uint32_t idf, tier;
};
/* Scores instead of evidence; `scores` has room for POSTINGS_BLOCK + 16. */
void postings_read_scores(const struct postings_block *b, const struct postings_weight *w,
                          uint32_t *scores);
/* Has the bytes of a block fetched from memory; only a hint. */
void postings_prefetch(const struct postings *p, uint32_t b);
/* First block index >= from whose last doc is >= doc; block_count when there is none. Galloping. */
uint32_t postings_seek_block(const struct postings *p, uint32_t from, uint32_t doc);
/*
 * Positions of posting `i` of block `b`: up to `cap` values (position * F + field) into out.
 * Sets *count to how many exist in total.
 */
enum status postings_positions(const struct postings *p, uint32_t b, uint32_t i, uint32_t *out,
                               uint32_t cap, uint32_t *count);
/* The same for who knows its evidence: of a list of several blocks nothing else is read. */
enum status postings_positions_known(const struct postings *p, uint32_t b, uint32_t i,
                                     uint8_t evidence, uint32_t *out, uint32_t cap,
                                     uint32_t *count);
/* Has their bytes fetched from memory; only a hint. */
void postings_prefetch_positions(const struct postings *p, uint32_t b);

#endif
