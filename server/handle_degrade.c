/* DEGRADE: the ladder told, pinned by hand, or left to the load again. */
#include <inttypes.h>

#include "protocol/reply.h"
#include "server/front.h"

static void put_levels(struct buf *b, const struct front *f)
{
    const struct shared *s = f->role->shared;
    char name[64];
    for (uint32_t i = 0; i < s->process_count; i++) {
        const struct shared_process *p = &s->processes[i];
        if (p->role != ROLE_FRONT)
            continue;
        snprintf(name, sizeof name, "front.%u.level", i);
        stats_row_put(b, name, "%u", p->degrade);
        snprintf(name, sizeof name, "front.%u.pressure", i);
        stats_row_put(b, name, "%u", p->pressure);
    }
}

static void put_features(struct buf *b, uint32_t level)
{
    char name[64];
    for (int i = 0; i < LADDER_FEATURE_COUNT; i++) {
        enum ladder_feature f = (enum ladder_feature)i;
        struct slice word = ladder_word(f);
        snprintf(name, sizeof name, "off.%.*s", (int)word.len, word.ptr);
        if (ladder_level_of(f) <= level)
            stats_row_put(b, name, "from level %u: %s", ladder_level_of(f), ladder_text(f));
    }
}

enum status handle_degrade(struct front *f, struct request *rq, struct fault *fault)
{
    struct wire_reader r = wire_reader_of(rq->frame.body);
    struct shared *shared = f->role->shared;
    struct slice v;
    uint32_t tag;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag != TAG_DEGRADE_PIN)
            continue;
        if (tlv_u64(v) > LADDER_MAX + 1)
            return fault_set(fault, STATUS_INVALID, "pin", "a level is 0 to %d", LADDER_MAX);
        atomic_store(&shared->degrade_pin, tlv_u32(v));
        if (tlv_u32(v)) /* here at once, in the other fronts within 100 ms */
            ladder_step(&f->ladder, &(struct ladder_window){.pin = (int)tlv_u32(v) - 1}, f->now_us);
    }
    if (s != STATUS_END)
        return fault_set(fault, STATUS_INVALID, NULL, "the body of DEGRADE is damaged");
    uint32_t pin = atomic_load(&shared->degrade_pin);
    pass_publish(f);
    size_t at = reply_begin(rq);
    struct buf *b = &rq->conn->out;
    stats_row_put(b, "level", "%u", f->ladder.level);
    stats_row_put(b, "means", "%s", ladder_level_text(f->ladder.level));
    if (pin)
        stats_row_put(b, "pinned", "%u", pin - 1);
    else
        stats_row_put(b, "pinned", "no");
    put_levels(b, f);
    put_features(b, f->ladder.level);
    reply_end(rq, at);
    return STATUS_OK;
}
