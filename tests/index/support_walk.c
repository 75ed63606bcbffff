#include "tests/index/support_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

const char *const walk_brands[4] = {"Nike", "Puma", "Asics", "New Balance"};

const char *const walk_paths[5] = {"Shoes", "Shoes > Running", "Shoes > Running > Trail", "Shirts",
                                   "Shirts > Long"};

uint32_t roll(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

/* Five letters; the words w and w + 30 are one edit apart. */
void word_text(uint32_t w, char out[8])
{
    static const char first[] = "bcdfgklmpr", second[] = "aeiou";
    uint32_t base = w % 30;
    out[0] = first[base % 10];
    out[1] = second[base / 10];
    out[2] = first[(base * 7 + 3) % 10];
    out[3] = second[base % 5];
    out[4] = w < 30 ? 'd' : 't';
    out[5] = '\0';
}

uint32_t some_word(uint64_t *seed)
{
    uint32_t a = roll(seed, WORDS), b = roll(seed, WORDS);
    return a < b ? a : b; /* low numbers are frequent */
}

static struct schema *make_schema(void)
{
    static struct schema_spec spec;
    struct buf b = {0};
    struct schema *schema = NULL;
    static const struct field_spec fields[] = {
        {.name = {"title", 5}, .type = FIELD_TEXT, .flags = FIELD_SEARCHABLE | FIELD_STORED},
        {.name = {"brand", 5},
         .type = FIELD_KEYWORD,
         .flags = FIELD_FILTER | FIELD_FACET | FIELD_SORT},
        {.name = {"price", 5},
         .type = FIELD_FLOAT,
         .flags = FIELD_FILTER | FIELD_FACET | FIELD_SORT},
        {.name = {"stock", 5}, .type = FIELD_INTEGER, .flags = FIELD_FILTER | FIELD_SORT},
        {.name = {"category", 8}, .type = FIELD_PATH, .flags = FIELD_FILTER | FIELD_FACET},
        {.name = {"tags", 4}, .type = FIELD_KEYWORD_LIST, .flags = FIELD_FILTER | FIELD_FACET},
    };
    spec = (struct schema_spec){.version = 1, .field_count = 6};
    memcpy(spec.fields, fields, sizeof fields);
    schema_spec_encode(&spec, &b);
    assert_int_equal(schema_decode(slice_make(b.ptr, b.len), &schema, NULL), STATUS_OK);
    buf_fini(&b);
    return schema;
}

static void put_path(struct buf *b, const char *path)
{
    uint32_t nodes = 1;
    for (const char *p = path; (p = strstr(p, " > ")); p += 3)
        nodes++;
    value_put_list(b, nodes);
    for (const char *p = path, *end; p; p = end ? end + 3 : NULL) {
        end = strstr(p, " > ");
        wire_put_bytes(b, slice_make(p, end ? (size_t)(end - p) : strlen(p)));
    }
}

static void put_item(struct buf *b, uint32_t number, const struct item *it)
{
    char id[16], text[TITLE * 8 + 1] = "";
    snprintf(id, sizeof id, "p%u", number);
    uint32_t tags = (uint32_t)__builtin_popcount(it->tags);
    document_put_header(b, slice_str(id),
                        2 + (it->brand >= 0) + (it->stock >= 0) + (it->path >= 0) + (tags > 0));
    for (uint32_t i = 0; i < it->word_count; i++) {
        char word[8];
        word_text(it->words[i], word);
        strcat(strcat(text, i ? " " : ""), word);
    }
    wire_put_varint(b, 0);
    value_put_text(b, slice_str(text));
    if (it->brand >= 0) {
        wire_put_varint(b, 1);
        value_put_text(b, slice_str(walk_brands[it->brand]));
    }
    wire_put_varint(b, 2);
    value_put_float(b, it->price);
    if (it->stock >= 0) {
        wire_put_varint(b, 3);
        value_put_int(b, it->stock);
    }
    if (it->path >= 0) {
        wire_put_varint(b, 4);
        put_path(b, walk_paths[it->path]);
    }
    if (tags) {
        wire_put_varint(b, 5);
        value_put_list(b, tags);
        for (int t = 0; t < 8; t++)
            if (it->tags >> t & 1) {
                char name[4] = {'t', (char)('0' + t), '\0'};
                wire_put_bytes(b, slice_str(name));
            }
    }
}

static struct item random_item(uint64_t *seed)
{
    struct item it = {.live = true,
                      .word_count = 1 + roll(seed, TITLE),
                      .brand = (int)roll(seed, 5) - 1,
                      .path = (int)roll(seed, 6) - 1,
                      .stock = (int64_t)roll(seed, 20) - 1,
                      .price = roll(seed, 10000) / 100.0,
                      .tags = roll(seed, 256)};
    it.tags &= roll(seed, 256); /* a quarter of them */
    for (uint32_t i = 0; i < it.word_count; i++)
        it.words[i] = some_word(seed);
    return it;
}

static void upsert(struct batch *b, uint32_t number, const struct item *it)
{
    struct buf doc = {0};
    struct change c = {.validated_ms = 1000, .ttl_ms = -1, .swr_ms = -1, .sie_ms = -1};
    put_item(&doc, number, it);
    assert_int_equal(batch_upsert(b, slice_make(doc.ptr, doc.len), &c), STATUS_OK);
    buf_fini(&doc);
}

static void open_world(struct world *w, const char *name)
{
    struct schema *schema = make_schema();
    struct fault fault = {0};
    bool stale;
    snprintf(w->dir, sizeof w->dir, "/tmp/souk-query-%s-XXXXXX", name);
    assert_non_null(mkdtemp(w->dir));
    struct index_options o = {.map_bytes = (uint64_t)1 << 30};
    assert_int_equal(index_create(w->dir, schema, &o, &fault), STATUS_OK);
    assert_int_equal(index_open(w->dir, &o, &w->ix, &stale, &fault), STATUS_OK);
    assert_int_equal(searcher_create(&w->searcher), STATUS_OK);
    assert_int_equal(snapshot_create(w->ix, &w->snap), STATUS_OK);
    arena_init(&w->arena, 0);
    schema_destroy(&schema);
}

void close_world(struct world *w)
{
    char command[128];
    snapshot_destroy(&w->snap);
    searcher_destroy(&w->searcher);
    arena_fini(&w->arena);
    index_close(&w->ix);
    snprintf(command, sizeof command, "rm -rf '%s'", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
}

/* Several batches with updates and deletions in them, so that there are segments and dead products.
 */
static void fill(struct world *w)
{
    for (uint32_t round = 0; round < 6; round++) {
        struct batch *b;
        assert_int_equal(batch_begin(w->ix, &b), STATUS_OK);
        for (uint32_t i = 0; i < PRODUCTS / 4; i++) {
            uint32_t n = round < 4 ? round * (PRODUCTS / 4) + i : roll(&w->seed, PRODUCTS);
            if (round >= 4 && roll(&w->seed, 4) == 0 && w->items[n].live) {
                char id[16];
                snprintf(id, sizeof id, "p%u", n);
                w->items[n].live = false;
                assert_int_equal(batch_delete(b, slice_str(id)), STATUS_OK);
                continue;
            }
            w->items[n] = random_item(&w->seed);
            upsert(b, n, &w->items[n]);
        }
        assert_int_equal(batch_commit(&b, ++w->sequence), STATUS_OK);
    }
}

struct world *make_world(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->seed = seed;
    open_world(w, "a");
    fill(w);
    assert_int_equal(snapshot_begin(w->snap), STATUS_OK);
    return w;
}

void change_world(struct world *w, uint32_t count, bool changed[PRODUCTS])
{
    struct batch *b;
    snapshot_end(w->snap);
    assert_int_equal(batch_begin(w->ix, &b), STATUS_OK);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n = roll(&w->seed, PRODUCTS);
        char id[16];
        snprintf(id, sizeof id, "p%u", n);
        changed[n] = true;
        if (w->items[n].live && roll(&w->seed, 2)) {
            w->items[n].live = false;
            assert_int_equal(batch_delete(b, slice_str(id)), STATUS_OK);
        } else {
            w->items[n] = random_item(&w->seed);
            upsert(b, n, &w->items[n]);
        }
    }
    assert_int_equal(batch_commit(&b, ++w->sequence), STATUS_OK);
    assert_int_equal(snapshot_begin(w->snap), STATUS_OK);
}

uint32_t number_of(struct slice id)
{
    uint32_t n = 0;
    for (size_t i = 1; i < id.len; i++)
        n = n * 10 + (uint32_t)(id.ptr[i] - '0');
    assert_true(n < PRODUCTS);
    return n;
}

/* --- the other evaluator ---------------------------------------------------------------------- */

bool path_under(int path, int top)
{
    return path >= 0 && strncmp(walk_paths[path], walk_paths[top], strlen(walk_paths[top])) == 0;
}

static bool passes_one(const struct test *t, const struct item *it)
{
    bool yes = false;
    switch (t->kind) {
    case 0:
        yes = it->price < t->number;
        break;
    case 1:
        yes = it->brand == t->which;
        break;
    case 2:
        yes = it->tags >> t->which & 1;
        break;
    case 3:
        yes = path_under(it->path, t->which);
        break;
    case 4:
        yes = it->stock >= t->which && it->stock <= t->other && it->stock >= 0;
        break;
    case 5:
        yes = it->stock >= 0;
        break;
    default:
        yes = it->brand >= 0 && (it->brand == t->which || it->brand == t->other);
        break;
    }
    return yes != t->negated;
}

static void print_test(const struct test *t, char *out, size_t size)
{
    char body[160];
    switch (t->kind) {
    case 0:
        snprintf(body, sizeof body, "price < %.2f", t->number);
        break;
    case 1:
        snprintf(body, sizeof body, "brand = \"%s\"", walk_brands[t->which]);
        break;
    case 2:
        snprintf(body, sizeof body, "tags = t%d", t->which);
        break;
    case 3:
        snprintf(body, sizeof body, "category under '%s'", walk_paths[t->which]);
        break;
    case 4:
        snprintf(body, sizeof body, "stock %d..%d", t->which, t->other);
        break;
    case 5:
        snprintf(body, sizeof body, "exists(stock)");
        break;
    default:
        snprintf(body, sizeof body, "brand in [\"%s\", '%s']", walk_brands[t->which],
                 walk_brands[t->other]);
        break;
    }
    snprintf(out, size, "%s%s", t->negated ? "not " : "", body);
}

static struct test random_test(uint64_t *seed)
{
    struct test t = {.kind = (int)roll(seed, 7), .negated = roll(seed, 4) == 0};
    t.number = roll(seed, 10000) / 100.0;
    t.which = (int)roll(seed, t.kind == 2 ? 8 : t.kind == 3 ? 5 : t.kind == 4 ? 15 : 4);
    t.other = t.kind == 4 ? t.which + (int)roll(seed, 8) : (int)roll(seed, 4);
    return t;
}

struct filter_case random_filter(uint64_t *seed)
{
    struct filter_case f = {.count = roll(seed, 4)};
    char one[3][200];
    for (uint32_t i = 0; i < f.count; i++) {
        f.tests[i] = random_test(seed);
        print_test(&f.tests[i], one[i], sizeof one[i]);
    }
    if (f.count == 1)
        snprintf(f.text, sizeof f.text, "%s", one[0]);
    else if (f.count == 2)
        snprintf(f.text, sizeof f.text, "%s and %s", one[0], one[1]);
    else if (f.count == 3)
        snprintf(f.text, sizeof f.text, "(%s and %s) or %s", one[0], one[1], one[2]);
    return f;
}

bool passes(const struct filter_case *f, const struct item *it)
{
    bool a = f->count < 1 || passes_one(&f->tests[0], it);
    bool b = f->count < 2 || passes_one(&f->tests[1], it);
    return f->count < 3 ? a && b : (a && b) || passes_one(&f->tests[2], it);
}

bool has_word(const struct item *it, const char *word, bool prefix)
{
    for (uint32_t i = 0; i < it->word_count; i++) {
        char mine[8];
        word_text(it->words[i], mine);
        if (prefix ? strncmp(mine, word, strlen(word)) == 0 : strcmp(mine, word) == 0)
            return true;
    }
    return false;
}

struct words_case random_words(uint64_t *seed)
{
    struct words_case c = {.count = roll(seed, 4)};
    c.prefix = roll(seed, 3) == 0;
    c.any = roll(seed, 3) == 0;
    size_t len = 0;
    for (uint32_t i = 0; i < c.count; i++) {
        word_text(some_word(seed), c.words[i]);
        if (c.prefix && i + 1 == c.count)
            c.words[i][1 + roll(seed, 3)] = '\0';
        len +=
            (size_t)snprintf(c.text + len, sizeof c.text - len, "%s%s", i ? " " : "", c.words[i]);
    }
    return c;
}

bool holds(const struct words_case *c, const struct item *it)
{
    uint32_t hits = 0;
    for (uint32_t i = 0; i < c->count; i++)
        hits += has_word(it, c->words[i], c->prefix && i + 1 == c->count);
    return c->count == 0 || (c->any ? hits > 0 : hits == c->count);
}

struct query query_of(const struct words_case *c, const struct filter_case *f)
{
    return (struct query){.text = slice_str(c->text),
                          .match = c->any ? QUERY_ANY : QUERY_ALL,
                          .prefix = c->prefix,
                          .filter = slice_str(f->text),
                          .k = PAGE,
                          .count_to = QUERY_COUNT_ALL,
                          .max_stale_ms = -1,
                          .profile = SLICE_LIT("bm25")};
}

void run(struct world *w, const struct query *q, struct query_result *r)
{
    struct fault fault = {0};
    enum status s = search_run(w->searcher, w->snap, q, &w->arena, r, &fault);
    if (s)
        print_error("%s: text '%.*s' filter '%.*s'\n", fault.text, (int)q->text.len, q->text.ptr,
                    (int)q->filter.len, q->filter.ptr);
    assert_int_equal(s, STATUS_OK);
}

/* The same products in one batch and in another order. */
struct world *same_in_one_batch(const struct world *from)
{
    struct world *w = calloc(1, sizeof *w);
    struct batch *b;
    assert_non_null(w);
    memcpy(w->items, from->items, sizeof w->items);
    open_world(w, "b");
    assert_int_equal(batch_begin(w->ix, &b), STATUS_OK);
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        uint32_t n = (uint32_t)((uint64_t)i * 1789 % PRODUCTS);
        if (w->items[n].live)
            upsert(b, n, &w->items[n]);
    }
    assert_int_equal(batch_commit(&b, 1), STATUS_OK);
    assert_int_equal(snapshot_begin(w->snap), STATUS_OK);
    return w;
}
