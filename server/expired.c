#include "server/expired.h"

#include <stdlib.h>

#include "index/expiry.h"
#include "server/canary_id.h"

struct walk {
    struct expired *e;
    bool failed;
};

static bool grow(struct expired *e, uint32_t words)
{
    if (words <= e->word_count)
        return true;
    words += words / 8 + 64;
    uint64_t *p = realloc(e->words, words * sizeof *p);
    if (!p)
        return false;
    memset(p + e->word_count, 0, (words - e->word_count) * sizeof *p);
    e->words = p;
    e->word_count = words;
    return true;
}

static bool set_bit(void *ctx, uint32_t docid)
{
    struct walk *w = ctx;
    if (!grow(w->e, docid / 64 + 1)) {
        w->failed = true;
        return false;
    }
    uint64_t bit = UINT64_C(1) << docid % 64, *word = &w->e->words[docid / 64];
    bool new = !(*word & bit);
    w->e->count += new;
    w->e->version += new;
    *word |= bit;
    return true;
}

static void clear(struct expired *e)
{
    if (e->count)
        memset(e->words, 0, e->word_count * sizeof *e->words);
    e->version += e->count != 0;
    e->count = 0;
    e->until_ms = -1;
    e->next_ms = 0;
}

static bool stop(void *ctx, uint32_t docid)
{
    (void)docid;
    *(bool *)ctx = true;
    return false;
}

/* The server's own product is nobody's to see. */
static enum status hide_canary(struct expired *e, struct snapshot *s)
{
    struct walk w = {e, false};
    uint32_t docid;
    enum status st = snapshot_find(s, SLICE_LIT(CANARY_ID), &docid);
    if (!st)
        set_bit(&w, docid);
    st = st == STATUS_NOT_FOUND ? STATUS_OK : st;
    return w.failed ? STATUS_NO_MEMORY : st;
}

/* After a commit: is what we know still so? */
static enum status follow(struct expired *e, struct snapshot *s, int64_t now_ms)
{
    int64_t least, next;
    bool any = false;
    enum status st = snapshot_expiry_moves(s, e->generation, &least);
    st = st ? st : snapshot_expired(s, -1, now_ms, stop, &any, &next);
    if (st)
        return st;
    if (!e->generation || least <= e->until_ms || !any)
        clear(e);
    e->next_ms = any ? 0 : next; /* 0: rows behind until_ms may be new */
    if (!any)
        e->until_ms = now_ms;
    e->generation = snapshot_generation(s);
    return hide_canary(e, s);
}

enum status expired_at(struct expired *e, struct snapshot *s, int64_t now_ms, const uint64_t **bits,
                       uint32_t *bit_count)
{
    enum status st = STATUS_OK;
    if (e->generation != snapshot_generation(s))
        st = follow(e, s, now_ms);
    if (!st && now_ms >= e->next_ms) {
        struct walk w = {e, false};
        st = snapshot_expired(s, e->until_ms, now_ms, set_bit, &w, &e->next_ms);
        st = w.failed ? STATUS_NO_MEMORY : st;
        e->until_ms = now_ms;
    }
    if (st) /* half of it is worse than none: the next call begins anew */
        e->generation = 0;
    *bits = e->count ? e->words : NULL;
    *bit_count = e->count ? e->word_count * 64 : 0;
    return st;
}

void expired_fini(struct expired *e)
{
    free(e->words);
    *e = (struct expired){0};
}
