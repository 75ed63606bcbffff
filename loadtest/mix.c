#include "loadtest/mix.h"

#include <stdlib.h>

#include "loadtest/schedule.h"
#include "loadtest/typo.h"
#include "protocol/multi.h"
#include "protocol/request.h"
#include "protocol/traceparent.h"

static const struct {
    const char *name;
    uint8_t opcode;
} kinds[MIX_KIND_COUNT] = {
    [MIX_SEARCH] = {"search", OP_SEARCH},
    [MIX_GET] = {"get", OP_GET},
    [MIX_SUGGEST] = {"suggest", OP_SUGGEST},
    [MIX_MULTI] = {"multi_search", OP_MULTI_SEARCH},
    [MIX_PUT] = {"put", OP_PUT},
    [MIX_PING] = {"ping", OP_PING},
};
static const char *const classes[FRAME_CLASS_COUNT] = {"critical", "default", "sheddable",
                                                       "background"};

enum mix_kind mix_kind_of(struct slice word)
{
    int k = 0;
    while (k < MIX_KIND_COUNT && !slice_equal(word, slice_str(kinds[k].name)))
        k++;
    return (enum mix_kind)k;
}

const char *mix_kind_name(enum mix_kind k)
{
    return kinds[k].name;
}

uint8_t mix_opcode(enum mix_kind k)
{
    return kinds[k].opcode;
}

bool mix_class_of(struct slice word, enum frame_class *out)
{
    for (int i = 0; i < FRAME_CLASS_COUNT; i++)
        if (slice_equal(word, slice_str(classes[i]))) {
            *out = (enum frame_class)i;
            return true;
        }
    return false;
}

const char *mix_class_name(enum frame_class c)
{
    return classes[c];
}

static enum status finish_op(struct mix_op *op)
{
    enum status s = STATUS_OK;
    if (op->queries.count)
        s = picker_build(&op->query_pick, op->queries.count, op->queries.weights);
    if (!s && op->id_count)
        s = picker_build(&op->id_pick, op->id_count, NULL);
    return s;
}

enum status mix_finish(struct mix *m)
{
    double weights[TALLY_OPS];
    enum status s = STATUS_OK;
    for (uint32_t i = 0; i < m->op_count && !s; i++) {
        weights[i] = m->ops[i].weight;
        s = finish_op(&m->ops[i]);
    }
    m->op_pick.mode = PICK_WEIGHTED;
    return s ? s : picker_build(&m->op_pick, m->op_count, weights);
}

void mix_fini(struct mix *m)
{
    for (uint32_t i = 0; i < m->op_count; i++) {
        picker_fini(&m->ops[i].query_pick);
        picker_fini(&m->ops[i].id_pick);
    }
    picker_fini(&m->op_pick);
}

/* --- player ----------------------------------------------------------------------------------- */

