#include "index/record_beside.h"
#include "protocol/wire.h"

/*
 * Every fourth place of the base is remembered by the eight bytes there, so that whatever both have
 * in common for eleven bytes and more is found; it is then followed in both directions.
 */
enum { SEED = 8, STEP = 4, COPY_MIN = 12 };

static uint32_t slot_of(const char *at)
{
    return (uint32_t)(wire_load64(at) * UINT64_C(0x9e3779b97f4a7c15) >> 54);
}

void record_base_set(struct record_base *b, struct slice record, size_t stored, uint8_t place)
{
    b->there = true;
    b->place = place;
    b->len = (uint16_t)record.len;
    b->stored = (uint16_t)stored;
    b->stamp++;
    memcpy(b->text, record.ptr, record.len);
    for (uint32_t i = 0; i + SEED <= record.len; i += STEP) {
        uint32_t slot = slot_of(b->text + i);
        if (b->stamps[slot] == b->stamp)
            continue;
        b->stamps[slot] = b->stamp;
        b->slots[slot] = (uint16_t)i;
    }
}

/* The longest copy through these places of record and base, from `least` of the record on. */
static struct record_run copy_at(const struct record_base *b, struct slice record, uint32_t at,
                                 uint32_t from, uint32_t least)
{
    uint32_t len = 0, back = 0;
    while (at + len < record.len && from + len < b->len &&
           record.ptr[at + len] == b->text[from + len])
        len++;
    while (at - back > least && from > back &&
           record.ptr[at - back - 1] == b->text[from - back - 1])
        back++;
    return (struct record_run){(uint16_t)(at - back - least), (uint16_t)(from - back),
                               (uint16_t)(len < SEED ? 0 : len + back)};
}

uint32_t record_base_runs(const struct record_base *b, struct slice record,
                          struct record_run runs[BESIDE_RUNS])
{
    uint32_t count = 0, done = 0, copied = 0;
    for (uint32_t at = 0; at + SEED <= record.len && count < BESIDE_RUNS;) {
        uint32_t slot = slot_of(record.ptr + at);
        if (b->stamps[slot] != b->stamp) {
            at++;
            continue;
        }
        struct record_run run = copy_at(b, record, at, b->slots[slot], done);
        if (run.len < COPY_MIN) {
            at++;
            continue;
        }
        done += run.own + run.len;
        copied += run.len;
        at = done;
        runs[count++] = run;
    }
    /* What is copied would be packed as the base is; a run takes four bytes, its kind one. */
    return (uint64_t)copied * b->stored > (uint64_t)(count * 4 + 2) * b->len ? count : 0;
}
