#include "index/positions.h"
#include "index/bitpack.h"
#include "index/postings.h"

enum { GROUP = 16, WIDTHS = 16, HAS_MORE = 16, FIELD_UNKNOWN = 256 };

static const uint8_t widths_of[WIDTHS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 16, 21, 32};
static const uint8_t code_of[33] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                    11, 12, 12, 13, 13, 13, 14, 14, 14, 14, 14,
                                    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15};

/* The only class of a posting, or EVIDENCE_CLASSES. */
static uint32_t only_class(uint8_t evidence)
{
    uint32_t mask = evidence >> 4;
    return mask && !(mask & (mask - 1)) ? (uint32_t)__builtin_ctz(mask) : EVIDENCE_CLASSES;
}

/* --- groups ----------------------------------------------------------------------------------- */

static size_t widths_len(uint32_t count)
{
    return (count + 2 * GROUP - 1) / (2 * GROUP);
}

static uint32_t width_at(const uint8_t *widths, uint32_t group)
{
    return widths_of[widths[group / 2] >> group % 2 * 4 & 15];
}

static size_t groups_len(const uint8_t *widths, uint32_t count)
{
    size_t len = 0;
    uint32_t whole = count / GROUP;
    for (uint32_t g = 0; g < whole; g++)
        len += 2 * (size_t)width_at(widths, g);
    return count % GROUP ? len + bitpack_len(count % GROUP, width_at(widths, whole)) : len;
}

static uint32_t number_at(const uint8_t *in, const uint8_t *end, uint32_t k, uint32_t width)
{
    const uint8_t *at = in + k * width / 8;
    uint64_t v = 0;
    if (end - at >= 8)
        v = wire_load64(at);
    else
        for (uint32_t i = 0; at + i < end; i++)
            v |= (uint64_t)at[i] << 8 * i;
    return (uint32_t)(v >> k * width % 8 & ((UINT64_C(1) << width) - 1));
}

/* Numbers that come one by one; their widths lie before them, at an offset of `out`. */
struct group_writer {
    struct buf *out;
    size_t widths_at;
    uint32_t numbers[GROUP], have, groups;
};

static void groups_begin(struct group_writer *w, struct buf *out, uint32_t count)
{
    static const char zeros[4096];
    *w = (struct group_writer){.out = out, .widths_at = out->len};
    for (size_t left = widths_len(count), n; left; left -= n) {
        n = left < sizeof zeros ? left : sizeof zeros;
        buf_put(out, zeros, n);
    }
}

static void groups_flush(struct group_writer *w)
{
    uint8_t packed[GROUP * 4 + 8];
    if (!w->have)
        return;
    uint8_t code = code_of[bitpack_width(w->numbers, w->have)];
    bitpack_encode(w->numbers, w->have, widths_of[code], packed);
    buf_put(w->out, packed, bitpack_len(w->have, widths_of[code]));
    if (!w->out->failed)
        w->out->ptr[w->widths_at + w->groups / 2] |= (char)(code << w->groups % 2 * 4);
    w->groups++;
    w->have = 0;
}

static inline void groups_put(struct group_writer *w, uint32_t number)
{
    w->numbers[w->have++] = number;
    if (w->have == GROUP)
        groups_flush(w);
}

/* --- packing ---------------------------------------------------------------------------------- */

