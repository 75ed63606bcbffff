#include "index/fold.h"
#include "tests/index/support_find.h"
#include "index/analyse.h"
#include "index/highlight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#include <cmocka.h>

static struct analyser *a;

static int setup(void **state)
{
    (void)state;
    return analyser_create(&a);
}

static int teardown(void **state)
{
    (void)state;
    analyser_destroy(&a);
    return 0;
}

/* The tokens, extras in brackets. */
static const char *tokens(const char *text)
{
    static char out[2][1024];
    static int turn;
    const struct token_list *l;
    size_t n = 0;
    char *to = out[turn ^= 1];
    to[0] = '\0';
    assert_int_equal(analyser_run(a, slice_str(text), &l), STATUS_OK);
    for (uint32_t i = 0; i < l->count; i++) {
        const struct token *t = &l->items[i];
        bool extra = t->kind == TOKEN_EXTRA;
        n += (size_t)snprintf(to + n, sizeof out[0] - n, "%s%s%.*s@%u%s", i ? " " : "",
                              extra ? "(" : "", (int)t->term.len, t->term.ptr, t->position,
                              extra ? ")" : "");
    }
    return to;
}

/* What a shopper types instead of the sign gives the same tokens: so each finds the other. */
static void a_sign_is_read_as_what_is_typed_for_it(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        /* units */
        {"5㎏", "5kg"},
        {"Rice 5㎏ bag", "Rice 5kg bag"},
        {"10㎝5㎜", "10cm 5mm"},
        {"㎡ 20㎡", "m2 20m2"},
        {"120 g/㎡", "120 g/m2"},
        {"10㏄", "10cc"},
        {"5㎛ 5µm 5μm", "5um 5um 5um"},
        {"㎧", "m/s"},
        {"20℃", "20°C"},
        {"68℉", "68°F"},
        {"20ºC", "20°C"},
        {"㌔㌘", "キログラム"},
        {"㌢㍍", "センチメートル"},
        {"㍑", "リットル"},
        {"5ℓ", "5l"},
        {"Å Ω K", "Å Ω K"},
        /* fractions */
        {"½", "1/2"},
        {"1½ inch", "1 1/2 inch"},
        {"2¾\"", "2 3/4\""},
        {"½kg", "1/2kg"},
        {"1¹⁄₂", "1 1/2"},
        {"1⁄2 1∕2", "1/2 1/2"},
        {"⅟8", "1/8"},
        {"½3", "1/2 3"},
        /* small digits */
        {"m² cm³", "m2 cm3"},
        {"20m²", "20m2"},
        {"CO₂ H₂O", "CO2 H2O"},
        {"Preis¹", "Preis-1"},
        {"Cube X³", "Cube X-3"},
        {"10⁻³", "10 3"},
        {"10²", "10 2"},
        {"5ᵗʰ", "5th"},
        /* numbers and letters in circles and brackets */
        {"①", "1"},
        {"⑳", "20"},
        {"①②③", "1 2 3"},
        {"Set①red", "Set 1 red"},
        {"❶ ➀ ➊ ⓵ ⓫ ⓴", "1 1 1 1 11 20"},
        {"⑴ ⒈ ⒜", "1 1 a"},
        {"ⓒⓞⓞⓛ", "cool"},
        {"Ⓐ 🅐 🄰 🅰", "a a a a"},
        {"㈱山田 ㊗", "株 山田 祝"},
        {"1️⃣ red", "1 red"},
        /* words in one sign */
        {"№5", "no 5"},
        {"№ 5", "no 5"},
        {"nº5", "no 5"},
        {"℡030", "tel 030"},
        {"a…b", "a b"},
        {"1ª 2º", "1-a 2-o"},
        {"Mª", "Ma"},
        /* marks that are no part of a name */
        {"Levi’s™ 501®", "levis 501"},
        {"LEGOⓇ ⓒ Disney", "lego disney"},
        {"Sign℠on", "sign on"},
        /* Roman numerals */
        {"Type Ⅳ", "Type IV"},
        {"MarkⅡ", "Mark-II"},
        {"ⅩⅡ", "XII"},
        {"第Ⅱ期", "第II期"},
        /* forms and widths */
        {"ＡＢＣ－１２／３ ５％", "ABC-12/3 5%"},
        {"１，０００．５", "1,000.5"},
        {"ﾊﾟｿｺﾝ ｶﾞﾝﾀﾞﾑ", "パソコン ガンダム"},
        {"ﾎﾟｹﾓﾝｶｰﾄﾞ", "ポケモンカード"},
        {"ﾡﾢ ﾾￂ", "ㄱㄲ 하"},
        {"ﬁsh ofﬁce ﬄ", "fish office ffl"},
        {"ﻛﺘﺎﺏ ﻻ", "کتاب لا"},
        {"𝐁𝐨𝐥𝐝 𝟙𝟚", "Bold 12"},
        {"ⅰⅤ", "iV"},
        {"⼤⼈", "大人"},
        /* apostrophes, feet and inches */
        {"men’s men‘s men´s menʼs men＇s", "men's men's men's men's men's"},
        {"l’eau", "l'eau"},
        {"55″ 8′", "55\" 8'"},
        {"55” 27“", "55\" 27\""},
        {"8’ pole", "8' pole"},
        {"צה״ל ג׳ינס", "צה\"ל ג'ינס"},
        {"צה\"ל", "צהל"},
        /* digits of all scripts, and what stands between them */
        {"۵۰۰ ٥٠٠ ५०० ๕๐๐", "500 500 500 500"},
        {"۱۰٫۵ ١٠٬٠٠٠", "10.5 10,000"},
        {"١٠،٢٠", "10, 20"},
        {"尺码36，37", "尺码36, 37"},
        {"日本語／中国語", "日本語 中国語"},
        {"4×8 4 × 8", "4x8 4 x 8"},
        {"4cm×74cm", "4cm x 74cm"},
        {"3×fins ×10 24 × bags", "3x fins x10 24 x bags"},
        {"6.3''×3.8''", "6.3'' x 3.8''"},
        {"Ball×Shaun", "Ball Shaun"},
        /* hyphens, blanks and what is not seen */
        {"t‑shirt t‐shirt", "t-shirt t-shirt"},
        {"תל־אביב", "תל-אביב"},
        {"5\u00a0kg 5\u202fkg 5\u3000kg", "5 kg 5 kg 5 kg"},
        {"Kühl\u00adschrank", "Kühlschrank"},
        {"iPhone\u200e 13\u200f", "iPhone 13"},
        {"\ufeffiPhone\u2060X", "iPhoneX"},
        {"xps-\u200e15", "xps-15"},
        {"red\u200bshoe", "red shoe"},
        {"❤️ red", "red"},
        {"می‌خواهم", "میخواهم"},
        {"col·lecció paral·lel", "collecció parallel"},
        {"A·B", "A B"},
        /* letters */
        {"फ़ोन चाँद", "फोन चांद"},
        {"ہے ۀ ٱ", "هے ه ا"},
        {"เเชมพู เเก้วน้ำ", "แชมพู แก้วน้ำ"},
        {"นํ้าหอม นำ้หอม ทําความ", "น้ำหอม น้ำหอม ทำความ"},
        {"İstanbul ışık", "istanbul isik"},
        {"Indriðason Ħal", "Indridason Hal"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = tokens(cases[i][0]), *want = tokens(cases[i][1]);
        if (strcmp(got, want) != 0)
            print_message("[%s] is not read as [%s]\n", cases[i][0], cases[i][1]);
        assert_string_equal(got, want);
    }
}

