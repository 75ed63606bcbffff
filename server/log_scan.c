#include "server/log_scan.h"
#include "protocol/wire.h"

#include <inttypes.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t pad8(uint64_t n)
{
    return (n + 7) & ~UINT64_C(7);
}

uint64_t log_record_bytes(size_t payload)
{
    return LOG_RECORD_HEAD + pad8(payload);
}

static uint64_t record_sum(uint64_t sequence, uint32_t type, uint64_t chain, struct slice payload)
{
    uint8_t head[20];
    wire_store64(head, sequence);
    wire_store32(head + 8, type);
    wire_store64(head + 12, chain);
    return XXH3_64bits_withSeed(payload.ptr, payload.len, XXH3_64bits(head, sizeof head));
}

void log_record_put(struct buf *out, const struct log_record *r, uint64_t *chain)
{
    static const char zeros[8];
    uint64_t sum = record_sum(r->sequence, r->type, *chain, r->payload);
    wire_put_u32(out, (uint32_t)r->payload.len);
    wire_put_u32(out, r->type);
    wire_put_u64(out, r->sequence);
    wire_put_u64(out, sum);
    buf_put_slice(out, r->payload);
    buf_put(out, zeros, pad8(r->payload.len) - r->payload.len);
    *chain = sum;
}

enum status log_record_at(struct slice m, uint64_t at, uint64_t chain, struct log_record *r,
                          uint64_t *next, uint64_t *sum)
{
    if (at + LOG_RECORD_HEAD > m.len)
        return STATUS_END;
    uint32_t len = wire_load32(m.ptr + at), type = wire_load32(m.ptr + at + 4);
    if (len == 0 && type == 0)
        return STATUS_END;
    if (len > m.len - at - LOG_RECORD_HEAD)
        return STATUS_CORRUPT;
    *r = (struct log_record){wire_load64(m.ptr + at + 8), type,
                             slice_make(m.ptr + at + LOG_RECORD_HEAD, len)};
    *sum = wire_load64(m.ptr + at + 16);
    *next = at + LOG_RECORD_HEAD + pad8(len);
    return record_sum(r->sequence, type, chain, r->payload) == *sum ? STATUS_OK : STATUS_CORRUPT;
}

/* Is anything but zeros and broken pieces behind a bad record? Then the bad one is damage, not a
 * torn tail. */
static bool valid_behind(struct slice m, uint64_t at, uint64_t last)
{
    struct log_record r;
    uint64_t next, sum;
    for (uint64_t i = pad8(at) + 8; i + LOG_RECORD_HEAD <= m.len; i += 8) {
        /* the chain is unknown here: the stored checksum of the record before is tried as such */
        uint32_t len = wire_load32(m.ptr + i);
        uint64_t sequence = wire_load64(m.ptr + i + 8);
        if (len == 0 || len > m.len - i - LOG_RECORD_HEAD || sequence <= last ||
            sequence - last > 1000000)
            continue;
        for (uint64_t back = at; back < i; back += 8)
            if (log_record_at(m, i, wire_load64(m.ptr + back + 16), &r, &next, &sum) == STATUS_OK)
                return true;
    }
    return false;
}

static enum status scan_file(struct slice m, struct log_scan *s)
{
    struct log_record r;
    uint64_t next, sum;
    s->chain = 0;
    for (s->at = LOG_HEADER;; s->at = next, s->chain = sum) {
        enum status st = log_record_at(m, s->at, s->chain, &r, &next, &sum);
        if (st == STATUS_END)
            return STATUS_OK;
        if (st || r.sequence <= s->last) {
            if (valid_behind(m, s->at, s->last))
                return STATUS_CORRUPT;
            s->torn = true;
            return STATUS_OK;
        }
        s->last = r.sequence;
        if (s->each && r.sequence > s->after && (st = s->each(s->ctx, &r)))
            return st;
    }
}

static enum status scan_mapped(const struct log_file *file, bool is_last, struct slice m,
                               struct log_scan *s, struct fault *fault)
{
    if (!log_file_header_good(m, file->first))
        return fault_set(fault, STATUS_CORRUPT, "event log", "%s has a damaged header", file->path);
    enum status st = scan_file(m, s);
    if (st == STATUS_CORRUPT)
        fault_set(fault, st, "event log",
                  "%s is damaged at byte %" PRIu64 " with valid records behind", file->path, s->at);
    if (!st && s->torn && !is_last)
        st = fault_set(fault, STATUS_CORRUPT, "event log", "%s ends early but a later file exists",
                       file->path);
    return st;
}

enum status log_scan(const struct log_file *files, size_t count, struct log_scan *s,
                     struct fault *fault)
{
    enum status st = STATUS_OK;
    s->last = count ? s->after : 0;
    for (size_t i = 0; !st && i < count; i++) {
        struct slice bytes;
        if (i + 1 < count && files[i + 1].first <= s->after + 1)
            continue;
        if (files[i].first > s->last + 1)
            return fault_set(fault, STATUS_CORRUPT, "event log",
                             "sequences %" PRIu64 " to %" PRIu64 " are missing before %s",
                             s->last + 1, files[i].first - 1, files[i].path);
        st = log_file_map(files[i].path, &bytes);
        if (st)
            return st;
        s->last = files[i].first - 1;
        st = scan_mapped(&files[i], i + 1 == count, bytes, s, fault);
        log_file_unmap(&bytes);
    }
    return st;
}
