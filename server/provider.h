/*
 * provider - one endpoint of a catalog's upstream as its operator defined it: where to ask, how
 * answers map to products, how patient to be. Pure: parsed from JSON, no I/O, no clock.
 *
 *   {"one": "https://shop/api/products/{id}", "many": "https://shop/api/products?ids={ids}",
 *    "changes": "https://shop/api/changes?after={cursor}", "first_cursor": "0",
 *    "map": {"product": "/product", "items": "/items", "id": "/id", "version": "/updated",
 *            "deleted": "/deleted", "next": "/next"},
 *    "fields": {"title": "/name", "price": "/price/amount"},
 *    "headers": {"Authorization": "file:/etc/souk/token"}, "ca_file": "/etc/ssl/own.pem",
 *    "canary": "1001", "number": 1, ... numbers of provider_options.def}
 *
 * `map.product` leads from the answer of `one` to the product, `map.items` from an answer of
 * `many` or `changes` to the list; the others start at a product, `next` at the whole answer.
 * Without `fields`, members of the product that are fields of the catalog are taken. A header value
 * "file:PATH" is read when it is needed and never shown. `number` tells products' origin and is
 * given by the server.
 */
#ifndef SOUK_SERVER_PROVIDER_H
#define SOUK_SERVER_PROVIDER_H

#include "protocol/arena.h"
#include "protocol/buf.h"
#include "server/breaker.h"

enum { PROVIDER_HEADERS = 8, PROVIDER_FIELDS = 255, PROVIDER_URL_MAX = 2048, PROVIDER_DEPTH = 32 };

struct provider_pair {
    struct slice name, value; /* field and pointer, header and value */
};

struct provider_map {
    struct slice product, items, id, version, deleted, next;
};

struct provider {
    struct slice name;
    uint32_t number;
    struct slice one, many, changes, first_cursor, canary, ca_file;
    struct provider_map map;
    struct provider_pair fields[PROVIDER_FIELDS], headers[PROVIDER_HEADERS];
    uint32_t field_count, header_count;
#define PROVIDER_OPTION(name, initial, least, most, help) int64_t name;
#include "server/provider_options.def"
#undef PROVIDER_OPTION
    struct arena arena; /* of the slices above */
};

/* Checks everything an operator can get wrong. INVALID with field and reason. */
enum status provider_create(struct slice name, struct slice json, struct provider **out,
                            struct fault *fault);
void provider_destroy(struct provider **p);
void provider_breaker_options(const struct provider *p, struct breaker_options *out);

/* `text` with "{what}" replaced by the percent-encoded value. */
enum status provider_url(struct slice text, const char *what, struct slice value, struct buf *out);

/* Rows of provider_options.def, for help: false behind the last. */
bool provider_option(uint32_t i, const char **name, int64_t *initial, const char **help);

/* "a,b,c" of the setting provider_order; true with the part at `i`. */
bool provider_order_part(struct slice order, uint32_t i, struct slice *name);
bool provider_name_valid(struct slice name);

#endif
