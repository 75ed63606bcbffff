/*
 * product_tokens - the words of one product, field by field, as segments index them.
 *
 * The same function feeds new products, the df of killed ones and the check, so that they agree.
 * Items of a list stand TOKEN_GAP positions apart, so that no phrase runs across them.
 */
#ifndef SOUK_INDEX_PRODUCT_TOKENS_H
#define SOUK_INDEX_PRODUCT_TOKENS_H

#include "index/analyse.h"
#include "index/product.h"
#include "index/segment_build.h"

enum { TOKEN_GAP = 8 };

struct product_tokens {
    struct analyser *analyser;
    struct builder_token *items; /* in field order */
    uint32_t count, cap;
    struct buf terms; /* what the items point into */
};

enum status product_tokens_init(struct product_tokens *t);
void product_tokens_fini(struct product_tokens *t);
/* Replaces the items by those of `p`. BAD_UTF8. */
enum status product_tokens_collect(struct product_tokens *t, const struct schema *schema,
                                   const struct product *p);
/* Sorts the items by term and keeps one of each; positions lose their meaning. */
void product_tokens_distinct(struct product_tokens *t);
struct segment_facts product_tokens_facts(const struct schema *schema);

#endif
