/*
 * fold - text folded as words are (case, accents, letter forms) without being cut into words: for
 * the order of values, for search inside facet values, for suggestions.
 *
 * One folder per thread. ASCII takes a fast path.
 */
#ifndef SOUK_INDEX_FOLD_H
#define SOUK_INDEX_FOLD_H

#include "protocol/buf.h"
#include "protocol/status.h"

struct folder;

enum status folder_create(struct folder **out);
void folder_destroy(struct folder **f);
/* The folded text, until the next call. What is no letter or digit stays as it is; with `words`
 * it becomes a blank, several one, none at the start. */
enum status folder_run(struct folder *f, struct slice text, bool words, struct slice *out);

#endif
