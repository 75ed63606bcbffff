/*
 * plan - from the words of a query to groups of alternatives.
 *
 * A query asks for every group (or any, or most); a group is satisfied by any of its alternatives:
 * the word as it stands, its plural, the terms a prefix begins or that are a few edits away.
 * Alternatives are looked up in the dictionaries when the query comes. Exact ones carry a tier, so
 * that no typo outranks an exact match.
 *
 *   words := [-] [field ":"] ( word | "phrase" ) ...
 *
 * A hyphen before a digit excludes nothing ("3/8 -10 nut"), nor one behind "&" or "and".
 * What stands between those is read as one text, so that "55 inch" is known for what it is and
 * scripts without blanks are cut by their dictionaries.
 */
#ifndef SOUK_INDEX_PLAN_H
#define SOUK_INDEX_PLAN_H

#include "index/analyse.h"
#include "index/profile.h"
#include "index/query.h"

enum {
    PLAN_WORDS_MAX = 10,
    PLAN_SAME_MAX = 4,
    PLAN_PHRASE_MAX = 16,
    PLAN_CUT_MAX = 16,
    EXPAND_TYPO_CAP = 150,
    EXPAND_TYPO2_CAP = 50
};

/* From the word itself to what it was perhaps meant to be; later kinds rank lower. */
enum alternative_kind { ALT_EXACT, ALT_FORM, ALT_SYNONYM, ALT_JOINED, ALT_TYPO, ALT_TYPO2 };

struct alternative {
    struct slice term;    /* what was looked up; with docs only a name */
    const uint32_t *docs; /* ascending docids instead of a list: words found side by side */
    uint32_t doc_count;
    enum alternative_kind kind;
    uint32_t idf; /* quantised, already times its factor */
    bool tier;    /* exact enough to carry the tier */
};

struct group {
    struct alternative *items;
    uint32_t count;
    struct slice prefix;      /* terms that begin so are alternatives too; empty = none */
    struct slice prefix_last; /* the last one of them that is; empty = all are */
    uint32_t prefix_idf;
    struct slice original; /* bytes of the query */
    uint32_t from, to;     /* in the part of the query that it was read with */
    /* Ways to write it that mean the same: "xps15" of "xps-15", "55in" of "55 inch". A way that
     * takes several words stands in each of their groups. */
    struct slice same[PLAN_SAME_MAX];
    uint32_t same_count;
    uint32_t position;
    uint32_t idf;    /* rarity of what the word stands for */
    uint64_t df;     /* live products of all alternatives, summed */
    uint64_t fields; /* bitmap of searchable fields; 0 = all */
    bool digits;
    uint8_t code; /* words written as one ("136/14") share a number; 0 = none */
    bool phrase;  /* a word in quotes: as it stands */
    bool negated; /* behind "without": what the product had better not be */
    bool light;   /* "for", "with": says how words belong together, not what is looked for */
    bool fixed;   /* never dropped: of a phrase, or asked of a field */
    /* What every attempt begins with, once it was looked up. */
    struct {
        struct alternative *items;
        uint32_t count, idf;
        uint64_t df;
    } exact;
};

struct phrase {
    uint32_t first, count; /* words [first, first + count) of plan.words */
    uint64_t fields;       /* bitmap of searchable fields; 0 = all */
    bool excluded;
};

struct plan {
    struct group groups[PLAN_WORDS_MAX];
    uint32_t group_count;
    struct phrase phrases[PLAN_PHRASE_MAX];
    uint32_t phrase_count;
    struct slice words[PLAN_WORDS_MAX * 2]; /* folded words of phrases and exclusions */
    uint32_t word_count;
    struct slice cut[PLAN_CUT_MAX]; /* not used; the last one goes on to the end when full */
    uint32_t cut_count;
    bool repeated; /* the last word stood before: it begins nothing, "red shoe red" */
    bool hyphens;  /* a hyphen before a word, neither quoted nor asked of a field, excludes it */
    bool wordless; /* something was typed and none of it is a word: nothing is found */
    bool capped;
    /* Of these words nothing was known as they stand, or after they were looked for in parts, a bit
     * each: what stands for them depends on that. */
    uint32_t unheld, unknown;
    bool looked_up; /* the groups know their exact alternatives */
    uint64_t expanded;
};

/* Reads the words into a plan that is all zeros; terms are copied to the arena. `pasted`: a hyphen
 * before a word excludes nothing, but before a quote or a field. */
enum status plan_words(struct analyser *a, struct slice text, bool pasted,
                       const struct schema *schema, struct arena *arena, struct plan *plan,
                       struct fault *fault);
/* The text with blanks in place of what it excludes. */
enum status plan_wanted_text(struct slice text, const struct schema *schema, struct arena *arena,
                             struct slice *out);
/* A word that only joins others ("for", "with")? */
bool plan_is_light(struct slice word);
/* Takes out the words for which stop() holds, unless nothing would be left; quoted words and those
 * asked of a field stay. */
void plan_drop_stops(struct plan *plan, bool (*stop)(const void *ctx, struct slice word),
                     const void *ctx);

#endif
