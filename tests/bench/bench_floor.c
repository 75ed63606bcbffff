/*
 * bench_floor - the least a search must cost here: plain arrays in memory, no storage, no protocol.
 *
 *   bench_floor CORPUS QUERIES SECONDS        one JSON line a class
 *
 * Uncompressed postings (u32 doc, u8 impact), words resolved before the clock runs. All words:
 * gallop from the shortest list. Any word: MaxScore with block maxima (Turtle & Flood 1995; Ding &
 * Suel 2011). Prefix: mark a bitmap of all expansions, unscored. A yardstick for the machine of the
 * hour, not a product: no ties by id, no field weights, no typos.
 */
#include "bench_corpus.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 128, TOP = 10, MAX_SAMPLES = 8000000, SLOTS = 1 << 22, FACETS = 1 << 17 };

struct list {
    char *word;
    uint32_t *docs;
    uint8_t *impact; /* term frequency until scored */
    uint8_t *block_max;
    uint32_t count, cap;
    uint8_t max;
};

struct floor {
    struct list *lists;
    uint32_t list_count, list_cap;
    uint32_t *slots;
    uint32_t *sorted; /* list numbers by word */
    uint32_t doc_count, doc_cap;
    uint32_t *length, *category;
    int64_t *price;
    char **categories;
    uint32_t category_count;
    uint32_t *category_slots;
    uint64_t total_length;
};

struct top {
    uint32_t score[TOP], doc[TOP], count, threshold;
};

static void *grow(void *p, size_t size)
{
    p = realloc(p, size);
    if (!p) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return p;
}

static uint32_t hash_of(const char *s, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)s[i]) * 16777619u;
    return h ^ h >> 15;
}

static uint32_t list_of(struct floor *f, const char *word, size_t len, int add)
{
    uint32_t at = hash_of(word, len) & (SLOTS - 1);
    for (; f->slots[at]; at = (at + 1) & (SLOTS - 1)) {
        const char *have = f->lists[f->slots[at] - 1].word;
        if (!strncmp(have, word, len) && !have[len])
            return f->slots[at] - 1;
    }
    if (!add)
        return UINT32_MAX;
    if (f->list_count == f->list_cap) {
        f->list_cap = f->list_cap ? f->list_cap * 2 : 65536;
        f->lists = grow(f->lists, f->list_cap * sizeof *f->lists);
    }
    f->lists[f->list_count] = (struct list){.word = strndup(word, len)};
    f->slots[at] = ++f->list_count;
    return f->list_count - 1;
}

static void add_posting(struct floor *f, const char *word, size_t len)
{
    uint32_t number = list_of(f, word, len, 1);
    struct list *l = &f->lists[number];
    if (l->count && l->docs[l->count - 1] == f->doc_count) {
        if (l->impact[l->count - 1] < 255)
            l->impact[l->count - 1]++;
        return;
    }
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 2;
        l->docs = grow(l->docs, l->cap * sizeof *l->docs);
        l->impact = grow(l->impact, l->cap);
    }
    l->docs[l->count] = f->doc_count;
    l->impact[l->count++] = 1;
}

static uint32_t add_text(struct floor *f, const char *s)
{
    uint32_t tokens = 0;
    char word[64];
    while (*s) {
        size_t n = 0;
        while (*s && !(isalnum((unsigned char)*s) || *s & 0x80))
            s++;
        while (isalnum((unsigned char)*s) || *s & 0x80) {
            if (n < sizeof word - 1)
                word[n++] = (char)tolower((unsigned char)*s);
            s++;
        }
        if (n) {
            add_posting(f, word, n);
            tokens++;
        }
    }
    return tokens;
}

static uint32_t category_of(struct floor *f, const char *name)
{
    uint32_t at = hash_of(name, strlen(name)) & (FACETS - 1);
    for (; f->category_slots[at]; at = (at + 1) & (FACETS - 1))
        if (!strcmp(f->categories[f->category_slots[at] - 1], name))
            return f->category_slots[at] - 1;
    f->categories = grow(f->categories, (f->category_count + 1) * sizeof *f->categories);
    f->categories[f->category_count] = strdup(name);
    f->category_slots[at] = ++f->category_count;
    return f->category_count - 1;
}

