/*
 * parts - words written together or apart: "bookcase" and "book case", "rain shower head" and
 * "showerhead", "kühlschrank" inside "einbaukühlschrank".
 *
 * Looked up in the dictionary when a query comes. A word made of two counts only where the two
 * stand side by side, so its products are found here and carried as ready docids.
 */
#ifndef SOUK_INDEX_PARTS_H
#define SOUK_INDEX_PARTS_H

#include "index/plan.h"
#include "index/recall.h"

struct parts_request {
    struct snapshot *snap;
    struct arena *arena;
    const struct profile *profile;
    struct recall *recall; /* NULL = nothing is remembered */
    const bool *known; /* by group: the catalog holds the word as it stands; then what is found here
                          ranks behind it */
};

/* Neighbours of the plan, two or three, that the catalog writes as one word. */
enum status parts_join(struct plan *plan, const struct parts_request *r);
/* Each word that the catalog writes as two. */
enum status parts_split(struct plan *plan, const struct parts_request *r);
/* Compounds that end with a word ("einbau" + "kühlschrank"); where the language builds them freely
 * any beginning will do, else it must be a word too. */
enum status parts_inside(struct plan *plan, const struct parts_request *r);
/* True when a language of the schema builds compounds freely (German, Dutch, Nordic ...). */
bool parts_compounding(const struct schema *schema);

/* Products that hold the words side by side, in this order, in one field, one of `fields` (a
 * bitmap; 0 = any): ascending docids in the arena, at most PARTS_DOCS_MAX. */
enum { PARTS_DOCS_MAX = 16384 };
enum status parts_side_by_side(struct snapshot *snap, const struct slice *words, uint32_t count,
                               uint64_t fields, struct arena *arena, uint32_t **docs,
                               uint32_t *doc_count);

#endif
