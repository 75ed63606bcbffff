#include "index/text_signs.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

/*
 * Signs are told apart by what Unicode says of them (kind and category), so that new ones fall in
 * line by themselves; those listed by number are exceptions. The text is walked once; what stands
 * last in `out` is what a sign has before it, and what is to be put between a sign and a letter or
 * digit behind it waits in `after`.
 */

enum kind {
    PLAIN,    /* stays */
    DROPPED,  /* joiners, soft hyphens, marks of direction, selectors of shape */
    BLANK,    /* blanks, and marks that are no part of a name: (tm) */
    DIGIT,    /* of any script */
    SPELT,    /* its letters, as if they stood there: forms, ligatures, widths, phonetic signs */
    APART,    /* a word of its own: 1 in a circle, No, Tel, (a) */
    CIRCLED,  /* a letter in a circle or square: one word with its like */
    UNIT,     /* kg in one sign: one word with the number before it */
    ROMAN,    /* joined to its neighbours by a hyphen */
    FRACTION, /* apart from the number before it */
    RAISED,   /* a small digit above: one word with a unit of length, else joined by a hyphen */
    LOWERED,  /* a small digit below: one word with the letter before it */
    ORDINAL,  /* the small a and o of Romance languages, and what is taken for a degree */
    QUOTE,    /* apostrophes, marks of feet and inches */
    COMMA,    /* a full-width or Arabic one */
    DOT,      /* in the middle of the line */
    DASH,
    SLASH,
    MICRO
};

/* --- kinds ------------------------------------------------------------------------------------ */

/* Signs whose kind does not follow from what Unicode says. */
static enum kind listed(UChar32 c)
{
    switch (c) {
    case 0x200b: /* parts words of scripts without blanks */
    case 0x2122: /* tm */
    case 0x2120: /* sm */
    case 0x1f16a:
    case 0x1f16b:
    case 0x1f16c:
        return BLANK;
    case 0xaa:
    case 0xba:
        return ORDINAL;
    case 0xb4: /* acute accent, typed for an apostrophe */
    case 0x2b9:
    case 0x2bb:
    case 0x2bc:
    case 0x2018:
    case 0x2019:
    case 0x201b:
    case 0x201c:
    case 0x201d:
    case 0x2032:
    case 0x2033:
    case 0x5f3:
    case 0x5f4:
        return QUOTE;
    case 0x60c:
    case 0xfe10:
    case 0xfe50:
    case 0xff0c:
    case 0x66b:
    case 0x66c:
        return COMMA;
    case 0xb7:
    case 0x2027:
        return DOT;
    case 0x2010:
    case 0x2011:
    case 0x5be:
        return DASH;
    case 0x2044:
    case 0x2215:
        return SLASH;
    case 0xb5:
    case 0x3bc:
        return MICRO;
    default:
        return PLAIN;
    }
}

/* Digits and letters in circles and squares that are white on black have no other form. */
static UChar32 white_on_black(UChar32 c, UChar32 *tens)
{
    *tens = 0;
    if (c >= 0x24eb && c <= 0x24f4) { /* 11 to 20 */
        *tens = '1' + (c - 0x24eb + 1) / 10;
        return '0' + (c - 0x24eb + 1) % 10;
    }
    UChar32 n = c >= 0x24f5 && c <= 0x24fe   ? c - 0x24f5
                : c >= 0x2776 && c <= 0x2793 ? (c - 0x2776) % 10
                                             : -1;
    if (n == 9)
        *tens = '1';
    if (n >= 0)
        return '0' + (n + 1) % 10;
    if (c == 0x24ff || c == 0x1f10b || c == 0x1f10c)
        return '0';
    return c >= 0x1f150 && c <= 0x1f169   ? 'a' + (c - 0x1f150)
           : c >= 0x1f170 && c <= 0x1f189 ? 'a' + (c - 0x1f170)
                                          : 0;
}

/* Vowels of which the dictionaries of Thai and Lao know the whole form only. */
static bool stays_whole(UChar32 c)
{
    return c == 0xe33 || c == 0xeb3 || c == 0xedc || c == 0xedd || (c >= 0xf00 && c <= 0xfff);
}

static bool ignored(UChar32 c)
{
    bool filler = c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0;
    bool of_signs = c >= 0x20d0 && c <= 0x20f0; /* a key's frame round a digit */
    return of_signs || (!filler && u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT));
}

/* Of signs that Unicode calls the same as others, by how. */
static enum kind by_form(UChar32 c)
{
    int8_t type = u_charType(c);
    switch (u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE)) {
    case U_DT_NONE:
    case U_DT_CANONICAL:
        return PLAIN;
    case U_DT_SUPER:
        return type == U_OTHER_NUMBER ? RAISED : SPELT;
    case U_DT_SUB:
        return type == U_OTHER_NUMBER ? LOWERED : SPELT;
    case U_DT_FRACTION:
        return FRACTION;
    case U_DT_CIRCLE:
        return (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f100 && c < 0x1f200) ? CIRCLED : APART;
    case U_DT_SQUARE:
        return c >= 0x1f130 && c <= 0x1f149 ? CIRCLED : UNIT;
    case U_DT_COMPAT:
        return type == U_LETTER_NUMBER                            ? ROMAN
               : type == U_OTHER_NUMBER || type == U_OTHER_SYMBOL ? APART
                                                                  : SPELT;
    default:
        return type == U_CURRENCY_SYMBOL && c < 0xff00 ? APART : SPELT;
    }
}

