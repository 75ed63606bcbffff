/*
 * traceparent - where a request belongs in a distributed trace: W3C Trace Context, as text and as
 * the bytes that travel before the body of a request.
 *
 *   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01      text, TRACEPARENT_LEN characters
 *      trace id (16 bytes)              span id (8)      flags
 *
 *   tag varint, length 25, trace id, span id, flags               the first field of a body, when
 *                                                                 the frame has FLAG_TRACE
 *
 * A context that is none (another length, an id of zeroes) is treated as if it had not come: a
 * trace never fails a request. Flags we do not know are taken in and not handed on.
 */
#ifndef SOUK_PROTOCOL_TRACEPARENT_H
#define SOUK_PROTOCOL_TRACEPARENT_H

#include "protocol/frame.h"

enum {
    TRACE_ID_LEN = 16,
    TRACE_SPAN_LEN = 8,
    TRACE_CONTEXT_LEN = TRACE_ID_LEN + TRACE_SPAN_LEN + 1,
    TRACE_FIELD_LEN = 1 + 1 + TRACE_CONTEXT_LEN, /* with tag and length */
    TRACEPARENT_LEN = 55,
    TRACE_SAMPLED = 1 /* the flag we know */
};

struct trace_context {
    uint8_t trace_id[TRACE_ID_LEN];
    uint8_t span_id[TRACE_SPAN_LEN]; /* of the caller: the parent of what is done for it */
    uint8_t flags;
};

/* True when both ids are more than zeroes. */
bool trace_context_valid(const struct trace_context *t);

/* The text of a traceparent header; INVALID when it is none. A version above 00 is read as 00 with
 * something behind it. */
enum status traceparent_parse(struct slice text, struct trace_context *out);
/* As version 00, NUL-terminated. */
void traceparent_format(const struct trace_context *t, char out[TRACEPARENT_LEN + 1]);
/* Lower-case hex, NUL-terminated: out has 2 * len + 1 bytes. */
void trace_hex(const uint8_t *id, size_t len, char *out);

/* Appends the field; it must be the first of the body. */
void trace_context_put(struct buf *b, const struct trace_context *t);
/* Takes the field off the body of a frame with FLAG_TRACE. False when there is no valid one: a body
 * that begins with something else stays as it is. */
bool trace_context_take(struct slice *body, struct trace_context *out);

#endif
