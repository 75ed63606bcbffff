#include "index/fold.h"

#include <stdlib.h>

#include "index/text.h"

struct folder {
    struct text_segmenter *segmenter;
    struct buf out;
};

enum status folder_create(struct folder **out)
{
    struct folder *f = calloc(1, sizeof *f);
    *out = f;
    if (!f)
        return STATUS_NO_MEMORY;
    enum status st = text_segmenter_create(&f->segmenter);
    if (st)
        folder_destroy(out);
    return st;
}

void folder_destroy(struct folder **f)
{
    if (!*f)
        return;
    text_segmenter_destroy(&(*f)->segmenter);
    buf_fini(&(*f)->out);
    free(*f);
    *f = NULL;
}

static bool ascii(struct slice s)
{
    unsigned char all = 0;
    for (size_t i = 0; i < s.len; i++)
        all |= (unsigned char)s.ptr[i];
    return all < 0x80;
}

static void put_blank(struct buf *b)
{
    if (b->len && b->ptr[b->len - 1] != ' ')
        buf_put_u8(b, ' ');
}

/* `letters`: bytes of other alphabets are of letters too. */
static void fold_bytes(struct buf *b, struct slice s, bool words, bool letters)
{
    if (!buf_reserve(b, s.len))
        return;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool upper = c >= 'A' && c <= 'Z';
        if (!words || upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
            (letters && (unsigned char)c >= 0x80))
            b->ptr[b->len++] = (char)(upper ? c + 32 : c);
        else if (c != '\'' && !(letters && c == '"')) /* as in words of Hebrew */
            put_blank(b);
    }
}

enum status folder_run(struct folder *f, struct slice text, bool words, struct slice *out)
{
    const struct text_piece *pieces;
    struct slice folded;
    uint32_t count;
    enum status st = STATUS_OK;
    buf_clear(&f->out);
    if (ascii(text)) {
        fold_bytes(&f->out, text, words, false);
    } else {
        st = text_segment(f->segmenter, text, &pieces, &count, &folded);
        for (uint32_t i = 0; !st && i < count; i++) {
            const struct text_piece *p = &pieces[i];
            fold_bytes(&f->out, slice_make(folded.ptr + p->folded, p->len), words, p->word);
        }
    }
    *out = buf_slice(&f->out);
    return st ? st : f->out.failed ? STATUS_NO_MEMORY : STATUS_OK;
}
