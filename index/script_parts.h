/*
 * script_parts - what is asked for alone of a word of Han letters or of two scripts.
 *
 * The dictionary may know a compound that holds the word asked for: a word of three or more Han
 * letters also gives each two neighbours. And it has "Tokyo Tower" as one word of Han letters and
 * katakana: such a word also gives the runs of each. Queries pass extras over, so nothing gets
 * vaguer.
 */
#ifndef SOUK_INDEX_SCRIPT_PARTS_H
#define SOUK_INDEX_SCRIPT_PARTS_H

#include "index/analyse.h"

enum { SCRIPT_PARTS_MAX = ANALYSE_TERM_MAX / 3 };

struct script_part {
    uint32_t from, to; /* bytes of the word */
};

/* Of a folded word of ANALYSE_TERM_MAX bytes at most. Returns how many. */
uint32_t script_parts(struct slice word, struct script_part parts[SCRIPT_PARTS_MAX]);

#endif
