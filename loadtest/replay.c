#include "loadtest/replay.h"

#include <stdlib.h>

static bool op_of(struct slice word, const struct mix *m, uint32_t *out)
{
    for (uint32_t i = 0; i < m->op_count; i++)
        if (slice_equal(word, slice_str(m->ops[i].name)) ||
            (word.len == 1 && word.ptr[0] == (char)('0' + i))) {
            *out = i;
            return true;
        }
    return false;
}

static struct slice column(struct slice *line)
{
    const char *tab = line->len ? memchr(line->ptr, '\t', line->len) : NULL;
    size_t n = tab ? (size_t)(tab - line->ptr) : line->len;
    struct slice c = slice_make(line->ptr, n);
    *line = tab ? slice_make(tab + 1, line->len - n - 1) : SLICE_NULL;
    return c;
}

enum status replay_parse(struct slice text, const struct mix *m, double speed, struct arena *a,
                         struct replay *out, struct fault *fault)
{
    uint32_t lines = 0, number = 0;
    struct slice line, rest = text;
    while (lines_next(&rest, &line))
        lines++;
    *out = (struct replay){.entries = arena_alloc(a, (lines + 1) * sizeof *out->entries)};
    if (!out->entries)
        return STATUS_NO_MEMORY;
    double first = -1, last = 0;
    for (rest = text; lines_next(&rest, &line);) {
        struct replay_entry *e = &out->entries[out->count];
        char room[40] = "", *end = room;
        number++;
        if (!line.len || line.ptr[0] == '#')
            continue;
        struct slice when = column(&line), word = column(&line);
        if (when.len && when.len < sizeof room)
            memcpy(room, when.ptr, when.len);
        double ms = strtod(room, &end);
        if (end == room || *end || ms < last || !word.len)
            return fault_set(fault, STATUS_INVALID, "replay",
                             "line %u is not: milliseconds (not falling), operation, words",
                             number);
        if (!op_of(word, m, &e->op))
            return fault_set(fault, STATUS_INVALID, "replay",
                             "line %u: there is no operation '%.*s' here; --mix FILE defines those "
                             "besides search",
                             number, (int)(word.len < 32 ? word.len : 32), word.ptr);
        first = first < 0 ? ms : first;
        last = ms;
        e->at_ns = (uint64_t)((ms - first) * 1e6 / speed);
        e->text = line;
        out->count++;
    }
    return out->count ? STATUS_OK
                      : fault_set(fault, STATUS_INVALID, "replay", "the log holds no request");
}

void replay_frame(const struct replay_entry *e, struct player *p, struct frame *f)
{
    player_make(p, e->op, &e->text, f);
}
