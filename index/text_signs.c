#include "index/text_signs_private.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

/*
 * The text is walked once; what stands last in `out` is what a sign has before it, and what is to
 * be put between a sign and a letter or digit behind it waits in `after`.
 */

/* --- units ------------------------------------------------------------------------------------ */

void text_units_fini(struct text_units *u)
{
    free(u->units);
    free(u->offsets);
    *u = (struct text_units){0};
}

enum status text_units_reserve(struct text_units *u, size_t len)
{
    if (len + 1 <= u->cap)
        return STATUS_OK;
    size_t cap = len * 2 + 64;
    UChar *units = realloc(u->units, cap * sizeof *units);
    u->units = units ? units : u->units;
    uint32_t *offsets = realloc(u->offsets, cap * sizeof *offsets);
    u->offsets = offsets ? offsets : u->offsets;
    if (!units || !offsets)
        return STATUS_NO_MEMORY;
    u->cap = cap;
    return STATUS_OK;
}

/* --- reading ---------------------------------------------------------------------------------- */

enum {
    LONGEST = 24, /* units that one sign becomes, with what stands round it */
    MOST_A_UNIT = 4,
    MOST_BEFORE = 4096 /* units of any text may become more */
};

struct reading {
    const struct text_signs *signs;
    const struct text_units *in;
    struct text_units *out; /* has room for one sign more */
    int32_t at;             /* behind the sign at hand */
    uint32_t offset;        /* of it */
    enum sign last;         /* of the one before it */
    char after;             /* stands before a letter or digit that comes next */
    bool digits_only;       /* ... before a digit */
};

static void put(struct reading *r, UChar32 c)
{
    int32_t n = r->out->count, from = n;
    U16_APPEND_UNSAFE(r->out->units, n, c);
    while (from < n)
        r->out->offsets[from++] = r->offset;
    r->out->count = n;
}

/* The letter that stands last, 0 = none. */
static UChar32 before(const struct reading *r)
{
    UChar32 c = 0;
    if (r->out->count)
        U16_GET(r->out->units, 0, r->out->count - 1, r->out->count, c);
    return c;
}

static UChar32 behind(const struct reading *r)
{
    UChar32 c = 0;
    if (r->at < r->in->count)
        U16_GET(r->in->units, 0, r->at, r->in->count, c);
    return c;
}

static bool ascii_digit(UChar32 c)
{
    return c >= '0' && c <= '9';
}

