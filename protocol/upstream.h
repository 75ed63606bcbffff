/*
 * upstream - the bodies of UPSTREAM (an operator and the providers of a catalog) and of REFRESH (a
 * front asks the fetcher for products). Decoding borrows, as in request.h.
 */
#ifndef SOUK_PROTOCOL_UPSTREAM_H
#define SOUK_PROTOCOL_UPSTREAM_H

#include "protocol/arena.h"
#include "protocol/frame.h"

enum upstream_action {
    UPSTREAM_LIST = 1,
    UPSTREAM_ENABLE,
    UPSTREAM_DISABLE,
    UPSTREAM_ORDER,   /* names: the whole order */
    UPSTREAM_REFRESH, /* ids, or all of the changes feed of the named provider again */
    UPSTREAM_PAUSE,
    UPSTREAM_RESUME,
    UPSTREAM_SET, /* definition */
    UPSTREAM_REMOVE
};

struct upstream_request {
    enum upstream_action action;
    struct slice catalog, definition;
    const struct slice *names, *ids;
    uint32_t name_count, id_count;
};
void upstream_request_encode(const struct upstream_request *u, struct buf *out);
enum status upstream_request_decode(struct slice body, struct arena *a, struct upstream_request *u,
                                    struct fault *fault);

/* A row of a reply: name text, value text. */
void upstream_row_put(struct buf *b, const char *name, struct slice value);
/* The next row of a PROVIDER's rows. */
bool upstream_row_next(struct wire_reader *r, struct slice *name, struct slice *value);

struct refresh_request {
    struct slice catalog;
    const struct slice *ids;
    uint32_t id_count;
    bool wait;
};
void refresh_request_encode(const struct refresh_request *q, struct buf *out);
enum status refresh_request_decode(struct slice body, struct arena *a, struct refresh_request *q);

#endif
