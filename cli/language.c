#include "cli/language.h"

struct stops {
    const char *code, *words; /* blanks between and round them */
};

static const struct stops latin[] = {
    {"en", " the and of with for is are this that you your from it to by on or be as "},
    {"de", " der die das und mit für ist nicht ein eine einen den dem des von auf zu aus oder auch "
           "sich im bei wird "},
    {"fr", " le la les des et un une du pour avec dans est sur au aux ce cette vous votre par qui "
           "pas plus ou "},
    {"es", " el la los las y con para un una de del en por que es su se al más o como sin "},
    {"it", " il la lo gli le e con per un una di del della in che è si al alla da non anche sono "},
    {"nl", " de het een en van met voor in is op te dat aan niet zijn uit bij ook of door je "},
    {"pt", " o a os as e com para um uma de do da em por que é no na dos das não ou mais seu "},
    {"sv", " och att det en ett som är på för med av den till inte i eller från kan din "},
    {"da", " og at det en et som er på for med af den til ikke i eller fra kan din der "},
    {"fi", " ja on ei se että tai myös kun sekä joka voi ovat mutta kuin sen tämä ole "},
    {"pl", " i w na z do się nie jest to że dla oraz od przez po jak lub o są który "},
    {"cs", " a v na z se je pro s do že to nebo od po jako k ve i který jsou není "},
    {"tr", " ve bir bu için ile de da çok olan gibi daha en ne olarak veya var her "},
};
enum { LATIN = sizeof latin / sizeof latin[0], WORD_MAX = 12 };

enum script { LETTERS, CYRILLIC, ARABIC, PERSIAN, THAI, HAN, KANA, HANGUL, SCRIPTS };

static size_t next_point(struct slice s, size_t at, uint32_t *point)
{
    unsigned char c = (unsigned char)s.ptr[at];
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;
    if (n > s.len - at)
        n = 1;
    *point = n == 1 ? c : c & (0x7fu >> n);
    for (size_t k = 1; k < n; k++)
        *point = *point << 6 | ((unsigned char)s.ptr[at + k] & 0x3f);
    return n;
}

static void count_script(uint32_t c, uint32_t counts[SCRIPTS])
{
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        counts[LETTERS]++;
    else if (c >= 0xc0 && c < 0x250)
        counts[LETTERS]++;
    else if (c >= 0x400 && c < 0x530)
        counts[CYRILLIC]++;
    else if (c >= 0x600 && c < 0x700) {
        counts[ARABIC]++;
        /* peh, tcheh, jeh, gaf, keheh, Farsi yeh: letters that Arabic does not have */
        counts[PERSIAN] +=
            c == 0x67e || c == 0x686 || c == 0x698 || c == 0x6af || c == 0x6a9 || c == 0x6cc;
    } else if (c >= 0xe00 && c < 0xe80)
        counts[THAI]++;
    else if (c >= 0x3040 && c < 0x3100)
        counts[KANA]++;
    else if (c >= 0x4e00 && c < 0xa000)
        counts[HAN]++;
    else if ((c >= 0xac00 && c < 0xd7b0) || (c >= 0x1100 && c < 0x1200))
        counts[HANGUL]++;
}

/* One letter of these scripts says as much as three Latin ones. */
static const char *by_script(const uint32_t n[SCRIPTS])
{
    uint32_t east = n[HAN] + n[KANA], least = n[LETTERS] / 3;
    if (n[THAI] > least && n[THAI] > east)
        return "th";
    if (n[HANGUL] > least && n[HANGUL] > east)
        return "ko";
    if (east > least)
        return n[KANA] * 10 > east ? "ja" : "zh";
    if (n[ARABIC] > least)
        return n[PERSIAN] * 25 > n[ARABIC] ? "fa" : "ar";
    return n[CYRILLIC] > least ? "ru" : NULL;
}

/* Lower case of what the lists hold: ASCII and the Latin-1 letters. */
static void lower(char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)word[i];
        bool second = i > 0 && (unsigned char)word[i - 1] == 0xc3;
        if ((c >= 'A' && c <= 'Z') || (second && c >= 0x80 && c <= 0x9e))
            word[i] = (char)(c | 0x20);
    }
}

/* Different words count more than how often one comes: two words of one language may be all over a
 * catalog written in another ("in" and "door"). */
struct votes {
    uint32_t of_word[64]; /* by where the word stands in the list */
};

/* Each word adds the length of its count in bits. */
static uint32_t sum_of(const struct votes *v)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < sizeof v->of_word / sizeof *v->of_word; i++)
        sum += v->of_word[i] ? 32 - (uint32_t)__builtin_clz(v->of_word[i]) : 0;
    return sum;
}

static void count_word(const char *word, size_t len, struct votes votes[LATIN])
{
    char key[WORD_MAX + 3] = " ";
    if (len < 2 || len > WORD_MAX) /* single letters are codes in product texts */
        return;
    memcpy(key + 1, word, len);
    lower(key + 1, len);
    key[len + 1] = ' ';
    for (size_t i = 0; i < LATIN; i++) {
        const char *at = strstr(latin[i].words, key);
        if (at)
            votes[i].of_word[(at - latin[i].words) / 2 % 64]++;
    }
}

const char *language_guess(struct slice sample)
{
    uint32_t scripts[SCRIPTS] = {0};
    struct votes votes[LATIN] = {{{0}}};
    size_t from = 0;
    for (size_t i = 0; i < sample.len;) {
        uint32_t c;
        size_t n = next_point(sample, i, &c);
        count_script(c, scripts);
        bool letter = c >= 0x80 || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!letter || c == 0) {
            count_word(sample.ptr + from, i - from, votes);
            from = i + n;
        }
        i += n;
    }
    if (from < sample.len)
        count_word(sample.ptr + from, sample.len - from, votes);
    const char *code = by_script(scripts);
    uint32_t best = 0, second = 0;
    size_t which = 0;
    for (size_t i = 0; i < LATIN; i++) {
        uint32_t sum = sum_of(&votes[i]);
        second = sum > best ? best : sum > second ? sum : second;
        which = sum > best ? i : which;
        best = sum > best ? sum : best;
    }
    if (code)
        return code;
    bool clear = best > 8 ? best * 4 >= second * 5 : best > second;
    return best >= 2 && clear ? latin[which].code : NULL;
}
