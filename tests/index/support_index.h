/* support_index - a shop schema, products and a throw-away edition for tests of the index. */
#ifndef SOUK_TESTS_INDEX_SUPPORT_INDEX_H
#define SOUK_TESTS_INDEX_SUPPORT_INDEX_H

#include "index/index.h"
#include "index/snapshot.h"

enum shop_field {
    SHOP_TITLE,
    SHOP_BODY,
    SHOP_BRAND,
    SHOP_PRICE,
    SHOP_STOCK,
    SHOP_PATH,
    SHOP_ATTRS,
    SHOP_TAGS,
    SHOP_ACTIVE,
    SHOP_FIELDS
};

struct shop_product {
    const char *id, *title, *body, *brand;
    double price;                            /* < 0: none */
    int64_t stock;                           /* < 0: none */
    const char *path[4], *attr[4], *tags[4]; /* attr: path, text, path, text */
    int attr_number;                         /* > 0: attribute "size" as a number */
};

struct schema *shop_schema(void);
/* Fields that are NULL (or negative) are left out. */
void shop_document(struct buf *out, const struct shop_product *p);
struct change shop_change(uint64_t version, int64_t validated_ms);

struct shop {
    char dir[64];
    struct index *ix;
};
void shop_open(struct shop *s); /* fresh edition */
void shop_open_limited(struct shop *s, uint64_t max_bytes);
void shop_reopen(struct shop *s); /* closes and opens it */
void shop_close(struct shop *s);  /* removes it */
/* The product of `id` as text ("0=...;2=..."); "" when it is not there. */
void shop_text(struct snapshot *snap, const char *id, char *out, size_t cap);

#endif
