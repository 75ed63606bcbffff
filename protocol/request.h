/*
 * request - the bodies of requests: structs for both sides, encode for clients, decode for servers.
 *
 * Decoding borrows: slices point into the frame, arrays come from the arena. Unknown tags are
 * skipped, so a newer client meets an older server. Tags are declared in protocol.json.
 */
#ifndef SOUK_PROTOCOL_REQUEST_H
#define SOUK_PROTOCOL_REQUEST_H

#include "protocol/document.h"
#include "protocol/labels.h"

enum search_match { SEARCH_ALL, SEARCH_ANY, SEARCH_RELAXED };

enum { SEARCH_TYPOS_AUTO = 15 };

struct search_facet {
    struct slice field;
    uint32_t limit; /* 0 = 10 */
    uint8_t kind;   /* 0 values, 1 ranges, 2 stats */
    struct slice ranges, query;
    bool disjunctive;
};

struct search_sort {
    struct slice field;
    bool descending;
};

struct search_request {
    struct slice catalog, text;
    enum search_match match;
    bool prefix;
    uint32_t typos;
    const struct slice *fields;
    uint32_t field_count;
    struct slice filter;
    const struct search_facet *facets;
    uint32_t facet_count;
    const struct search_sort *sorts;
    uint32_t sort_count;
    uint32_t k, offset;
    struct slice cursor;
    uint64_t count_to; /* 0 = unlimited */
    bool no_cache, ids_only, explain;
    uint64_t min_sequence;
    const struct slice *returns;
    uint32_t return_count;
    struct slice group_field;
    uint32_t group_size;
    struct slice profile;
    int64_t max_stale_ms; /* -1 = no bound; 0 = fresh products only */
    const struct field_age *field_ages;
    uint32_t field_age_count;
    struct slice highlight_pre, highlight_post, query_id;
    const struct slice *highlights;
    uint32_t highlight_count;
};

/* What a request means when it says nothing: relaxed, prefix, typos auto, k 10, count to 10,000. */
void search_request_init(struct search_request *q);
void search_request_encode(const struct search_request *q, struct buf *out);
enum status search_request_decode(struct slice body, struct arena *a, struct search_request *q,
                                  struct fault *fault);
/* True when the body asks for no hits (k 0), only for counts and facets. Allocates nothing; false
 * for a body that cannot be read. */
bool search_request_only_counts(struct slice body);

struct get_request {
    struct slice catalog;
    const struct slice *ids;
    uint32_t id_count;
    const struct slice *returns;
    uint32_t return_count;
    bool bound_stale; /* items staler than max_stale_ms do not count */
    uint64_t max_stale_ms;
    const struct field_age *field_ages;
    uint32_t field_age_count;
};
void get_request_encode(const struct get_request *g, struct buf *out);
enum status get_request_decode(struct slice body, struct arena *a, struct get_request *g,
                               struct fault *fault);

enum put_op { PUT_UPSERT, PUT_PATCH, PUT_DELETE, PUT_VALIDATE };
enum put_ack { ACK_QUEUED, ACK_LOGGED, ACK_VISIBLE, ACK_REPLICATED };

struct put_item {
    enum put_op op;
    uint64_t version;               /* 0 = none */
    int64_t ttl_ms, swr_ms, sie_ms; /* -1 = catalog default */
    struct slice key;               /* idempotency key of the item */
    struct slice document;          /* DELETE: a document with the id and no field */
    /* What only the fetcher says of what it brings; 0 and empty = not said. */
    uint64_t lease;         /* last sequence before it asked, + 1: MOVED when the product changed */
    uint64_t origin;        /* number of the provider */
    uint64_t age_ms;        /* the answer was as old as that when it came */
    struct slice validator; /* ETag or Last-Modified, for the next conditional request */
};

struct put_request {
    struct slice catalog;
    enum put_ack ack;
    struct slice key;          /* idempotency key of the bulk, up to 64 bytes */
    const struct slice *names; /* field table; with FLAG_CANONICAL empty */
    uint32_t name_count;
    const struct put_item *items;
    uint32_t item_count;
    uint32_t schema_version;        /* CANONICAL */
    struct slice cursor_of, cursor; /* a provider and how far its changes were followed */
};
/* A PUT is written in a stream: header, items, then the frame's end. */
void put_request_header(const struct put_request *p, struct buf *out);
void put_item_encode(const struct put_item *item, struct buf *out);
void put_cursor_encode(struct slice provider, struct slice cursor, struct buf *out);
enum status put_request_decode(struct slice body, struct arena *a, struct put_request *p,
                               struct fault *fault);

enum catalog_action {
    CATALOG_CREATE = 1,
    CATALOG_DESCRIBE,
    CATALOG_LIST,
    CATALOG_DROP,
    CATALOG_ALTER,
    CATALOG_SET,
    CATALOG_GET,
    CATALOG_SETTINGS,
    CATALOG_REBUILD
};
struct catalog_request {
    enum catalog_action action;
    struct slice name, schema, kind, key, value;
};
void catalog_request_encode(const struct catalog_request *c, struct buf *out);
enum status catalog_request_decode(struct slice body, struct catalog_request *c,
                                   struct fault *fault);

struct wait_request {
    struct slice catalog;
    uint64_t sequence;
};
void wait_request_encode(const struct wait_request *w, struct buf *out);
enum status wait_request_decode(struct slice body, struct wait_request *w, struct fault *fault);

struct scan_request { /* SCAN and DELETE by filter */
    struct slice catalog, filter;
    uint64_t from;
    uint32_t limit;
};
void scan_request_encode(const struct scan_request *s, struct buf *out);
enum status scan_request_decode(struct slice body, struct scan_request *q, struct fault *fault);

/* Table of names: count varint, texts. */
void names_encode(const struct slice *names, uint32_t count, struct buf *out);
enum status names_decode(struct slice v, struct arena *a, const struct slice **names,
                         uint32_t *count);

#endif
