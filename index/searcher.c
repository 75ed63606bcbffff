#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/query_stages.h"
#include "index/recall.h"

#include <stdlib.h>
#include <string.h>

enum status searcher_create(struct searcher **out)
{
    struct searcher *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return STATUS_NO_MEMORY;
    enum status st = analyser_create(&s->analyser);
    if (!st)
        st = matcher_create(&s->matcher);
    if (!st)
        st = loose_create(&s->loose);
    if (!st)
        st = forms_create(&s->forms);
    if (!st)
        st = recall_create(&s->recall);
    if (!st)
        st = word_cache_create(&s->words);
    if (!st)
        st = sort_texts_create(&s->texts);
    if (!st)
        st = folder_create(&s->folder);
    if (st)
        searcher_destroy(out);
    return st;
}

void searcher_destroy(struct searcher **s)
{
    if (!*s)
        return;
    analyser_destroy(&(*s)->analyser);
    matcher_destroy(&(*s)->matcher);
    loose_destroy(&(*s)->loose);
    forms_destroy(&(*s)->forms);
    recall_destroy(&(*s)->recall);
    word_cache_destroy(&(*s)->words);
    sort_texts_destroy(&(*s)->texts);
    folder_destroy(&(*s)->folder);
    buf_fini(&(*s)->scratch);
    free(*s);
    *s = NULL;
}

void searcher_warm(struct searcher *s)
{
    analyser_open(s->analyser); /* what it fails with, the text tells that needs it */
}

void search_share_begin(struct searcher *s, struct arena *arena)
{
    s->share = (struct share){.arena = arena};
}

void search_share_end(struct searcher *s)
{
    s->share = (struct share){0};
}

struct analyser *searcher_analyser(struct searcher *s)
{
    return s->analyser;
}

/* Score of an evidence byte: weights of the classes it names, the best by its impact, 1..1023.
 * Made anew only when a number that it depends on is another. */
void searcher_weigh(struct searcher *sr, const struct schema *schema, const double *n)
{
    double floor = n[PROFILE_impact_floor], further = n[PROFILE_more_classes];
    double most = 0, raw[256], from[LUT_NUMBERS] = {floor, further};
    for (int c = 0; c < 4; c++)
        from[2 + c] = n[PROFILE_class_0 + c] *
                      (schema->class_weight[c] > 0 ? (double)schema->class_weight[c] : 1);
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): the same bytes are what is asked */
    if (sr->lut[0] && !memcmp(sr->lut_from, from, sizeof from))
        return;
    memcpy(sr->lut_from, from, sizeof from);
    for (int e = 0; e < 256; e++) {
        int mask = e >> 4, best = mask ? __builtin_ctz((unsigned)mask) : 0;
        raw[e] = 0;
        for (int c = 0; mask && c < 4; c++)
            if (mask >> c & 1)
                raw[e] +=
                    from[2 + c] * (c == best ? floor + (1 - floor) * (e & 15) / 15.0 : further);
        most = raw[e] > most ? raw[e] : most;
    }
    for (int e = 0; e < 256; e++) {
        uint32_t v = (uint32_t)(most > 0 ? raw[e] / most * 1023 + 0.5 : 0);
        sr->lut[e] = v ? v : 1; /* a match is never worth nothing */
    }
    sr->lut_name = XXH3_64bits(sr->lut, sizeof sr->lut);
}
