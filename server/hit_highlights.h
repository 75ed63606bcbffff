/* hit_highlights - the marked texts of a page: chosen fields of its hits, one row of the reply per
 * text. A list gives a row for each of its items. Nothing is put where a snippet left text out: but
 * for the tags, every text is a part of the field as it came. */
#ifndef SOUK_SERVER_HIT_HIGHLIGHTS_H
#define SOUK_SERVER_HIT_HIGHLIGHTS_H

#include "server/front.h"

/* Appends the rows to `b`. UNKNOWN_FIELD for a field the catalog does not have. */
enum status hit_highlights_put(struct front *f, struct snapshot *snap,
                               const struct search_request *in, const struct query_result *r,
                               struct buf *b, struct fault *fault);

#endif
