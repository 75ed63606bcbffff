#include "loadtest/observe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/multi.h"
#include "protocol/reply.h"
#include "protocol/suggest.h"

void observer_init(struct observer *o, bool verify, uint32_t connections, struct tally *t)
{
    *o = (struct observer){.verify = verify, .tally = t, .count = connections};
    arena_init(&o->arena, (size_t)64 << 20);
    o->sequences = verify ? calloc(connections, sizeof *o->sequences) : NULL;
    o->verify = o->sequences != NULL;
}

void observer_fini(struct observer *o)
{
    arena_fini(&o->arena);
    free(o->sequences);
}

/* --- the walk --------------------------------------------------------------------------------- */

static bool walk_search(struct slice body, struct counts *c)
{
    struct wire_reader r = wire_reader_of(body), f;
    uint32_t tag;
    struct slice v;
    enum status s;
    bool degraded = false;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        switch (tag) {
        case TAG_HITS_FOUND:
            c->found += tlv_u64(v);
            break;
        case TAG_HITS_DEGRADED:
            degraded = true;
            break;
        case TAG_HITS_FRESHNESS:
            f = wire_reader_of(v);
            c->fresh += wire_varint(&f);
            c->stale += wire_varint(&f);
            c->stale_if_error += wire_varint(&f);
            break;
        case TAG_HITS_LEVEL:
            c->level_sum += tlv_u64(v);
            break;
        case TAG_HITS_CACHE:
            c->cached++;
            c->cached_old += tlv_u64(v) > 1;
            break;
        case TAG_HITS_SAFE_MODE:
            c->safe_mode += tlv_u64(v) != 0;
            break;
        default:
            break;
        }
    }
    c->degraded += degraded;
    return s == STATUS_END;
}

static bool walk_multi(struct slice body, struct counts *c)
{
    struct wire_reader r = wire_reader_of(body);
    enum status s, part;
    struct slice v;
    while ((s = multi_reply_next(&r, &part, &v)) == STATUS_OK)
        if (part || !walk_search(v, c))
            return false;
    return s == STATUS_END;
}

static bool walk_suggest(struct slice body, struct counts *c)
{
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    bool degraded = false;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK)
        degraded |= tag == TAG_SUGGEST_DEGRADED;
    c->degraded += degraded;
    return s == STATUS_END;
}

/* --- verify ----------------------------------------------------------------------------------- */

static bool wrong(struct observer *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(struct observer *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!o->tally->wrong[0])
        vsnprintf(o->tally->wrong, sizeof o->tally->wrong, fmt, ap);
    va_end(ap);
    return false;
}

static bool sequence_holds(struct observer *o, uint32_t connection, uint64_t sequence)
{
    if (sequence < o->sequences[connection])
        return wrong(o, "the sequence went back from %llu to %llu on one connection",
                     (unsigned long long)o->sequences[connection], (unsigned long long)sequence);
    o->sequences[connection] = sequence;
    return true;
}

static bool hits_hold(struct observer *o, const struct mix_op *op, const struct search_reply *r)
{
    uint64_t counted[FRESHNESS_COUNT] = {0};
    for (uint32_t i = 0; i < r->hit_count; i++) {
        const struct hit_reply *h = &r->hits[i];
        if (h->freshness >= EXPIRED)
            return wrong(o, "hit %.*s is expired", (int)h->id.len, h->id.ptr);
        counted[h->freshness]++;
        if (i && !op->sorted && h->score > r->hits[i - 1].score)
            return wrong(o, "hit %u scores more than the one before it", i);
        for (uint32_t j = 0; j < i; j++)
            if (slice_equal(h->id, r->hits[j].id))
                return wrong(o, "product %.*s is a hit twice", (int)h->id.len, h->id.ptr);
    }
    for (int i = 0; i < 3; i++)
        if (counted[i] != r->fresh_counts[i])
            return wrong(o, "%llu hits are %s, the reply counts %llu",
                         (unsigned long long)counted[i], freshness_name((enum freshness)i),
                         (unsigned long long)r->fresh_counts[i]);
    return true;
}

