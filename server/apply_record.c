#include "server/apply_record.h"

#include "server/canary_id.h"
#include "server/deleted.h"
#include "server/provider_row.h"
#include "server/stream.h"

static enum status apply_item(struct batch *b, const struct put_item *item, int64_t accepted_ms,
                              uint64_t sequence, uint32_t place, struct applied *sum)
{
    struct change c = {.version = item->version,
                       .validated_ms = accepted_ms - (int64_t)item->age_ms,
                       .ttl_ms = item->ttl_ms,
                       .swr_ms = item->swr_ms,
                       .sie_ms = item->sie_ms,
                       .origin = (uint32_t)item->origin};
    struct document d;
    enum status st = document_begin(&d, item->document);
    if (st)
        return st;
    switch (item->op) {
    case PUT_UPSERT:
        st = batch_upsert(b, item->document, &c);
        break;
    case PUT_PATCH:
        st = batch_patch(b, item->document, &c);
        break;
    case PUT_DELETE:
        st = batch_delete(b, d.id);
        if (st == STATUS_NOT_FOUND && item->version) /* it is for its version that it was logged */
            st = STATUS_OK;
        st = st ? st : deleted_apply(b, item, d.id, accepted_ms, sequence, place, &sum->deleted);
        break;
    default:
        st = batch_validate(b, d.id, &c);
    }
    return st || !item->origin ? st : provider_row_put_item(b, d.id, item);
}

/* An item the index refuses by its content is left out, today and at every replay alike. */
static enum status judged(enum status st, struct applied *sum)
{
    if (status_class(st) != STATUS_CLASS_CLIENT)
        return st;
    sum->skipped++;
    sum->misfits += st == STATUS_SCHEMA_MISMATCH || st == STATUS_UNKNOWN_FIELD;
    return STATUS_OK;
}

/* Changes of the server's own products only, or none at all (where a source was read up to). */
static bool unseen(const struct log_changes *c)
{
    struct document d;
    for (uint32_t i = 0; i < c->item_count; i++)
        if (document_begin(&d, c->items[i].document) || !canary_reserved(d.id))
            return false;
    return true;
}

enum status apply_record(struct batch *b, const struct log_record *r, struct arena *arena,
                         struct buf *scratch, struct applied *sum)
{
    struct log_changes c;
    struct log_setting s;
    enum status st;
    switch (r->type) {
    case LOG_CHANGES:
        arena_reset(arena);
        st = log_changes_decode(r->payload, arena, &c);
        sum->seen |= !st && !unseen(&c);
        for (uint32_t i = 0; !st && i < c.item_count; i++)
            st = judged(apply_item(b, &c.items[i], c.accepted_ms, r->sequence, i, sum), sum);
        if (!st && c.cursor_of.len)
            st = provider_row_put_cursor(b, c.cursor_of, c.cursor);
        sum->accepted_ms = c.accepted_ms;
        return st ? st : idempotency_apply(b, &c, r->sequence, scratch, &sum->keys);
    case LOG_SETTING:
        st = log_setting_decode(r->payload, &s);
        sum->seen = true;
        return st ? st : judged(batch_setting(b, s.kind, s.name, s.value), sum);
    case LOG_STREAM:
        return stream_apply(b, r->payload);
    default:
        return STATUS_OLD_FORMAT;
    }
}
