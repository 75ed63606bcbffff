#include "server/suggestions.h"

#include <stdlib.h>
#include <xxhash.h>

#include "index/expand.h"

enum { HINTS = 512, HINT_TEXT = 96, HINT_MS = 60000 };

struct hint { /* categories of a query, kept for a minute */
    uint64_t hash;
    int64_t until_ms;
    uint8_t count, lens[SUGGESTIONS_CATEGORIES];
    char texts[SUGGESTIONS_CATEGORIES][HINT_TEXT];
};

struct suggestions {
    struct folder *folder;
    struct suggest *imported, *learnt;
    uint64_t settings_sequence, imported_hash;
    struct edition edition;
    int64_t learn_at_ms;
    struct hint hints[HINTS];
};

enum status suggestions_create(struct suggestions **out)
{
    struct suggestions *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return STATUS_NO_MEMORY;
    s->settings_sequence = UINT64_MAX;
    enum status st = folder_create(&s->folder);
    if (st)
        suggestions_destroy(out);
    return st;
}

void suggestions_destroy(struct suggestions **s)
{
    if (!*s)
        return;
    suggest_destroy(&(*s)->imported);
    suggest_destroy(&(*s)->learnt);
    folder_destroy(&(*s)->folder);
    free(*s);
    *s = NULL;
}

/* --- the lists -------------------------------------------------------------------------------- */

static enum status import(struct suggestions *s, struct snapshot *snap)
{
    struct slice name = SLICE_NULL, value;
    enum status st = suggest_create(&s->imported);
    while (!st &&
           (st = snapshot_next_setting(snap, SLICE_LIT("suggestions"), &name, &value)) == STATUS_OK)
        st = suggest_add_lines(s->imported, s->folder, value);
    st = st == STATUS_END ? STATUS_OK : st;
    return st ? st : suggest_build(s->imported);
}

/* A change of other settings leaves the imported list as it is. */
static enum status imported_now(struct suggestions *s, struct snapshot *snap)
{
    struct slice name = SLICE_NULL, value;
    uint64_t hash = 0;
    if (s->imported && edition_same(s->edition, snapshot_edition(snap)) &&
        s->settings_sequence == snapshot_settings_sequence(snap))
        return STATUS_OK;
    while (snapshot_next_setting(snap, SLICE_LIT("suggestions"), &name, &value) == STATUS_OK)
        hash = XXH3_64bits_withSeed(value.ptr, value.len, hash + 1);
    enum status st = STATUS_OK;
    if (!s->imported || hash != s->imported_hash) {
        suggest_destroy(&s->imported);
        st = import(s, snap);
    }
    if (st) {
        suggest_destroy(&s->imported);
        return st;
    }
    s->imported_hash = hash;
    s->edition = snapshot_edition(snap);
    s->settings_sequence = snapshot_settings_sequence(snap);
    return STATUS_OK;
}

/* Queries that came twice and found something. */
static enum status learnt_now(struct suggestions *s, struct front *f, struct catalog *c)
{
    struct queries_row *rows;
    uint32_t count;
    int64_t now = shared_now_ms(f->role->shared);
    if (s->learnt && now < s->learn_at_ms)
        return STATUS_OK;
    s->learn_at_ms = now + SUGGESTIONS_LEARN_MS;
    enum status st =
        query_log_read(f->role->shared->query_logs, QUERY_LOGS, slice_str(c->name), QUERIES_POPULAR,
                       SUGGESTIONS_LEARN_MAX, now, &f->arena, &rows, &count);
    suggest_destroy(&s->learnt);
    if (!st)
        st = suggest_create(&s->learnt);
    for (uint32_t i = 0; !st && i < count; i++)
        if (rows[i].found && rows[i].count > 1.2)
            st = suggest_add(s->learnt, s->folder, rows[i].text, rows[i].count);
    if (!st)
        st = suggest_build(s->learnt);
    if (st)
        suggest_destroy(&s->learnt);
    return st;
}

/* --- finding ---------------------------------------------------------------------------------- */

struct words {
    struct front *front;
    struct snapshot *snap;
};

static bool word_known(struct snapshot *snap, struct slice term)
{
    char other[ANALYSE_TERM_MAX + 1];
    if (expand_live_df(snap, term))
        return true;
    if (term.len < 3 || term.len > ANALYSE_TERM_MAX - 1)
        return false;
    if (term.ptr[term.len - 1] == 's') /* a plural of what is there, or the other way round */
        return expand_live_df(snap, slice_make(term.ptr, term.len - 1)) > 0;
    memcpy(other, term.ptr, term.len);
    other[term.len] = 's';
    return expand_live_df(snap, slice_make(other, term.len + 1)) > 0;
}

/* Complaint answered here: suggestions that lead to nothing. */
static bool words_known(void *ctx, struct slice text)
{
    struct words *w = ctx;
    const struct token_list *l;
    if (analyser_run(searcher_analyser(w->front->searcher), text, &l))
        return false;
    for (uint32_t i = 0; i < l->count; i++)
        if (l->items[i].kind != TOKEN_EXTRA && !word_known(w->snap, l->items[i].term))
            return false;
    return l->count > 0;
}

