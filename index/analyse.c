#include "index/analyse.h"
#include "index/script.h"
#include "index/script_parts.h"
#include "index/text.h"
#include "index/units.h"

#include <stdlib.h>

/*
 * Both paths make the same thing first: a folded text (ASCII: lower case in place; else ICU's
 * pieces) in which every byte knows its original offset. The rules for codes, numbers and units
 * then run over atoms: maximal runs of letters, or of digits, with the bytes between them.
 */

struct atom {
    uint32_t at, len;    /* in `folded` */
    uint32_t start, end; /* in the original */
    bool digits;         /* only ASCII digits */
    bool along;          /* letters have their places in the original, if there are as many bytes */
    char gap; /* what stands before it: 0 = nothing, ' ' = a border, else the one joining byte */
};

struct analyser {
    struct text_segmenter *segmenter;
    struct buf folded; /* atoms' bytes; joined forms are appended */
    struct atom *atoms;
    size_t atom_cap, atom_count;
    struct token_list tokens;
};

enum status analyser_create(struct analyser **out)
{
    struct analyser *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a)
        return STATUS_NO_MEMORY;
    enum status s = text_segmenter_create(&a->segmenter);
    a->tokens.items = malloc(ANALYSE_TOKENS_MAX * sizeof *a->tokens.items);
    a->tokens.cap = ANALYSE_TOKENS_MAX;
    if (!s && !a->tokens.items)
        s = STATUS_NO_MEMORY;
    if (s)
        analyser_destroy(&a);
    *out = a;
    return s;
}

enum status analyser_open(struct analyser *a)
{
    return text_segmenter_open(a->segmenter);
}

void analyser_destroy(struct analyser **a)
{
    if (!*a)
        return;
    text_segmenter_destroy(&(*a)->segmenter);
    buf_fini(&(*a)->folded);
    free((*a)->atoms);
    free((*a)->tokens.items);
    free(*a);
    *a = NULL;
}

const char *analyse_version(void)
{
    return text_version();
}

/* --- atoms ------------------------------------------------------------------------------------ */

static struct atom *add_atom(struct analyser *a)
{
    if (a->atom_count == a->atom_cap) {
        size_t cap = a->atom_cap ? a->atom_cap * 2 : 512;
        struct atom *p = realloc(a->atoms, cap * sizeof *p);
        if (!p)
            return NULL;
        a->atoms = p;
        a->atom_cap = cap;
    }
    return &a->atoms[a->atom_count++];
}

/* 1 letter, 2 digit, 0 neither; bytes above 0x7f are letters (of folded pieces). */
static const uint8_t byte_class[256] = {
    ['0'] = 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, ['A'] = 1, 1, 1, 1, 1, 1,         1, 1, 1, 1, 1,
    1,         1, 1, 1, 1, 1, 1, 1, 1, 1, 1,         1, 1, 1, 1, ['a'] = 1, 1, 1, 1, 1, 1,
    1,         1, 1, 1, 1, 1, 1, 1, 1, 1, 1,         1, 1, 1, 1, 1,         1, 1, 1, 1};

static inline uint8_t class_of(unsigned char c)
{
    return c >= 0x80 ? 1 : byte_class[c];
}

/* Splits folded bytes [from, to) into atoms; without a piece they are those of the original. */
static inline enum status split(struct analyser *a, uint32_t from, uint32_t to,
                                const struct text_piece *piece, char gap)
{
    const char *p = a->folded.ptr;
    for (uint32_t i = from, last = from; i < to;) {
        uint8_t c = class_of((unsigned char)p[i]);
        if (!c) {
            /* a quote inside a word of Hebrew is what an apostrophe is elsewhere */
            bool quote = p[i] == '"' && piece && !piece->plain;
            gap = gap || !p[i] ? ' ' : quote ? '\'' : p[i];
            i++;
            continue;
        }
        uint32_t at = i;
        while (i < to && class_of((unsigned char)p[i]) == c)
            i++;
        /* "15" before a word of Thai is no part of it */
        if (!gap && at > from && script_unspaced(slice_make(p + (c == 2 ? last : at), to - at)))
            gap = ' ';
        last = at;
        struct atom *atom = add_atom(a);
        if (!atom)
            return STATUS_NO_MEMORY;
        *atom = (struct atom){.at = at,
                              .len = i - at,
                              .start = at,
                              .end = i,
                              .digits = c == 2,
                              .gap = gap,
                              .along = !piece || piece->along};
        if (piece && piece->plain)
            text_span(a->segmenter, piece, at, i, &atom->start, &atom->end);
        else if (piece) {
            atom->start = piece->start;
            atom->end = piece->end;
        }
        gap = 0;
    }
    return STATUS_OK;
}

