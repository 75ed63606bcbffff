/*
 * document - how one product's fields travel and rest: typed values behind field numbers.
 *
 * The same bytes are used in PUT, in replies, in the event log and in the index. What a field
 * number means is said by a table beside the document: the field names of a PUT or of a reply
 * (numbers 0..n-1 in the order of the table), or the catalog's schema (field ids) in log and index.
 *
 *   document := id_len varint, id bytes, field_count varint, field*
 *   field    := number varint, value
 *   value    := type u8, payload
 *     0 NULL   -                        (partial update: removes the field)
 *     1 FALSE  -      2 TRUE  -
 *     3 INT    zigzag varint            (also timestamps: ms since 1970-01-01 UTC)
 *     4 FLOAT  f64, 8 bytes little-endian, never NaN or infinite
 *     5 TEXT   varint length, UTF-8 bytes
 *     6 LIST   varint count, count x (varint length, UTF-8 bytes)       keyword arrays, paths
 *     7 PAIRS  varint count, count x (varint length, path bytes, value) attributes; inner value
 * 0..6
 *
 * Reading borrows: every slice points into the document's bytes. Changing this format means a new
 * value type number; decoders refuse types they do not know with STATUS_UNSUPPORTED.
 */
#ifndef SOUK_PROTOCOL_DOCUMENT_H
#define SOUK_PROTOCOL_DOCUMENT_H

#include "protocol/wire.h"

enum { DOCUMENT_MAX = 1000000 }; /* bytes that a server takes */

enum value_type {
    VALUE_NULL,
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_TEXT,
    VALUE_LIST,
    VALUE_PAIRS
};

struct value {
    enum value_type type;
    uint32_t count; /* LIST, PAIRS: number of items */
    union {
        int64_t i;          /* INT */
        double f;           /* FLOAT */
        struct slice bytes; /* TEXT: the text; LIST, PAIRS: the encoded items behind the count */
    };
};

/* A cursor over the fields of one document; keeps its first error in `r.failed`. */
struct document {
    struct slice id;
    uint32_t field_count;
    struct wire_reader r; /* at the next field */
};

/* Reads id and count of the document that starts at `r`. STATUS_INVALID on damage. */
enum status document_begin(struct document *d, struct slice bytes);
/* The next field: OK, END after the last one, INVALID / UNSUPPORTED on damage. */
enum status document_next(struct document *d, uint32_t *number, struct value *v);
/* Skips what document_next() has not read; then d->r.at is behind the document. */
enum status document_end(struct document *d);

/* One value at the cursor (nesting is bounded: PAIRS inside PAIRS is INVALID). */
enum status value_decode(struct wire_reader *r, struct value *v);
/* Iterate LIST: start with wire_reader_of(v->bytes), call v->count times. */
struct slice value_next_item(struct wire_reader *r);
/* Iterate PAIRS likewise; inner value is scalar or LIST. */
enum status value_next_pair(struct wire_reader *r, struct slice *path, struct value *v);

void document_put_header(struct buf *b, struct slice id, uint32_t field_count);
void value_put_null(struct buf *b);
void value_put_bool(struct buf *b, bool v);
void value_put_int(struct buf *b, int64_t v);
void value_put_float(struct buf *b, double v);
void value_put_text(struct buf *b, struct slice s);
/* LIST: follow with wire_put_bytes() count times. */
void value_put_list(struct buf *b, uint32_t count);
/* PAIRS: follow with wire_put_bytes(path) and a value, count times. */
void value_put_pairs(struct buf *b, uint32_t count);
/* Copies a decoded value as it was. */
void value_put(struct buf *b, const struct value *v);

#endif