static void add_row(void *ctx, const struct corpus_row *row)
{
    struct floor *f = ctx;
    if (f->doc_count == f->doc_cap) {
        f->doc_cap = f->doc_cap ? f->doc_cap * 2 : 65536;
        f->length = grow(f->length, f->doc_cap * sizeof *f->length);
        f->category = grow(f->category, f->doc_cap * sizeof *f->category);
        f->price = grow(f->price, f->doc_cap * sizeof *f->price);
    }
    uint32_t tokens = add_text(f, row->title) + add_text(f, row->text);
    f->total_length += tokens;
    f->length[f->doc_count] = tokens;
    f->price[f->doc_count] = row->price;
    f->category[f->doc_count] = category_of(f, row->category);
    f->doc_count++;
}

static double idf_of(const struct floor *f, const struct list *l)
{
    return log(1 + (f->doc_count - l->count + 0.5) / (l->count + 0.5));
}

/* Term frequencies become BM25 scores of 8 bits on one scale for all lists. */
static void score_lists(struct floor *f)
{
    double best = 0, mean = (double)f->total_length / f->doc_count;
    for (uint32_t i = 0; i < f->list_count; i++)
        best = fmax(best, idf_of(f, &f->lists[i]) * 2.2);
    for (uint32_t i = 0; i < f->list_count; i++) {
        struct list *l = &f->lists[i];
        double idf = idf_of(f, l);
        l->block_max = calloc(l->count / BLOCK + 1, 1);
        for (uint32_t j = 0; l->block_max && j < l->count; j++) {
            double tf = l->impact[j], len = f->length[l->docs[j]];
            double s = idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * len / mean));
            int v = (int)(s / best * 255 + 0.5);
            uint8_t impact = (uint8_t)(v < 1 ? 1 : v);
            l->impact[j] = impact;
            if (impact > l->block_max[j / BLOCK])
                l->block_max[j / BLOCK] = impact;
            if (impact > l->max)
                l->max = impact;
        }
    }
}

static struct floor *sorting; /* qsort has no context argument */

static int by_word(const void *a, const void *b)
{
    return strcmp(sorting->lists[*(const uint32_t *)a].word,
                  sorting->lists[*(const uint32_t *)b].word);
}

static void sort_lists(struct floor *f)
{
    f->sorted = grow(NULL, f->list_count * sizeof *f->sorted);
    for (uint32_t i = 0; i < f->list_count; i++)
        f->sorted[i] = i;
    sorting = f;
    qsort(f->sorted, f->list_count, sizeof *f->sorted, by_word);
}

/* --- evaluation ------------------------------------------------------------------------------ */

static inline void push(struct top *t, uint32_t score, uint32_t doc)
{
    if (t->count == TOP && score <= t->threshold)
        return;
    uint32_t i = t->count < TOP ? t->count++ : TOP - 1;
    for (; i > 0 && t->score[i - 1] < score; i--) {
        t->score[i] = t->score[i - 1];
        t->doc[i] = t->doc[i - 1];
    }
    t->score[i] = score;
    t->doc[i] = doc;
    t->threshold = t->count == TOP ? t->score[TOP - 1] : 0;
}