void player_init(struct player *p, const struct mix *m, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    p->mix = m;
    p->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

void player_fini(struct player *p)
{
    buf_fini(&p->body);
    buf_fini(&p->text);
}

/* Three words of three queries and a number: nobody has asked that before, and it looks alike. */
static struct slice unseen(struct player *p, const struct mix_op *op)
{
    buf_clear(&p->text);
    for (int i = 0; i < 3; i++) {
        struct slice q = op->queries.texts[(uint32_t)(random_unit(&p->random) * op->queries.count)];
        buf_put_slice(&p->text, typo_word(q, &p->random));
        buf_put_u8(&p->text, ' ');
    }
    buf_printf(&p->text, "%u", (unsigned)(random_next(&p->random) >> 44));
    return buf_slice(&p->text);
}

/* The next prefix of the query being typed, whole UTF-8 letters, from the second letter on. */
static struct slice typed(struct player *p, const struct mix_op *op, uint32_t number)
{
    struct slice q;
    uint32_t n = p->typing[number].length;
    if (!n) {
        p->typing[number].query = picker_next(&op->query_pick, &p->random, &p->counters[number]);
        q = op->queries.texts[p->typing[number].query];
        n = 1;
    } else {
        q = op->queries.texts[p->typing[number].query];
    }
    do {
        n++;
    } while (n < q.len && ((unsigned char)q.ptr[n] & 0xc0) == 0x80);
    p->typing[number].length = n < q.len ? n : 0;
    return slice_make(q.ptr, n < q.len ? n : q.len);
}

static struct slice next_text(struct player *p, const struct mix_op *op, uint32_t number)
{
    if (p->given)
        return *p->given;
    if (!op->queries.count)
        return SLICE_NULL;
    if (op->typing)
        return typed(p, op, number);
    if (op->unseen > 0 && random_unit(&p->random) < op->unseen)
        return unseen(p, op);
    struct slice q =
        op->queries.texts[picker_next(&op->query_pick, &p->random, &p->counters[number])];
    if (op->misspelt > 0 && random_unit(&p->random) < op->misspelt) {
        typo_make(q, &p->random, &p->text);
        return buf_slice(&p->text);
    }
    return q;
}

static struct slice next_filter(struct player *p, const struct mix_op *op)
{
    if (!op->filter_count)
        return SLICE_NULL;
    return op->filters[(uint32_t)(random_unit(&p->random) * op->filter_count)];
}

static void put_search(struct buf *b, const struct mix_op *op, struct slice text,
                       struct slice filter)
{
    buf_put_slice(b, op->head);
    if (text.len)
        tlv_put(b, op->kind == MIX_SUGGEST ? TAG_SUGGEST_TEXT : TAG_SEARCH_TEXT, text);
    if (filter.len)
        tlv_put(b, TAG_SEARCH_FILTER, filter);
}

/* Parts share the words: what a storefront asks for one keystroke. */
static void put_multi(struct player *p, const struct mix_op *op, uint32_t number)
{
    struct slice text = next_text(p, op, number);
    for (uint32_t i = 0; i < op->part_count; i++) {
        size_t at = multi_request_begin(&p->body);
        put_search(&p->body, &op->parts[i], text, next_filter(p, &op->parts[i]));
        tlv_end(&p->body, at);
    }
}

static struct slice next_id(struct player *p, const struct mix_op *op, uint32_t number)
{
    if (p->given && p->given->len)
        return *p->given;
    if (op->missing > 0 && random_unit(&p->random) < op->missing) {
        buf_clear(&p->text);
        buf_printf(&p->text, "missing-%llx", (unsigned long long)random_next(&p->random));
        return buf_slice(&p->text);
    }
    return op->ids[picker_next(&op->id_pick, &p->random, &p->counters[number])];
}

static void put_get(struct player *p, const struct mix_op *op, uint32_t number)
{
    buf_put_slice(&p->body, op->head);
    for (uint32_t i = 0; i < op->batch; i++)
        tlv_put(&p->body, TAG_GET_ID, next_id(p, op, number));
}

static void put_patches(struct player *p, const struct mix_op *op, uint32_t number)
{
    buf_put_slice(&p->body, op->head);
    for (uint32_t i = 0; i < op->batch; i++) {
        char room[512];
        struct buf d = {.ptr = room, .cap = sizeof room};
        struct slice id = next_id(p, op, number);
        int64_t v = op->low + (int64_t)(random_unit(&p->random) * (double)(op->high - op->low + 1));
        if (id.len > sizeof room - 32)
            continue;
        document_put_header(&d, id, 1);
        wire_put_varint(&d, 0);
        if (op->integer)
            value_put_int(&d, v);
        else
            value_put_float(&d, (double)v);
        struct put_item item = {
            .op = PUT_PATCH, .ttl_ms = -1, .swr_ms = -1, .sie_ms = -1, .document = buf_slice(&d)};
        put_item_encode(&item, &p->body);
    }
}

/* A trace of its own, before the body; its flag, 0 for none. */
static uint16_t put_trace(struct player *p)
{
    struct trace_context t = {.flags = TRACE_SAMPLED};
    if (p->mix->trace <= 0 || random_unit(&p->random) >= p->mix->trace)
        return 0;
    wire_store64(t.trace_id, random_next(&p->random) | 1);
    wire_store64(t.trace_id + 8, random_next(&p->random));
    wire_store64(t.span_id, random_next(&p->random) | 1);
    trace_context_put(&p->body, &t);
    return FLAG_TRACE;
}

void player_make(struct player *p, uint32_t number, const struct slice *given, struct frame *f)
{
    const struct mix_op *op = &p->mix->ops[number];
    p->given = given;
    buf_clear(&p->body);
    uint16_t traced = put_trace(p);
    switch (op->kind) {
    case MIX_GET:
        put_get(p, op, number);
        break;
    case MIX_PUT:
        put_patches(p, op, number);
        break;
    case MIX_MULTI:
        put_multi(p, op, number);
        break;
    case MIX_SEARCH:
    case MIX_SUGGEST:
        put_search(&p->body, op, next_text(p, op, number), next_filter(p, op));
        break;
    default:
        break;
    }
    *f = (struct frame){.opcode = kinds[op->kind].opcode,
                        .flags = (uint16_t)(op->frame_class << 8 | traced),
                        .time = op->deadline_ms,
                        .body = buf_slice(&p->body)};
}

uint32_t player_pick(struct player *p)
{
    return p->mix->op_count > 1 ? picker_next(&p->mix->op_pick, &p->random, &p->op_counter) : 0;
}