static enum status fast_atoms(struct analyser *a, struct slice text)
{
    if (!buf_reserve(&a->folded, text.len * 3 + 64))
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        a->folded.ptr[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    a->folded.len = text.len;
    return split(a, 0, (uint32_t)text.len, NULL, ' ');
}

static bool ascii(struct slice s)
{
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t w;
        memcpy(&w, s.ptr + i, 8);
        if (w & UINT64_C(0x8080808080808080))
            return false;
    }
    for (; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    return true;
}

static enum status slow_atoms(struct analyser *a, struct slice text)
{
    const struct text_piece *pieces;
    uint32_t count;
    struct slice folded;
    enum status s = text_segment(a->segmenter, text, &pieces, &count, &folded);
    if (s)
        return s;
    buf_put_slice(&a->folded, folded);
    if (!buf_reserve(&a->folded, folded.len * 2 + 64))
        return STATUS_NO_MEMORY;
    char gap = ' ';
    bool was_ascii = false;
    for (uint32_t i = 0; !s && i < count; i++) {
        const struct text_piece *p = &pieces[i];
        if (!p->word) {
            bool one = p->len == 1 && (unsigned char)folded.ptr[p->folded] < 0x80;
            char sign = folded.ptr[p->folded];
            gap = gap || !one || !sign ? ' ' : sign;
            continue;
        }
        /* neighbours without a byte between them are words of their own only in scripts without
         * blanks */
        if (!gap && !(p->plain && was_ascii))
            gap = ' ';
        s = split(a, p->folded, p->folded + p->len, p, gap);
        gap = 0;
        was_ascii = p->plain;
        /* bytes that ended the piece without being part of an atom still separate */
        if (p->len && !class_of((unsigned char)folded.ptr[p->folded + p->len - 1]))
            gap = ' ';
    }
    return s;
}

/* --- rules ------------------------------------------------------------------------------------ */

/* A token of the atoms [first, last]. */
static void emit(struct analyser *a, struct slice term, uint32_t position, const struct atom *first,
                 const struct atom *last, enum token_kind kind)
{
    if (a->tokens.count == a->tokens.cap) {
        a->tokens.cut++;
        return;
    }
    if (term.len > ANALYSE_TERM_MAX) {
        term.len = ANALYSE_TERM_MAX;
        while (term.len && ((unsigned char)term.ptr[term.len] & 0xc0) == 0x80)
            term.len--;
    }
    a->tokens.items[a->tokens.count++] = (struct token){
        term, position, first->start, last->end, first->at, last->at + last->len, kind};
}

static struct slice bytes_of(const struct analyser *a, const struct atom *t)
{
    return slice_make(a->folded.ptr + t->at, t->len);
}

/* The atoms [from, to) written together behind the folded text; room was reserved. */
static struct slice joined(struct analyser *a, const struct atom *from, const struct atom *to,
                           char between)
{
    size_t at = a->folded.len;
    for (const struct atom *t = from; t < to; t++) {
        if (t > from && between)
            a->folded.ptr[a->folded.len++] = between;
        memcpy(a->folded.ptr + a->folded.len, a->folded.ptr + t->at, t->len);
        a->folded.len += t->len;
    }
    return slice_make(a->folded.ptr + at, a->folded.len - at);
}

static void emit_joined_unit(struct analyser *a, struct slice number, struct slice unit,
                             uint32_t position, const struct atom *first, const struct atom *last)
{
    size_t at = a->folded.len;
    memcpy(a->folded.ptr + at, number.ptr, number.len);
    memcpy(a->folded.ptr + at + number.len, unit.ptr, unit.len);
    a->folded.len += number.len + unit.len;
    emit(a, slice_make(a->folded.ptr + at, number.len + unit.len), position, first, last,
         TOKEN_EXTRA);
}

/* Of one atom what is asked for alone, beside the whole. */
static void emit_script_parts(struct analyser *a, const struct atom *t, uint32_t position)
{
    struct script_part parts[SCRIPT_PARTS_MAX];
    bool along = t->along && t->end - t->start == t->len; /* every letter is where it was */
    uint32_t count = t->len > ANALYSE_TERM_MAX ? 0 : script_parts(bytes_of(a, t), parts);
    for (uint32_t i = 0; i < count; i++) {
        struct atom part = *t;
        part.at += parts[i].from;
        part.len = parts[i].to - parts[i].from;
        if (along) {
            part.start = t->start + parts[i].from;
            part.end = t->start + parts[i].to;
        }
        emit(a, bytes_of(a, &part), position, &part, &part, TOKEN_EXTRA);
    }
}

/* Atoms that touch ("55in", "men" + "s" by an apostrophe, "4" + "5" by a point) make one word: its
 * end. */
static const struct atom *word_end(const struct atom *t, const struct atom *end)
{
    const struct atom *n = t + 1;
    while (n < end && (n->gap == 0 || (n->gap == '\'' && !n->digits && !n[-1].digits) ||
                       ((n->gap == '.' || n->gap == ',') && n->digits && n[-1].digits)))
        n++;
    return n;
}

static bool joins(char gap)
{
    return gap == '-' || gap == '/' || gap == '.' || gap == '_' || gap == '+';
}

/* What stands before the digits `t` of a number makes them its fraction: a point, or a comma that
 * parts no thousands. */
static bool fraction(const struct atom *t)
{
    return t->digits && (t->gap == '.' || (t->gap == ',' && t->len != 3));
}

/* "3.5mm", "1,5l": three atoms, the last one a unit. */
static bool fraction_with_unit(const struct analyser *a, const struct atom *t,
                               const struct atom *end)
{
    return end - t == 3 && t->digits && fraction(&t[1]) && !t[2].digits && t[2].gap == 0 &&
           units_short(bytes_of(a, &t[2])).len;
}

static void emit_unit(struct analyser *a, struct slice number, const struct atom *number_end,
                      const struct atom *t, const struct atom *unit_atom, uint32_t position)
{
    struct slice written = bytes_of(a, unit_atom), unit = units_short(written);
    if (!unit.len)
        return;
    emit(a, number, position, t, number_end, TOKEN_EXTRA);
    if (!slice_equal(unit, written))
        emit_joined_unit(a, number, unit, position, t, unit_atom);
}

/* "3.5" of "3.5mm", then the whole. */
static struct slice emit_fraction_with_unit(struct analyser *a, const struct atom *t,
                                            uint32_t position)
{
    struct slice term = joined(a, t, t + 2, '.'), number = term, unit = bytes_of(a, &t[2]);
    memcpy(a->folded.ptr + a->folded.len, unit.ptr, unit.len);
    a->folded.len += unit.len;
    term.len += unit.len;
    emit(a, term, position, t, &t[2], TOKEN_NUMBER);
    emit_unit(a, number, &t[1], t, &t[2], position);
    return term;
}

/* One word, atoms [t, end): its token and, for number + unit, the parts. */
static struct slice emit_word(struct analyser *a, const struct atom *t, const struct atom *end,
                              uint32_t position)
{
    bool digit = false, decimal = true;
    if (fraction_with_unit(a, t, end))
        return emit_fraction_with_unit(a, t, position);
    for (const struct atom *n = t; n < end; n++) {
        digit |= n->digits;
        decimal &= n->digits && (n == t || n->gap == '.' || n->gap == ',');
    }
    char between = decimal && end - t == 2 && fraction(&t[1]) ? '.' : 0;
    struct slice term = end - t == 1 ? bytes_of(a, t) : joined(a, t, end, between);
    emit(a, term, position, t, &end[-1], digit ? TOKEN_NUMBER : TOKEN_WORD);
    if (end - t == 1 && (unsigned char)term.ptr[0] >= 0xe3)
        emit_script_parts(a, t, position);
    if (end - t == 2 && t->digits && !t[1].digits && t[1].gap == 0)
        emit_unit(a, bytes_of(a, t), t, t, &t[1], position);
    return term;
}

/* "x" or "by" between two measures. */
static bool times(const struct analyser *a, const struct atom *t)
{
    struct slice w = bytes_of(a, t);
    return slice_equal(w, SLICE_LIT("x")) || slice_equal(w, SLICE_LIT("by"));
}

/* A whole number that is no part of a fraction or a decimal, with its unit: what comes behind it.
 */
static const struct atom *measure_end(const struct analyser *a, const struct atom *t,
                                      const struct atom *end)
{
    if (!t->digits || (t->gap && strchr("./,", t->gap)))
        return NULL;
    t++;
    if (t < end && t->digits && (t->gap == '/' || t->gap == '.' || t->gap == ','))
        return NULL;
    return t < end && !times(a, t) && units_short(bytes_of(a, t)).len ? t + 1 : t;
}

/*
 * Measures are written "4x8", "4 x 8", "4 ft. x 8 ft.": where the numbers at `t` are not one word,
 * they are put together, as two and as three. [word, word_end) is the word that holds `t`.
 */
static void emit_measures(struct analyser *a, const struct atom *t, const struct atom *word_end,
                          const struct atom *end, uint32_t position)
{
    size_t at = a->folded.len;
    const struct atom *last = t, *behind = measure_end(a, t, end);
    for (int n = 1; n <= 3 && behind; n++) {
        size_t len = last->len;
        if (a->folded.len - at + len + 1 > ANALYSE_TERM_MAX)
            return;
        memcpy(a->folded.ptr + a->folded.len, a->folded.ptr + last->at, len);
        a->folded.len += len;
        if (n > 1 && last >= word_end)
            emit(a, slice_make(a->folded.ptr + at, a->folded.len - at), position, t, last,
                 TOKEN_EXTRA);
        if (behind + 1 >= end || !times(a, behind))
            return;
        a->folded.ptr[a->folded.len++] = 'x';
        last = behind + 1;
        behind = measure_end(a, last, end);
    }
}

static bool all_digits(const struct atom *t, const struct atom *end)
{
    for (; t < end; t++)
        if (!t->digits)
            return false;
    return true;
}

/* 55" and 8': the mark behind a number; an apostrophe before a letter is none, but for "4'x8'". */
static struct slice unit_mark(struct slice read, size_t at)
{
    char c = at < read.len ? read.ptr[at] : 0, next = at + 1 < read.len ? read.ptr[at + 1] : 0;
    if (c == '"' || (c == '\'' && next == '\''))
        return SLICE_LIT("in");
    bool letter = class_of((unsigned char)next) == 1 && (next | 0x20) != 'x';
    return c == '\'' && !letter ? SLICE_LIT("ft") : SLICE_NULL;
}

/* Behind a number of atoms [t, behind): the unit that stands there makes one word with it. */
static void emit_unit_behind(struct analyser *a, struct slice number, const struct atom *t,
                             const struct atom *behind, const struct atom *end, uint32_t position)
{
    const struct atom *last = &behind[-1];
    uint32_t at = last->at + last->len;
    struct slice unit = SLICE_NULL;
    if (behind < end && (behind->gap == ' ' || behind->gap == '-') &&
        word_end(behind, end) == behind + 1 && behind->at - at <= 2)
        unit = units_short(bytes_of(a, behind));
    if (unit.len)
        last = behind;
    else
        unit = unit_mark(a->tokens.read, at); /* the mark itself is no part of it */
    if (unit.len)
        emit_joined_unit(a, number, unit, position, t, last);
}

static void run_rules(struct analyser *a)
{
    const struct atom *t = a->atoms, *end = t + a->atom_count;
    uint32_t position = 0;
    while (t < end) {
        const struct atom *chain = t; /* first atom of words joined by hyphens and the like */
        uint32_t first = position, words = 0;
        for (;;) {
            const struct atom *behind = word_end(t, end);
            struct slice term = emit_word(a, t, behind, position++);
            words++;
            for (const struct atom *n = t; n < behind; n++)
                if (n->digits)
                    emit_measures(a, n, behind, end, position - 1);
            if (all_digits(t, behind))
                emit_unit_behind(a, term, t, behind, end, position - 1);
            t = behind;
            if (t >= end || !joins(t->gap) || words == 8)
                break;
        }
        /* of "3.5-mm" the parts say it: "35mm" is something else */
        if (words > 1 && !(t - chain == 3 && chain->digits && fraction(&chain[1]) &&
                           units_short(bytes_of(a, &chain[2])).len))
            emit(a, joined(a, chain, t, 0), first, chain, &t[-1], TOKEN_EXTRA);
    }
}

static enum status run(struct analyser *a, struct slice text, bool fast,
                       const struct token_list **out)
{
    a->atom_count = 0;
    buf_clear(&a->folded);
    enum status s = fast && ascii(text) ? fast_atoms(a, text) : slow_atoms(a, text);
    size_t read = a->folded.len;
    /* joined forms: each atom is copied at most six times, units and measures add a few
     * bytes each */
    if (!s && !buf_reserve(&a->folded, a->folded.len * 6 + a->atom_count * 12 + 64))
        s = STATUS_NO_MEMORY;
    a->tokens.count = a->tokens.cut = 0;
    a->tokens.read = slice_make(a->folded.ptr, read);
    if (!s && a->atom_count)
        run_rules(a);
    *out = &a->tokens;
    return s;
}

enum status analyser_run(struct analyser *a, struct slice text, const struct token_list **out)
{
    return run(a, text, true, out);
}

enum status analyser_run_slow(struct analyser *a, struct slice text, const struct token_list **out)
{
    return run(a, text, false, out);
}
