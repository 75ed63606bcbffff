#include "cli/language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void each_sentence_tells_its_language(void **state)
{
    (void)state;
    static const struct {
        const char *code, *text;
    } cases[] = {
        {"en", "A warm jacket for the winter, with pockets and a hood that you can take off."},
        {"de", "Eine warme Jacke für den Winter, mit Taschen und einer Kapuze, die nicht stört."},
        {"fr", "Une veste chaude pour les jours froids, avec des poches et une capuche."},
        {"es", "Una chaqueta para los días fríos, con bolsillos y capucha que se quita."},
        {"it", "Una giacca per il freddo, con tasche e cappuccio che non si stacca."},
        {"nl", "Een warme jas voor de winter, met zakken en een capuchon van het beste."},
        {"pt", "Um casaco para os dias frios, com bolsos e uma capa que não sai."},
        {"sv", "En varm jacka för vintern som är lätt och går att tvätta, inte att stryka."},
        {"da", "En varm jakke til vinteren som er let og kan vaskes, men ikke af dig."},
        {"fi", "Takki on lämmin ja kevyt, mutta se ei ole sekä kuiva että kallis."},
        {"pl", "Kurtka jest lekka oraz ciepła, nie dla dzieci, ale do pracy na zimę."},
        {"cs", "Bunda je lehká a teplá, není pro děti, ale do práce nebo na hory."},
        {"tr", "Bu ceket kış için çok uygun ve hafif bir ürün olarak gelir."},
        {"ru", "Теплая куртка для зимы"},
        {"th", "เสื้อกันหนาวสำหรับฤดูหนาว"},
        {"zh", "冬季保暖外套"},
        {"ja", "冬の暖かいジャケット"},
        {"ko", "겨울용 따뜻한 재킷"},
        {"fa", "کاپشن گرم برای زمستان"},
        {"ar", "سترة دافئة لفصل الشتاء"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = language_guess(slice_str(cases[i].text));
        if (!got || strcmp(got, cases[i].code) != 0)
            print_message("%s: %s\n", cases[i].code, got ? got : "none");
        assert_non_null(got);
        assert_string_equal(got, cases[i].code);
    }
}

static void what_does_not_tell_has_none(void **state)
{
    (void)state;
    assert_null(language_guess(SLICE_NULL));
    assert_null(language_guess(SLICE_LIT("XPS-15 9520")));
    assert_null(language_guess(SLICE_LIT("\xff\xfe\xc3")));
}

static void any_bytes_are_survived(void **state)
{
    (void)state;
    srand(2);
    for (int round = 0; round < 20000; round++) {
        char text[64];
        size_t n = (size_t)rand() % sizeof text;
        for (size_t i = 0; i < n; i++)
            text[i] = (char)rand();
        char *exact = malloc(n + 1);
        assert_non_null(exact);
        memcpy(exact, text, n);
        language_guess(slice_make(exact, n));
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sentence_tells_its_language),
        cmocka_unit_test(what_does_not_tell_has_none),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
