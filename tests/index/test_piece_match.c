#include "index/piece_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PIECES = 3000, LETTERS = 5 };

struct set {
    uint8_t lens[PIECES], bytes[PIECES * PIECE_MAX], *at[PIECES];
    uint32_t count;
};

static bool has(const struct set *s, const uint8_t *bytes, size_t len)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->lens[i] == len && memcmp(s->at[i], bytes, len) == 0)
            return true;
    return false;
}

/* Bytes of few letters, so that pieces begin alike; one of them is 0 and one 255. */
static uint8_t any_byte(unsigned *seed)
{
    static const uint8_t letters[LETTERS] = {0, 'a', 'b', 0x80, 255};
    return rand_r(seed) % 8 ? letters[rand_r(seed) % LETTERS] : (uint8_t)rand_r(seed);
}

static struct set *set_of(unsigned *seed, uint32_t tries)
{
    struct set *s = calloc(1, sizeof *s);
    uint8_t *to = s->bytes;
    for (uint32_t i = 0; i < tries; i++) {
        size_t len = 1 + (size_t)(rand_r(seed) % PIECE_MAX);
        for (size_t k = 0; k < len; k++)
            to[k] = any_byte(seed);
        if (has(s, to, len))
            continue;
        s->at[s->count] = to;
        s->lens[s->count++] = (uint8_t)len;
        to += len;
    }
    return s;
}

static uint32_t longest(const struct set *s, const uint8_t *at, const uint8_t *end, size_t *len)
{
    uint32_t found = 0;
    *len = 0;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->lens[i] > *len && s->lens[i] <= end - at && memcmp(s->at[i], at, s->lens[i]) == 0) {
            *len = s->lens[i];
            found = i + 1;
        }
    return found;
}

static void the_longest_is_found_as_by_trying_all(void **state)
{
    (void)state;
    unsigned seed = 3;
    for (uint32_t tries = 1; tries <= PIECES; tries *= 3) {
        struct set *s = set_of(&seed, tries);
        struct piece_match m;
        assert_int_equal(piece_match_init(&m, s->lens, s->bytes, s->count), STATUS_OK);
        for (int i = 0; i < 4000; i++) {
            size_t n = (size_t)(rand_r(&seed) % 24), len, want_len;
            uint8_t *text = malloc(n + 1); /* for the sanitizers */
            for (size_t k = 0; k < n; k++)
                text[k] = any_byte(&seed);
            if (i % 2 && n >= s->lens[i % (int)s->count]) /* one that begins with a piece */
                memcpy(text, s->at[i % (int)s->count], s->lens[i % (int)s->count]);
            uint32_t want = longest(s, text, text + n, &want_len);
            assert_int_equal(piece_match_longest(&m, text, text + n, &len), want);
            assert_int_equal(len, want_len);
            free(text);
        }
        piece_match_fini(&m);
        free(s);
    }
}

static void a_set_without_pieces_finds_none(void **state)
{
    (void)state;
    struct piece_match m;
    size_t len;
    const uint8_t text[] = {0, 1};
    assert_int_equal(piece_match_init(&m, text, text, 0), STATUS_OK);
    assert_int_equal(piece_match_longest(&m, text, text + 2, &len), 0);
    assert_int_equal(len, 0);
    piece_match_fini(&m);
}

static void a_piece_that_is_there_twice_is_refused(void **state)
{
    (void)state;
    struct piece_match m;
    static const uint8_t lens[] = {2, 1, 2}, bytes[] = {'a', 'b', 'a', 'a', 'b'};
    assert_int_equal(piece_match_init(&m, lens, bytes, 3), STATUS_CORRUPT);
    assert_null(m.links);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_is_found_as_by_trying_all),
        cmocka_unit_test(a_set_without_pieces_finds_none),
        cmocka_unit_test(a_piece_that_is_there_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
