#include "index/pieces.h"
#include "protocol/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* "ab" and "c" have codes of one byte, "abc" and "xyz" of two. */
static const uint8_t small[] = {1,   2,   4,   0,   2,   1,   3,   3,  'a',
                                'b', 'c', 'a', 'b', 'c', 'x', 'y', 'z'};

static size_t encode(struct slice dictionary, struct slice text, uint8_t *out)
{
    struct pieces_encoder *e;
    assert_int_equal(pieces_encoder_create(dictionary, &e), STATUS_OK);
    size_t n = pieces_encode(e, text, out);
    pieces_encoder_destroy(&e);
    return n;
}

static enum status decode(struct slice dictionary, struct slice packed, char *out, size_t *len)
{
    struct pieces_decoder *d;
    assert_int_equal(pieces_decoder_create(dictionary, &d), STATUS_OK);
    enum status st = pieces_decode(d, packed, out, len);
    pieces_decoder_destroy(&d);
    return st;
}

static void codes_are_as_drawn(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t codes[8];
        size_t count;
    } cases[] = {{"ab", {0}, 1},
                 {"c", {1}, 1},
                 {"abc", {2, 0}, 2}, /* the longest wins */
                 {"xyz", {2, 1}, 2},
                 {"xy", {255, 'x', 255, 'y'}, 4},
                 {"cabxyz", {1, 0, 2, 1}, 4},
                 {"", {0}, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[16];
        char back[8 * PIECE_MAX];
        size_t len;
        size_t n = encode(slice_make(small, sizeof small), slice_str(cases[i].text), out);
        assert_int_equal(n, cases[i].count);
        assert_memory_equal(out, cases[i].codes, n);
        assert_int_equal(decode(slice_make(small, sizeof small), slice_make(out, n), back, &len),
                         STATUS_OK);
        assert_true(slice_equal(slice_make(back, len), slice_str(cases[i].text)));
    }
}

static void codes_of_no_piece_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t codes[4];
        size_t count;
    } cases[] = {{{2, 2}, 2}, {{3, 0}, 2}, {{2}, 1}, {{255}, 1}, {{0, 254}, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char back[4 * PIECE_MAX];
        size_t len;
        assert_int_equal(decode(slice_make(small, sizeof small),
                                slice_make(cases[i].codes, cases[i].count), back, &len),
                         STATUS_CORRUPT);
    }
}

static void damaged_dictionaries_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } cases[] = {{0, 2}, {1, 255}, {2, 5}, {3, 255}, {4, 0}, {4, 17}, {4, 3}};
    struct pieces_decoder *d;
    struct pieces_encoder *e;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bad[sizeof small];
        memcpy(bad, small, sizeof bad);
        bad[cases[i].at] = cases[i].value;
        assert_int_equal(pieces_decoder_create(slice_make(bad, sizeof bad), &d), STATUS_CORRUPT);
        assert_int_equal(pieces_encoder_create(slice_make(bad, sizeof bad), &e), STATUS_CORRUPT);
    }
    for (size_t n = 0; n < sizeof small; n++)
        assert_int_equal(pieces_decoder_create(slice_make(small, n), &d), STATUS_CORRUPT);
    static const uint8_t twice[] = {1, 2, 2, 0, 1, 1, 'a', 'a'};
    assert_int_equal(pieces_encoder_create(slice_make(twice, sizeof twice), &e), STATUS_CORRUPT);
}

/* A text of words, most of them few. */
static size_t text_of(unsigned *seed, char *out)
{
    static const char *const words[] = {"stainless", "steel", "cotton",  "black",
                                        "kitchen",   "with",  "led",     "tv 55\"",
                                        "for",       "men",   "women's", "set"};
    size_t len = 0;
    for (int n = 1 + rand_r(seed) % 12; n > 0; n--) {
        uint32_t u = (uint32_t)rand_r(seed) % 1000;
        len += (size_t)sprintf(out + len, "%s ", words[u * u / 1000 * 12 / 1000]);
        if (rand_r(seed) % 4 == 0)
            len += (size_t)sprintf(out + len, "%c%d", rand_r(seed) % 256, rand_r(seed) % 100);
    }
    return len;
}

