#include "server/freshness.h"

#include "index/expiry.h"

enum { STATE_FRESH, STATE_STALE, STATE_STALE_IF_ERROR, STATE_EXPIRED };

uint8_t freshness_at(const struct schema *schema, int64_t stale_ms, int64_t limit_ms,
                     int64_t swr_ms, int64_t now_ms, bool failing)
{
    if (now_ms < stale_ms)
        return STATE_FRESH;
    if (now_ms >= limit_ms)
        return STATE_EXPIRED;
    int64_t swr = swr_ms >= 0 ? swr_ms : schema->swr_ms;
    return failing || now_ms - stale_ms >= swr ? STATE_STALE_IF_ERROR : STATE_STALE;
}

static int64_t number(struct snapshot *s, uint32_t column, uint32_t docid, int64_t absent)
{
    int64_t v;
    struct column *c = snapshot_column(s, column);
    return c && column_int(c, docid, &v) == STATUS_OK ? v : absent;
}

uint8_t freshness_of(struct snapshot *s, uint32_t docid, struct slice id, int64_t now_ms,
                     uint64_t *age_ms)
{
    struct freshness f = {.validated_ms = number(s, COLUMN_VALIDATED, docid, now_ms),
                          .ttl_ms = number(s, COLUMN_TTL, docid, -1),
                          .swr_ms = number(s, COLUMN_SWR, docid, -1),
                          .sie_ms = number(s, COLUMN_SIE, docid, -1)};
    const struct schema *schema = snapshot_schema(s);
    *age_ms = now_ms > f.validated_ms ? (uint64_t)(now_ms - f.validated_ms) : 0;
    return freshness_at(schema, expiry_stale_ms(schema, &f, id), expiry_limit_ms(schema, &f, id),
                        f.swr_ms, now_ms, false);
}
