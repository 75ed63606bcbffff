/*
 * facet_search - which values of a facet are meant by what was typed into its search box.
 *
 * Every word typed must begin a word of the value (the last one) or be one (those before), in any
 * order, folded. When no value holds them so, words may be a few edits away: one from 4 letters,
 * two from 8, none with a digit. `looser` says whether that is tried.
 */
#ifndef SOUK_INDEX_FACET_SEARCH_H
#define SOUK_INDEX_FACET_SEARCH_H

#include "index/fold.h"
#include "protocol/arena.h"

enum { FACET_SEARCH_WORDS = 8 };

struct facet_search {
    struct folder *folder;
    struct slice words[FACET_SEARCH_WORDS]; /* the last one may be a beginning */
    uint32_t count;
};

/* Words live in the arena. Blank text gives a search that holds every value. */
enum status facet_search_init(struct facet_search *s, struct folder *f, struct slice typed,
                              struct arena *arena);
bool facet_search_holds(const struct facet_search *s, struct slice value, bool looser);

#endif