/* Written out, since what is typed for it might be read wrongly in the same way. */
static void signs_stand_apart_from_words_or_are_joined_to_them(void **state)
{
    (void)state;
    assert_string_equal(tokens("5㎏"), "5kg@0 (5@0)");
    assert_string_equal(tokens("1½ in"), "1@0 1@1 2@2 (2in@2) (12@1) in@3");
    assert_string_equal(tokens("MarkⅡ"), "mark@0 ii@1 (markii@0)");
    assert_string_equal(tokens("Levi’s™"), "levis@0");
    assert_string_equal(tokens("Preis¹"), "preis@0 1@1 (preis1@0)");
    assert_string_equal(tokens("m²"), "m2@0");
    assert_string_equal(tokens("20℃"), "20@0 c@1");
    assert_string_equal(tokens("①②"), "1@0 2@1");
    assert_string_equal(tokens("①②kg"), "1@0 2@1 (2kg@1) kg@2");
}

static void words_of_one_sign_have_all_of_it(void **state)
{
    (void)state;
    static const struct {
        const char *text, *term, *want;
    } cases[] = {
        {"Rice 5㎏ bag", "5kg", "Rice <5㎏> bag"},
        {"Rice 5㎏ bag", "5", "Rice <5>㎏ bag"},
        {"Nut 1½ in", "12", "Nut 1<½> in"},
        {"Nut 1½ in", "2in", "Nut 1<½ in>"},
        {"20m² rug", "20m2", "<20m²> rug"},
        {"MarkⅡ", "ii", "Mark<Ⅱ>"},
        {"MarkⅡ", "mark", "<Mark>Ⅱ"},
        {"ﾊﾟｿｺﾝ 5", "パソコン", "<ﾊﾟｿｺﾝ> 5"},
        {"oﬃce", "office", "<oﬃce>"},
        {"①A", "a", "①<A>"},
        {"A①", "a", "<A>①"},
        {"men’s", "mens", "<men’s>"},
        {"㍿", "株式会社", "<㍿>"},
        {"x\u3000共和国 Ａ", "共和", "x\u3000<共和>国 Ａ"},
        {"1️⃣ red", "1", "<1️⃣> red"},
        {"ＡＢＣ", "abc", "<ＡＢＣ>"},
    };
    static const struct highlight_style style = {{"<", 1}, {">", 1}, {"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct highlight_term t = {slice_str(cases[i].term), false, 0};
        struct buf out = BUF_INIT;
        uint32_t matched;
        assert_int_equal(
            highlight_field(a, slice_str(cases[i].text), &t, 1, &style, &out, &matched), STATUS_OK);
        buf_put_u8(&out, 0);
        assert_string_equal(out.ptr, cases[i].want);
        buf_fini(&out);
    }
}

/* Any letter of Unicode with words round it, and random strings of those that are signs. */
static void must_lie_between_letters(const char *text, int32_t len)
{
    const struct token_list *l;
    uint32_t position = 0, start = 0;
    assert_int_equal(analyser_run(a, slice_make(text, (size_t)len), &l), STATUS_OK);
    for (uint32_t i = 0; i < l->count; i++) {
        const struct token *t = &l->items[i];
        assert_true(t->start < t->end && t->end <= (uint32_t)len);
        assert_true(t->from < t->to && t->to <= l->read.len);
        assert_true(((unsigned char)text[t->start] & 0xc0) != 0x80);
        assert_true(t->end == (uint32_t)len || ((unsigned char)text[t->end] & 0xc0) != 0x80);
        if (t->kind == TOKEN_EXTRA)
            continue;
        assert_true(i == 0 || (t->position == position + 1 && t->start >= start));
        assert_true(i > 0 || t->position == 0);
        position = t->position;
        start = t->start;
    }
}

static bool is_sign(UChar32 c)
{
    return u_charType(c) != U_SURROGATE &&
           (u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE) > U_DT_CANONICAL ||
            u_charType(c) == U_DECIMAL_DIGIT_NUMBER || u_charType(c) == U_FORMAT_CHAR ||
            (c >= 0x2010 && c < 0x2070));
}

