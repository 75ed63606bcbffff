/*
 * relax - which words of a query may be missing when too few products hold all of them.
 *
 * Then a product need hold only a part of the words: half of them, and a share of their rarity, so
 * that the frequent words are what it may lack ("airpods 2" never finds what only has a 2). Light
 * words ("for", "with") are not counted: half of those that name something. Nor are words that
 * nothing holds, and a code or a number with its unit is one word, as long as what is held says
 * that share of all that was asked, the unknown counted as the rarest. Words of phrases and words
 * asked of a field are always needed. More and rarer words rank higher; nothing comes before a
 * product that holds them all.
 *
 * Where still few products hold so many words, words are learnt from the titles of the best
 * (learn.h), and each of them that a product has stands for a word of the query, like a synonym.
 * At least one word must be held, with a part of the rarity; all that holds half comes before.
 *
 * Where the profile asks for it (bare_below), and are there still too few for words that are three
 * or more, rare words are enough by themselves, behind every product that holds half: of three
 * words a product may lack two, but not the two that say the most.
 *
 * The words the reply names as dropped are those that the best of the products which lack any does
 * without: none when all that is found holds every word. Like the rule itself they depend on the
 * query and the catalog, never on the page. Each hit of the page names its own beside.
 */
#ifndef SOUK_INDEX_RELAX_H
#define SOUK_INDEX_RELAX_H

#include "index/query_private.h"

/* How words may be missing beside the rule of half of them. */
struct relax_more {
    bool bare;                   /* rare words are enough, however few */
    const struct learnt *learnt; /* they order what is found behind the first places; NULL = none */
    bool standing;               /* and each stands for a word, behind all that needs none */
};
/* Sets s->loose_rule for the expanded plan. */
enum status relax_words(struct search *s, const struct relax_more *more);
/* Makes the top hold at least one product that lacks words, whatever page is asked. */
enum status relax_make_room(struct search *s);
/* After ranking: fills s->dropped (on a later page it comes with the cursor) and the reply. */
enum status relax_name(struct search *s);
/* What each hit of the page lacks, pinned ones left out. */
enum status relax_name_hits(struct search *s, struct hit *hits, uint32_t count);

#endif
