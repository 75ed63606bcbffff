#include "index/stem.h"

#include <libstemmer.h>
#include <stdlib.h>

struct stemmer {
    struct sb_stemmer *snowball;
};

/* Snowball takes the codes itself; it also knows names, which are no codes. */
static const char *const languages[] = {"ar", "ca", "da", "de", "el", "en", "es", "eu", "fi", "fr",
                                        "ga", "hi", "hu", "hy", "id", "it", "lt", "ne", "nl", "no",
                                        "pt", "ro", "ru", "sr", "sv", "ta", "tr", "yi", NULL};

const char *const *stemmer_languages(void)
{
    return languages;
}

static const char *known(struct slice language)
{
    for (size_t i = 0; languages[i]; i++)
        if (slice_equal(language, slice_str(languages[i])))
            return languages[i];
    return NULL;
}

enum status stemmer_open(struct slice language, struct stemmer **out)
{
    const char *code = known(language);
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

struct slice stemmer_stem(struct stemmer *s, struct slice word)
{
    if (word.len < 3 || word.len > 64)
        return word;
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] >= '0' && word.ptr[i] <= '9')
            return word;
    const sb_symbol *stem =
        sb_stemmer_stem(s->snowball, (const sb_symbol *)word.ptr, (int)word.len);
    int n = stem ? sb_stemmer_length(s->snowball) : 0;
    return n > 0 ? slice_make(stem, (size_t)n) : word;
}
