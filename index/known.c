#include "index/known.h"

enum status known_forms(const struct expansion_request *r, struct slice original, struct slice word,
                        struct form_list *out)
{
    struct recall_question q;
    struct typo_list kept;
    struct typo items[FORMS_MAX];
    bool known;
    recall_ask(&q, r->snap, RECALL_FORMS, 0, original, word);
    enum status st = recall_get_terms(r->recall, &q, r->arena, &kept, &known);
    if (!st && !known)
        st = forms_of(r->forms, r->snap, original, word, r->arena, out);
    else
        out->count = kept.count;
    if (st)
        return st;
    for (uint32_t i = 0; i < out->count; i++)
        if (known) {
            out->terms[i] = kept.items[i].term;
            out->df[i] = kept.items[i].df;
        } else
            items[i] = (struct typo){out->terms[i], out->df[i], 0};
    if (!known)
        recall_keep_terms(r->recall, &q, &(struct typo_list){items, out->count});
    return STATUS_OK;
}

enum status known_typos(const struct expansion_request *r, struct slice word, uint32_t edits,
                        struct typo_list *out)
{
    uint32_t most = (edits > 1 ? EXPAND_TYPO2_CAP : EXPAND_TYPO_CAP) + 1;
    struct recall_question q;
    bool known;
    recall_ask(&q, r->snap, RECALL_TYPOS, edits, word, SLICE_NULL);
    enum status st = recall_get_terms(r->recall, &q, r->arena, out, &known);
    if (st || known)
        return st;
    st = typo_find(r->snap, word, edits, r->arena, out);
    out->count = out->count < most ? out->count : most;
    if (!st)
        recall_keep_terms(r->recall, &q, out);
    return st;
}
