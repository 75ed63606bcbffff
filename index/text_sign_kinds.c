#include "index/text_signs_private.h"

#include <string.h>
#include <unicode/uchar.h>

/*
 * Signs are told apart by what Unicode says of them (how they decompose, and their category), so
 * that new ones fall in line by themselves; those listed by number are exceptions.
 */

/* Signs whose kind does not follow from what Unicode says. */
static enum sign listed(UChar32 c)
{
    switch (c) {
    case 0x200b: /* parts words of scripts without blanks */
    case 0x3164: /* of Hangul, where a blank is not taken */
    case 0xffa0:
    case 0x2122: /* tm */
    case 0x2120: /* sm */
    case 0x1f16a:
    case 0x1f16b:
    case 0x1f16c:
        return SIGN_BLANK;
    case 0xaa:
    case 0xba:
        return SIGN_ORDINAL;
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
        return SIGN_QUOTE;
    case 0x60c:
    case 0xfe10:
    case 0xfe50:
    case 0xff0c:
    case 0x66b:
    case 0x66c:
        return SIGN_COMMA;
    case 0xb7:
    case 0x2027:
        return SIGN_DOT;
    case 0x2010:
    case 0x2011:
    case 0x5be:
    case 0x2044:
    case 0x2215:
    case 0xff0b:
    case 0xff0d:
    case 0xff0e:
    case 0xff0f:
        return SIGN_JOINER;
    case 0xb5:
    case 0x3bc:
        return SIGN_MICRO;
    case 0xd7:
    case 0x2715:
    case 0x2716:
        return SIGN_TIMES;
    case 0xe33:
    case 0xe40:
    case 0xe4d:
        return SIGN_THAI;
    default:
        return SIGN_PLAIN;
    }
}

UChar32 sign_white_on_black(UChar32 c, UChar32 *tens)
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
    bool filler = c == 0x115f || c == 0x1160;   /* holds the place of a part of a syllable */
    bool of_signs = c >= 0x20d0 && c <= 0x20f0; /* a key's frame round a digit */
    return of_signs || (!filler && u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT));
}

/* Of signs that Unicode calls the same as others, by how. */
static enum sign by_form(UChar32 c)
{
    int8_t type = u_charType(c);
    switch (u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE)) {
    case U_DT_NONE:
    case U_DT_CANONICAL:
        return SIGN_PLAIN;
    case U_DT_SUPER:
        return type == U_OTHER_NUMBER ? SIGN_RAISED : SIGN_SPELT;
    case U_DT_SUB:
        return type == U_OTHER_NUMBER ? SIGN_LOWERED : SIGN_SPELT;
    case U_DT_FRACTION:
        return SIGN_FRACTION;
    case U_DT_CIRCLE:
        return (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f100 && c < 0x1f200) ? SIGN_CIRCLED
                                                                             : SIGN_APART;
    case U_DT_SQUARE:
        return c >= 0x1f130 && c <= 0x1f149 ? SIGN_CIRCLED : SIGN_UNIT;
    case U_DT_COMPAT:
        return type == U_LETTER_NUMBER                            ? SIGN_ROMAN
               : type == U_OTHER_NUMBER || type == U_OTHER_SYMBOL ? SIGN_APART
                                                                  : SIGN_SPELT;
    default:
        return type == U_CURRENCY_SYMBOL && c < 0xff00 ? SIGN_APART : SIGN_SPELT;
    }
}

enum sign sign_of(UChar32 c)
{
    UChar32 tens, digit;
    enum sign k = listed(c);
    if (k || stays_whole(c))
        return k;
    if (ignored(c))
        return SIGN_DROPPED;
    if (u_charType(c) == U_SPACE_SEPARATOR)
        return SIGN_BLANK;
    if (u_charType(c) == U_DECIMAL_DIGIT_NUMBER)
        return SIGN_DIGIT;
    digit = sign_white_on_black(c, &tens);
    return digit ? (digit <= '9' ? SIGN_APART : SIGN_CIRCLED) : by_form(c);
}

bool text_signs_beyond(UChar32 c)
{
    return sign_of(c) != SIGN_PLAIN;
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
        if (sign_of(c) != SIGN_PLAIN)
            s->here[c >> 6] |= UINT64_C(1) << (c & 63);
    }
    return STATUS_OK;
}
