/*
 * snapshot - one consistent view of a catalog edition: an LMDB read transaction and what hangs on
 * it.
 *
 * One per loop or thread, created once, begun and ended for each request: begin renews the
 * transaction (cheap) and, only when the generation moved, maps segments and columns anew. All
 * pointers handed out end at snapshot_end(). A snapshot must not be held across waiting for I/O.
 */
#ifndef SOUK_INDEX_SNAPSHOT_H
#define SOUK_INDEX_SNAPSHOT_H

#include "index/column.h"
#include "index/edition.h"
#include "index/facet_values.h"
#include "index/pulse.h"
#include "index/schema.h"
#include "index/segment.h"

struct index;
struct snapshot;

enum status snapshot_create(struct index *ix, struct snapshot **out);
void snapshot_destroy(struct snapshot **s);
enum status snapshot_begin(struct snapshot *s);
void snapshot_end(struct snapshot *s);

uint64_t snapshot_generation(const struct snapshot *s); /* commit number within the edition */
/* The last commit that changed something a user can see: pages and cursors hold as long as it. */
uint64_t snapshot_visible(const struct snapshot *s);
uint64_t snapshot_sequence(const struct snapshot *s);   /* last applied event log sequence */
uint32_t snapshot_live_count(const struct snapshot *s); /* products, expired-not-evicted included */
uint32_t snapshot_docid_end(const struct snapshot *s);  /* one past the highest docid */
const struct schema *snapshot_schema(const struct snapshot *s);
/* Generations and docids of different editions mean nothing to each other. */
struct edition snapshot_edition(const struct snapshot *s);

/* The same as long as the schema is, and what dictionaries and lists say of words. */
uint64_t snapshot_dictionary(const struct snapshot *s);

uint32_t snapshot_segment_count(const struct snapshot *s);
const struct segment *snapshot_segment(const struct snapshot *s, uint32_t i);
/* The segment that covers a docid, NULL when none. */
const struct segment *snapshot_segment_of(const struct snapshot *s, uint32_t docid);

/* Live bitmap in words of 64 docids; NULL for a chunk of COLUMN_CHUNK docids that is wholly live
 * (all docids of it below docid_end). word w of the chunk covers chunk*4096 + 64*w .. */
const uint64_t *snapshot_live_chunk(const struct snapshot *s, uint32_t chunk_idx);
bool snapshot_is_live(const struct snapshot *s, uint32_t docid);
/* True when segment i has no dead docs at all: kernels then skip the check. */
bool snapshot_segment_all_live(const struct snapshot *s, uint32_t i);

/* Column of a schema field or system column; NULL when the field has none. */
struct column *snapshot_column(struct snapshot *s, uint32_t column_id);
/* NO_MEMORY when a column could not be read for want of it since this was asked last. */
enum status snapshot_trouble(struct snapshot *s);
/* What a search beats while it works; idle between searches. */
struct pulse *snapshot_pulse(struct snapshot *s);

/* Docid of an external id among live products. NOT_FOUND. */
enum status snapshot_find(struct snapshot *s, struct slice id, uint32_t *docid);
/* Many ids will be looked up: counts one of them; when it pays, takes 2 bytes a product to make
 * those that are not there cheaper. For writers. */
void snapshot_expect_ids(struct snapshot *s, uint32_t count);
/* External id of a docid, until the next call. */
enum status snapshot_id(struct snapshot *s, uint32_t docid, struct slice *id);

/*
 * Appends the whole product of `docid` to `out` as a document whose field numbers are schema field
 * ids (stored record and columns put together, absent fields left out). `wanted` = bitmap over
 * field ids (NULL = all stored fields).
 */
enum status snapshot_product(struct snapshot *s, uint32_t docid, const uint64_t *wanted,
                             struct buf *out);

/* The same with all fields, those that are kept for their words only included. */
enum status snapshot_whole(struct snapshot *s, uint32_t docid, struct buf *out);

/* Bytes of all living products together and of one of them (weight.h). WEIGHT_UNKNOWN where they
 * are not counted. */