static inline uint64_t next_varint(const uint8_t **at)
{
    uint64_t v = *(*at)++;
    if (v < 0x80)
        return v;
    v &= 0x7f;
    for (uint32_t shift = 7;; shift += 7) {
        uint8_t b = *(*at)++;
        if (shift < 64) /* of a damaged stream; it is known to end */
            v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
}

/* What a first walk over the stream learns. */
struct survey {
    uint32_t firsts[POSTINGS_BLOCK], places[POSTINGS_BLOCK]; /* place * fields + field of each */
    uint32_t field[EVIDENCE_CLASSES], more_count;
    uint8_t alone, more_bits[POSTINGS_BLOCK / 8];
};

static void survey(struct survey *s, const uint8_t *evidence, uint32_t count, uint32_t fields,
                   const uint8_t *at)
{
    for (uint32_t c = 0; c < EVIDENCE_CLASSES; c++)
        s->field[c] = FIELD_UNKNOWN;
    memset(s->more_bits, 0, sizeof s->more_bits);
    s->more_count = s->alone = 0;
    uint32_t mixed = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t c = only_class(evidence[i]);
        uint64_t v = next_varint(&at);
        s->firsts[i] = (uint32_t)(v >> 1);
        if (c < EVIDENCE_CLASSES) {
            uint32_t field = s->firsts[i] - (s->places[i] = s->firsts[i] / fields) * fields;
            mixed |= (uint32_t)(s->field[c] != FIELD_UNKNOWN && s->field[c] != field) << c;
            s->field[c] = field;
        }
        if (v & 1)
            s->more_bits[i / 8] |= (uint8_t)(1 << i % 8);
        while (v & 1) {
            v = next_varint(&at);
            s->more_count++;
            if (c < EVIDENCE_CLASSES)
                mixed |= (uint32_t)((uint32_t)(v >> 1) % fields != 0) << c;
        }
    }
    for (uint32_t c = 0; c < EVIDENCE_CLASSES; c++)
        if (s->field[c] != FIELD_UNKNOWN && !(mixed >> c & 1))
            s->alone |= (uint8_t)(1 << c);
}

static void put_more(struct buf *out, const struct survey *s, const uint8_t *evidence,
                     uint32_t count, uint32_t fields, const uint8_t *at)
{
    struct group_writer w;
    buf_put(out, s->more_bits, (count + 7) / 8);
    wire_put_varint(out, s->more_count);
    groups_begin(&w, out, s->more_count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t by = s->alone >> only_class(evidence[i]) & 1 ? fields : 1;
        for (uint64_t v = next_varint(&at); v & 1;) {
            v = next_varint(&at);
            groups_put(&w, (uint32_t)(v >> 1) / by << 1 | (v & 1));
        }
    }
    groups_flush(&w);
}

