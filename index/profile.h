/*
 * profile - how hits are ranked, declared by numbers and by signals of the catalog.
 *
 * The built-in profile `default` has a second phase; `bm25` is the first phase alone. Others are
 * settings of kind `profile` of a catalog, changed at run time. The text is lines:
 *
 *     # a comment
 *     typo_below 10                     one of the numbers of profile.def
 *     signal FIELD KIND WEIGHT [SCALE]  a numeric field: KIND is log, linear, inverse, recent,
 * present signal FIELD rated WEIGHT COUNT [SCALE] an average of as many votes as the field COUNT
 * says
 *
 * What a text does not name stays as in `default`.
 */
#ifndef SOUK_INDEX_PROFILE_H
#define SOUK_INDEX_PROFILE_H

#include "protocol/slice.h"
#include "protocol/status.h"

enum profile_number {
#define PROFILE(name, value, least, most, what) PROFILE_##name,
#include "index/profile.def"
#undef PROFILE
    PROFILE_NUMBERS
};

enum signal_kind {
    SIGNAL_LOG,     /* log(1 + value) / log(1 + scale): counts */
    SIGNAL_LINEAR,  /* value / scale: ratings */
    SIGNAL_INVERSE, /* scale / (scale + value): prices, ranks */
    SIGNAL_RECENT,  /* 2 ^ -(age / scale ms): timestamps */
    SIGNAL_PRESENT, /* 1 for a value above 0: stock */
    SIGNAL_RATED /* (value * count + mean * 10) / (count + 10) / scale, mean 0.7 * scale: few votes
                    say little */
};

enum { PROFILE_SIGNALS = 8, PROFILE_TEXT_MAX = 16384 };

struct profile_signal {
    char field[65], count[65]; /* count: the votes of SIGNAL_RATED */
    enum signal_kind kind;
    double weight, scale;
};

struct profile {
    double n[PROFILE_NUMBERS];
    struct profile_signal signals[PROFILE_SIGNALS];
    uint32_t signal_count;
};

void profile_default(struct profile *p);
/* false when there is no built-in profile of that name; empty is `default`. */
bool profile_built_in(struct slice name, struct profile *p);
/* The default with the changes of the text. INVALID with the line in fault.column. */
enum status profile_parse(struct slice text, struct profile *p, struct fault *fault);

/* Name and meaning of a number, for help and docs. */
const char *profile_number_name(enum profile_number n);
const char *profile_number_help(enum profile_number n);

#endif
