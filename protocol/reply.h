/*
 * reply - the bodies of replies: streaming encoders for the server, decoders into structs for
 * clients.
 *
 * A search reply is written straight into the connection's buffer while the snapshot is open:
 * header fields, then search_reply_hits(), per hit search_reply_hit() with the document appended
 * by the caller between begin and end, facets and the rest in any order. Decoders borrow.
 */
#ifndef SOUK_PROTOCOL_REPLY_H
#define SOUK_PROTOCOL_REPLY_H

#include "protocol/document.h"
#include "protocol/labels.h"

struct hit_reply {
    struct slice id;
    uint64_t score;
    enum freshness freshness;
    bool withheld, future; /* fields are left out for their age; its time lies ahead of the clock */
    uint64_t age_ms;
    bool wide_age; /* encode: the age takes HIT_AGE_WIDTH bytes, so that it can be changed */
    struct slice document; /* empty = ids only */
    uint64_t group_count;
    struct slice group, explain;
};

struct facet_value_reply {
    struct slice value;
    uint64_t count;
    uint8_t type; /* enum value_type of an attribute's value; 0 = text */
};

struct facet_reply {
    struct slice field;
    uint8_t kind;
    uint64_t distinct, count;
    double min, max, sum;
    const struct facet_value_reply *values;
    uint32_t value_count;
};

struct stage_reply { /* of an explained search */
    struct slice name;
    uint64_t us, bytes;
};

struct highlight_reply {
    uint32_t hit; /* from 0 */
    struct slice field, text;
    uint32_t matched; /* marks in the text */
};

struct search_reply {
    uint64_t took_us, found, generation, sequence, oldest_age_ms, groups;
    uint32_t level; /* degrade level of the server */
    uint32_t cache; /* 0 computed, 1 from the result cache, 2 an old page of it */
    uint64_t cache_age_ms;
    bool found_exact, moved;
    uint32_t safe_mode; /* bits of enum safe_mode; 0 = off */
    enum upstream_state upstream;
    const struct withheld *withheld, *lacks; /* fields for their age; words a hit does not hold */
    uint32_t withheld_count, lacks_count;
    const struct slice *names; /* field table of the documents */
    uint32_t name_count;
    const struct hit_reply *hits;
    uint32_t hit_count;
    const struct facet_reply *facets;
    uint32_t facet_count;
    const struct highlight_reply *highlights;
    uint32_t highlight_count;
    const struct stage_reply *stages;
    uint32_t stage_count;
    const struct slice *degraded, *dropped, *cut;
    uint32_t degraded_count, dropped_count, cut_count;
    struct slice cursor, query_id;
    uint64_t fresh_counts[3];
    uint64_t work[8];
};

/* The age of a hit whose wide_age is set is a varint of this many bytes; it ends where the result
 * of search_reply_hit_begin() points to. hit_age_add() makes such a hit older, in place. */
enum { HIT_AGE_WIDTH = 6 };
void hit_age_add(char *age, uint64_t ms);

/* Appends the hits: count first, then for each hit begin .. (document bytes) .. end. */
size_t search_reply_hits_begin(struct buf *b, uint32_t count);
void search_reply_hits_end(struct buf *b, size_t at);
/* `document_at` of the result marks where document bytes start; append them, then call _hit_end. */
size_t search_reply_hit_begin(struct buf *b, const struct hit_reply *h);
void search_reply_hit_end(struct buf *b, size_t document_at, const struct hit_reply *h);
void search_reply_facet(struct buf *b, const struct facet_reply *f);
void search_reply_stage(struct buf *b, const struct stage_reply *s);
void search_reply_highlight(struct buf *b, const struct highlight_reply *h);
void search_reply_texts(struct buf *b, uint32_t tag, const struct slice *texts, uint32_t count);

enum status search_reply_decode(struct slice body, struct arena *a, struct search_reply *out);

struct get_item_reply {
    enum status status;
    struct slice id, document;
    enum freshness freshness;
    bool withheld, future;
    uint64_t age_ms, version;
};
struct get_reply {
    const struct slice *names;
    uint32_t name_count;
    const struct get_item_reply *items;
    uint32_t item_count;
    uint64_t sequence, generation;
    uint32_t safe_mode; /* bits of enum safe_mode */
    enum upstream_state upstream;
    const struct withheld *withheld;
    uint32_t withheld_count;
};
void get_item_encode(struct buf *b, const struct get_item_reply *item);
/* The same with a document that the caller appends between: begin returns what end takes. */
size_t get_item_begin(struct buf *b, const struct get_item_reply *item);
void get_item_end(struct buf *b, size_t at);
enum status get_reply_decode(struct slice body, struct arena *a, struct get_reply *out);

struct put_result {
    uint32_t item;
    enum status status;
    struct slice field, text;
};
struct put_reply {
    uint64_t sequence, applied, ignored, failed;
    bool replayed;
    const struct put_result *results;
    uint32_t result_count;
};
void put_result_encode(struct buf *b, const struct put_result *r);
void put_reply_encode(struct buf *b, const struct put_reply *r);
enum status put_reply_decode(struct slice body, struct arena *a, struct put_reply *out);

struct stats_row {
    struct slice name, value;
};
void stats_row_put(struct buf *b, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum status stats_reply_decode(struct slice body, struct arena *a, struct stats_row **rows,
                               uint32_t *count);

struct scan_reply {
    const struct slice *names;
    uint32_t name_count;
    const struct slice *documents;
    uint32_t document_count;
    bool more;
    uint64_t from, deleted, sequence;
};
enum status scan_reply_decode(struct slice body, struct arena *a, struct scan_reply *out);

#endif