void positions_encode(struct buf *out, const uint8_t *evidence, uint32_t count, uint32_t fields,
                      const uint8_t *stream)
{
    struct survey s;
    struct group_writer w;
    survey(&s, evidence, count, fields, stream);
    buf_put_u8(out, (uint8_t)(s.alone | (s.more_count ? HAS_MORE : 0)));
    for (uint32_t c = 0; c < EVIDENCE_CLASSES; c++)
        if (s.alone >> c & 1)
            buf_put_u8(out, (uint8_t)s.field[c]);
    groups_begin(&w, out, count);
    for (uint32_t i = 0; i < count; i++) {
        bool place = s.alone >> only_class(evidence[i]) & 1;
        groups_put(&w, place ? s.places[i] : s.firsts[i]);
    }
    groups_flush(&w);
    if (s.more_count)
        put_more(out, &s, evidence, count, fields, stream);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Takes `len` bytes of the block; NULL when they are not there. */
static const uint8_t *take(const uint8_t **at, const uint8_t *end, size_t len)
{
    const uint8_t *p = *at;
    if ((size_t)(end - p) < len)
        return NULL;
    *at += len;
    return p;
}

static const uint8_t *take_groups(const uint8_t **at, const uint8_t *end, uint32_t count,
                                  const uint8_t **widths)
{
    *widths = take(at, end, widths_len(count));
    return *widths ? take(at, end, groups_len(*widths, count)) : NULL;
}

enum status positions_begin(struct positions_block *p, struct slice bytes, uint32_t count,
                            uint32_t fields)
{
    const uint8_t *at = (const uint8_t *)bytes.ptr, *end = at + bytes.len;
    *p = (struct positions_block){.count = count, .fields = fields, .end = end};
    if (!bytes.len || *at >= 2 * HAS_MORE || count > POSTINGS_BLOCK)
        return STATUS_CORRUPT;
    uint8_t head = *at++;
    p->alone = head & 15;
    if ((size_t)(end - at) < (size_t)__builtin_popcount(p->alone))
        return STATUS_CORRUPT;
    for (uint32_t c = 0; c < EVIDENCE_CLASSES; c++)
        if (p->alone >> c & 1)
            p->field[c] = *at++;
    p->first = take_groups(&at, end, count, &p->first_widths);
    if (p->first && head & HAS_MORE) {
        p->more_bits = take(&at, end, (count + 7) / 8);
        if (!p->more_bits)
            return STATUS_CORRUPT;
    }
    p->behind = at;
    return p->first ? STATUS_OK : STATUS_CORRUPT;
}

/* Finds the numbers that are more than the first. */
static enum status open_more(struct positions_block *p)
{
    struct wire_reader r = wire_reader_of(slice_make(p->behind, (size_t)(p->end - p->behind)));
    uint64_t more = wire_varint(&r);
    if (r.failed || more == 0 || more > (size_t)(p->end - p->behind) * 8)
        return STATUS_CORRUPT;
    p->more_count = (uint32_t)more;
    p->behind = r.at;
    p->more = take_groups(&p->behind, p->end, p->more_count, &p->more_widths);
    return p->more ? STATUS_OK : STATUS_CORRUPT;
}

enum status positions_open(struct positions_block *p, struct slice bytes, uint32_t count,
                           uint32_t fields)
{
    enum status st = positions_begin(p, bytes, count, fields);
    if (!st && p->more_bits)
        st = open_more(p);
    p->end = p->behind;
    return st;
}

/* Goes through the numbers that are more than the first. */
struct more_reader {
    const struct positions_block *p;
    const uint8_t *group;
    uint32_t at, width;
};

static void more_begin(struct more_reader *m, const struct positions_block *p)
{
    *m = (struct more_reader){.p = p, .group = p->more};
    m->width = p->more_count ? width_at(p->more_widths, 0) : 0;
}

/* False behind the last. */
static inline bool more_next(struct more_reader *m, uint32_t *number)
{
    if (m->at == m->p->more_count)
        return false;
    *number = number_at(m->group, m->p->end, m->at % GROUP, m->width);
    if (++m->at % GROUP == 0 && m->at < m->p->more_count) {
        m->group += 2 * (size_t)m->width;
        m->width = width_at(m->p->more_widths, m->at / GROUP);
    }
    return true;
}

static bool has_more(const struct positions_block *p, uint32_t i)
{
    return p->more_bits && (p->more_bits[i / 8] >> i % 8 & 1);
}

/* How many postings before posting i have more. */
static uint32_t more_before(const struct positions_block *p, uint32_t i)
{
    uint64_t bits[POSTINGS_BLOCK / 64] = {0};
    memcpy(bits, p->more_bits, (p->count + 7) / 8);
    bits[i / 64] &= (UINT64_C(1) << i % 64) - 1;
    uint32_t n = (uint32_t)__builtin_popcountll(bits[0]);
    return i < 64 ? n : n + (uint32_t)__builtin_popcountll(bits[1]);
}

static enum status read_more(const struct positions_block *p, uint32_t i, uint32_t last,
                             uint32_t by, uint32_t *out, uint32_t cap, uint32_t *count)
{
    struct more_reader m;
    struct positions_block opened;
    uint32_t before = more_before(p, i), number = 1;
    if (!p->more) { /* only begun */
        opened = *p;
        enum status st = open_more(&opened);
        if (st)
            return st;
        p = &opened;
    }
    more_begin(&m, p);
    while (before) {
        if (!more_next(&m, &number))
            return STATUS_CORRUPT;
        before -= !(number & 1);
    }
    for (bool more = true; more; more = number & 1) {
        if (!more_next(&m, &number))
            return STATUS_CORRUPT;
        last += (number >> 1) * by;
        if (*count < cap)
            out[*count] = last;
        (*count)++;
    }
    return STATUS_OK;
}

enum status positions_of(const struct positions_block *p, uint32_t i, uint8_t evidence,
                         uint32_t *out, uint32_t cap, uint32_t *count)
{
    const uint8_t *group = p->first;
    uint32_t c = only_class(evidence);
    bool place = p->alone >> c & 1;
    for (uint32_t g = 0; g < i / GROUP; g++)
        group += 2 * (size_t)width_at(p->first_widths, g);
    uint32_t v = number_at(group, p->end, i % GROUP, width_at(p->first_widths, i / GROUP));
    if (place)
        v = v * p->fields + p->field[c];
    if (cap)
        out[0] = v;
    *count = 1;
    return has_more(p, i) ? read_more(p, i, v, place ? p->fields : 1, out, cap, count) : STATUS_OK;
}

enum status positions_stream(const struct positions_block *p, const uint8_t *evidence,
                             struct buf *out)
{
    enum { VARINT = 5 };
    struct more_reader m;
    const uint8_t *group = p->first;
    uint32_t width = 0, number;
    if (!buf_reserve(out, ((size_t)p->count + p->more_count) * VARINT))
        return STATUS_NO_MEMORY;
    uint8_t *to = (uint8_t *)out->ptr + out->len;
    more_begin(&m, p);
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t c = only_class(evidence[i]), by = 1, v;
        bool more = has_more(p, i);
        if (i % GROUP == 0) {
            group += 2 * (size_t)width;
            width = width_at(p->first_widths, i / GROUP);
        }
        v = number_at(group, p->end, i % GROUP, width);
        if (p->alone >> c & 1) {
            by = p->fields;
            v = v * by + p->field[c];
        }
        to = wire_store_varint(to, (uint64_t)v << 1 | more);
        while (more) {
            if (!more_next(&m, &number))
                return STATUS_CORRUPT;
            more = number & 1;
            to = wire_store_varint(to, (uint64_t)((number >> 1) * by) << 1 | more);
        }
    }
    out->len = (size_t)(to - (uint8_t *)out->ptr);
    return m.at == p->more_count ? STATUS_OK : STATUS_CORRUPT;
}