static inline uint32_t gallop(const struct list *l, uint32_t at, uint32_t doc)
{
    if (at >= l->count || l->docs[at] >= doc)
        return at;
    uint32_t step = 1;
    while (at + step < l->count && l->docs[at + step] < doc)
        step *= 2;
    uint32_t low = at + step / 2, high = at + step < l->count ? at + step : l->count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (l->docs[mid] < doc)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct job {
    const struct list *lists[8];
    uint32_t count;
    const struct bench_query *query;
    uint32_t prefix_from, prefix_to;
    int missing;
};

static void sort_by_count(struct job *j)
{
    for (uint32_t i = 1; i < j->count; i++)
        for (uint32_t k = i; k > 0 && j->lists[k]->count < j->lists[k - 1]->count; k--) {
            const struct list *l = j->lists[k];
            j->lists[k] = j->lists[k - 1];
            j->lists[k - 1] = l;
        }
}

static uint64_t all_words(const struct floor *f, struct job *j, struct top *t, uint32_t *facets)
{
    if (j->missing || !j->count)
        return 0;
    sort_by_count(j);
    uint32_t at[8] = {0};
    uint64_t found = 0;
    int ranged = j->query->kind == CLASS_RANGE;
    const struct list *first = j->lists[0];
    for (uint32_t i = 0; i < first->count; i++) {
        uint32_t doc = first->docs[i], score = first->impact[i], k = 1;
        for (; k < j->count; k++) {
            at[k] = gallop(j->lists[k], at[k], doc);
            if (at[k] >= j->lists[k]->count)
                return found;
            if (j->lists[k]->docs[at[k]] != doc)
                break;
            score += j->lists[k]->impact[at[k]];
        }
        if (k < j->count ||
            (ranged && (f->price[doc] < j->query->low || f->price[doc] > j->query->high)))
            continue;
        found++;
        if (facets)
            facets[f->category[doc]]++;
        push(t, score, doc);
    }
    return found;
}

static void sort_by_max(struct job *j)
{
    for (uint32_t i = 1; i < j->count; i++)
        for (uint32_t k = i; k > 0 && j->lists[k]->max < j->lists[k - 1]->max; k--) {
            const struct list *l = j->lists[k];
            j->lists[k] = j->lists[k - 1];
            j->lists[k - 1] = l;
        }
}

/* Skips to behind the nearest block end when no document up to it can enter the top; 1 if it did.
 */
static int skip_blocks(struct job *j, struct top *t, uint32_t *at, uint32_t essential,
                       uint32_t base)
{
    uint32_t bound = base, end = UINT32_MAX;
    for (uint32_t i = essential; i < j->count; i++) {
        const struct list *l = j->lists[i];
        if (at[i] >= l->count)
            continue;
        uint32_t b = at[i] / BLOCK,
                 last = (b + 1) * BLOCK <= l->count ? (b + 1) * BLOCK - 1 : l->count - 1;
        bound += l->block_max[b];
        if (l->docs[last] < end)
            end = l->docs[last];
    }
    if (bound > t->threshold)
        return 0;
    for (uint32_t i = essential; i < j->count; i++)
        at[i] = gallop(j->lists[i], at[i], end + 1);
    return 1;
}

static void any_word(struct job *j, struct top *t)
{
    sort_by_max(j);
    uint32_t at[8] = {0}, upto[9] = {0}, essential = 0;
    for (uint32_t i = 0; i < j->count; i++)
        upto[i + 1] = upto[i] + j->lists[i]->max;
    for (;;) {
        while (essential < j->count && t->count == TOP && upto[essential + 1] <= t->threshold)
            essential++;
        uint32_t doc = UINT32_MAX, score = 0;
        for (uint32_t i = essential; i < j->count; i++)
            if (at[i] < j->lists[i]->count && j->lists[i]->docs[at[i]] < doc)
                doc = j->lists[i]->docs[at[i]];
        if (doc == UINT32_MAX)
            return;
        if (t->count == TOP && skip_blocks(j, t, at, essential, upto[essential]))
            continue;
        for (uint32_t i = essential; i < j->count; i++)
            if (at[i] < j->lists[i]->count && j->lists[i]->docs[at[i]] == doc)
                score += j->lists[i]->impact[at[i]++];
        for (uint32_t i = essential; i-- > 0 && score + upto[i + 1] > t->threshold;) {
            at[i] = gallop(j->lists[i], at[i], doc);
            if (at[i] < j->lists[i]->count && j->lists[i]->docs[at[i]] == doc)
                score += j->lists[i]->impact[at[i]];
        }
        push(t, score, doc);
    }
}

static uint64_t probe_marked(struct job *j, struct top *t, const uint64_t *marks)
{
    uint64_t found = 0;
    uint32_t at[8] = {0};
    sort_by_count(j);
    const struct list *first = j->lists[0];
    for (uint32_t i = 0; i < first->count; i++) {
        uint32_t doc = first->docs[i], score = first->impact[i], k = 1;
        if (!(marks[doc >> 6] >> (doc & 63) & 1))
            continue;
        for (; k < j->count; k++) {
            at[k] = gallop(j->lists[k], at[k], doc);
            if (at[k] >= j->lists[k]->count || j->lists[k]->docs[at[k]] != doc)
                break;
            score += j->lists[k]->impact[at[k]];
        }
        if (k == j->count) {
            push(t, score, doc);
            found++;
        }
    }
    return found;
}

static uint64_t last_prefix(const struct floor *f, struct job *j, struct top *t, uint64_t *marks)
{
    uint64_t found = 0;
    if (j->missing)
        return 0;
    for (uint32_t x = j->prefix_from; x < j->prefix_to; x++) {
        const struct list *l = &f->lists[f->sorted[x]];
        for (uint32_t i = 0; i < l->count; i++) {
            uint32_t doc = l->docs[i];
            if (j->count == 0 && !(marks[doc >> 6] >> (doc & 63) & 1)) {
                push(t, l->impact[i], doc);
                found++;
            }
            marks[doc >> 6] |= (uint64_t)1 << (doc & 63);
        }
    }
    if (j->count)
        found = probe_marked(j, t, marks);
    for (uint32_t x = j->prefix_from; x < j->prefix_to; x++) {
        const struct list *l = &f->lists[f->sorted[x]];
        for (uint32_t i = 0; i < l->count; i++)
            marks[l->docs[i] >> 6] = 0;
    }
    return found;
}

static uint32_t first_at_least(const struct floor *f, const char *word)
{
    uint32_t low = 0, high = f->list_count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (strcmp(f->lists[f->sorted[mid]].word, word) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct job prepare(struct floor *f, const struct bench_query *q)
{
    struct job j = {.query = q};
    uint32_t words = q->word_count - (q->kind == CLASS_PREFIX);
    for (uint32_t i = 0; i < words; i++) {
        uint32_t number = list_of(f, q->words[i], strlen(q->words[i]), 0);
        if (number == UINT32_MAX)
            j.missing = 1;
        else
            j.lists[j.count++] = &f->lists[number];
    }
    if (q->kind == CLASS_PREFIX) {
        const char *prefix = q->words[words];
        size_t len = strlen(prefix);
        j.prefix_from = j.prefix_to = first_at_least(f, prefix);
        while (j.prefix_to < f->list_count &&
               !strncmp(f->lists[f->sorted[j.prefix_to]].word, prefix, len))
            j.prefix_to++;
    }
    return j;
}

static uint32_t sink;

static uint64_t run_one(const struct floor *f, struct job j, uint64_t *marks, uint32_t *facets)
{
    struct top t = {0};
    uint64_t found = 0;
    switch (j.query->kind) {
    case CLASS_OR:
        any_word(&j, &t);
        break;
    case CLASS_PREFIX:
        found = last_prefix(f, &j, &t, marks);
        break;
    case CLASS_FACET: {
        found = all_words(f, &j, &t, facets);
        struct top values = {0};
        for (uint32_t c = 0; c < f->category_count; c++)
            push(&values, facets[c], c);
        memset(facets, 0, f->category_count * sizeof *facets);
        sink += values.threshold;
        break;
    }
    default:
        found = all_words(f, &j, &t, NULL);
    }
    sink += t.threshold;
    return found;
}

static void run_class(struct floor *f, const struct bench_queries *all, enum bench_class kind,
                      double seconds, float *samples)
{
    struct job *jobs = grow(NULL, (all->count + 1) * sizeof *jobs);
    uint64_t *marks = calloc(f->doc_count / 64 + 1, sizeof *marks);
    uint32_t *facets = calloc(f->category_count + 1, sizeof *facets);
    size_t job_count = 0, n = 0;
    uint64_t found = 0;
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].kind == kind)
            jobs[job_count++] = prepare(f, &all->items[i]);
    for (int pass = 0; job_count && marks && facets && pass < 2; pass++) {
        double t = bench_now_us(), end = t + (pass ? seconds : seconds / 4) * 1e6;
        n = 0;
        found = 0;
        while (t < end && n < MAX_SAMPLES) {
            found += run_one(f, jobs[n % job_count], marks, facets);
            double now = bench_now_us();
            samples[n++] = (float)(now - t);
            t = now;
        }
    }
    if (n) {
        struct bench_times t = bench_times_of(samples, n);
        printf("{\"bench\":\"floor\",\"class\":\"%s\",\"n\":%zu,\"mean_us\":%.2f,\"median_us\":%."
               "2f,\"p99_us\":%.1f,"
               "\"found_per_query\":%.1f}\n",
               bench_class_name[kind], n, t.mean_us, t.median_us, t.p99_us,
               (double)found / (double)n);
        fflush(stdout);
    }
    free(jobs);
    free(marks);
    free(facets);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: bench_floor CORPUS QUERIES SECONDS\n");
        return 2;
    }
    struct floor f = {.slots = calloc(SLOTS, 4), .category_slots = calloc(FACETS, 4)};
    float *samples = malloc(MAX_SAMPLES * sizeof *samples);
    if (!f.slots || !f.category_slots || !samples)
        abort();
    double start = bench_now_us();
    corpus_each(argv[1], add_row, &f);
    double inverted = bench_now_us();
    score_lists(&f);
    sort_lists(&f);
    printf("{\"bench\":\"floor_build\",\"products\":%u,\"terms\":%u,\"products_per_s\":%.0f}\n",
           f.doc_count, f.list_count, f.doc_count / ((inverted - start) / 1e6));
    struct bench_queries all = bench_queries_load(argv[2], 3);
    for (int kind = 0; kind < CLASS_COUNT; kind++)
        if (kind != CLASS_FUZZY)
            run_class(&f, &all, (enum bench_class)kind, atof(argv[3]), samples);
    return sink == UINT32_MAX;
}
