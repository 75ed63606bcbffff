#include "index/text.h"
#include "index/text_signs.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/uloc.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/uvernum.h>

/*
 * The text is turned into UTF-16 once, with the byte offset of every unit beside it; signs that
 * stand for letters or digits are written out, and marks that stand apart are put to their letters;
 * ICU finds the borders there; each piece is then folded code point by code point: NFKC_Casefold,
 * decomposition, marks dropped, a few letters unified.
 */

struct text_segmenter {
    UBreakIterator *words; /* NULL: ICU is not open yet */
    const UNormalizer2 *casefold, *decompose, *compose;
    struct text_signs signs;
    struct text_units text, other; /* `other`: the text one step before */
    bool changed;                  /* signs were written out */
    struct text_piece *pieces;
    size_t piece_cap;
    struct buf folded;
};

enum status text_segmenter_create(struct text_segmenter **out)
{
    struct text_segmenter *t = calloc(1, sizeof *t);
    *out = t;
    return t ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status text_segmenter_open(struct text_segmenter *t)
{
    UErrorCode e = U_ZERO_ERROR;
    if (t->words)
        return STATUS_OK;
    enum status st = text_signs_open(&t->signs);
    if (st)
        return st;
    /* Words do not depend on where the process runs; and ICU goes through a null pointer where it
     * has no memory to find its default. */
    uloc_setDefault("en_US_POSIX", &e);
    t->casefold = unorm2_getNFKCCasefoldInstance(&e);
    t->decompose = unorm2_getNFKDInstance(&e);
    t->compose = unorm2_getNFCInstance(&e);
    t->words = U_SUCCESS(e) ? ubrk_open(UBRK_WORD, "", NULL, 0, &e) : NULL;
    if (U_SUCCESS(e))
        return STATUS_OK;
    ubrk_close(t->words);
    t->words = NULL;
    return e == U_MEMORY_ALLOCATION_ERROR ? STATUS_NO_MEMORY : STATUS_INTERNAL;
}

void text_segmenter_destroy(struct text_segmenter **t)
{
    if (!*t)
        return;
    ubrk_close((*t)->words);
    text_units_fini(&(*t)->text);
    text_units_fini(&(*t)->other);
    free((*t)->pieces);
    buf_fini(&(*t)->folded);
    free(*t);
    *t = NULL;
}

/* *signs: some are to be written out. */
static enum status to_units(struct text_segmenter *t, struct slice s, bool *signs)
{
    struct text_units *u = &t->text;
    enum status st = text_units_reserve(u, s.len);
    if (st)
        return st;
    int32_t n = 0, i = 0, len = (int32_t)s.len;
    *signs = false;
    while (i < len) {
        int32_t at = i;
        UChar32 c;
        U8_NEXT(s.ptr, i, len, c);
        if (c < 0)
            return STATUS_BAD_UTF8;
        if (c >= 0x80)
            *signs |= text_signs_have(&t->signs, c);
        for (int32_t k = U16_LENGTH(c); k > 0; k--)
            u->offsets[n + k - 1] = (uint32_t)at;
        U16_APPEND_UNSAFE(u->units, n, c);
    }
    u->offsets[n] = (uint32_t)s.len;
    u->count = n;
    return STATUS_OK;
}

/* What the text was before the next step. */
static struct text_units *put_aside(struct text_segmenter *t)
{
    struct text_units u = t->other;
    t->other = t->text;
    t->text = u;
    return &t->other;
}

/* Where the marks of a letter that begins at `at` end. */
static int32_t letter_end(const struct text_segmenter *t, const struct text_units *u, int32_t at)
{
    UChar32 c;
    U16_FWD_1(u->units, at, u->count);
    while (at < u->count) {
        U16_GET(u->units, 0, at, u->count, c);
        if (unorm2_hasBoundaryBefore(t->compose, c))
            break;
        U16_FWD_1(u->units, at, u->count);
    }
    return at;
}

/* Letters and marks that came apart are put together before words are looked for: dictionaries know
 * letters. Each has the offset of its first byte. */
static enum status compose(struct text_segmenter *t)
{
    enum { LONGEST = 3 }; /* units that one may become */
    UErrorCode e = U_ZERO_ERROR;
    int32_t n = t->text.count, at = unorm2_spanQuickCheckYes(t->compose, t->text.units, n, &e),
            out = at;
    if (U_FAILURE(e) || at == n)
        return U_FAILURE(e) ? STATUS_INTERNAL : STATUS_OK;
    const struct text_units *apart = put_aside(t);
    struct text_units *u = &t->text;
    enum status st = text_units_reserve(u, (size_t)n * LONGEST);
    if (st)
        return st;
    memcpy(u->units, apart->units, (size_t)at * sizeof *u->units);
    memcpy(u->offsets, apart->offsets, (size_t)at * sizeof *u->offsets);
    while (at < n) {
        int32_t end = letter_end(t, apart, at),
                m = unorm2_normalize(t->compose, apart->units + at, end - at, u->units + out,
                                     (int32_t)u->cap - out, &e);
        if (U_FAILURE(e))
            return STATUS_INTERNAL;
        for (int32_t i = 0; i < m; i++)
            u->offsets[out++] = apart->offsets[at];
        at = end;
    }
    u->offsets[out] = apart->offsets[n];
    u->count = out;
    return STATUS_OK;
}

/* Letters that different keyboards give for the same one; 0 = drop. */
static UChar32 unify(UChar32 c)
{
    switch (c) {
    case 0x131: /* dotless i */
        return 'i';
    case 0x3c2: /* final sigma */
        return 0x3c3;
    case 0x643: /* Arabic kaf */
        return 0x6a9;
    case 0x649: /* alef maksura */
    case 0x64a: /* Arabic yeh */
        return 0x6cc;
    case 0x629: /* teh marbuta */
    case 0x6c1: /* heh of Urdu, and ae of Kurdish keyboards */
    case 0x6d5:
        return 0x647;
    case 0x671: /* alef wasla */
        return 0x627;
    case 0x901: /* candrabindu: most type the dot alone */
        return 0x902;
    case 0xf8: /* o with stroke: no decomposition */
        return 'o';
    case 0x142: /* l with stroke */
        return 'l';
    case 0x111: /* d with stroke */
    case 0xf0:  /* eth */
        return 'd';
    case 0x127: /* h with stroke */
        return 'h';
    case 0x640: /* tatweel */
    case 0x200c:
    case 0x200d:
        return 0;
    default:
        break;
    }
    return c;
}

/* Marks that stand over or under letters; the vowel signs of Thai and Indic scripts are part of
 * words, but not the dot that Hindi is mostly typed without. */
static bool diacritic(UChar32 c)
{
    if (u_charType(c) != U_NON_SPACING_MARK)
        return false;
    UBlockCode b = ublock_getCode(c);
    return c == 0x93c || b == UBLOCK_ARABIC_EXTENDED_A || b == UBLOCK_COMBINING_HALF_MARKS ||
           b == UBLOCK_COMBINING_DIACRITICAL_MARKS || b == UBLOCK_ARABIC || b == UBLOCK_HEBREW ||
           b == UBLOCK_COMBINING_DIACRITICAL_MARKS_EXTENDED ||
           b == UBLOCK_COMBINING_DIACRITICAL_MARKS_SUPPLEMENT;
}

/* Most pieces even of texts with other letters are plain: lower case is all there is to do. */
static bool fold_ascii(struct text_segmenter *t, const UChar *units, int32_t len)
{
    if (!buf_reserve(&t->folded, (size_t)len))
        return false;
    char *out = t->folded.ptr + t->folded.len;
    for (int32_t i = 0; i < len; i++) {
        UChar c = units[i];
        if (c >= 0x80)
            return false;
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    t->folded.len += (size_t)len;
    return true;
}

/* Letters written as two by most who type them. */
static const char *two_letters(UChar32 c)
{
    return c == 0xe6 ? "ae" : c == 0x153 ? "oe" : c == 0xfe ? "th" : NULL;
}

static enum status fold(struct text_segmenter *t, const UChar *units, int32_t len)
{
    UChar folded[512], flat[1024];
    UErrorCode e = U_ZERO_ERROR;
    if (len > 128) { /* longer than any term that is kept */
        len = 128;
        U16_SET_CP_START(units, 0, len);
    }
    int32_t n = unorm2_normalize(t->casefold, units, len, folded, 512, &e);
    n = unorm2_normalize(t->decompose, folded, U_SUCCESS(e) ? n : 0, flat, 1024, &e);
    if (U_FAILURE(e))
        return e == U_BUFFER_OVERFLOW_ERROR ? STATUS_OK : STATUS_INTERNAL;
    UChar kept[1024];
    int32_t m = 0;
    for (int32_t i = 0; i < n;) {
        UChar32 c;
        U16_NEXT(flat, i, n, c);
        if (diacritic(c))
            continue;
        const char *two = two_letters(c);
        if (two && m < 1022) {
            kept[m++] = (UChar)two[0];
            kept[m++] = (UChar)two[1];
            continue;
        }
        c = unify(c);
        if (c && m < 1022)
            U16_APPEND_UNSAFE(kept, m, c);
    }
    /* Hangul comes back together; what the marks left behind stays as it is */
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&e);
    n = unorm2_normalize(nfc, kept, m, flat, 1024, &e);
    if (U_FAILURE(e) || !buf_reserve(&t->folded, (size_t)n * 3 + 1))
        return STATUS_NO_MEMORY;
    int32_t out = 0;
    u_strToUTF8(t->folded.ptr + t->folded.len, n * 3 + 1, &out, flat, n, &e);
    if (U_FAILURE(e))
        return STATUS_INTERNAL;
    t->folded.len += (size_t)out;
    return STATUS_OK;
}

static bool has_letter(const UChar *units, int32_t len)
{
    for (int32_t i = 0; i < len;) {
        UChar32 c;
        U16_NEXT(units, i, len, c);
        if (c < 0x80 && ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')))
            return true;
        if (c >= 0x80 && (u_isalnum(c) || u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC)))
            return true;
    }
    return false;
}

/* The end of the sign that the unit before `to` came from. */
static uint32_t end_of(const struct text_segmenter *t, int32_t to)
{
    const uint32_t *offsets = t->text.offsets;
    uint32_t last = offsets[to - 1];
    while (offsets[to] == last && to < t->text.count)
        to++;
    return offsets[to];
}

/* Is each letter of units [from, to) a letter of the original? */
static bool along(const struct text_segmenter *t, int32_t from, int32_t to)
{
    while (from < to) {
        UChar32 c;
        uint32_t at = t->text.offsets[from];
        U16_NEXT(t->text.units, from, to, c);
        if (t->text.offsets[from] - at != (uint32_t)U8_LENGTH(c))
            return false;
    }
    return true;
}

static enum status add_piece(struct text_segmenter *t, uint32_t *count, int32_t from, int32_t to)
{
    if (*count == t->piece_cap) {
        size_t cap = t->piece_cap ? t->piece_cap * 2 : 256;
        struct text_piece *p = realloc(t->pieces, cap * sizeof *p);
        if (!p)
            return STATUS_NO_MEMORY;
        t->pieces = p;
        t->piece_cap = cap;
    }
    const UChar *units = t->text.units + from;
    struct text_piece *p = &t->pieces[(*count)++];
    *p = (struct text_piece){.start = t->text.offsets[from],
                             .end = end_of(t, to),
                             .folded = (uint32_t)t->folded.len,
                             .unit = (uint32_t)from,
                             .word = has_letter(units, to - from),
                             .plain = true,
                             .along = !t->changed || along(t, from, to)};
    enum status s = STATUS_OK;
    if (!fold_ascii(t, units, to - from)) {
        p->plain = false;
        s = fold(t, units, to - from);
    }
    p->len = (uint32_t)t->folded.len - p->folded;
    return s;
}

static enum status read_units(struct text_segmenter *t, struct slice utf8)
{
    bool signs = false;
    enum status s = to_units(t, utf8, &signs);
#ifdef SOUK_FAULT_OLDER_RULES /* a test build whose editions the next one has to make anew */
    signs = false;
#endif
    t->changed = signs;
    if (!s && signs) {
        const struct text_units *was = put_aside(t);
        s = text_signs_read(&t->signs, was, &t->text);
    }
    return s ? s : compose(t);
}

enum status text_segment(struct text_segmenter *t, struct slice utf8,
                         const struct text_piece **pieces, uint32_t *count, struct slice *folded)
{
    *count = 0;
    buf_clear(&t->folded);
    enum status s = text_segmenter_open(t);
    if (!s)
        s = read_units(t, utf8);
    UErrorCode e = U_ZERO_ERROR;
    if (!s)
        ubrk_setText(t->words, t->text.units, t->text.count, &e);
    if (U_FAILURE(e))
        return STATUS_INTERNAL;
    int32_t from = s ? UBRK_DONE : ubrk_first(t->words);
    while (!s && from != UBRK_DONE) {
        int32_t to = ubrk_next(t->words);
        if (to == UBRK_DONE)
            break;
        s = add_piece(t, count, from, to);
        from = to;
    }
    *pieces = t->pieces;
    *folded = buf_slice(&t->folded);
    return s;
}

void text_span(const struct text_segmenter *t, const struct text_piece *p, uint32_t from,
               uint32_t to, uint32_t *start, uint32_t *end)
{
    uint32_t at = p->unit - p->folded;
    *start = t->text.offsets[at + from];
    *end = end_of(t, (int32_t)(at + to));
}

const char *text_version(void)
{
#ifdef SOUK_FAULT_OLDER_RULES
    return U_ICU_VERSION "/" U_UNICODE_VERSION "/older";
#else
    return U_ICU_VERSION "/" U_UNICODE_VERSION "/" TEXT_RULES;
#endif
}
