#include "index/forms.h"
#include "index/analyse.h"
#include "index/expand.h"
#include "index/stem.h"
#include "index/variants.h"

#include <stdlib.h>

enum { STEM_RANGE_MAX = 3000 };

struct forms {
    struct stemmer *stemmers[STEM_LANGUAGES]; /* by language; NULL = not asked for yet */
    struct stemmer *asked[STEM_LANGUAGES];    /* of the schema's languages, each once */
    uint32_t asked_count;
};

enum status forms_create(struct forms **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

void forms_destroy(struct forms **f)
{
    if (!*f)
        return;
    for (uint32_t i = 0; i < STEM_LANGUAGES; i++)
        stemmer_close(&(*f)->stemmers[i]);
    free(*f);
    *f = NULL;
}

/* *out = NULL: the language has none. */
static enum status stemmer_of(struct forms *f, struct slice language, struct stemmer **out)
{
    uint32_t i = stemmer_language(language);
    *out = NULL;
    if (i == STEM_LANGUAGES)
        return STATUS_OK;
    enum status st = f->stemmers[i] ? STATUS_OK : stemmer_open(language, &f->stemmers[i]);
    *out = f->stemmers[i];
    return st;
}

static enum status add(struct snapshot *snap, struct slice word, struct slice term,
                       struct arena *arena, struct form_list *out)
{
    if (out->count == FORMS_MAX || slice_equal(term, word))
        return STATUS_OK;
    for (uint32_t i = 0; i < out->count; i++)
        if (slice_equal(out->terms[i], term))
            return STATUS_OK;
    uint64_t df = expand_live_df(snap, term);
    if (!df)
        return STATUS_OK;
    out->df[out->count] = df;
    out->terms[out->count] = arena_copy(arena, term);
    return out->terms[out->count++].ptr ? STATUS_OK : STATUS_NO_MEMORY;
}

/* --- plurals ---------------------------------------------------------------------------------- */

/* "shoe" and "shoes", "box" and "boxes", "berry" and "berries": the word without `cut` letters,
 * with `tail`. */
static enum status plural(struct snapshot *snap, struct slice w, size_t cut, const char *tail,
                          struct arena *arena, struct form_list *out)
{
    char bytes[ANALYSE_TERM_MAX + 4];
    size_t len = w.len - cut, more = strlen(tail);
    if (len + more < 3) /* "dres" is no "dr" */
        return STATUS_OK;
    memcpy(bytes, w.ptr, len);
    for (size_t i = 0; i < more; i++)
        bytes[len + i] = tail[i];
    return add(snap, w, slice_make(bytes, len + more), arena, out);
}

static enum status plurals(struct snapshot *snap, struct slice w, struct arena *arena,
                           struct form_list *out)
{
    enum status st = STATUS_OK;
    const char *end = w.ptr + w.len;
    if (end[-1] != 's') {
        st = plural(snap, w, 0, "s", arena, out);
        if (!st && end[-1] == 'y')
            st = plural(snap, w, 1, "ies", arena, out);
        else if (!st && strchr("xhzo", end[-1]))
            st = plural(snap, w, 0, "es", arena, out);
    } else if (end[-2] == 's') {
        st = plural(snap, w, 0, "es", arena, out);
    } else if (w.len > 3 && end[-2] != 'u') {
        st = plural(snap, w, 1, "", arena, out);
        if (!st && w.len > 4 && end[-2] == 'e' && end[-3] == 'i')
            st = plural(snap, w, 3, "y", arena, out);
        else if (!st && end[-2] == 'e')
            st = plural(snap, w, 2, "", arena, out);
    }
    return st;
}

/* --- stems ------------------------------------------------------------------------------------ */

/* Words of one stem begin alike: only the dictionary's range of the stem is looked at, without its
 * last letter where it is long enough, for languages that change it ("berri" of "berry"). */
static enum status same_stem(struct stemmer *stemmer, struct snapshot *snap, struct slice word,
                             struct arena *arena, struct form_list *out)
{
    char bytes[ANALYSE_TERM_MAX + 1];
    struct slice stem = stemmer_stem(stemmer, word), term;
    if (stem.len < 3 || stem.len > ANALYSE_TERM_MAX)
        return STATUS_OK;
    memcpy(bytes, stem.ptr, stem.len);
    stem.ptr = bytes;
    size_t begin = stem.len > 4 ? stem.len - 1 : stem.len;
    while (begin && begin < stem.len && ((unsigned char)bytes[begin] & 0xc0) == 0x80)
        begin--;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < snapshot_segment_count(snap); i++) {
        const struct segment *s = snapshot_segment(snap, i);
        uint32_t lo, hi;
        st = segment_prefix_range(s, slice_make(bytes, begin), &lo, &hi);
        hi = hi - lo > STEM_RANGE_MAX ? lo + STEM_RANGE_MAX : hi;
        for (uint32_t o = lo; !st && o < hi; o++) {
            st = pulse_beat(segment_pulse(s), 8);
            if (!st)
                st = segment_term(s, o, &term);
            if (!st && term.len <= word.len + 6 && slice_equal(stemmer_stem(stemmer, term), stem))
                st = add(snap, word, term, arena, out);
        }
    }
    return st;
}

