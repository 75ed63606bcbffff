#include "loadtest/typo.h"

#include "loadtest/schedule.h"

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char neighbour(char c, uint64_t *random)
{
    static const char keys[] = " qwertyuiop asdfghjkl zxcvbnm ";
    char low = (char)(c | 0x20);
    const char *at = strchr(keys, low);
    char left = at[-1], right = at[1];
    if (left == ' ')
        return right;
    return right == ' ' || random_unit(random) < 0.5 ? left : right;
}

/* Words of enough letters, in order; the one at `want`, or their count. */
static uint32_t long_words(struct slice text, uint32_t want, struct slice *out)
{
    uint32_t n = 0;
    for (size_t i = 0; i < text.len;) {
        size_t from = i;
        while (i < text.len && letter(text.ptr[i]))
            i++;
        if (i - from >= 4 && n++ == want)
            *out = slice_make(text.ptr + from, i - from);
        if (i == from)
            i++;
    }
    return n;
}

void typo_make(struct slice text, uint64_t *random, struct buf *out)
{
    struct slice word = SLICE_NULL;
    uint32_t n = long_words(text, UINT32_MAX, &word);
    buf_clear(out);
    if (!n) {
        buf_put_slice(out, text);
        return;
    }
    long_words(text, (uint32_t)(random_unit(random) * n), &word);
    /* The first letter is rarely the wrong one. */
    size_t at =
        (size_t)(word.ptr - text.ptr) + 1 + (size_t)(random_unit(random) * (double)(word.len - 2));
    char c = text.ptr[at];
    buf_put(out, text.ptr, at);
    switch (random_next(random) >> 62) {
    case 0:
        buf_put_u8(out, (uint8_t)text.ptr[at + 1]);
        buf_put_u8(out, (uint8_t)c);
        at++;
        break;
    case 1:
        break;
    case 2:
        buf_put_u8(out, (uint8_t)c);
        buf_put_u8(out, (uint8_t)c);
        break;
    default:
        buf_put_u8(out, (uint8_t)neighbour(c, random));
        break;
    }
    buf_put(out, text.ptr + at + 1, text.len - at - 1);
}

struct slice typo_word(struct slice text, uint64_t *random)
{
    uint32_t n = 0, want;
    for (int pass = 0; pass < 2; pass++) {
        want = pass ? (uint32_t)(random_unit(random) * n) : UINT32_MAX;
        n = 0;
        for (size_t i = 0; i < text.len;) {
            size_t from = i;
            while (i < text.len && text.ptr[i] != ' ')
                i++;
            if (i > from && n++ == want)
                return slice_make(text.ptr + from, i - from);
            i++;
        }
        if (!n)
            break;
    }
    return text;
}
