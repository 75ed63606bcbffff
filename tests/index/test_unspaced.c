/*
 * Words of scripts without blanks while they are typed: each beginning finds the product, typed
 * composed or with marks apart, and what matched is marked in its own bytes.
 */
#include "tests/index/support_find.h"

#include "index/highlight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct find_product products[] = {
    {.id = "desktop", .title = "X11 向けのデスクトップに依存しないログインマネージャ"},
    {.id = "cursor", .title = "X 用のより大きなマウスカーソル"},
    {.id = "plugin", .title = "KDevelop 用 PHP プラグイン"},
    {.id = "apart", .title = "ELF ハ\u3099イナリの rpath 編集用ツール"},
    {.id = "trousers", .title = "กางเกงขายาว VANQUISH ผ้าคอตตอน"},
    {.id = "shorts", .title = "ชุดนอนแขนสั้น กางเกงขาสั้น ผ้าฝ้าย"},
    {.id = "packages", .title = "aptitude 包管理器的架构无关文件"},
    {.id = "series", .title = "AHC 神仙水系列保濕乳霜"},
    {.id = "other", .title = "包装系列 ขาย マウスパッド"},
    {0}};

static bool has_id(const char *ids, const char *id)
{
    size_t len = strlen(id);
    for (const char *at = ids; (at = strstr(at, id)); at += len)
        if ((at == ids || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
            return true;
    return false;
}

/* All words, no typos: what is found is what begins so. */
static void open_catalog(struct find *f)
{
    find_open(f, "", products);
    f->query.match = QUERY_ALL;
    f->query.typos = 0;
    f->query.prefix = true;
    f->query.k = 20;
}

static void each_beginning_finds_its_product(void **state)
{
    (void)state;
    static const struct {
        const char *word, *id;
    } cases[] = {{"デスクトップ", "desktop"},      {"マウスカーソル", "cursor"},
                 {"プラグイン", "plugin"},         {"バイナリ", "apart"},
                 {"ハ\u3099イナリ", "apart"},      {"กางเกงขายาว", "trousers"},
                 {"กางเกงขาสั้น", "shorts"},         {"包管理器", "packages"},
                 {"神仙水系列保濕乳霜", "series"}, {"X11 向けのデスクトップ", "desktop"}};
    struct find f;
    open_catalog(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t len = 1; len <= strlen(cases[i].word); len++) {
            char text[128];
            const char *next = cases[i].word + len;
            if (((unsigned char)*next & 0xc0) == 0x80 || strncmp(next, "\u3099", 3) == 0)
                continue; /* inside a letter */
            snprintf(text, sizeof text, "%.*s", (int)len, cases[i].word);
            if (!has_id(find_ids(&f, text), cases[i].id))
                print_error("%s: %s\n", text, f.ids);
            assert_true(has_id(f.ids, cases[i].id));
        }
    /* a word of its own is no part of what is cut otherwise */
    assert_false(has_id(find_ids(&f, "マウスカ"), "other"));
    find_close(&f);
}

static void a_word_cut_in_two_is_marked(void **state)
{
    (void)state;
    struct find f;
    open_catalog(&f);
    f.query.want_terms = true;
    assert_true(has_id(find_ids(&f, "デスクトッ"), "desktop"));
    bool marked = false;
    for (uint32_t i = 0; i < f.result.term_count; i++) {
        const struct highlight_term *t = &f.result.terms[i];
        marked |= t->prefix && slice_equal(t->term, SLICE_LIT("トッ"));
    }
    assert_true(marked);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_beginning_finds_its_product),
        cmocka_unit_test(a_word_cut_in_two_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
