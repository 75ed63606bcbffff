/*
 * buf - a growing byte string that its owner writes at the end of.
 *
 * The first failed growth makes the buffer `failed`; later writes do nothing, so a writer checks
 * once at the end. Owned memory: buf_fini() gives it back.
 */
#ifndef SOUK_PROTOCOL_BUF_H
#define SOUK_PROTOCOL_BUF_H

#include "protocol/slice.h"

struct buf {
    char *ptr;
    size_t len, cap;
    bool failed;
};

#define BUF_INIT ((struct buf){NULL, 0, 0, false})

void buf_fini(struct buf *b);
/* Makes room for `more` bytes behind len; false (and failed) when memory is refused. */
bool buf_reserve(struct buf *b, size_t more);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* True when `more` bytes fit; only what does not fit yet costs a call. */
static inline bool buf_room(struct buf *b, size_t more)
{
    return (!b->failed && b->cap - b->len >= more) || buf_reserve(b, more);
}

static inline void buf_put(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0 || !buf_room(b, len))
        return;
    memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
}

static inline void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

/* Lets go of the first *at bytes, which were sent, once they are `least` and no fewer than what is
 * left: a buffer that is never empty would hold all that ever went through it, and no more is moved
 * than goes. *at = 0 then. */
void buf_let_go(struct buf *b, size_t *at, size_t least);

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_make(b->ptr, b->len);
}

static inline void buf_put_slice(struct buf *b, struct slice s)
{
    buf_put(b, s.ptr, s.len);
}

static inline void buf_put_u8(struct buf *b, uint8_t v)
{
    if (buf_room(b, 1))
        b->ptr[b->len++] = (char)v;
}

#endif
