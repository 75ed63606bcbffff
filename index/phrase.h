/*
 * phrase - do words follow each other in one field of a document?
 *
 * Reads positions, so it is asked only of documents that matched otherwise.
 */
#ifndef SOUK_INDEX_PHRASE_H
#define SOUK_INDEX_PHRASE_H

#include "index/segment.h"

/* True when the words stand one behind the other in one of the fields (a bitmap; 0 = any). */
enum status match_phrase(const struct segment *s, uint32_t doc, const struct slice *words,
                         uint32_t count, uint64_t fields, bool *yes);

#endif