static void offsets_are_those_of_whole_signs(void **state)
{
    (void)state;
    static UChar32 signs[8192];
    uint32_t count = 0;
    char text[512];
    for (UChar32 c = 0x80; c < 0x20000; c++) {
        int32_t n = 0;
        if (!is_sign(c) || count == sizeof signs / sizeof *signs)
            continue;
        signs[count++] = c;
        char sign[5];
        U8_APPEND_UNSAFE(sign, n, c);
        n = snprintf(text, sizeof text, "ab 5%.*sx 7 %.*s", n, sign, n, sign);
        must_lie_between_letters(text, n);
    }
    assert_true(count > 3000);
    srand(11);
    for (int round = 0; round < 30000; round++) {
        int32_t n = 0;
        for (int i = rand() % 12; i >= 0; i--) {
            UChar32 c = rand() % 3 ? signs[(uint32_t)rand() % count]
                                   : (UChar32) "aX5 -.'\"1/kgm"[rand() % 13];
            if (rand() % 9 == 0)
                c = (UChar32[]){0x301, 0x3099, 0x4e2d, 0x30ab, 0x1100, 0x1161, 0x5d0}[rand() % 7];
            U8_APPEND_UNSAFE(text, n, c);
        }
        must_lie_between_letters(text, n);
    }
}