static enum kind kind_of(UChar32 c)
{
    UChar32 tens, digit;
    enum kind k = listed(c);
    if (k || stays_whole(c))
        return k;
    if (ignored(c))
        return DROPPED;
    if (u_charType(c) == U_SPACE_SEPARATOR)
        return BLANK;
    if (u_charType(c) == U_DECIMAL_DIGIT_NUMBER)
        return DIGIT;
    digit = white_on_black(c, &tens);
    return digit ? (digit <= '9' ? APART : CIRCLED) : by_form(c);
}

bool text_signs_beyond(UChar32 c)
{
    return kind_of(c) != PLAIN;
}

enum status text_signs_open(struct text_signs *s)
{
    static const struct {
        UChar32 from, to; /* letters of these scripts, and halves of others, are what they are */
    } plain[] = {{0x3400, 0x4dbf}, {0x4e00, 0xa61f}, {0xac00, 0xf8ff}};
    UErrorCode e = U_ZERO_ERROR;
    s->nfkc = unorm2_getNFKCInstance(&e);
    if (U_FAILURE(e))
        return e == U_MEMORY_ALLOCATION_ERROR ? STATUS_NO_MEMORY : STATUS_INTERNAL;
    memset(s->here, 0, sizeof s->here);
    for (UChar32 c = 0x80; c < 0x10000; c++) {
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
            if (c == plain[i].from)
                c = plain[i].to + 1;
        if (kind_of(c) != PLAIN)
            s->here[c >> 6] |= UINT64_C(1) << (c & 63);
    }
    return STATUS_OK;
}

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

enum { LONGEST = 24 }; /* units that one sign becomes, with what stands round it */

struct reading {
    const struct text_signs *signs;
    const struct text_units *in;
    struct text_units *out; /* has room for one sign more */
    int32_t at;             /* behind the sign at hand */
    uint32_t offset;        /* of it */
    enum kind last;         /* of the one before it */
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

/* A letter or a mark on one. */
static bool letter(UChar32 c)
{
    return c < 0x80 ? ascii_letter(c)
                    : u_isalpha(c) || u_charType(c) == U_NON_SPACING_MARK ||
                          u_charType(c) == U_COMBINING_SPACING_MARK;
}

static bool wordy(UChar32 c)
{
    return ascii_digit(c) || letter(c);
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
    UChar32 tens, one = white_on_black(c, &tens);
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

static void read_small_digit(struct reading *r, enum kind k, UChar32 digit)
{
    UChar32 b = before(r);
    if (r->last != k && !(k == LOWERED ? letter(b) : measured(r))) {
        if (ascii_digit(b))
            put(r, ' ');
        else if (binds(b))
            put(r, '-');
    }
    put(r, digit);
    leave(r, k == RAISED ? ' ' : 0, false);
}

static void read_circled(struct reading *r, UChar32 c)
{
    bool alone = r->last != CIRCLED && kind_of(behind(r)) != CIRCLED;
    UChar text[LONGEST];
    int32_t n = bare(text, spell(r, c, text));
    UChar32 one = n == 1 ? text[0] | 0x20 : 0;
    if (r->last != CIRCLED)
        part(r);
    r->after = 0;
    /* for copyright, registered and recorded */
    if (alone && (one == 'c' || one == 'r' || one == 'p') && c != 0x1f170 + (one - 'a'))
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

static void read_spelt(struct reading *r, enum kind k, UChar32 c)
{
    UChar text[LONGEST];
    int32_t n = spell(r, c, text);
    if (!n) {
        put(r, c);
        return;
    }
    if (k == UNIT && (text[0] >= 0x80 || !ascii_letter(text[0])))
        k = SPELT; /* a word in katakana */
    if (k == APART && n == 1 && text[0] >= 0x80 && c < 0x3000)
        k = SPELT; /* a radical */
    n = k == APART ? bare(text, n) : n;
    UChar32 first;
    U16_GET(text, 0, 0, n, first);
    if (k == SPELT)
        arrive(r, first);
    else if ((k == APART && wordy(first)) || k == FRACTION ||
             (k == UNIT && binds(before(r)) && letter(before(r))))
        part(r);
    else if (k == ROMAN && r->last != ROMAN && binds(before(r)))
        put(r, '-');
    r->after = 0;
    put_units(r, text, n);
    if (k == APART || k == UNIT)
        leave(r, ' ', false);
    else if (k == ROMAN)
        leave(r, '-', false);
    else if (k == FRACTION && c != 0x215f)
        leave(r, ' ', true);
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

static void read_one(struct reading *r, UChar32 c)
{
    enum kind k = text_signs_have(r->signs, c) ? kind_of(c) : PLAIN;
    switch (k) {
    case PLAIN:
        arrive(r, c);
        put(r, c);
        break;
    case DROPPED:
        return; /* what stands on both sides of it meets */
    case BLANK:
    case DASH:
    case SLASH:
        r->after = 0;
        put(r, k == BLANK ? ' ' : k == DASH ? '-' : '/');
        break;
    case DIGIT:
        arrive(r, '0' + u_charDigitValue(c));
        put(r, '0' + u_charDigitValue(c));
        break;
    case RAISED:
    case LOWERED:
        r->after = 0;
        read_small_digit(r, k, '0' + (UChar32)u_getNumericValue(c));
        break;
    case CIRCLED:
        read_circled(r, c);
        break;
    case ORDINAL:
        read_ordinal(r, c);
        break;
    case QUOTE:
        read_quote(r, c);
        break;
    case COMMA:
        read_comma(r, c);
        break;
    case DOT:
        read_dot(r);
        break;
    case MICRO:
        read_micro(r, c);
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