enum status forms_begin(struct forms *f, struct snapshot *snap)
{
    const struct schema *schema = snapshot_schema(snap);
    enum status st = STATUS_OK;
    f->asked_count = 0;
    for (uint32_t i = 0; !st && i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        struct stemmer *stemmer = NULL;
        if (field->searchable)
            st = stemmer_of(f, slice_str(field->language), &stemmer);
        uint32_t k = 0;
        while (k < f->asked_count && f->asked[k] != stemmer)
            k++;
        if (!stemmer || k < f->asked_count)
            continue;
        stemmer_forget(stemmer);
        f->asked[f->asked_count++] = stemmer;
    }
    return st;
}

static enum status stems(struct forms *f, struct snapshot *snap, struct slice word,
                         struct arena *arena, struct form_list *out)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < f->asked_count; i++)
        st = same_stem(f->asked[i], snap, word, arena, out);
    return st;
}

static bool has_digit(struct slice word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] >= '0' && word.ptr[i] <= '9')
            return true;
    return false;
}

enum status forms_of(struct forms *f, struct snapshot *snap, struct slice original,
                     struct slice word, struct arena *arena, struct form_list *out)
{
    struct variants variants;
    out->count = 0;
    if (word.len < 3 || word.len > ANALYSE_TERM_MAX - 3 || has_digit(word))
        return STATUS_OK;
    enum status st = STATUS_OK;
    variants_of(original, word, &variants);
    for (uint32_t i = 0; !st && i < variants.count; i++)
        st = add(snap, word, variants.items[i], arena, out);
    if (!st && (unsigned char)word.ptr[word.len - 1] < 0x80)
        st = plurals(snap, word, arena, out);
    return st ? st : stems(f, snap, word, arena, out);
}

/* --- forms that do not begin like the word ---------------------------------------------------- */

/* Words of a stem begin with it, but for its last letter, as same_stem() looks for them. */
static bool stem_beyond(const struct forms *f, struct slice beginning, struct slice term)
{
    for (uint32_t i = 0; i < f->asked_count; i++) {
        struct slice stem = stemmer_stem(f->asked[i], term);
        size_t begin = stem.len > 4 ? stem.len - 1 : stem.len;
        while (begin && begin < stem.len && ((unsigned char)stem.ptr[begin] & 0xc0) == 0x80)
            begin--;
        if (stem.len >= 3 && !slice_starts(slice_make(stem.ptr, begin), beginning))
            return true;
    }
    return false;
}

/* A plural that is longer than the beginning by less than what its singular goes without. */
static bool plural_beyond(struct slice beginning, struct slice term)
{
    size_t more = term.len - beginning.len;
    const char *end = term.ptr + term.len;
    return more < 3 && end[-1] == 's' && end[-2] == 'e' && (end[-3] == 'i' || more < 2);
}

enum status forms_beyond(struct forms *f, struct snapshot *snap, struct slice beginning,
                         struct slice term, struct arena *arena, struct form_list *out)
{
    struct variants variants;
    uint32_t kept = 0;
    out->count = 0;
    if (term.len < 3 || term.len > ANALYSE_TERM_MAX - 3 || has_digit(term))
        return STATUS_OK;
    variants_of(term, term, &variants);
    bool beyond = plural_beyond(beginning, term);
    for (uint32_t i = 0; i < variants.count; i++)
        beyond |= !slice_starts(variants.items[i], beginning);
    beyond = beyond || stem_beyond(f, beginning, term);
    enum status st = beyond ? forms_of(f, snap, term, term, arena, out) : STATUS_OK;
    for (uint32_t i = 0; i < out->count; i++)
        if (!slice_starts(out->terms[i], beginning)) {
            out->df[kept] = out->df[i];
            out->terms[kept++] = out->terms[i];
        }
    out->count = kept;
    return st;
}