static void what_was_packed_comes_back(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    unsigned seed = 5;
    struct buf samples = BUF_INIT, dictionary = BUF_INIT;
    size_t *lens = calloc(COUNT, sizeof *lens), plain = 0, packed = 0;
    char text[512], *back = malloc((size_t)1024 * PIECE_MAX);
    uint8_t codes[1024];
    for (int i = 0; i < COUNT; i++) {
        lens[i] = text_of(&seed, text);
        buf_put(&samples, text, lens[i]);
    }
    assert_int_equal(pieces_train(buf_slice(&samples), lens, COUNT, &dictionary), STATUS_OK);
    assert_true(dictionary.len < PIECES_DICTIONARY_MAX);
    for (int i = 0; i < COUNT; i++) { /* of other texts */
        struct slice t = slice_make(text, text_of(&seed, text));
        size_t len, n = encode(buf_slice(&dictionary), t, codes);
        assert_int_equal(decode(buf_slice(&dictionary), slice_make(codes, n), back, &len),
                         STATUS_OK);
        assert_true(slice_equal(slice_make(back, len), t));
        plain += t.len;
        packed += n;
        i += 20; /* making the encoder takes its time */
    }
    assert_true(packed * 2 < plain);
    free(lens);
    free(back);
    buf_fini(&samples);
    buf_fini(&dictionary);
}

/* Fewest bytes of codes for a text, by trying every piece everywhere. */
static uint32_t fewest(const uint8_t *dictionary, const char *text, uint32_t len)
{
    uint32_t least[64] = {0}, few = dictionary[1], count = wire_load16(dictionary + 2);
    for (uint32_t end = 1; end <= len; end++) {
        const uint8_t *lens = dictionary + PIECES_HEAD, *bytes = lens + count;
        least[end] = least[end - 1] + 2;
        for (uint32_t i = 0; i < count; bytes += lens[i++]) {
            uint32_t n = lens[i], cost = i < few ? 1 : 2;
            if (n <= end && memcmp(bytes, text + end - n, n) == 0 &&
                least[end - n] + cost < least[end])
                least[end] = least[end - n] + cost;
        }
    }
    return least[len];
}

static void least_is_the_least(void **state)
{
    (void)state;
    /* a, b: one byte; aab, abb, bab, bbbb, ab, ba: two */
    static const uint8_t dictionary[] = {1,   2,   8,   0,   1,   1,   3,   3,   3,   4,   2,
                                         2,   'a', 'b', 'a', 'a', 'b', 'a', 'b', 'b', 'b', 'a',
                                         'b', 'b', 'b', 'b', 'b', 'a', 'b', 'b', 'a'};
    struct slice d = slice_make(dictionary, sizeof dictionary);
    struct pieces_encoder *e;
    struct pieces_work work[61];
    uint32_t better = 0;
    unsigned seed = 1;
    assert_int_equal(pieces_encoder_create(d, &e), STATUS_OK);
    for (int i = 0; i < 5000; i++) {
        char text[60], back[120 * PIECE_MAX];
        uint8_t codes[120];
        uint32_t len = (uint32_t)rand_r(&seed) % 61;
        for (uint32_t k = 0; k < len; k++)
            text[k] = "abbbac"[rand_r(&seed) % 6];
        size_t back_len, n = pieces_encode_least(e, slice_make(text, len), work, codes);
        assert_int_equal(n, fewest(dictionary, text, len));
        assert_int_equal(decode(d, slice_make(codes, n), back, &back_len), STATUS_OK);
        assert_true(slice_equal(slice_make(back, back_len), slice_make(text, len)));
        better += n < pieces_encode(e, slice_make(text, len), codes);
    }
    assert_true(better > 1000);
    pieces_encoder_destroy(&e);
}

static void little_is_not_learned_from(void **state)
{
    (void)state;
    struct buf dictionary = BUF_INIT;
    const size_t lens[] = {1, 2, 0};
    assert_int_equal(pieces_train(SLICE_LIT("abc"), lens, 3, &dictionary), STATUS_INVALID);
    assert_int_equal(pieces_train(SLICE_NULL, lens, 0, &dictionary), STATUS_INVALID);
    assert_int_equal(dictionary.len, 0);
}

static void any_bytes_unpack_within_bounds_or_not_at_all(void **state)
{
    (void)state;
    unsigned seed = 9;
    for (int i = 0; i < 20000; i++) {
        uint8_t codes[64];
        size_t n = (size_t)rand_r(&seed) % sizeof codes, len = 0;
        char *out = malloc(n * PIECE_MAX + 1); /* for the sanitizers */
        for (size_t k = 0; k < n; k++)
            codes[k] = (uint8_t)(rand_r(&seed) % 8 ? rand_r(&seed) % 3 : rand_r(&seed));
        if (decode(slice_make(small, sizeof small), slice_make(codes, n), out, &len) == STATUS_OK)
            assert_true(len <= n * PIECE_MAX);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_as_drawn),
        cmocka_unit_test(codes_of_no_piece_are_refused),
        cmocka_unit_test(damaged_dictionaries_are_refused),
        cmocka_unit_test(what_was_packed_comes_back),
        cmocka_unit_test(least_is_the_least),
        cmocka_unit_test(little_is_not_learned_from),
        cmocka_unit_test(any_bytes_unpack_within_bounds_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
