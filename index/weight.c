#include "index/weight.h"

#include "index/index_private.h"

uint64_t snapshot_weight(const struct snapshot *s)
{
    return s->meta.weight;
}

enum status snapshot_weigh(struct snapshot *s, uint32_t docid, uint32_t *bytes)
{
    buf_clear(&s->scratch);
    enum status st = snapshot_whole(s, docid, &s->scratch);
    *bytes = st ? 0 : (uint32_t)s->scratch.len;
    return st || !s->scratch.failed ? st : STATUS_NO_MEMORY;
}

enum status weight_count(struct snapshot *s, uint64_t *out)
{
    enum status st = STATUS_OK;
    uint32_t bytes;
    *out = 0;
    for (uint32_t d = 0; d < s->meta.docid_end && !st; d++)
        if (live_get(&s->live, d) && !(st = snapshot_weigh(s, d, &bytes)))
            *out += bytes;
    return st;
}