static bool before(const struct suggestion *a, const struct suggestion *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    if (a->inner != b->inner)
        return b->inner;
    return a->weight > b->weight;
}

static bool same_text(struct suggestions *s, struct slice a, struct slice b)
{
    struct slice folded;
    char kept[SUGGEST_TEXT_MAX * 3];
    if (folder_run(s->folder, a, true, &folded) || folded.len > sizeof kept)
        return false;
    size_t len = folded.len;
    memcpy(kept, folded.ptr, len);
    return folder_run(s->folder, b, true, &folded) == STATUS_OK &&
           slice_equal(folded, slice_make(kept, len));
}

/* Merges what was learnt into `out`; a query of both lists counts with both. */
static void merge(struct suggestions *s, const struct suggestion *more, uint32_t more_count,
                  uint32_t limit, struct suggestion *out, uint32_t *count)
{
    for (uint32_t i = 0; i < more_count; i++) {
        struct suggestion one = more[i];
        for (uint32_t k = 0; k < *count; k++)
            if (same_text(s, out[k].text, one.text)) {
                one.weight += out[k].weight;
                memmove(out + k, out + k + 1, (--*count - k) * sizeof *out);
                break;
            }
        uint32_t at = *count;
        while (at && before(&one, &out[at - 1]))
            at--;
        if (at >= limit)
            continue;
        uint32_t end = *count < limit ? *count : limit - 1;
        memmove(out + at + 1, out + at, (end - at) * sizeof *out);
        out[at] = one;
        *count = end + 1;
    }
}

enum status suggestions_find(struct suggestions *s, struct front *f, struct catalog *c,
                             struct slice typed, uint32_t limit, struct suggestion *out,
                             uint32_t *count)
{
    struct suggestion learnt[SUGGEST_MAX];
    uint32_t learnt_count = 0;
    struct words w = {f, c->snapshot};
    limit = limit < SUGGEST_MAX ? limit : SUGGEST_MAX;
    *count = 0;
    enum status st = imported_now(s, c->snapshot);
    if (!st)
        st = learnt_now(s, f, c);
    if (!st)
        st = suggest_find(s->imported, s->folder, typed, limit, words_known, &w, out, count);
    if (!st)
        st = suggest_find(s->learnt, s->folder, typed, limit, words_known, &w, learnt,
                          &learnt_count);
    if (!st)
        merge(s, learnt, learnt_count, limit, out, count);
    return st;
}

/* --- categories ------------------------------------------------------------------------------- */

static const struct field *category_field(const struct schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].type == FIELD_PATH && schema->fields[i].facet)
            return &schema->fields[i];
    const struct field *f = schema_find(schema, SLICE_LIT("category"));
    return f && f->facet ? f : NULL;
}

/* Top levels of a path say little: the deepest nodes that hold most are taken. */
static enum status look_up(struct front *f, struct catalog *c, struct slice text, struct hint *h)
{
    const struct field *field = category_field(snapshot_schema(c->snapshot));
    struct query_result r = {0};
    struct front_check check = {f, clock_mono_us() + 20000, 0};
    h->count = 0;
    if (!field)
        return STATUS_OK;
    struct facet_request facet = {.field = slice_str(field->name), .limit = SUGGESTIONS_CATEGORIES};
    struct query q = {.text = text,
                      .match = QUERY_ALL,
                      .typos = 0,
                      .facets = &facet,
                      .facet_count = 1,
                      .count_to = QUERY_COUNT_ALL,
                      .max_stale_ms = -1,
                      .now_ms = shared_now_ms(f->role->shared),
                      .check = front_check,
                      .check_ctx = &check};
    enum status st = search_run(f->searcher, c->snapshot, &q, &f->arena, &r, NULL);
    for (uint32_t i = 0; !st && r.facet_count && i < r.facets[0].value_count; i++) {
        struct slice v = r.facets[0].values[i].value;
        if (v.len > HINT_TEXT)
            continue;
        memcpy(h->texts[h->count], v.ptr, v.len);
        h->lens[h->count++] = (uint8_t)v.len;
    }
    return st == STATUS_DEADLINE ? STATUS_OK : st; /* a hint is not worth waiting for */
}

enum status suggestions_categories(struct suggestions *s, struct front *f, struct catalog *c,
                                   struct slice text, struct slice out[SUGGESTIONS_CATEGORIES],
                                   uint32_t *count)
{
    uint64_t hash = XXH3_64bits(text.ptr, text.len);
    struct hint *h = &s->hints[hash % HINTS];
    int64_t now = shared_now_ms(f->role->shared);
    *count = 0;
    if (h->hash != hash || now >= h->until_ms) {
        enum status st = look_up(f, c, text, h);
        if (st)
            return st;
        h->hash = hash;
        h->until_ms = now + HINT_MS;
    }
    for (uint32_t i = 0; i < h->count; i++)
        out[(*count)++] = slice_make(h->texts[i], h->lens[i]);
    return STATUS_OK;
}
