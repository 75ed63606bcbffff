#include "tests/index/support_titles.h"

#include "index/lev.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zstd.h>

enum { PIECES = 4, AGAIN = 10 };

static char titles[TITLES_MAX][TITLE_BYTES], earlier[TITLES_MAX][TITLE_BYTES], ids[TITLES_MAX][8];
static struct find_product products[TITLES_MAX + 1];
static uint32_t product_count;
static uint64_t seed = 23;

uint32_t titles_roll(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

uint32_t titles_count(void)
{
    return product_count;
}

static void add_title(const char *text, size_t len)
{
    char *to = titles[product_count];
    len = len < TITLE_BYTES - 1 ? len : TITLE_BYTES - 1;
    memcpy(to, text, len);
    to[len] = 0;
    snprintf(ids[product_count], sizeof ids[0], "%u", product_count);
    products[product_count] = (struct find_product){.id = ids[product_count], .title = to};
    products[++product_count] = (struct find_product){0};
}

/* One to three words of four letters; no vowels, two of which may be one umlaut. */
static size_t random_text(char *text)
{
    static const char *const letters[2][4] = {{"b", "c", "d", "f"},
                                              {"\xd0\xb0", "\xd0\xb1", "\xd0\xb2", "\xd0\xb3"}};
    size_t len = 0;
    for (uint32_t w = 0, words = 1 + titles_roll(3); w < words; w++) {
        const char *const *of = letters[titles_roll(4) == 0];
        for (uint32_t k = 0, n = 1 + titles_roll(9); k < n; k++)
            for (const char *c = of[titles_roll(4)]; *c; c++)
                text[len++] = *c;
        text[len++] = ' ';
    }
    return len;
}

void titles_random(void)
{
    product_count = 0;
    for (int i = 0; i < 1600; i++) {
        char text[64];
        add_title(text, random_text(text));
    }
}

/* Plain ASCII titles without escapes, read without a parser of JSON. */
void titles_sample(void)
{
    static const char key[] = "\"title\":\"";
    FILE *f = fopen(SOUK_SOURCE_DIR "/data/esci-us.jsonl.zst", "rb");
    assert_non_null(f);
    static char packed[4 << 20], text[32 << 20];
    ZSTD_inBuffer in = {packed, fread(packed, 1, sizeof packed, f), 0};
    ZSTD_outBuffer out = {text, sizeof text - 1, 0};
    ZSTD_DStream *z = ZSTD_createDStream();
    while (in.pos < in.size && out.pos < out.size)
        assert_false(ZSTD_isError(ZSTD_decompressStream(z, &out, &in)));
    ZSTD_freeDStream(z);
    fclose(f);
    text[out.pos] = 0;
    product_count = 0;
    for (char *at = text; (at = strstr(at, key)) && product_count < TITLES_MAX;) {
        at += sizeof key - 1;
        size_t len = strcspn(at, "\"");
        bool plain = true;
        for (size_t i = 0; i < len; i++)
            plain &= at[i] != '\\' && (unsigned char)at[i] < 0x80;
        if (plain)
            add_title(at, len);
    }
    assert_true(product_count > 1000);
}

void titles_open(struct find *f, const char *language)
{
    uint32_t first = product_count / PIECES;
    find_open(f, language, NULL);
    for (uint32_t i = 0; i < first; i += AGAIN) {
        earlier[i][random_text(earlier[i])] = 0;
        products[i].title = earlier[i];
    }
    find_put_all(f, products, first);
    for (uint32_t i = 0; i < first; i += AGAIN)
        products[i].title = titles[i];
    for (uint32_t i = 0; i < first; i += AGAIN)
        find_put_all(f, products + i, 1);
    for (uint32_t from = first; from < product_count; from += first)
        find_put_all(f, products + from,
                     product_count - from < first ? product_count - from : first);
}

void titles_open_backwards(struct find *f, const char *language)
{
    static struct find_product backwards[TITLES_MAX + 1];
    for (uint32_t i = 0; i < product_count; i++)
        backwards[i] = products[product_count - 1 - i];
    backwards[product_count] = (struct find_product){0};
    find_open(f, language, backwards);
}

void titles_words(struct find *f, uint32_t product, struct title_words *w)
{
    const struct token_list *l;
    size_t at = 0;
    w->count = 0;
    assert_int_equal(analyser_run(searcher_analyser(f->searcher), slice_str(titles[product]), &l),
                     STATUS_OK);
    for (uint32_t i = 0; i < l->count && at + l->items[i].term.len <= sizeof w->bytes; i++) {
        struct slice t = l->items[i].term;
        memcpy(w->bytes + at, t.ptr, t.len);
        w->items[w->count++] = slice_make(w->bytes + at, t.len);
        at += t.len;
    }
}

static bool letters_only(struct slice w)
{
    uint32_t n = 0;
    for (uint32_t at = 0; at < w.len; n++) {
        uint32_t c = lev_next_point(w, &at);
        if ((c < 'a' || c > 'z') && (c < 0x430 || c > 0x44f))
            return false;
    }
    return n > 0 && n <= TITLE_WORD_LETTERS;
}

bool titles_word(struct find *f, char out[TITLE_WORD_LETTERS * 4 + 1])
{
    static struct title_words w;
    titles_words(f, titles_roll(product_count), &w);
    struct slice word = w.count ? w.items[titles_roll(w.count)] : SLICE_NULL;
    if (!letters_only(word))
        return false;
    memcpy(out, word.ptr, word.len);
    out[word.len] = 0;
    return true;
}

void titles_find(struct find *f, const struct query *q, uint8_t found[TITLES_MAX])
{
    struct arena arena = {0};
    struct query_result r;
    assert_int_equal(search_run(f->searcher, f->snap, q, &arena, &r, &f->fault), STATUS_OK);
    memset(found, 0, TITLES_MAX);
    assert_int_equal(r.hit_count, r.found);
    assert_int_equal(r.degraded_count, 0);
    for (uint32_t i = 0; i < r.hit_count; i++) {
        char id[16];
        snprintf(id, sizeof id, "%.*s", (int)r.hits[i].id.len, r.hits[i].id.ptr);
        found[atoi(id)] = 1;
    }
    arena_fini(&arena);
}