uint64_t snapshot_weight(const struct snapshot *s);
enum status snapshot_weigh(struct snapshot *s, uint32_t docid, uint32_t *bytes);

/* Their ids or records will be read next: fetches them together, behind the places where these are
 * told to be; only hints. */
void snapshot_place_prefetch(struct snapshot *s, uint32_t docid);
void snapshot_record_prefetch(struct snapshot *s, uint32_t docid);
/* These products will be put together next: fetches their columns from memory, as far as such were
 * read before; only a hint. */
void snapshot_product_prefetch(struct snapshot *s, uint32_t docid, const uint64_t *wanted);

/* A setting stored in the catalog (synonyms, stop words, profiles, rules, provider order, safe
 * mode): kind + name -> bytes. Points into the snapshot. Settings change with the generation. */
enum status snapshot_setting(struct snapshot *s, struct slice kind, struct slice name,
                             struct slice *value);
/* Iterates the settings of a kind: start with SLICE_NULL, pass the last name. END after the last.
 */
enum status snapshot_next_setting(struct snapshot *s, struct slice kind, struct slice *name,
                                  struct slice *value);
/* Sequence of the last setting change: caches of parsed settings compare it. */
uint64_t snapshot_settings_sequence(const struct snapshot *s);

/* What the writer decides with before logging, from any thread with its own snapshot. A product
 * that is not there is OK with exists == false. */
struct product_state;
enum status snapshot_product_state(struct snapshot *s, struct slice id, struct product_state *out);

/* When a product was confirmed and what follows from it (expiry.h). */
struct product_times {
    int64_t validated_ms;
    int64_t stale_ms; /* becomes stale; EXPIRY_NEVER */
    int64_t soft_ms;  /* end of stale-while-revalidate */
    int64_t limit_ms; /* from here on it is expired */
};
/* `id` of the docid, or empty: it is looked up when the times depend on it. */
enum status snapshot_times(struct snapshot *s, uint32_t docid, struct slice id,
                           struct product_times *out);

/* Two numbers tell of most products that they are fresh: before until_ms they are; else the times
 * must be looked at. Of many at once. */
struct product_stamp {
    int64_t validated_ms, until_ms;
};
enum { SNAPSHOT_STAMPS = 32 }; /* at most, in one call */
/* They will be read soon: a number on its own is waited for as long as for all. */
void snapshot_stamp_prefetch(struct snapshot *s, uint32_t docid);
void snapshot_stamps(struct snapshot *s, const uint32_t *docids, uint32_t count,
                     struct product_stamp *out);

/* Docids whose limit lies in (after_ms, until_ms], earliest first, until `each` returns false.
 * *next_ms is the first limit behind that, EXPIRY_NEVER without one; NULL when it is not wanted. */
enum status snapshot_expired(struct snapshot *s, int64_t after_ms, int64_t until_ms,
                             bool (*each)(void *ctx, uint32_t docid), void *ctx, int64_t *next_ms);
/* The products whose limits at or before until_ms commits after generation `since` put or removed,
 * see expiry_moves.h. */
enum status snapshot_expiry_moves(struct snapshot *s, uint64_t since, int64_t until_ms,
                                  uint64_t most, enum status (*each)(void *ctx, uint32_t docid),
                                  void *ctx, bool *told);

/* LMDB facts for STATS. */
struct index_usage {
    uint64_t map_bytes, used_bytes, file_bytes, free_pages, reader_count, oldest_reader_lag;
    uint64_t segments, terms, postings, docids, live;
    uint64_t weight; /* bytes of the living products, see weight.h; WEIGHT_UNKNOWN */
    uint64_t dead;   /* docids whose space has not been folded back yet */
};
/* Is more than this part (percent) of the map in use? Cheap while the file is smaller than that. */
bool snapshot_map_beyond(struct snapshot *s, uint32_t percent);
enum status snapshot_usage(struct snapshot *s, struct index_usage *out);

#endif
