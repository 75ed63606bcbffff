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

/* Sets s->loose_rule for the expanded plan; `bare`: rare words are enough, however few. */
enum status relax_words(struct search *s, bool bare);
/* Makes the top hold at least one product that lacks words, whatever page is asked. */
enum status relax_make_room(struct search *s);
/* After ranking: fills s->dropped (on a later page it comes with the cursor) and the reply. */
enum status relax_name(struct search *s);
/* What each hit of the page lacks, pinned ones left out. */
enum status relax_name_hits(struct search *s, struct hit *hits, uint32_t count);

#endif
