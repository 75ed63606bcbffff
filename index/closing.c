#include "index/closing.h"

#include <string.h>

static bool joins(struct slice word)
{
    static const char *const joiners[] = {"for", "with", "without", "in",   "of",  "to",  "and",
                                          "or",  "from", "by",      "w",    "on",  "at",  "mit",
                                          "fur", "und",  "avec",    "pour", "de",  "con", "para",
                                          "y",   "et",   "met",     "voor", "per", NULL};
    for (const char *const *j = joiners; *j; j++)
        if (word.ptr[0] == **j && slice_equal(word, slice_str(*j)))
            return true;
    return false;
}

/* Punctuation between two words; a hyphen that joins them is none. */
static bool parted(struct slice text, uint32_t from, uint32_t to)
{
    enum { GENERAL_PUNCTUATION = 0xe2 }; /* first byte of dashes and quotes in UTF-8 */
    for (uint32_t i = from; i < to && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == GENERAL_PUNCTUATION || (c && strchr(",;:()|[]/", c)) || (c == '-' && i + 1 < to))
            return true;
    }
    return false;
}

bool closing_word(struct slice text, const struct token_list *list, uint32_t at)
{
    const struct token *word = &list->items[at], *next = NULL;
    if (word->kind != TOKEN_WORD)
        return false;
    for (uint32_t i = at + 1; i < list->count && !next; i++)
        if (list->items[i].kind != TOKEN_EXTRA)
            next = &list->items[i];
    return !next || next->kind == TOKEN_NUMBER || joins(next->term) ||
           parted(text, word->end, next->start);
}
