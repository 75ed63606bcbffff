/*
 * fetch_answer - what an answer of a provider says: products of the catalog, how long they are
 * good, and where the feed goes on. Whatever is not that (broken JSON, HTML, a wrong type) is
 * refused whole, or item by item, and reaches nobody.
 */
#ifndef SOUK_SERVER_FETCH_ANSWER_H
#define SOUK_SERVER_FETCH_ANSWER_H

#include "server/fetch_route.h"
#include "server/mapping.h"

struct fetch_products { /* of one answer; a zeroed struct is empty */
    struct mapped *items;
    uint32_t count, bad;
    struct slice next;      /* FEED: the next cursor */
    struct buf documents;   /* of the items */
    struct json_node *root; /* what the slices above point into */
    char number[32];
};

/* `id`: the product asked for, of CALL_ONE. INVALID with the reason: nothing of it can be used. */
enum status fetch_answer_products(struct fetch_products *out, struct fetch_catalog *c,
                                  const struct provider *p, enum call_what what, struct slice id,
                                  struct slice body, struct fault *fault);
void fetch_products_fini(struct fetch_products *p);

/* The windows of an answer: the provider's own stand above what it says. */
void fetch_answer_windows(const struct provider *p, const struct fetch_http_answer *h,
                          int64_t sent_wall_ms, int64_t now_wall_ms, struct http_cache *out);

#endif
