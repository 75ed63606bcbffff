/* Any bytes as text: words must lie between whole letters, in order, the same by both paths, and
 * text folded must stay UTF-8. */
#include "index/analyse.h"
#include "index/fold.h"
#include "protocol/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool begins_letter(struct slice text, uint32_t at)
{
    return at == text.len || ((unsigned char)text.ptr[at] & 0xc0) != 0x80;
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void look_at(struct slice text, const struct token_list *l)
{
    uint32_t position = 0, start = 0, words = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct token *t = &l->items[i];
        must(t->start < t->end && t->end <= text.len && t->from < t->to && t->to <= l->read.len);
        must(begins_letter(text, t->start) && begins_letter(text, t->end));
        must(t->term.len && t->term.len <= ANALYSE_TERM_MAX);
        must(wire_utf8_valid(t->term) == t->term.len);
        if (t->kind == TOKEN_EXTRA)
            continue;
        must(t->position == (words ? position + 1 : 0) && t->start >= start);
        position = t->position;
        start = t->start;
        words++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct analyser *fast, *slow;
    static struct folder *folder;
    const struct token_list *l, *m;
    struct slice text = slice_make(data, size), folded;
    if (!fast && (analyser_create(&fast) || analyser_create(&slow) || folder_create(&folder)))
        abort();
    enum status st = analyser_run(fast, text, &l);
    must(st == (wire_utf8_valid(text) == size ? STATUS_OK : STATUS_BAD_UTF8));
    must(analyser_run_slow(slow, text, &m) == st);
    if (st)
        return 0;
    look_at(text, l);
    must(l->count == m->count);
    for (uint32_t i = 0; i < l->count; i++)
        must(slice_equal(l->items[i].term, m->items[i].term) &&
             l->items[i].start == m->items[i].start && l->items[i].end == m->items[i].end);
    must(folder_run(folder, text, size & 1, &folded) == STATUS_OK);
    must(wire_utf8_valid(folded) == folded.len);
    return 0;
}
