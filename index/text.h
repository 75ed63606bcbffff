/*
 * text - folding and word segmentation by ICU, for text that is not plain ASCII. Used by analyse
 * only.
 *
 * Input is valid UTF-8. Each word comes out folded to UTF-8 with its bytes in the original.
 */
#ifndef SOUK_INDEX_TEXT_H
#define SOUK_INDEX_TEXT_H

#include "protocol/buf.h"
#include "protocol/status.h"

struct text_segmenter;

struct text_piece {
    uint32_t start, end;  /* bytes in the original */
    uint32_t folded, len; /* bytes in the folded buffer */
    bool word;            /* letters or digits; else what stands between */
};

enum status text_segmenter_create(struct text_segmenter **out);
/* Opens what it needs of ICU, some milliseconds; text_segment() does so when nobody did. INTERNAL:
 * ICU has no data. */
enum status text_segmenter_open(struct text_segmenter *t);
void text_segmenter_destroy(struct text_segmenter **t);
/* Pieces in order, covering the text; folded bytes in *folded. Both live until the next call. */
enum status text_segment(struct text_segmenter *t, struct slice utf8,
                         const struct text_piece **pieces, uint32_t *count, struct slice *folded);
/* Changes with what folding and the rules of analyse give for the same text. */
#define TEXT_RULES "rules7"
/* "72.1/15.0/rules7": ICU, Unicode and the rules. */
const char *text_version(void);

#endif
