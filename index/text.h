/*
 * text - folding and word segmentation by ICU, for text that is not plain ASCII. Used by analyse
 * only.
 *
 * Input is valid UTF-8. Signs that stand for letters or digits are written out first
 * (text_signs.h), so several pieces may have the same bytes in the original: those of one sign.
 */
#ifndef SOUK_INDEX_TEXT_H
#define SOUK_INDEX_TEXT_H

#include "protocol/buf.h"
#include "protocol/status.h"

struct text_segmenter;

struct text_piece {
    uint32_t start, end;  /* bytes in the original */
    uint32_t folded, len; /* bytes in the folded buffer, which follow those of the piece before */
    uint32_t unit;        /* for text_span() */
    bool word;            /* letters or digits; else what stands between */
    bool plain;           /* ASCII, one folded byte for each unit */
    bool along;           /* folded bytes have the places of those in the original, if as many */
};

enum status text_segmenter_create(struct text_segmenter **out);
/* Opens what it needs of ICU, some milliseconds; text_segment() does so when nobody did. INTERNAL:
 * ICU has no data. */
enum status text_segmenter_open(struct text_segmenter *t);
void text_segmenter_destroy(struct text_segmenter **t);
/* Pieces in order, covering the text; folded bytes in *folded. Both live until the next call. */
enum status text_segment(struct text_segmenter *t, struct slice utf8,
                         const struct text_piece **pieces, uint32_t *count, struct slice *folded);
/* The original bytes of the folded bytes [from, to) of a plain piece, whole signs. */
void text_span(const struct text_segmenter *t, const struct text_piece *p, uint32_t from,
               uint32_t to, uint32_t *start, uint32_t *end);
/* Changes with what folding and the rules of analyse give for the same text. */
#define TEXT_RULES "rules8"
/* "72.1/15.0/rules8": ICU, Unicode and the rules. */
const char *text_version(void);

#endif
