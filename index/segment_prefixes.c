#include "index/segment_prefixes.h"

#include <stdlib.h>

_Static_assert((int)PREFIX_APART_MOST >= (int)PREFIX_APART_SHARE, "there is room for all");

struct prefix_union {
    uint8_t *best; /* evidence by document, 0 = none */
    uint32_t *docs;
    uint8_t *evidence;
    uint64_t *seen; /* a bit a document, while these are counted */
    uint32_t seen_count;
    bool counting;
};

static void count_docs(struct prefix_union *u, const uint32_t *docs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t *word = &u->seen[docs[i] / 64], bit = (uint64_t)1 << docs[i] % 64;
        u->seen_count += !(*word & bit);
        *word |= bit;
    }
}

void prefix_union_add(struct prefix_union *u, const uint32_t *docs, const uint8_t *evidence,
                      uint32_t count)
{
    if (u->counting) {
        count_docs(u, docs, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        u->best[docs[i]] = (uint8_t)postings_better(u->best[docs[i]], evidence[i]);
}

/* Takes the union out of `best`, which is empty then. */
static uint32_t take(struct prefix_union *u, uint32_t doc_count)
{
    uint32_t n = 0;
    for (uint32_t from = 0; from < doc_count; from += 8) {
        uint64_t eight;
        memcpy(&eight, u->best + from, 8); /* room for eight lies behind the last */
        if (!eight)
            continue;
        for (uint32_t d = from; d < from + 8; d++) {
            u->docs[n] = d;
            u->evidence[n] = u->best[d];
            n += u->best[d] != 0;
        }
        memset(u->best + from, 0, 8);
    }
    return n;
}

static uint32_t lower_bound_of(const struct segment_writer *w, struct slice prefix, uint32_t low,
                               uint32_t high)
{
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (slice_compare(segment_writer_text(w, mid), prefix) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The run of the prefix followed by one letter more, inside its own. */
static struct prefix_run longer(const struct segment_writer *w, const struct prefix_run *run,
                                char letter)
{
    struct prefix_run next = *run;
    next.prefix[next.len++] = letter;
    next.from = lower_bound_of(w, slice_make(next.prefix, next.len), run->from, run->to);
    next.prefix[next.len - 1] = (char)(letter + 1); /* letters are ASCII */
    next.to = lower_bound_of(w, slice_make(next.prefix, next.len), next.from, run->to);
    next.prefix[next.len - 1] = letter;
    return next;
}

static uint32_t df_of(const struct segment_writer *w, uint32_t ordinal)
{
    return ((const uint32_t *)(const void *)w->df.ptr)[ordinal];
}

/* A list for the prefix? Sets its frequent terms apart. Of one letter none: there all documents of
 * the list are few times those of any term, and it is what is read. */
static bool worth_a_list(const struct segment_writer *w, struct prefix_run *run)
{
    uint64_t postings = 0;
    for (uint32_t at = run->from; at < run->to; at++)
        postings += df_of(w, at);
    run->apart_count = 0;
    if (run->to - run->from < PREFIX_MIN_TERMS || postings < PREFIX_MIN_POSTINGS)
        return false;
    uint64_t least = postings / PREFIX_APART_SHARE + 1;
    for (uint32_t at = run->from; at < run->to && run->len > 1; at++)
        if (df_of(w, at) >= PREFIX_APART_POSTINGS && df_of(w, at) >= least) {
            run->term[run->apart_count] = segment_writer_text(w, at);
            run->apart[run->apart_count++] = at;
        }
    return true;
}

/* Documents that the union of the rest or a term set apart has. */
static enum status count_all(struct segment_writer *w, struct prefix_union *u,
                             const struct prefix_run *run, uint32_t n, prefix_lists lists,
                             void *ctx, uint32_t *df)
{
    enum status st = STATUS_OK;
    *df = n;
    if (!run->apart_count)
        return STATUS_OK;
    memset(u->seen, 0, ((size_t)w->head.doc_count / 64 + 1) * sizeof *u->seen);
    u->seen_count = 0;
    u->counting = true;
    count_docs(u, u->docs, n);
    for (uint32_t i = 0; !st && i < run->apart_count; i++) {
        struct prefix_run one = {.from = run->apart[i], .to = run->apart[i] + 1, .one = true};
        one.term[0] = run->term[i];
        st = lists(ctx, &one, u);
    }
    u->counting = false;
    *df = u->seen_count;
    return st;
}

static enum status write_list(struct segment_writer *w, struct prefix_union *u,
                              const struct prefix_run *run, prefix_lists lists, void *ctx)
{
    struct prefix_input prefix = {.apart_count = run->apart_count};
    enum status st = lists(ctx, run, u);
    uint32_t n = take(u, w->head.doc_count);
    if (!n || st)
        return st;
    memcpy(prefix.letters, run->prefix, sizeof prefix.letters);
    memcpy(prefix.apart, run->apart, sizeof prefix.apart);
    st = count_all(w, u, run, n, lists, ctx, &prefix.df);
    if (!st)
        segment_writer_prefix(w, &prefix,
                              &(struct list_input){u->docs, u->evidence, NULL, NULL, n});
    return st;
}

static enum status write_all(struct segment_writer *w, struct prefix_union *u, prefix_lists lists,
                             void *ctx)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    enum { LETTERS = sizeof letters - 1 };
    struct prefix_run stack[PREFIX_MAX_LEN * LETTERS + 1], run;
    const struct prefix_run all = {.to = w->head.term_count};
    enum status st = STATUS_OK;
    uint32_t depth = 0;
    for (size_t i = LETTERS; i-- > 0;)
        stack[depth++] = longer(w, &all, letters[i]);
    while (depth && !st) { /* depth first: entries come out sorted by their zero-padded bytes */
        run = stack[--depth];
        if (!worth_a_list(w, &run))
            continue;
        st = write_list(w, u, &run, lists, ctx);
        for (size_t i = run.len < PREFIX_MAX_LEN ? LETTERS : 0; i-- > 0;)
            stack[depth++] = longer(w, &run, letters[i]);
    }
    return st;
}

enum status segment_write_prefixes(struct segment_writer *w, prefix_lists lists, void *ctx)
{
    uint32_t n = w->head.doc_count;
    if (n < PREFIX_MIN_DOCS)
        return STATUS_OK;
    struct prefix_union u = {.best = calloc((size_t)n + 8, 1),
                             .docs = malloc(((size_t)n + 8) * sizeof *u.docs),
                             .evidence = malloc((size_t)n + 8),
                             .seen = malloc(((size_t)n / 64 + 1) * sizeof *u.seen)};
    enum status st = STATUS_NO_MEMORY;
    if (u.best && u.docs && u.evidence && u.seen && !w->blob.failed && !w->df.failed &&
        !w->strings.failed)
        st = write_all(w, &u, lists, ctx);
    free(u.best);
    free(u.docs);
    free(u.evidence);
    free(u.seen);
    return st;
}
