/*
 * units - units of measure as titles write them, long and short ("inches", "in").
 */
#ifndef SOUK_INDEX_UNITS_H
#define SOUK_INDEX_UNITS_H

#include "protocol/slice.h"

/* The short form of a folded word that is a unit, else SLICE_NULL. */
struct slice units_short(struct slice word);

#endif
