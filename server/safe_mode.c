#include "server/safe_mode.h"

#include "protocol/wire.h"

bool safe_mode_step(struct safe_guard *m, enum upstream_state state, int64_t now_ms,
                    const struct safe_mode_times *t)
{
    bool down = state == UPSTREAM_DOWN, well = state == UPSTREAM_OK || state == UPSTREAM_NONE;
    m->down_since = !down ? 0 : m->down_since ? m->down_since : now_ms;
    m->well_since = !well ? 0 : m->well_since ? m->well_since : now_ms;
    bool on = m->on ? !(well && now_ms - m->well_since >= t->leave_ms)
                    : down && now_ms - m->down_since >= t->enter_ms;
    bool changed = on != m->on;
    m->on = on;
    return changed;
}

struct slice safe_mode_key(uint32_t bit)
{
    return bit == SAFE_BY_HAND ? SLICE_LIT("by_hand") : SLICE_LIT("upstream");
}

void safe_mode_encode(struct buf *out, int64_t since_ms, struct slice reason)
{
    wire_put_varint(out, (uint64_t)since_ms);
    buf_put_slice(out, reason);
}

static enum status read_one(struct snapshot *s, uint32_t bit, struct safe_mode_stored *out,
                            struct slice *reason)
{
    struct slice value;
    enum status st = snapshot_setting(s, SLICE_LIT(SAFE_MODE_KIND), safe_mode_key(bit), &value);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    struct wire_reader r = wire_reader_of(value);
    int64_t since = (int64_t)(wire_varint(&r) & INT64_MAX);
    *reason = r.failed ? SLICE_NULL : slice_make(r.at, wire_left(&r));
    if (!out->bits || since < out->since_ms)
        out->since_ms = since;
    out->bits |= bit;
    return STATUS_OK;
}

enum status safe_mode_read(struct snapshot *s, struct safe_mode_stored *out)
{
    *out = (struct safe_mode_stored){0};
    enum status st = read_one(s, SAFE_BY_HAND, out, &out->by_hand);
    return st ? st : read_one(s, SAFE_UPSTREAM, out, &out->upstream);
}