static bool ascii_letter(UChar32 c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool mark(UChar32 c)
{
    return c >= 0x80 &&
           (u_charType(c) == U_NON_SPACING_MARK || u_charType(c) == U_COMBINING_SPACING_MARK);
}

/* A letter or a mark on one. */
static bool letter(UChar32 c)
{
    return c < 0x80 ? ascii_letter(c) : u_isalpha(c) || mark(c);
}

static bool wordy(UChar32 c)
{
    return c < 0x80 ? ascii_digit(c) || ascii_letter(c) : u_isalnum(c) || mark(c);
}

/* Not of scripts without blanks, where words end by themselves. */
static bool binds(UChar32 c)
{
    return wordy(c) && !(c >= 0x2e80 && c < 0xac00) && !(c >= 0xe00 && c < 0xf00);
}

/* What waited is put before `c`, which comes next. */
static void arrive(struct reading *r, UChar32 c)
{
    if (r->after && (r->digits_only ? ascii_digit(c) : binds(c)))
        put(r, r->after);
    r->after = 0;
}

static void leave(struct reading *r, char after, bool digits_only)
{
    r->after = after;
    r->digits_only = digits_only;
}

static void part(struct reading *r)
{
    r->after = 0;
    if (wordy(before(r)))
        put(r, ' ');
}

/* The sign in plain letters; 0 where they would begin with a blank, as accents without letters do.
 */
static int32_t spell(const struct reading *r, UChar32 c, UChar out[LONGEST])
{
    UChar in[2];
    int32_t n = 0;
    UErrorCode e = U_ZERO_ERROR;
    UChar32 tens, one = sign_white_on_black(c, &tens);
    if (one) {
        if (tens)
            out[n++] = (UChar)tens;
        out[n++] = (UChar)one;
        return n;
    }
    U16_APPEND_UNSAFE(in, n, c);
    n = unorm2_normalize(r->signs->nfkc, in, n, out, LONGEST - 4, &e);
    if (U_FAILURE(e) || (n && out[0] == ' ' && n > 1))
        return 0;
    for (int32_t i = 0; i < n; i++)
        if (out[i] == 0x2044 || out[i] == 0x2215)
            out[i] = '/';
    if (n > 1 && out[0] == 0x3bc && ascii_letter(out[1]))
        out[0] = 'u';
    return n;
}

static void put_units(struct reading *r, const UChar *units, int32_t n)
{
    for (int32_t i = 0; i < n;) {
        UChar32 c;
        U16_NEXT(units, i, n, c);
        put(r, c);
    }
}

/* "(1)" and "1." number what follows: the number only. */
static int32_t bare(UChar *units, int32_t n)
{
    bool round = n > 2 && units[0] == '(' && units[n - 1] == ')';
    bool dotted = n > 1 && ascii_digit(units[0]) && (units[n - 1] == '.' || units[n - 1] == ',');
    if (round)
        memmove(units, units + 1, (size_t)(n -= 2) * sizeof *units);
    return n - dotted;
}

/* Do the letters that stand last make a unit of length, or of time in a speed? */
static bool measured(const struct reading *r)
{
    static const char *const units[] = {"m",  "mm", "cm",   "dm", "km", "um", "nm",
                                        "ft", "in", "inch", "yd", "s",  NULL};
    const UChar *p = r->out->units;
    int32_t end = r->out->count, from = end;
    while (from > 0 && ascii_letter(p[from - 1]))
        from--;
    if (from > 0 && p[from - 1] >= 0x80 && wordy(p[from - 1]))
        return false;
    for (const char *const *u = units; *u; u++) {
        int32_t n = (int32_t)strlen(*u), i = 0;
        while (n == end - from && i < n && (p[from + i] | 0x20) == (*u)[i])
            i++;
        if (i == n)
            return true;
    }
    return false;
}

static void read_small_digit(struct reading *r, enum sign k, UChar32 digit)
{
    UChar32 b = before(r);
    if (r->last != k && !(k == SIGN_LOWERED ? letter(b) : measured(r))) {
        if (ascii_digit(b))
            put(r, ' ');
        else if (binds(b))
            put(r, '-');
    }
    put(r, digit);
    leave(r, k == SIGN_RAISED ? ' ' : 0, false);
}

static void read_circled(struct reading *r, UChar32 c)
{
    bool alone = r->last != SIGN_CIRCLED && sign_of(behind(r)) != SIGN_CIRCLED;
    bool in_circle = c < 0x1f130 || (c >= 0x1f150 && c < 0x1f170); /* else in a square */
    UChar text[LONGEST];
    int32_t n = bare(text, spell(r, c, text));
    UChar32 one = n == 1 ? text[0] | 0x20 : 0;
    if (r->last != SIGN_CIRCLED)
        part(r);
    r->after = 0;
    /* for copyright, registered and recorded */
    if (alone && in_circle && (one == 'c' || one == 'r' || one == 'p'))
        put(r, ' ');
    else {
        put_units(r, text, n);
        leave(r, ' ', false);
    }
}

static void read_ordinal(struct reading *r, UChar32 c)
{
    UChar32 b = before(r), next = behind(r) | 0x20;
    bool last = r->at + 1 >= r->in->count || !wordy(r->in->units[r->at + 1]);
    r->after = 0;
    if (c == 0xba && ascii_digit(b) && last && (next == 'c' || next == 'f' || next == 'k')) {
        put(r, ' '); /* degrees */
    } else if (wordy(b)) {
        if (ascii_digit(b))
            put(r, '-');
        put(r, c == 0xaa ? 'a' : 'o');
        leave(r, ' ', true);
    } else {
        put(r, ' ');
    }
}

static void read_quote(struct reading *r, UChar32 c)
{
    UChar32 b = before(r);
    r->after = 0;
    if (c == 0x2033 || c == 0x5f4)
        put(r, '"');
    else if (c == 0x201c || c == 0x201d)
        put(r, ascii_digit(b) ? '"' : c);
    else if (c == 0x2018)
        put(r, letter(b) && letter(behind(r)) ? '\'' : ' ');
    else
        put(r, '\'');
}

/* A full-width comma parts what is listed, unless all of the number is full-width. */
static void read_comma(struct reading *r, UChar32 c)
{
    UChar32 from = r->at > 1 ? r->in->units[r->at - 2] : 0, to = behind(r);
    bool wide = from >= 0xff10 && from <= 0xff19 && to >= 0xff10 && to <= 0xff19;
    r->after = 0;
    put(r, c == 0x66b ? '.' : ',');
    if (c != 0x66b && c != 0x66c && !wide)
        put(r, ' ');
}

static void read_spelt(struct reading *r, enum sign k, UChar32 c)
{
    UChar text[LONGEST];
    int32_t n = spell(r, c, text);
    if (!n) {
        put(r, c);
        return;
    }
    if (k == SIGN_UNIT && (text[0] >= 0x80 || !ascii_letter(text[0])))
        k = SIGN_SPELT; /* a word in katakana */
    if (k == SIGN_APART && n == 1 && text[0] >= 0x80 && c < 0x3000)
        k = SIGN_SPELT; /* a radical */
    n = k == SIGN_APART ? bare(text, n) : n;
    UChar32 first;
    U16_GET(text, 0, 0, n, first);
    if (k == SIGN_SPELT)
        arrive(r, first);
    else if ((k == SIGN_APART && wordy(first)) || k == SIGN_FRACTION ||
             (k == SIGN_UNIT && binds(before(r)) && letter(before(r))))
        part(r);
    else if (k == SIGN_ROMAN && r->last != SIGN_ROMAN && binds(before(r)))
        put(r, '-');
    r->after = 0;
    put_units(r, text, n);
    if (k == SIGN_APART || k == SIGN_UNIT)
        leave(r, ' ', false);
    else if (k == SIGN_ROMAN)
        leave(r, '-', false);
    else if (k == SIGN_FRACTION && c != 0x215f)
        leave(r, ' ', true);
}

/* In scripts without blanks a full-width one parts what it stands between. */
static void read_joiner(struct reading *r, UChar32 c)
{
    bool joins = c < 0xff00 || (binds(before(r)) && binds(behind(r)));
    r->after = 0;
    put(r, !joins ? ' ' : c == 0x2044 || c == 0x2215 ? '/' : c < 0xff00 ? '-' : c - 0xfee0);
}

static void read_dot(struct reading *r)
{
    /* of Catalan: a double letter */
    if (!((before(r) | 0x20) == 'l' && (behind(r) | 0x20) == 'l'))
        put(r, ' ');
    r->after = 0;
}

static void read_micro(struct reading *r, UChar32 c)
{
    bool unit = ascii_letter(behind(r)) && !letter(before(r));
    arrive(r, unit ? 'u' : c);
    put(r, unit ? 'u' : c);
}

/* "4×8", "4 cm × 8", "3× bag", "bag ×3"; between names it is a border. */
static void read_times(struct reading *r)
{
    UChar32 b = before(r), next = behind(r);
    const UChar *out = r->out->units, *in = r->in->units;
    int32_t back = r->out->count, on = r->at;
    while (back > 0 && out[back - 1] == ' ')
        back--;
    while (on < r->in->count && in[on] == ' ')
        on++;
    bool counts =
        (back > 0 && ascii_digit(out[back - 1])) || (on < r->in->count && u_isdigit(in[on]));
    r->after = 0;
    bool touches = b && b != ' ' && !ascii_digit(b);
    if (!counts || touches)
        put(r, ' ');
    if (!counts)
        return;
    put(r, 'x');
    if (touches)
        put(r, ' '); /* what stands behind it is a word as what stands before it */
    else if (!u_isdigit(next))
        leave(r, ' ', false);
}

/* Two sara e look as sara ae does, and nikhahit before sara aa, or a tone behind sara am, as sara
 * am behind the tone: dictionaries know one of each. */
static void read_thai(struct reading *r, UChar32 c)
{
    enum { AA = 0xe32, AM = 0xe33, E = 0xe40, AE = 0xe41, NIKHAHIT = 0xe4d };
    UChar32 next = behind(r), tone = next >= 0xe48 && next <= 0xe4b ? next : 0;
    int32_t at = r->at + (tone != 0);
    bool aa = c == NIKHAHIT && at < r->in->count && r->in->units[at] == AA;
    r->after = 0;
    if (c == E && next == E) {
        put(r, AE);
        r->at++;
    } else if (aa || (c == AM && tone)) {
        if (tone)
            put(r, tone);
        put(r, AM);
        r->at = at + aa;
    } else {
        put(r, c);
    }
}

static void read_one(struct reading *r, UChar32 c)
{
    /* a long text of nothing but words in one sign is no reason to hold many times its size */
    bool full = r->out->count > MOST_A_UNIT * r->at + MOST_BEFORE;
    enum sign k = !full && text_signs_have(r->signs, c) ? sign_of(c) : SIGN_PLAIN;
    switch (k) {
    case SIGN_PLAIN:
        arrive(r, c);
        put(r, c);
        break;
    case SIGN_DROPPED:
        return; /* what stands on both sides of it meets */
    case SIGN_BLANK:
        r->after = 0;
        put(r, ' ');
        break;
    case SIGN_JOINER:
        read_joiner(r, c);
        break;
    case SIGN_DIGIT:
        arrive(r, '0' + u_charDigitValue(c));
        put(r, '0' + u_charDigitValue(c));
        break;
    case SIGN_RAISED:
    case SIGN_LOWERED:
        r->after = 0;
        read_small_digit(r, k, '0' + (UChar32)u_getNumericValue(c));
        break;
    case SIGN_CIRCLED:
        read_circled(r, c);
        break;
    case SIGN_ORDINAL:
        read_ordinal(r, c);
        break;
    case SIGN_QUOTE:
        read_quote(r, c);
        break;
    case SIGN_COMMA:
        read_comma(r, c);
        break;
    case SIGN_DOT:
        read_dot(r);
        break;
    case SIGN_MICRO:
        read_micro(r, c);
        break;
    case SIGN_TIMES:
        read_times(r);
        break;
    case SIGN_THAI:
        read_thai(r, c);
        break;
    default:
        read_spelt(r, k, c);
        break;
    }
    r->last = k;
}

enum status text_signs_read(const struct text_signs *s, const struct text_units *in,
                            struct text_units *out)
{
    struct reading r = {.signs = s, .in = in, .out = out};
    out->count = 0;
    enum status st = text_units_reserve(out, (size_t)in->count + LONGEST);
    while (!st && r.at < in->count) {
        UChar32 c;
        r.offset = in->offsets[r.at];
        U16_NEXT(in->units, r.at, in->count, c);
        read_one(&r, c);
        st = text_units_reserve(out, (size_t)out->count + LONGEST);
    }
    if (!st)
        out->offsets[out->count] = in->offsets[in->count];
    return st;
}
