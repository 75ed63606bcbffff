#include "index/variants.h"

/* One letter of the original that two letters can stand for. */
struct pair {
    const char *letter; /* UTF-8 */
    char base, second;  /* what folding leaves; what follows it in the long spelling */
};

static const struct pair pairs[] = {
    {"\xc3\xa4", 'a', 'e'},  {"\xc3\x84", 'a', 'e'},  {"\xc3\xb6", 'o', 'e'},
    {"\xc3\x96", 'o', 'e'},  {"\xc3\xbc", 'u', 'e'},  {"\xc3\x9c", 'u', 'e'},
    {"\xc3\xb8", 'o', 'e'},  {"\xc3\x98", 'o', 'e'},  {"\xc3\xa5", 'a', 'a'},
    {"\xc3\x85", 'a', 'a'},  {"a\xcc\x88", 'a', 'e'}, {"A\xcc\x88", 'a', 'e'},
    {"o\xcc\x88", 'o', 'e'}, {"O\xcc\x88", 'o', 'e'}, {"u\xcc\x88", 'u', 'e'},
    {"U\xcc\x88", 'u', 'e'}, {"a\xcc\x8a", 'a', 'a'}, {"A\xcc\x8a", 'a', 'a'},
};

static size_t letter_bytes(struct slice s, size_t at)
{
    size_t n = at + 1;
    while (n < s.len && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
        n++;
    return n - at;
}

static const struct pair *pair_at(struct slice s, size_t at)
{
    struct slice rest = slice_make(s.ptr + at, s.len - at);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (slice_starts(rest, slice_str(pairs[i].letter)))
            return &pairs[i];
    return NULL;
}

static bool combining(struct slice s, size_t at)
{
    unsigned char c = (unsigned char)s.ptr[at];
    unsigned char d = at + 1 < s.len ? (unsigned char)s.ptr[at + 1] : 0;
    return c == 0xcc || (c == 0xcd && d >= 0x80 && d <= 0xaf);
}

static size_t put(char *bytes, size_t n, const char *from, size_t len)
{
    if (n + len > VARIANT_BYTES)
        return VARIANT_BYTES + 1; /* too long stays too long */
    memcpy(bytes + n, from, len);
    return n + len;
}

/* The long spelling: both texts are walked letter by letter; where folding did more than drop
 * marks and sharp s, they fall out of step and there is no variant. */
static size_t long_form(struct slice original, struct slice folded, char *bytes)
{
    size_t at = 0, n = 0;
    bool any = false;
    for (size_t i = 0; i < original.len;) {
        const struct pair *p = pair_at(original, i);
        if (!p && combining(original, i)) {
            i += letter_bytes(original, i);
            continue;
        }
        if (at >= folded.len || (p && folded.ptr[at] != p->base))
            return 0;
        bool sharp =
            slice_starts(slice_make(original.ptr + i, original.len - i), SLICE_LIT("\xc3\x9f"));
        size_t len = sharp && at + 2 <= folded.len ? 2 : letter_bytes(folded, at);
        n = put(bytes, n, folded.ptr + at, len);
        if (p)
            n = put(bytes, n, &p->second, 1);
        if (n > VARIANT_BYTES)
            return 0;
        any |= p != NULL;
        at += len;
        i += p ? strlen(p->letter) : letter_bytes(original, i);
    }
    return any && at == folded.len ? n : 0;
}

/* "ae", "oe", "ue", "aa" down to one letter; "ue" behind a, e, q is no umlaut ("neue", "unique").
 */
static size_t short_form(struct slice folded, char *bytes)
{
    size_t n = 0;
    if (folded.len > VARIANT_BYTES)
        return 0;
    for (size_t i = 0; i < folded.len; i++) {
        char c = folded.ptr[i], d = i + 1 < folded.len ? folded.ptr[i + 1] : 0;
        char before = i ? folded.ptr[i - 1] : 0;
        bool umlaut = (c == 'a' || c == 'o' || c == 'u') && d == 'e' &&
                      !(c == 'u' && (before == 'a' || before == 'e' || before == 'q'));
        bytes[n++] = c;
        if (umlaut || (c == 'a' && d == 'a'))
            i++;
    }
    return n < folded.len ? n : 0;
}

void variants_of(struct slice original, struct slice folded, struct variants *out)
{
    out->count = 0;
    bool plain = true;
    for (size_t i = 0; i < original.len && plain; i++)
        plain = (unsigned char)original.ptr[i] < 0x80;
    size_t n = plain ? 0 : long_form(original, folded, out->bytes[0]);
    if (!n && folded.len >= 4)
        n = short_form(folded, out->bytes[0]);
    if (n)
        out->items[out->count++] = slice_make(out->bytes[0], n);
}