/* But for those of trade marks, copyright and records, and of ordinals, which are no words alone.
 */
static void no_sign_of_letters_or_digits_is_dropped(void **state)
{
    (void)state;
    UErrorCode e = U_ZERO_ERROR;
    const UNormalizer2 *nfkc = unorm2_getNFKCInstance(&e);
    for (UChar32 c = 0x80; c < 0x20000; c++) {
        UChar in[2], out[32];
        int32_t n = 0, len = 0;
        char text[8], plain[128];
        const struct token_list *l;
        if (!is_sign(c) || c == 0x3164 || c == 0xffa0 || c == 0x2122 || c == 0x2120 ||
            (c >= 0x1f16a && c <= 0x1f16c))
            continue;
        U16_APPEND_UNSAFE(in, n, c);
        n = unorm2_normalize(nfkc, in, n, out, 32, &e);
        u_strToUTF8(plain, sizeof plain, &len, out, n, &e);
        assert_true(U_SUCCESS(e));
        assert_int_equal(analyser_run(a, slice_make(plain, (size_t)len), &l), STATUS_OK);
        bool word = l->count > 0;
        len = 0;
        U8_APPEND_UNSAFE(text, len, c);
        assert_int_equal(analyser_run(a, slice_make(text, (size_t)len), &l), STATUS_OK);
        bool mark = u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE) == U_DT_CIRCLE && n == 1 &&
                    out[0] < 0x80 && strchr("CRPcrp", out[0]);
        if (word && !l->count && !mark && c != 0xaa && c != 0xba)
            fail_msg("U+%04X is dropped", (unsigned)c);
    }
}

/* Signs of eighteen letters each: so many of them that memory for all would be many times the text.
 * Those behind stay as they are. */
static void a_long_text_of_signs_is_read_in_bounds(void **state)
{
    (void)state;
    enum { BYTES = 3 << 14 };
    char *text = malloc(BYTES + 4);
    const struct token_list *l;
    struct folder *f;
    struct slice out;
    assert_non_null(text);
    static const char blessing[3] = {'\xef', '\xb7', '\xba'},
                      third[4] = {' ', '\xe2', '\x85', '\x93'};
    for (size_t i = 0; i < BYTES; i += sizeof blessing)
        memcpy(text + i, blessing, sizeof blessing);
    memcpy(text + BYTES, third, sizeof third);
    assert_int_equal(analyser_run(a, slice_make(text, BYTES + 4), &l), STATUS_OK);
    assert_int_equal(l->count, ANALYSE_TOKENS_MAX);
    assert_int_equal(folder_create(&f), STATUS_OK);
    assert_int_equal(folder_run(f, slice_make(text, BYTES + 4), false, &out), STATUS_OK);
    assert_memory_equal(out.ptr + out.len - 5,
                        "1\xe2\x81\x84"
                        "3",
                        5);
    assert_int_equal(folder_run(f, slice_make(text + BYTES - 3, 7), false, &out), STATUS_OK);
    assert_memory_equal(out.ptr + out.len - 4, " 1/3", 4);
    folder_destroy(&f);
    free(text);
}

static void what_no_letter_can_be_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a\xed\xa0\x80", "\xed\xb0\x80x",    "\xed\xa0\xbd\xed\xb8\x80",
        "\xc0\xaf",      "\xf4\x90\x80\x80", "5\xe3\x8e"};
    const struct token_list *l;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(analyser_run(a, slice_str(bad[i]), &l), STATUS_BAD_UTF8);
}

