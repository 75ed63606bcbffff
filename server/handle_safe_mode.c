/* SAFE_MODE: told from the shared pages and the settings; turned on and off through the writer. */
#include "protocol/labels.h"
#include "server/front.h"
#include "server/safe_mode.h"

static enum status tell(struct front *f, struct request *rq, struct slice name, struct fault *fault)
{
    struct catalog *c;
    struct safe_mode_stored stored;
    const struct shared *shared = f->role->shared;
    enum status s = catalogs_get(f->catalogs, name, &c, fault);
    if (s || (s = snapshot_begin(c->snapshot)))
        return s;
    size_t at = reply_begin(rq);
    struct buf *b = &rq->conn->out;
    if ((s = safe_mode_read(c->snapshot, &stored)) == STATUS_OK) {
        uint32_t bits = stored.bits | (c->row ? shared_safe_mode_now(c->row) : 0);
        int64_t now = shared_now_ms(shared);
        tlv_put_u64(b, TAG_SAFE_MODE_MODE, bits);
        if (bits && stored.since_ms)
            tlv_put_u64(b, TAG_SAFE_MODE_FOR_MS,
                        now > stored.since_ms ? (uint64_t)(now - stored.since_ms) : 0);
        if (stored.bits & SAFE_BY_HAND)
            tlv_put(b, TAG_SAFE_MODE_REASON, stored.by_hand);
        if (c->row)
            tlv_put_u64(b, TAG_SAFE_MODE_UPSTREAM, shared_upstream_now(shared, c->row));
    }
    snapshot_end(c->snapshot);
    if (s == STATUS_OK)
        reply_end(rq, at);
    return s;
}

enum status handle_safe_mode(struct front *f, struct request *rq, struct fault *fault)
{
    struct safe_mode_request in;
    enum status s = safe_mode_request_decode(rq->frame.body, &in, fault);
    if (s)
        return s;
    return in.action == SAFE_MODE_STATUS ? tell(f, rq, in.catalog, fault) : front_forward(f, rq);
}
