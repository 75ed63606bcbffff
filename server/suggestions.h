/*
 * suggestions - the completions of one catalog as a front holds them: imported queries (the
 * settings of kind "suggestions", lines of "text TAB count"), and popular ones of the query log.
 *
 * Lists are made when they are asked for: the imported ones when the settings changed, the learnt
 * ones every SUGGESTIONS_LEARN_MS. Only queries all of whose words the catalog holds are given. The
 * first completion of an answer carries the categories most of its products are in; they are
 * looked up once a minute and kept.
 */
#ifndef SOUK_SERVER_SUGGESTIONS_H
#define SOUK_SERVER_SUGGESTIONS_H

#include "index/suggest.h"
#include "server/front.h"

enum { SUGGESTIONS_LEARN_MS = 10000, SUGGESTIONS_LEARN_MAX = 2000, SUGGESTIONS_CATEGORIES = 3 };

struct suggestions;

enum status suggestions_create(struct suggestions **out);
void suggestions_destroy(struct suggestions **s);
/* Up to `limit` completions into `out` (room for SUGGEST_MAX); texts live until the next call. */
enum status suggestions_find(struct suggestions *s, struct front *f, struct catalog *c,
                             struct slice typed, uint32_t limit, struct suggestion *out,
                             uint32_t *count);
/* The categories of a query's products, most first. */
enum status suggestions_categories(struct suggestions *s, struct front *f, struct catalog *c,
                                   struct slice text, struct slice out[SUGGESTIONS_CATEGORIES],
                                   uint32_t *count);

#endif
