#include "index/text.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/uloc.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/uvernum.h>

/*
 * The text is turned into UTF-16 once, with the byte offset of every unit beside it, and composed
 * where marks stand apart; ICU finds the borders there; each piece is then folded code point by
 * code point: NFKC_Casefold, decomposition, marks dropped, a few letters unified.
 */

struct text_segmenter {
    UBreakIterator *words; /* NULL: ICU is not open yet */
    const UNormalizer2 *casefold, *decompose, *compose;
    UChar *units, *apart; /* `apart` and its offsets: as it came, where marks stand alone */
    uint32_t *offsets, *apart_offsets;
    size_t unit_cap, apart_cap;
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
    free((*t)->units);
    free((*t)->offsets);
    free((*t)->apart);
    free((*t)->apart_offsets);
    free((*t)->pieces);
    buf_fini(&(*t)->folded);
    free(*t);
    *t = NULL;
}

static enum status make_room(UChar **units, uint32_t **offsets, size_t *room, size_t len)
{
    if (len + 1 <= *room)
        return STATUS_OK;
    size_t cap = len * 2 + 64;
    UChar *u = realloc(*units, cap * sizeof *u);
    *units = u ? u : *units;
    uint32_t *o = realloc(*offsets, cap * sizeof *o);
    *offsets = o ? o : *offsets;
    if (!u || !o)
        return STATUS_NO_MEMORY;
    *room = cap;
    return STATUS_OK;
}

static enum status to_units(struct text_segmenter *t, struct slice s, int32_t *count)
{
    enum status st = make_room(&t->units, &t->offsets, &t->unit_cap, s.len);
    if (st)
        return st;
    int32_t n = 0, i = 0, len = (int32_t)s.len;
    while (i < len) {
        int32_t at = i;
        UChar32 c;
        U8_NEXT(s.ptr, i, len, c);
        if (c < 0)
            return STATUS_BAD_UTF8;
        for (int32_t k = U16_LENGTH(c); k > 0; k--)
            t->offsets[n + k - 1] = (uint32_t)at;
        U16_APPEND_UNSAFE(t->units, n, c);
    }
    t->offsets[n] = (uint32_t)s.len;
    *count = n;
    return STATUS_OK;
}

/* Where the marks of a letter that begins at `at` end. */
static int32_t letter_end(const struct text_segmenter *t, int32_t at, int32_t count)
{
    UChar32 c;
    U16_FWD_1(t->apart, at, count);
    while (at < count) {
        U16_GET(t->apart, 0, at, count, c);
        if (unorm2_hasBoundaryBefore(t->compose, c))
            break;
        U16_FWD_1(t->apart, at, count);
    }
    return at;
}

/* Letters and marks that came apart are put together before words are looked for: dictionaries know
 * letters. Each has the offset of its first byte. */
static enum status compose(struct text_segmenter *t, int32_t *count)
{
    enum { LONGEST = 3 }; /* units that one may become */
    UErrorCode e = U_ZERO_ERROR;
    int32_t n = *count, at = unorm2_spanQuickCheckYes(t->compose, t->units, n, &e), out = at;
    if (U_FAILURE(e) || at == n)
        return U_FAILURE(e) ? STATUS_INTERNAL : STATUS_OK;
    enum status st = make_room(&t->apart, &t->apart_offsets, &t->apart_cap, (size_t)n);
    if (!st) {
        memcpy(t->apart, t->units, (size_t)n * sizeof *t->apart);
        memcpy(t->apart_offsets, t->offsets, ((size_t)n + 1) * sizeof *t->apart_offsets);
        st = make_room(&t->units, &t->offsets, &t->unit_cap, (size_t)n * LONGEST);
    }
    while (!st && at < n) {
        int32_t end = letter_end(t, at, n),
                m = unorm2_normalize(t->compose, t->apart + at, end - at, t->units + out,
                                     (int32_t)t->unit_cap - out, &e);
        if (U_FAILURE(e))
            return STATUS_INTERNAL;
        for (int32_t i = 0; i < m; i++)
            t->offsets[out++] = t->apart_offsets[at];
        at = end;
    }
    if (!st)
        t->offsets[out] = t->apart_offsets[n];
    *count = out;
    return st;
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
        return 0x647;
    case 0xf8: /* o with stroke: no decomposition */
        return 'o';
    case 0x142: /* l with stroke */
        return 'l';
    case 0x111: /* d with stroke */
        return 'd';
    case 0x640: /* tatweel */
    case 0x200c:
    case 0x200d:
        return 0;
    default:
        break;
    }
    if (c >= 0x660 && c <= 0x669)
        return '0' + (c - 0x660);
    if (c >= 0x6f0 && c <= 0x6f9)
        return '0' + (c - 0x6f0);
    return c;
}

/* Marks that stand over or under letters; the vowel signs of Thai and Indic scripts are part of
 * words. */
static bool diacritic(UChar32 c)
{
    if (u_charType(c) != U_NON_SPACING_MARK)
        return false;
    UBlockCode b = ublock_getCode(c);
    return b == UBLOCK_COMBINING_DIACRITICAL_MARKS || b == UBLOCK_ARABIC || b == UBLOCK_HEBREW ||
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
    if (fold_ascii(t, units, len))
        return STATUS_OK;
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
    struct text_piece *p = &t->pieces[(*count)++];
    *p = (struct text_piece){.start = t->offsets[from],
                             .end = t->offsets[to],
                             .folded = (uint32_t)t->folded.len,
                             .word = has_letter(t->units + from, to - from)};
    enum status s = fold(t, t->units + from, to - from);
    p->len = (uint32_t)t->folded.len - p->folded;
    return s;
}

enum status text_segment(struct text_segmenter *t, struct slice utf8,
                         const struct text_piece **pieces, uint32_t *count, struct slice *folded)
{
    int32_t n;
    *count = 0;
    buf_clear(&t->folded);
    enum status s = text_segmenter_open(t);
    if (!s)
        s = to_units(t, utf8, &n);
    if (!s)
        s = compose(t, &n);
    UErrorCode e = U_ZERO_ERROR;
    if (!s)
        ubrk_setText(t->words, t->units, n, &e);
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

const char *text_version(void)
{
    return U_ICU_VERSION "/" U_UNICODE_VERSION "/" TEXT_RULES;
}
