/*
 * segment_build - makes segments: from tokens of new products, or by merging neighbours.
 *
 * The builder inverts in memory: one array of postings in document order, sorted by term at the
 * end. One thread. A finished segment leaves through the sink, extent by extent, in order.
 */
#ifndef SOUK_INDEX_SEGMENT_BUILD_H
#define SOUK_INDEX_SEGMENT_BUILD_H

#include "index/segment.h"
#include "protocol/wire.h"

struct segment_builder;

/* How fields become evidence; copied. */
struct segment_facts {
    uint32_t field_count;         /* searchable fields, F */
    uint8_t field_class[255];     /* weight class 0..3 of each */
    float class_reference_len[4]; /* tokens, BM25 length normalisation */
};

struct builder_token {
    struct slice term; /* folded, 1..64 bytes */
    uint32_t field;    /* searchable field ordinal */
    uint32_t position; /* token position within the field */
    bool closing;      /* ends a phrase of a title: counts twice */
};

enum status segment_builder_create(const struct segment_facts *facts, uint32_t base,
                                   struct segment_builder **out);
void segment_builder_destroy(struct segment_builder **b);
/* Adds the next document; *doc = its number from base. `record` = its stored fields, not yet
 * packed. TOO_LARGE when id and record do not fit an extent (nothing is added). Of a term that
 * stands more than 1024 times in a document the first 1024 positions are kept. */
enum status segment_builder_add(struct segment_builder *b, struct slice id,
                                const struct builder_token *tokens, uint32_t token_count,
                                struct slice record, uint32_t *doc);
/* One posting of `term` in an earlier segment was killed (call once per distinct term of the
 * product). */
enum status segment_builder_kill_term(struct segment_builder *b, struct slice term);
/* The same for each distinct term of a product that was killed. */
enum status segment_builder_kill(struct segment_builder *b, const struct builder_token *tokens,
                                 uint32_t count);
uint32_t segment_builder_doc_count(const struct segment_builder *b);
uint64_t segment_builder_bytes(const struct segment_builder *b);
/* Doc of an id added before, the newest; NOT_FOUND. */
enum status segment_builder_find(const struct segment_builder *b, struct slice id, uint32_t *doc);
/* Record of a doc added before (borrowed until the next add). */
struct slice segment_builder_record(const struct segment_builder *b, uint32_t doc);
/* Bytes of ids and records. */
uint64_t segment_builder_record_bytes(const struct segment_builder *b);

/* Takes one extent; the slices end with the call; `sums` are to be stored behind the bytes. */
typedef enum status (*segment_sink)(void *ctx, uint32_t extent, struct slice bytes,
                                    struct slice sums);

struct record_reader;
struct record_writer;
/* Writes the segment; records are packed by `records`, NULL = without a dictionary. */
enum status segment_builder_finish(struct segment_builder *b, struct record_writer *records,
                                   segment_sink sink, void *ctx);

/*
 * Merges segments sorted by base into one that covers them all. Documents for which live() is false
 * lose postings, id and record. Inputs must share the number of searchable fields, else INVALID; 64
 * inputs at most. Whole blocks of records in the writer's dictionary are copied, others are packed
 * anew: `records` has a reader that knows every input's dictionary. NULL serves inputs that have
 * none (INVALID otherwise).
 */
struct merge_records {
    struct record_reader *reader;
    struct record_writer *writer;
};
enum status segment_merge(const struct segment *const *inputs, uint32_t count,
                          bool (*live)(void *ctx, uint32_t docid), void *live_ctx,
                          const struct merge_records *records, segment_sink sink, void *ctx);

/* Looks up an extent's value (bytes + sums); NOT_FOUND. */
typedef enum status (*segment_lookup)(void *ctx, uint32_t number, uint32_t extent,
                                      struct slice *value);
/* Opens a segment; its pointers go through `lookup` once. Heap; outlives the snapshot if rebound.
 */
enum status segment_open(uint32_t number, segment_lookup lookup, void *ctx, struct segment **out);
/* Fetches the extents' addresses again after the transaction moved. */
enum status segment_rebind(struct segment *s, segment_lookup lookup, void *ctx);
void segment_close(struct segment **s);
/* Verifies every checksum. */
enum status segment_verify(const struct segment *s);
uint64_t segment_posting_count(const struct segment *s);
uint64_t segment_blob_len(const struct segment *s);
uint32_t segment_record_count(const struct segment *s);
uint32_t segment_dictionary(const struct segment *s);
/* Iterates the dead table: term and count of entry i < segment_dead_count(). */
uint32_t segment_dead_count(const struct segment *s);
enum status segment_dead_at(const struct segment *s, uint32_t i, struct slice *term,
                            int32_t *count);

#endif