static void values_are_folded_as_words_are(void **state)
{
    (void)state;
    struct folder *f;
    struct slice out;
    static const char *const cases[][2] = {
        {"5㎏", "5kg"},        {"1½ in", "1 1 2 in"}, {"Levi’s™ x", "levis x"},
        {"ﾊﾟｿｺﾝ", "パソコン"}, {"m²", "m2"},          {"צה״ל", "צהל"},
    };
    assert_int_equal(folder_create(&f), STATUS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(folder_run(f, slice_str(cases[i][0]), true, &out), STATUS_OK);
        char got[64];
        snprintf(got, sizeof got, "%.*s", (int)out.len, out.ptr);
        assert_string_equal(got, cases[i][1]);
    }
    folder_destroy(&f);
}

static void shoppers_find_signs_and_signs_find_what_they_stand_for(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "rice", .title = "Jasmine rice 5㎏"},
                                      {.id = "oats", .title = "Rolled oats 5kg"},
                                      {.id = "bolt", .title = "Hex bolt 1½ in"},
                                      {.id = "nut", .title = "Hex nut 1 1/2 in"},
                                      {.id = "half", .title = "Pipe ½"},
                                      {.id = "rug", .title = "Rug 20 m²"},
                                      {.id = "tile", .title = "Tile 20 m2"},
                                      {.id = "jeans", .title = "Levi’s™ jeans"},
                                      {.id = "wash", .title = "Detergent for 20℃"},
                                      {.id = "soap", .title = "Soap for 20°C"},
                                      {.id = "dice", .title = "Dice set ②"},
                                      {.id = "scent", .title = "Perfume №5"},
                                      {.id = "film", .title = "Camera MarkⅡ"},
                                      {.id = "pc", .title = "ﾊﾟｿｺﾝ ﾃﾞｽｸ"},
                                      {0}});
    static const char *const cases[][2] = {
        {"5kg", "oats rice"},        {"5㎏", "oats rice"},
        {"5 kg", "oats rice"},       {"1 1/2 in", "bolt nut"},
        {"1½ in", "bolt nut"},       {"hex 1½", "bolt nut"},
        {"pipe 1/2", "half"},        {"pipe ½", "half"},
        {"20 m2", "rug tile"},       {"20 m²", "rug tile"},
        {"levis", "jeans"},          {"levi's", "jeans"},
        {"levi’s", "jeans"},         {"20℃", "soap wash"},
        {"20°C", "soap wash"},       {"20 c", "soap wash"},
        {"dice 2", "dice"},          {"dice ②", "dice"},
        {"perfume no 5", "scent"},   {"№5", "scent"},
        {"mark ii", "film"},         {"markii", "film"},
        {"MarkⅡ", "film"},           {"パソコン デスク", "pc"},
        {"\"1½ in\"", "bolt nut"},   {"\"1 1/2 in\"", "bolt nut"},
        {"ｈｅｘ ｂｏｌｔ", "bolt"},
    };
    f.query.match = QUERY_ALL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = find_set(&f, cases[i][0]);
        if (strcmp(got, cases[i][1]) != 0)
            print_message("%s\n", cases[i][0]);
        assert_string_equal(got, cases[i][1]);
    }
    find_setting(&f, "synonyms", "units", "5㎏ => rug\n");
    assert_string_equal(find_set(&f, "5kg"), "oats rice rug");
    find_setting(&f, "rule", "r", "query 20m²\npin dice\n");
    assert_string_equal(find_ids(&f, "20m2"), "dice");
    find_setting(&f, "stopwords", "s", "№");
    assert_string_equal(find_set(&f, "no dice"), "dice");
    f.query.match = QUERY_RELAXED;
    assert_string_equal(find_set(&f, "hex bolt zinc ⅗"), "bolt");
    assert_string_equal(find_dropped(&f), "zinc ⅗");
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sign_is_read_as_what_is_typed_for_it, setup, teardown),
        cmocka_unit_test_setup_teardown(signs_stand_apart_from_words_or_are_joined_to_them, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(words_of_one_sign_have_all_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(offsets_are_those_of_whole_signs, setup, teardown),
        cmocka_unit_test_setup_teardown(no_sign_of_letters_or_digits_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_text_of_signs_is_read_in_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(what_no_letter_can_be_is_refused, setup, teardown),
        cmocka_unit_test(values_are_folded_as_words_are),
        cmocka_unit_test(shoppers_find_signs_and_signs_find_what_they_stand_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
