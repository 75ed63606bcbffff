#include "index/highlight.h"

struct mark {
    uint32_t start, end, position, term;
};

/* Which first bytes the terms have: most words of a text are turned away by it. */
struct first_bytes {
    uint64_t bits[4];
};

static struct first_bytes first_bytes_of(const struct highlight_term *terms, uint32_t count)
{
    struct first_bytes f = {{0}};
    for (uint32_t i = 0; i < count; i++)
        if (terms[i].term.len) {
            unsigned char c = (unsigned char)terms[i].term.ptr[0];
            f.bits[c >> 6] |= UINT64_C(1) << (c & 63);
        }
    return f;
}

/* The term that a word matches, or `count`. */
static uint32_t find_term(const struct highlight_term *terms, uint32_t count,
                          const struct first_bytes *f, struct slice word)
{
    unsigned char c = word.len ? (unsigned char)word.ptr[0] : 0;
    if (!word.len || !(f->bits[c >> 6] >> (c & 63) & 1))
        return count;
    for (uint32_t i = 0; i < count; i++)
        if (terms[i].term.len && (terms[i].prefix ? slice_starts(word, terms[i].term)
                                                  : slice_equal(word, terms[i].term)))
            return i;
    return count;
}

/* Marks in order of their start; tokens come nearly so, joined forms a little late. */
static uint32_t find_marks(const struct token_list *l, const struct highlight_term *terms,
                           uint32_t count, struct mark *marks)
{
    struct first_bytes f = first_bytes_of(terms, count);
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct token *t = &l->items[i];
        uint32_t term = find_term(terms, count, &f, t->term);
        if (term == count)
            continue;
        uint32_t at = n++;
        for (; at > 0 && marks[at - 1].start > t->start; at--)
            marks[at] = marks[at - 1];
        marks[at] = (struct mark){t->start, t->end, t->position, term};
    }
    return n;
}

/* Different terms among the marks in reach of mark `m`. */
static uint32_t terms_near(const struct mark *marks, uint32_t n, uint32_t m)
{
    uint32_t seen = 0, low = m;
    while (low > 0 && marks[low - 1].position + HIGHLIGHT_AROUND >= marks[m].position)
        low--;
    for (uint32_t i = low; i < n && marks[i].position <= marks[m].position + HIGHLIGHT_AROUND;
         i++) {
        uint32_t k = low;
        while (k < i && marks[k].term != marks[i].term)
            k++;
        seen += k == i;
    }
    return seen;
}

/* Position in the middle of the snippet: the first of the best marks. */
static uint32_t best_position(const struct mark *marks, uint32_t n)
{
    uint32_t best = 0, most = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t near = terms_near(marks, n, i);
        if (near > most) {
            most = near;
            best = i;
        }
    }
    return n ? marks[best].position : HIGHLIGHT_AROUND;
}

struct span {
    uint32_t from, to;
};

static struct span snippet_span(const struct token_list *l, uint32_t middle)
{
    uint32_t low = middle > HIGHLIGHT_AROUND ? middle - HIGHLIGHT_AROUND : 0;
    struct span s = {UINT32_MAX, 0};
    for (uint32_t i = 0; i < l->count; i++) {
        const struct token *t = &l->items[i];
        if (t->position < low || t->position > middle + HIGHLIGHT_AROUND)
            continue;
        /* a joined form may reach out of the window; it is shown whole only when in its middle */
        if (t->kind == TOKEN_EXTRA && t->position != middle)
            continue;
        s.from = t->start < s.from ? t->start : s.from;
        s.to = t->end > s.to ? t->end : s.to;
    }
    return s;
}

static uint32_t write_marked(struct slice text, struct span span, const struct mark *marks,
                             uint32_t n, const struct highlight_style *style, struct buf *out)
{
    uint32_t at = span.from, made = 0;
    for (uint32_t i = 0; i < n;) {
        uint32_t start = marks[i].start, end = marks[i].end;
        for (i++; i < n && marks[i].start <= end; i++) /* overlapping and touching marks are one */
            end = marks[i].end > end ? marks[i].end : end;
        if (end <= span.from || start >= span.to)
            continue;
        start = start < at ? at : start;
        end = end > span.to ? span.to : end;
        buf_put(out, text.ptr + at, start - at);
        buf_put_slice(out, style->pre);
        buf_put(out, text.ptr + start, end - start);
        buf_put_slice(out, style->post);
        at = end;
        made++;
    }
    buf_put(out, text.ptr + at, span.to - at);
    return made;
}

enum status highlight_field(struct analyser *a, struct slice text,
                            const struct highlight_term *terms, uint32_t count,
                            const struct highlight_style *style, struct buf *out, uint32_t *matched)
{
    const struct token_list *l;
    struct mark marks[ANALYSE_TOKENS_MAX];
    *matched = 0;
    enum status s = analyser_run(a, text, &l);
    if (s)
        return s;
    uint32_t n = find_marks(l, terms, count, marks), words = 0;
    for (uint32_t i = 0; i < l->count; i++)
        if (l->items[i].kind != TOKEN_EXTRA)
            words++;
    struct span span = {0, (uint32_t)text.len};
    if (words > HIGHLIGHT_WHOLE)
        span = snippet_span(l, best_position(marks, n));
    if (span.from > 0)
        buf_put_slice(out, style->more);
    *matched = write_marked(text, span, marks, n, style, out);
    if (span.to < text.len)
        buf_put_slice(out, style->more);
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}
