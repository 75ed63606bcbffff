/*
 * rules - what a shop wants to see first, or not at all, for certain queries.
 *
 * Settings of kind `rule`, one rule each, as lines:
 *
 *     query red shoes       the whole query is these words (folded; several lines: any of them)
 *     contains sandals      the query holds these words one behind the other
 *     pin ID [POSITION]     this product stands at that place, 1 when none is given
 *     hide ID               this product is not found
 *
 * A pinned product need not match the words, but must live and pass the filter. It is counted once,
 * in found and in facets, like any other. Pins hold for results in order of relevance that are not
 * grouped; a cursor counts what was shown, so later pages have the later pins.
 *
 * Rules come last: what is tried, what is learnt and how products are ordered is what it is without
 * them. Then hidden products are left out, and pinned ones come to their places.
 */
#ifndef SOUK_INDEX_RULES_H
#define SOUK_INDEX_RULES_H

#include "index/analyse.h"
#include "index/snapshot.h"
#include "protocol/arena.h"

enum {
    RULE_PINS_MAX = 32,
    RULE_HIDES_MAX = 256,
    RULE_OUT_MAX = RULE_PINS_MAX + RULE_HIDES_MAX,
    RULE_POSITION_MAX = 100,
    RULE_TEXT_MAX = 65536
};

struct rules {
    struct {
        uint32_t docid, position; /* from 0, ascending; equal ones follow each other */
    } pins[RULE_PINS_MAX];
    uint32_t pin_count;
    uint32_t hidden[RULE_OUT_MAX]; /* docids, ascending; of the pinned ones too */
    uint32_t hidden_count;
};

/* All rules of a catalog, read once; kept with the other word settings (word_settings.h). */
struct rule_book;
/* In the arena; NULL when the catalog has no rules. */
enum status rule_book_read(struct snapshot *snap, struct analyser *a, struct arena *arena,
                           struct rule_book **out);
/* What the rules say of a query; counts are 0 when none does. */
enum status rules_of(const struct rule_book *book, struct snapshot *snap, struct analyser *a,
                     struct slice text, struct arena *arena, struct rules *out);
/* Pinned products are ordinary ones again. */
void rules_drop_pins(struct rules *r);
/* Is the docid taken out of what matches? */
bool rules_hide(const struct rules *r, uint32_t docid);
enum status rules_check(struct analyser *a, struct slice text, struct fault *fault);

#endif
