/*
 * frame - the 24-byte header and the bodies behind it (protocol version 1, docs/protocol.md).
 *
 * The decoder is fed the bytes at hand and answers: a frame (slices point into those bytes), more
 * bytes are needed, or bad. It trusts no length before the header's own check. Somebody who speaks
 * HTTP, RESP or TLS to the port is recognised; frame_stranger() gives the line to send before
 * closing.
 */
#ifndef SOUK_PROTOCOL_FRAME_H
#define SOUK_PROTOCOL_FRAME_H

#include "protocol/constants.h"
#include "protocol/wire.h"

enum { FRAME_HEADER = 24, FRAME_MAX_BODY = 16 * 1024 * 1024, FRAME_CHECKSUM = 8 };

enum frame_class {
    CLASS_CRITICAL,
    CLASS_DEFAULT,
    CLASS_SHEDDABLE,
    CLASS_BACKGROUND,
    FRAME_CLASS_COUNT
};

struct frame {
    uint8_t opcode;
    uint16_t flags; /* enum frame_flag */
    enum status status;
    uint32_t request_id;
    uint32_t time;     /* deadline_ms or server microseconds */
    struct slice body; /* without the checksum */
};

static inline enum frame_class frame_class_of(const struct frame *f)
{
    return (enum frame_class)(f->flags >> 8 & 3);
}

/*
 * Reads one frame from the start of `bytes`. OK: *used bytes belong to it. AGAIN: not whole yet
 * (*need = bytes wanted in all, when known). BAD_FRAME, BAD_VERSION, TOO_LARGE: close the
 * connection. BAD_CHECKSUM: the frame is skipped (*used is set), the connection may go on.
 */
enum status frame_decode(struct slice bytes, uint32_t max_body, struct frame *f, size_t *used,
                         size_t *need);

/*
 * Appends a frame: begin leaves room for the header, the body is appended by the caller, end fills
 * in lengths and checks. `at` is what begin returned.
 */
size_t frame_begin(struct buf *b);
void frame_end(struct buf *b, size_t at, const struct frame *f);

/* True when the bytes look like HTTP, RESP or TLS; *line is what to answer. Needs up to 4 bytes. */
bool frame_stranger(struct slice bytes, struct slice *line);

/* --- bodies: tag varint, length varint, bytes; unknown tags are skipped ---------------------- */

static inline void tlv_put(struct buf *b, uint32_t tag, struct slice v)
{
    wire_put_varint(b, tag);
    wire_put_bytes(b, v);
}
void tlv_put_u64(struct buf *b, uint32_t tag, uint64_t v);
/* A value written in place: begin, append, end. Lengths up to 16 MiB. */
size_t tlv_begin(struct buf *b, uint32_t tag);
void tlv_end(struct buf *b, size_t at);
/* The next field: OK, END, or INVALID on damage. */
enum status tlv_next(struct wire_reader *r, uint32_t *tag, struct slice *v);
/* How many fields of a body have this tag: arrays are sized before they are filled. */
uint32_t tlv_count(struct slice body, uint32_t want);
/* The value as one varint. */
uint64_t tlv_u64(struct slice v);
/* The same, UINT32_MAX when it is larger: an absurd number must not become a small one. */
uint32_t tlv_u32(struct slice v);

/* --- errors ----------------------------------------------------------------------------------- */

/* Appends a whole error frame that answers `to`. */
void frame_put_error(struct buf *b, const struct frame *to, const struct fault *f);
/* Body of an error frame into a fault. A refusal without body (OVERLOADED, RATE_LIMITED) tells its
 * retry_after_ms in the header's time. */
void frame_error_decode(const struct frame *f, struct fault *out);
/* The same body without a header (parts of MULTI_SEARCH). */
void error_body_encode(struct buf *b, const struct fault *f);

#endif
