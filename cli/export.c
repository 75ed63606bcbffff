/* souk export: the products of a catalog as JSON lines, each once, while it changes. */
#include "cli/command.h"
#include "cli/json.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PART = 1000, STARTS = 20 };

/* The ids that were written: a product that changes meanwhile comes again, and so does everything
 * when the catalog moves into another edition and the walk begins anew. */
struct seen {
    XXH128_hash_t *slots; /* 0 is free */
    size_t count, mask;
};

static XXH128_hash_t *slot_of(const struct seen *s, XXH128_hash_t id)
{
    static const XXH128_hash_t none = {0};
    size_t i = id.low64 & s->mask;
    while (!XXH128_isEqual(s->slots[i], none) && !XXH128_isEqual(s->slots[i], id))
        i = (i + 1) & s->mask;
    return &s->slots[i];
}

static enum status seen_grow(struct seen *s)
{
    struct seen more = {.mask = s->slots ? s->mask * 2 + 1 : 4095};
    more.slots = calloc(more.mask + 1, sizeof *more.slots);
    if (!more.slots)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; s->slots && i <= s->mask; i++)
        if (s->slots[i].low64 || s->slots[i].high64)
            *slot_of(&more, s->slots[i]) = s->slots[i];
    free(s->slots);
    s->slots = more.slots;
    s->mask = more.mask;
    return STATUS_OK;
}

/* EXISTS when the id was there. */
static enum status seen_add(struct seen *s, struct slice id)
{
    enum status st = s->slots && s->count < s->mask / 2 ? STATUS_OK : seen_grow(s);
    if (st)
        return st;
    XXH128_hash_t hash = XXH3_128bits(id.ptr, id.len);
    hash.low64 |= !hash.low64;
    XXH128_hash_t *slot = slot_of(s, hash);
    if (slot->low64)
        return STATUS_EXISTS;
    *slot = hash;
    s->count++;
    return STATUS_OK;
}

static enum status write_part(struct command *c, const struct scan_reply *r, struct seen *seen)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < r->document_count; i++) {
        struct document d;
        st = document_begin(&d, r->documents[i]);
        st = st ? st : seen_add(seen, d.id);
        if (!st) {
            st = json_put_document(&c->out, r->documents[i], r->names, r->name_count);
            buf_put_u8(&c->out, '\n');
        } else if (st == STATUS_EXISTS) {
            st = STATUS_OK;
        }
    }
    return st;
}

/* The file is written from the first answer on: a refusal leaves one that is there as it was. */
static int export_all(struct command *c, struct scan_request *q, struct seen *seen,
                      const char *path)
{
    struct scan_reply r = {.more = true};
    int code = EXIT_OK, starts = 1;
    while (r.more && !code) {
        enum status st = souk_scan(c->souk, q, &c->reply, &r);
        if (st == STATUS_MOVED && starts++ < STARTS) {
            q->from = 0;
            r.more = true;
            continue;
        }
        if (!st && path && !freopen(path, "w", stdout))
            return command_usage("cannot write the file of --output");
        path = st ? path : NULL;
        st = st ? st : write_part(c, &r, seen);
        if (st)
            return command_fail(c, st, &c->reply.fault);
        code = command_flush(c);
        q->from = r.from;
    }
    return code;
}

int command_export(struct command *c)
{
    const char *catalog = options_value(&c->options, OPT_CATALOG);
    const char *path = options_value(&c->options, OPT_OUTPUT);
    struct scan_request q = {.limit = PART};
    struct seen seen = {0};
    if (catalog && command_word(c, 1))
        return command_surplus(c, 1);
    if (!catalog && !(catalog = command_word(c, 1)))
        return command_usage("export needs --catalog NAME");
    q.catalog = slice_str(catalog);
    q.filter = slice_str(options_value(&c->options, OPT_FILTER));
    int code = command_connect(c);
    if (code)
        return code;
    code = export_all(c, &q, &seen, path);
    free(seen.slots);
    return code;
}