/* --- streams ---------------------------------------------------------------------------------- */

/* Eight bytes at a time as long as these end fewer. A posting's last varint is even; a varint
 * begins behind a byte without its high bit. */
void positions_skip(struct wire_reader *r, uint32_t count)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint8_t *at = r->at;
    uint64_t inside = 0; /* the byte at hand goes on with a varint */
    bool last = false;   /* the varint at hand is the last of its posting, not counted yet */
    while (r->end - at >= 8) {
        uint64_t word = wire_load64(at), more = word >> 7 & ones;
        uint64_t begins = ~(more << 8 | inside) & ones;
        uint32_t n = (uint32_t)(((begins & ~word) * ones) >> 56);
        if (n >= count)
            break;
        count -= n;
        inside = more >> 56;
        at += 8;
    }
    while (count && at < r->end) {
        if (!inside)
            last = !(*at & 1);
        inside = *at++ >> 7;
        if (!inside && last) {
            count--;
            last = false;
        }
    }
    r->at = at;
    r->failed |= count != 0;
}

enum status positions_read(struct wire_reader *r, uint32_t *out, uint32_t cap, uint32_t *count)
{
    uint32_t at = 0;
    *count = 0;
    for (bool more = true; more && !r->failed;) {
        bool one_byte = r->at < r->end && *r->at < 0x80;
        uint64_t v = one_byte ? *r->at++ : wire_varint(r);
        at += (uint32_t)(v >> 1);
        more = v & 1;
        if (*count < cap)
            out[*count] = at;
        (*count)++;
    }
    return r->failed ? STATUS_CORRUPT : STATUS_OK;
}