static bool search_holds(struct observer *o, const struct mix_op *op, uint32_t connection,
                         struct slice body)
{
    struct search_reply r;
    if (search_reply_decode(body, &o->arena, &r))
        return wrong(o, "a search reply does not decode");
    if (r.hit_count > op->k)
        return wrong(o, "%u hits where %u were asked for", r.hit_count, op->k);
    if (r.hit_count > r.found)
        return wrong(o, "%u hits of %llu found", r.hit_count, (unsigned long long)r.found);
    if (r.hit_count < op->k && r.found_exact && r.found > r.hit_count && !r.groups)
        return wrong(o, "%u hits where %llu were found and %u asked for", r.hit_count,
                     (unsigned long long)r.found, op->k);
    return hits_hold(o, op, &r) && (!op->no_cache || sequence_holds(o, connection, r.sequence));
}

static bool multi_holds(struct observer *o, const struct mix_op *op, uint32_t connection,
                        struct slice body)
{
    struct wire_reader r = wire_reader_of(body);
    enum status part;
    struct slice v;
    uint32_t n = 0;
    for (; multi_reply_next(&r, &part, &v) == STATUS_OK; n++)
        if (n >= op->part_count || part || !search_holds(o, &op->parts[n], connection, v))
            return wrong(o, "part %u of a multi-search is wrong", n);
    return n == op->part_count || wrong(o, "%u parts where %u were asked for", n, op->part_count);
}

static bool get_holds(struct observer *o, const struct mix_op *op, uint32_t connection,
                      struct slice body)
{
    struct get_reply r;
    if (get_reply_decode(body, &o->arena, &r))
        return wrong(o, "a get reply does not decode");
    if (r.item_count != op->batch)
        return wrong(o, "%u items where %u were asked for", r.item_count, op->batch);
    for (uint32_t i = 0; i < r.item_count; i++)
        if (!r.items[i].status && r.items[i].freshness >= EXPIRED)
            return wrong(o, "product %.*s is expired", (int)r.items[i].id.len, r.items[i].id.ptr);
    return sequence_holds(o, connection, r.sequence);
}

static bool put_holds(struct observer *o, const struct mix_op *op, struct slice body)
{
    struct put_reply r;
    if (put_reply_decode(body, &o->arena, &r))
        return wrong(o, "a put reply does not decode");
    uint64_t told = r.applied + r.ignored + r.failed;
    return told == op->batch ||
           wrong(o, "%u items were put, the reply accounts for %" PRIu64, op->batch, told);
}

static bool suggest_holds(struct observer *o, const struct mix_op *op, struct slice body)
{
    struct suggest_reply r;
    if (suggest_reply_decode(body, &o->arena, &r))
        return wrong(o, "a suggest reply does not decode");
    if (r.query_count > op->k)
        return wrong(o, "%u suggestions where %u were asked for", r.query_count, op->k);
    return true;
}

static bool holds(struct observer *o, const struct mix_op *op, uint32_t connection,
                  struct slice body)
{
    switch (op->kind) {
    case MIX_SEARCH:
        return search_holds(o, op, connection, body);
    case MIX_MULTI:
        return multi_holds(o, op, connection, body);
    case MIX_GET:
        return get_holds(o, op, connection, body);
    case MIX_PUT:
        return put_holds(o, op, body);
    case MIX_SUGGEST:
        return suggest_holds(o, op, body);
    default:
        return true;
    }
}

bool observe_reply(struct observer *o, const struct mix_op *op, uint32_t connection,
                   const struct pending *p, const struct frame *f, struct counts *c)
{
    (void)p;
    if (f->opcode != mix_opcode(op->kind))
        return wrong(o, "a reply of opcode %u to a %s", f->opcode, mix_kind_name(op->kind));
    if (op->kind == MIX_SEARCH && !walk_search(f->body, c))
        return wrong(o, "the body of a search reply is damaged");
    if (op->kind == MIX_MULTI && !walk_multi(f->body, c))
        return wrong(o, "a part of a multi-search failed");
    if (op->kind == MIX_SUGGEST && !walk_suggest(f->body, c))
        return wrong(o, "the body of a suggest reply is damaged");
    if (!o->verify)
        return true;
    c->verified++;
    arena_reset(&o->arena);
    bool good = holds(o, op, connection, f->body);
    c->wrong += !good;
    return good;
}
