#include "server/expired.h"

#include <stdlib.h>

#include "index/expiry.h"
#include "server/canary_id.h"

/* Naming a product costs as much as reading through so many rows. */
enum { ROWS_A_NAME = 4, FEW = 64 };

struct walk {
    struct expired *e;
    bool failed;
};

/* Products that were named by a commit. */
struct look {
    struct expired *e;
    struct snapshot *snapshot;
    uint32_t canary;
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

static void clear_bit(struct expired *e, uint32_t docid)
{
    uint64_t bit = UINT64_C(1) << docid % 64;
    if (docid / 64 >= e->word_count || !(e->words[docid / 64] & bit))
        return;
    e->words[docid / 64] &= ~bit;
    e->count--;
    e->version++;
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

static enum status look_again(void *ctx, uint32_t docid)
{
    struct look *l = ctx;
    struct walk w = {l->e, false};
    struct product_times t;
    if (docid == l->canary || !snapshot_is_live(l->snapshot, docid))
        return STATUS_OK;
    enum status st = snapshot_times(l->snapshot, docid, SLICE_NULL, &t);
    if (!st && t.limit_ms <= l->e->until_ms)
        set_bit(&w, docid);
    else if (!st)
        clear_bit(l->e, docid);
    return w.failed ? STATUS_NO_MEMORY : st;
}

/* The server's own product is nobody's to see. */
static enum status hide_canary(struct expired *e, uint32_t docid)
{
    struct walk w = {e, false};
    if (docid != UINT32_MAX)
        set_bit(&w, docid);
    return w.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

/* After a commit: is what we know still so? */
static enum status follow(struct expired *e, struct snapshot *s, int64_t now_ms)
{
    struct look l = {e, s, UINT32_MAX};
    int64_t next;
    bool any = false, told = false;
    enum status st = snapshot_find(s, SLICE_LIT(CANARY_ID), &l.canary);
    if (st == STATUS_NOT_FOUND) {
        l.canary = UINT32_MAX;
        st = STATUS_OK;
    }
    st = st ? st : snapshot_expired(s, -1, now_ms, stop, &any, &next);
    if (!st && e->generation && any)
        st = snapshot_expiry_moves(s, e->generation, e->until_ms, e->count / ROWS_A_NAME + FEW,
                                   look_again, &l, &told);
    if (st)
        return st;
    if (!told)
        clear(e);
    e->next_ms = any ? 0 : next; /* 0: rows behind until_ms may be new */
    if (!any)
        e->until_ms = now_ms;
    e->generation = snapshot_generation(s);
    return hide_canary(e, l.canary);
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
