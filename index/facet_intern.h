/*
 * facet_intern - gives every distinct value of a field its ordinal while a batch is built.
 *
 * The writer keeps one for its life: a value seen once is a hash probe afterwards. New values wait
 * until the batch writes them; an aborted batch forgets them. One thread.
 */
#ifndef SOUK_INDEX_FACET_INTERN_H
#define SOUK_INDEX_FACET_INTERN_H

#include "index/meta.h"
#include "protocol/document.h"

struct facet_intern;

/* A stored value of the dictionary: `facets` row 'v'. */
struct facet_row {
    uint32_t parent;
    enum value_type type; /* of an attributes value; TEXT otherwise */
    bool has_number;
    double number;
    struct slice text;
};

/* A value may be as long as a product: what the edge lets in is never refused here. */
enum { FACET_KEY_MAX = 11, FACET_TEXT_MAX = 1 << 20 };

void facet_value_key(struct buf *key, uint32_t field, uint32_t ordinal);
enum status facet_row_read(struct store_txn *t, uint32_t field, uint32_t ordinal,
                           struct facet_row *out);
/* The rows of ordinals [from, to] in order, faster than one by one, until `each` fails; CORRUPT
 * when one is missing. */
enum status facet_rows_read(struct store_txn *t, uint32_t field, uint32_t from, uint32_t to,
                            enum status (*each)(void *ctx, uint32_t ordinal,
                                                const struct facet_row *row),
                            void *ctx);
/* Ordinal of a value in the stored dictionary, NOT_FOUND. Values differ when their texts do or when
 * one is text, one a boolean, one a number: "5" and 5 are two. */
enum status facet_row_find(struct store_txn *t, uint32_t field, struct slice text,
                           enum value_type type, uint32_t *ordinal);

enum status facet_intern_create(struct facet_intern **out);
void facet_intern_destroy(struct facet_intern **f);
/* Takes the committed state a new batch stands on. */
void facet_intern_begin(struct facet_intern *f, struct store_txn *read, const struct meta *meta);
/* Ordinal of the value, a new one when it was never seen. */
enum status facet_intern_ordinal(struct facet_intern *f, uint32_t field,
                                 const struct facet_row *value, uint32_t *ordinal);
/* The value of an ordinal, waiting ones included. Valid until the batch ends. */
enum status facet_intern_read(struct facet_intern *f, uint32_t field, uint32_t ordinal,
                              struct facet_row *out);
/* Writes the waiting values and their counts into `meta`. */
enum status facet_intern_write(struct facet_intern *f, struct store_txn *write, struct meta *meta);
/* Ends the batch: committed values stay known, others are forgotten. */
void facet_intern_end(struct facet_intern *f, bool committed);

#endif
