#include "index/facet_search.h"

#include "index/lev.h"

/* Cuts the next word off `text`; empty at its end. */
static struct slice next_word(struct slice *text)
{
    const char *blank = text->len ? memchr(text->ptr, ' ', text->len) : NULL;
    struct slice word = slice_make(text->ptr, blank ? (size_t)(blank - text->ptr) : text->len);
    size_t used = word.len + (blank != NULL);
    *text = slice_make(text->ptr + used, text->len - used);
    return word;
}

enum status facet_search_init(struct facet_search *s, struct folder *f, struct slice typed,
                              struct arena *arena)
{
    struct slice folded, word;
    *s = (struct facet_search){.folder = f};
    enum status st = folder_run(f, typed, true, &folded);
    while (!st && s->count < FACET_SEARCH_WORDS && (word = next_word(&folded)).len) {
        s->words[s->count] = arena_copy(arena, word);
        if (!s->words[s->count++].ptr)
            st = STATUS_NO_MEMORY;
    }
    return st;
}

static uint32_t edits_for(struct slice word)
{
    uint32_t letters = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] >= '0' && word.ptr[i] <= '9')
            return 0;
        letters += ((unsigned char)word.ptr[i] & 0xc0) != 0x80;
    }
    return letters < 4 ? 0 : letters < 8 ? 1 : 2;
}

static bool near(struct slice typed, struct slice word, bool beginning, uint32_t edits)
{
    if (lev_distance(typed, word, edits) <= edits)
        return true;
    for (size_t cut = typed.len > edits ? typed.len - edits : 1;
         beginning && cut < word.len && cut <= typed.len + edits; cut++)
        if (((unsigned char)word.ptr[cut] & 0xc0) != 0x80 &&
            lev_distance(typed, slice_make(word.ptr, cut), edits) <= edits)
            return true;
    return false;
}

static bool holds_word(struct slice value, struct slice typed, bool beginning, bool looser)
{
    uint32_t edits = looser ? edits_for(typed) : 0;
    for (struct slice rest = value, word; rest.len;) {
        word = next_word(&rest);
        if (beginning ? slice_starts(word, typed) : slice_equal(word, typed))
            return true;
        if (edits && word.len && near(typed, word, beginning, edits))
            return true;
    }
    return false;
}

/* Writing without blanks between words: what was typed may stand anywhere. */
static bool holds_inside(struct slice value, struct slice typed)
{
    return (unsigned char)typed.ptr[0] >= 0xe0 &&
           memmem(value.ptr, value.len, typed.ptr, typed.len) != NULL;
}

bool facet_search_holds(const struct facet_search *s, struct slice value, bool looser)
{
    struct slice folded;
    if (folder_run(s->folder, value, true, &folded))
        return false;
    for (uint32_t i = 0; i < s->count; i++)
        if (!holds_word(folded, s->words[i], i + 1 == s->count, looser) &&
            !holds_inside(folded, s->words[i]))
            return false;
    return true;
}
