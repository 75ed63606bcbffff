/*
 * highlight - shows where a field's text matched: the words between tags.
 *
 * A field of up to HIGHLIGHT_WHOLE words is given whole; a longer one as a snippet, the words up to
 * HIGHLIGHT_AROUND before and after the match with the most different terms near it. Text and tags
 * are copied byte for byte (escaping for HTML is the reader's job: the tags may be anything). Marks
 * and cuts are at borders of words, so never inside a letter with its accents; a word that matched
 * by its beginning is marked whole.
 */
#ifndef SOUK_INDEX_HIGHLIGHT_H
#define SOUK_INDEX_HIGHLIGHT_H

#include "index/analyse.h"
#include "protocol/buf.h"

enum { HIGHLIGHT_WHOLE = 30, HIGHLIGHT_AROUND = 4 };

struct highlight_term {
    struct slice term; /* folded, as in the dictionary */
    bool prefix;       /* also words that begin with it */
    uint64_t fields;   /* bitmap of searchable fields it was asked of; 0 = all */
};

struct highlight_style {
    struct slice pre, post; /* round each match */
    struct slice more;      /* put where a snippet left text out; may be empty */
};

/*
 * Appends the marked text to `out`. *matched is the number of marks made; with 0 the text is given
 * unmarked (a long one from its start). BAD_UTF8 for text that analyse refuses: nothing appended.
 */
enum status highlight_field(struct analyser *a, struct slice text,
                            const struct highlight_term *terms, uint32_t count,
                            const struct highlight_style *style, struct buf *out,
                            uint32_t *matched);

#endif
