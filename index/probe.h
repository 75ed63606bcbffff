/*
 * probe - asks one posting list about chosen documents, in ascending order: is it there, with what
 * evidence, where in the text. What the second phase reads instead of whole lists.
 *
 * Lives in the caller's memory; everything ends with the snapshot. Blocks between two documents are
 * galloped over, positions are read only when asked for.
 */
#ifndef SOUK_INDEX_PROBE_H
#define SOUK_INDEX_PROBE_H

#include "index/postings.h"

struct probe {
    struct postings_block block;
    struct postings list;
    uint32_t block_at, at; /* decoded block (UINT32_MAX = none), posting in it */
};

/* NOT_FOUND when the segment does not hold the term. */
enum status probe_open(struct probe *p, const struct segment *s, struct slice term);
enum status probe_open_ordinal(struct probe *p, const struct segment *s, uint32_t ordinal);
/* A list that is open. */
void probe_open_list(struct probe *p, const struct postings *list);
/* doc relative to the segment; docs must ascend from call to call. */
enum status probe_seek(struct probe *p, uint32_t doc, bool *there);
/*
 * The same for many: looks for the first of `count` ascending documents in the block they would
 * stand in. *run = how many of them that was, 1 at least; *hits of them are there, the k-th is
 * docs[index[k]], and probe_at() goes to it. Both arrays have room for POSTINGS_BLOCK +
 * KERNEL_SLACK.
 */
enum status probe_run(struct probe *p, const uint32_t *docs, uint32_t count, uint32_t *run,
                      uint16_t *index, uint16_t *place, uint32_t *hits);
static inline void probe_at(struct probe *p, uint16_t place)
{
    p->at = place;
}
/* Of the document that was there last. */
static inline uint8_t probe_evidence(const struct probe *p)
{
    return postings_evidence_of(&p->block, p->at);
}
/* Up to `cap` values (position * F + field); *count = how many were written. */
enum status probe_positions(struct probe *p, uint32_t *out, uint32_t cap, uint32_t *count);

/* Is a docid among ascending ones? */
bool probe_docs(const uint32_t *docs, uint32_t count, uint32_t docid);

#endif
