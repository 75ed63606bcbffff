#include "index/stem.h"

#include <libstemmer.h>
#include <stdlib.h>

enum { NOTED = 128, NOTED_BYTES = 28 };

/* A word and its stem. */
struct noted {
    uint32_t query; /* that it was noted in */
    uint8_t word_len, stem_len;
    char word[NOTED_BYTES], stem[NOTED_BYTES];
};

struct stemmer {
    struct sb_stemmer *snowball;
    bool russian;
    char restored[66];
    uint32_t query;
    struct noted noted[NOTED];
};

/* Snowball takes the codes itself; it also knows names, which are no codes. */
static const char *const languages[] = {"ar", "ca", "da", "de", "el", "en", "es", "eu", "fi", "fr",
                                        "ga", "hi", "hu", "hy", "id", "it", "lt", "ne", "nl", "no",
                                        "pt", "ro", "ru", "sr", "sv", "ta", "tr", "yi", NULL};
_Static_assert(sizeof languages / sizeof *languages == STEM_LANGUAGES + 1, "each counted");

const char *const *stemmer_languages(void)
{
    return languages;
}

uint32_t stemmer_language(struct slice language)
{
    uint32_t i = 0;
    while (i < STEM_LANGUAGES && !slice_equal(language, slice_str(languages[i])))
        i++;
    return i;
}

enum status stemmer_open(struct slice language, struct stemmer **out)
{
    const char *code = languages[stemmer_language(language)];
    *out = NULL;
    if (!code)
        return STATUS_UNSUPPORTED;
    struct stemmer *s = calloc(1, sizeof *s);
    if (!s)
        return STATUS_NO_MEMORY;
    s->snowball = sb_stemmer_new(code, "UTF_8");
    if (!s->snowball) {
        free(s);
        return STATUS_UNSUPPORTED;
    }
    s->russian = strcmp(code, "ru") == 0;
    s->query = 1;
    *out = s;
    return STATUS_OK;
}

void stemmer_close(struct stemmer **s)
{
    if (!*s)
        return;
    sb_stemmer_delete((*s)->snowball);
    free(*s);
    *s = NULL;
}

/* Folding took the breve off a final short i, which adjectives end with: behind a vowel it is one
 * again. Letters by their second byte; the first is 0xd0, or 0xd1 from "er" on. */
static struct slice restore(struct stemmer *s, struct slice word)
{
    static const char *const vowels[] = {"\xd1\x8b", "\xd0\xb8", "\xd0\xbe", "\xd0\xb5",
                                         "\xd0\xb0", "\xd1\x8f", "\xd1\x83", "\xd1\x8e"};
    if (word.len < 6 || memcmp(word.ptr + word.len - 2, "\xd0\xb8", 2) != 0)
        return word;
    for (size_t i = 0; i < sizeof vowels / sizeof *vowels; i++)
        if (memcmp(word.ptr + word.len - 4, vowels[i], 2) == 0) {
            memcpy(s->restored, word.ptr, word.len);
            s->restored[word.len - 1] = (char)0xb9;
            return slice_make(s->restored, word.len);
        }
    return word;
}

void stemmer_forget(struct stemmer *s)
{
    if (++s->query == 0) {
        memset(s->noted, 0, sizeof s->noted);
        s->query = 1;
    }
}

static struct slice ask(struct stemmer *s, struct slice word)
{
    if (s->russian)
        word = restore(s, word);
    const sb_symbol *stem =
        sb_stemmer_stem(s->snowball, (const sb_symbol *)word.ptr, (int)word.len);
    int n = stem ? sb_stemmer_length(s->snowball) : 0;
    return n > 0 ? slice_make(stem, (size_t)n) : word;
}

struct slice stemmer_stem(struct stemmer *s, struct slice word)
{
    uint32_t sum = 0;
    if (word.len < 3 || word.len > 64)
        return word;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] >= '0' && word.ptr[i] <= '9')
            return word;
        sum = sum * 31 + (unsigned char)word.ptr[i];
    }
    struct noted *n = &s->noted[(sum ^ sum >> 7) % NOTED];
    if (n->query == s->query && slice_equal(slice_make(n->word, n->word_len), word))
        return slice_make(n->stem, n->stem_len);
    struct slice stem = ask(s, word);
    if (word.len > NOTED_BYTES || stem.len > NOTED_BYTES)
        return stem;
    n->query = s->query;
    n->word_len = (uint8_t)word.len;
    n->stem_len = (uint8_t)stem.len;
    memcpy(n->word, word.ptr, word.len);
    memcpy(n->stem, stem.ptr, stem.len);
    return slice_make(n->stem, n->stem_len);
}
