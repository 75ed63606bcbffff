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
void buf_put(struct buf *b, const void *bytes, size_t len);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

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
    buf_put(b, &v, 1);
}

#endif
