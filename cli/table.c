#include "cli/table.h"

static size_t control(struct slice s, size_t at)
{
    unsigned char c = (unsigned char)s.ptr[at];
    if (c < 0x20 || c == 0x7f)
        return 1;
    bool two = c == 0xc2 && at + 1 < s.len;
    return two && (unsigned char)s.ptr[at + 1] >= 0x80 && (unsigned char)s.ptr[at + 1] < 0xa0 ? 2
                                                                                              : 0;
}

static size_t put(struct buf *b, struct slice s, bool lines)
{
    size_t from = 0, before = b->len;
    for (size_t i = 0; i < s.len;) {
        size_t n = control(s, i);
        if (!n || (lines && (s.ptr[i] == '\n' || s.ptr[i] == '\t'))) {
            i++;
            continue;
        }
        buf_put(b, s.ptr + from, i - from);
        buf_put_u8(b, ' ');
        from = i += n;
    }
    if (s.len > from)
        buf_put(b, s.ptr + from, s.len - from);
    return b->len - before;
}

void table_put(struct buf *b, struct slice text, int width)
{
    for (size_t i = text.len; width < 0 && i < (size_t)-width; i++)
        buf_put_u8(b, ' ');
    for (size_t n = put(b, text, false); width > 0 && n < (size_t)width; n++)
        buf_put_u8(b, ' ');
}

void table_put_lines(struct buf *b, struct slice text)
{
    put(b, text, true);
}
