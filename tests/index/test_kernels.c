/* Every level of every kernel against the plain meaning, on random and on border cases. */
#include "index/bitpack.h"
#include "index/deltas.h"
#include "index/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK = 128, ROOM = BLOCK + KERNEL_SLACK, ROUNDS = 400 };

static uint64_t seed = 7;

static uint32_t roll(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

static void each_level(void (*test)(const struct kernels *k))
{
    for (int level = KERNEL_PORTABLE; level <= KERNEL_AVX512_PAIRS; level++) {
        const struct kernels *k = kernels_at((enum kernel_level)level);
        if (k)
            test(k);
        else
            print_message("level %d: not on this machine\n", level);
    }
    assert_non_null(kernels_best());
}

/* Exactly as many bytes as may be read, so that the sanitizer sees one too many. */
static uint8_t *packed(const uint32_t *values, uint32_t count, uint32_t width)
{
    size_t len = bitpack_len(count, width);
    uint8_t *out = malloc(len ? len : 1);
    assert_non_null(out);
    bitpack_encode(values, count, width, out);
    return out;
}

static void sums_at(const struct kernels *k)
{
    for (uint32_t width = 0; width <= 32; width++)
        for (uint32_t count = 1; count <= BLOCK; count++) {
            uint32_t deltas[BLOCK], out[ROOM], before = roll(3) ? roll(1 << 24) : UINT32_MAX,
                                               sum = before;
            for (uint32_t i = 0; i < count; i++)
                deltas[i] = width ? (uint32_t)(((uint64_t)roll(1u << 31) << 1 | roll(2)) &
                                               (((uint64_t)1 << width) - 1))
                                  : 0;
            uint8_t *in = packed(deltas, count, width);
            k->sums(in, bitpack_len(count, width), count, width, before, out);
            for (uint32_t i = 0; i < count; i++) {
                sum += deltas[i] + 1;
                if (out[i] != sum)
                    fail_msg("%s: width %u count %u number %u", k->name, width, count, i);
            }
            free(in);
        }
}

static void groups_at(const struct kernels *k)
{
    for (int round = 0; round < ROUNDS; round++)
        for (uint32_t count = 1; count <= BLOCK; count++) {
            uint32_t deltas[BLOCK], out[ROOM], before = roll(3) ? roll(1 << 22) : UINT32_MAX,
                                               sum = before, width = 0;
            uint8_t bytes[DELTAS_MAX];
            for (uint32_t i = 0; i < count; i++) {
                if (i % DELTAS_GROUP == 0)
                    width = roll(DELTAS_BITS + 1);
                deltas[i] = roll(1u << 31) & ((1u << width) - 1);
            }
            size_t n = deltas_encode(deltas, count, bytes), head = deltas_head(count);
            assert_int_equal(n, head + deltas_len(bytes, count));
            uint8_t *in = malloc(n); /* for the sanitizers */
            assert_non_null(in);
            memcpy(in, bytes, n);
            k->groups(in, in + head, n - head, count, before, out);
            for (uint32_t i = 0; i < count; i++) {
                sum += deltas[i] + 1;
                if (out[i] != sum)
                    fail_msg("%s: count %u number %u", k->name, count, i);
            }
            free(in);
        }
}

static void table_at(const struct kernels *k)
{
    static const uint32_t widths[] = {0, 1, 2, 3, 4, 5};
    for (int w = 0; w < 6; w++)
        for (uint32_t count = 1; count <= BLOCK; count++) {
            uint32_t table[KERNEL_TABLE], index[BLOCK], out[ROOM];
            for (int i = 0; i < KERNEL_TABLE; i++)
                table[i] = roll(1u << 31);
            for (uint32_t i = 0; i < count; i++)
                index[i] = roll(1u << widths[w]);
            uint8_t *in = packed(index, count, widths[w]);
            k->table(in, count, widths[w], table, out);
            for (uint32_t i = 0; i < count; i++)
                assert_int_equal(out[i], table[index[i]]);
            free(in);
        }
}

/* Ascending, below `end`, by steps of up to `step`; returns how many. */
static uint32_t ascending(uint32_t *out, uint32_t most, uint32_t step, uint32_t end)
{
    uint32_t n = 0, v = roll(step);
    for (; n < most && v < end; v += 1 + roll(step))
        out[n++] = v;
    return n;
}

static void common_at(const struct kernels *k)
{
    for (int round = 0; round < ROUNDS * 10; round++) {
        uint32_t a[ROOM], b[ROOM], want = 0;
        uint16_t ia[ROOM], ib[ROOM];
        uint32_t bn = ascending(b, 1 + roll(BLOCK), 1 + roll(40), UINT32_MAX);
        for (uint32_t i = bn; i < ROOM; i++)
            b[i] = UINT32_MAX;
        uint32_t an = ascending(a, roll(BLOCK + 1), 1 + roll(40), b[bn - 1] + 1);
        uint32_t got = k->common(a, an, b, ia, ib);
        for (uint32_t i = 0; i < an; i++)
            for (uint32_t j = 0; j < bn; j++)
                if (a[i] == b[j]) {
                    assert_true(want < got);
                    assert_int_equal(ia[want], i);
                    assert_int_equal(ib[want], j);
                    want++;
                }
        assert_int_equal(got, want);
    }
}

/* Few of them, far apart and not there: numbers fill both halves of a word. */
static void none_common_at(const struct kernels *k)
{
    for (int round = 0; round < ROUNDS * 10; round++) {
        uint32_t a[BLOCK], b[ROOM], an = 1 + roll(7), bn = 16 + roll(BLOCK - 16);
        uint16_t ia[ROOM], ib[ROOM];
        for (uint32_t i = 0; i < ROOM; i++)
            b[i] = i < bn ? (i + 1) * 65539 * 2 : UINT32_MAX;
        for (uint32_t i = 0; i < an; i++)
            a[i] = b[bn - 1] / an * i + 1;
        for (uint32_t i = 0; i < an; i++)
            a[i] |= 1; /* those of b are even */
        assert_int_equal(k->common(a, an, b, ia, ib), 0);
    }
}

static void upto_at(const struct kernels *k)
{
    for (int round = 0; round < ROUNDS * 10; round++) {
        uint32_t a[BLOCK], n = ascending(a, 1 + roll(BLOCK), 1 + roll(40), UINT32_MAX), want = 0;
        uint32_t last = round % 3 == 0   ? a[roll(n)]
                        : round % 3 == 1 ? roll(a[n - 1] + 3)
                                         : UINT32_MAX - roll(2);
        while (want < n && a[want] <= last)
            want++;
        assert_int_equal(k->upto(a, n, last), want);
        assert_int_equal(k->upto(a, 0, last), 0);
    }
}

/* More numbers than a block, of which the kernel may not know where each sixteen end. */
static void common_of_many_at(const struct kernels *k)
{
    enum { MANY = 40 * 16 };
    uint32_t a[MANY], b[MANY + KERNEL_SLACK];
    uint16_t ia[MANY + KERNEL_SLACK], ib[MANY + KERNEL_SLACK];
    for (uint32_t i = 0; i < MANY + KERNEL_SLACK; i++)
        b[i] = i < MANY ? 3 * i : UINT32_MAX;
    for (uint32_t n = 1; n <= MANY; n += 37) {
        for (uint32_t i = 0; i < n; i++)
            a[i] = 3 * (i * MANY / n);
        assert_int_equal(k->common(a, n, b, ia, ib), n);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(3 * ib[i], a[ia[i]]);
    }
}

struct pairs {
    uint32_t docs[KERNEL_WINDOW + KERNEL_SLACK], scores[KERNEL_WINDOW + KERNEL_SLACK], count;
};

static void random_pairs(struct pairs *p, uint32_t most, uint32_t end)
{
    p->count = ascending(p->docs, roll(most + 1), 1 + roll(9), end);
    for (uint32_t i = 0; i < p->count; i++)
        p->scores[i] = roll(4) ? roll(100) : UINT32_MAX - roll(3);
}

static void same_pairs(const struct pairs *a, const struct pairs *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->docs, b->docs, a->count * sizeof *a->docs);
    assert_memory_equal(a->scores, b->scores, a->count * sizeof *a->scores);
}

static void keep_at(const struct kernels *k)
{
    static struct pairs in, want;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t least = roll(4) ? roll(100) : UINT32_MAX - roll(3);
        random_pairs(&in, 600, 1u << 20);
        want.count = 0;
        for (uint32_t i = 0; i < in.count; i++)
            if (in.scores[i] >= least) {
                want.docs[want.count] = in.docs[i];
                want.scores[want.count++] = in.scores[i];
            }
        in.count = k->keep(in.docs, in.scores, in.count, least);
        same_pairs(&in, &want);
    }
}

static void keep_bits_at(const struct kernels *k)
{
    enum { DOCS = 4096, FIRST = 12288 };
    static struct pairs in, want;
    uint64_t *bits = malloc(DOCS / 8);
    assert_non_null(bits);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < DOCS / 64; i++)
            bits[i] = (uint64_t)roll(1u << 31) << 33 | roll(1u << 31);
        random_pairs(&in, 1000, DOCS);
        want.count = 0;
        for (uint32_t i = 0; i < in.count; i++) {
            bool set = bits[in.docs[i] / 64] >> (in.docs[i] % 64) & 1;
            in.docs[i] += FIRST;
            if (set) {
                want.docs[want.count] = in.docs[i];
                want.scores[want.count++] = in.scores[i];
            }
        }
        in.docs[in.count] = in.scores[in.count] = 12345;
        uint32_t end = in.count;
        in.count = k->keep_bits(in.docs, in.scores, in.count, FIRST, bits);
        assert_int_equal(in.docs[end] + in.scores[end], 2 * 12345); /* nothing behind is written */
        same_pairs(&in, &want);
    }
    free(bits);
}

static void drop_bits_at(const struct kernels *k)
{
    enum { DOCS = 4096 };
    static struct pairs in, want;
    uint64_t *bits = malloc(DOCS / 8);
    assert_non_null(bits);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < DOCS / 64; i++)
            bits[i] = (uint64_t)roll(1u << 31) << 33 | roll(1u << 31);
        random_pairs(&in, 1000, DOCS);
        want.count = 0;
        for (uint32_t i = 0; i < in.count; i++)
            if (!(bits[in.docs[i] / 64] >> (in.docs[i] % 64) & 1)) {
                want.docs[want.count] = in.docs[i];
                want.scores[want.count++] = in.scores[i];
            }
        in.docs[in.count] = in.scores[in.count] = 12345;
        uint32_t end = in.count;
        in.count = k->drop_bits(in.docs, in.scores, in.count, bits);
        assert_int_equal(in.docs[end] + in.scores[end], 2 * 12345); /* nothing behind is written */
        same_pairs(&in, &want);
    }
    free(bits);
}

static void keep_range_at(const struct kernels *k)
{
    enum { CHUNK = 4096, FIRST = 8192 };
    static struct pairs in, want;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t bits = roll(2) ? 8u << roll(3) : 1 + roll(32), count = 1 + roll(CHUNK);
        uint32_t top = (uint32_t)((UINT64_C(1) << bits) - 1);
        size_t behind = bits == 8 || bits == 16 || bits == 32 ? 0 : 7,
               len = ((size_t)count * bits + 7) / 8;
        uint32_t low = roll(4) ? roll(1u << 31) & top : 0, high = roll(4) ? low + roll(300) : top;
        uint8_t *values = malloc(len + behind);
        assert_non_null(values);
        for (uint32_t i = 0; i < len + behind; i++)
            values[i] = (uint8_t)roll(256);
        high = high < low ? low : high;
        random_pairs(&in, 500, count);
        want.count = 0;
        for (uint32_t i = 0; i < in.count; i++) {
            uint32_t v = 0, from = in.docs[i] * bits;
            for (uint32_t b = 0; b < bits; b++)
                v |= (uint32_t)(values[(from + b) / 8] >> (from + b) % 8 & 1) << b;
            in.docs[i] += FIRST;
            if (v >= low && v <= high) {
                want.docs[want.count] = in.docs[i];
                want.scores[want.count++] = in.scores[i];
            }
        }
        in.count = k->keep_range(in.docs, in.scores, in.count, FIRST, values, bits, low, high);
        same_pairs(&in, &want);
        free(values);
    }
}

/* Values of the bits given, as many bytes as may be read. */
static uint8_t *random_values(uint32_t count, uint32_t bits)
{
    size_t behind = bits == 8 || bits == 16 || bits == 32 ? 0 : 7,
           len = ((size_t)count * bits + 7) / 8 + behind;
    uint8_t *values = malloc(len);
    assert_non_null(values);
    for (size_t i = 0; i < len; i++)
        values[i] = roll(3) ? (uint8_t)roll(256) : 0;
    return values;
}

static void values_at(const struct kernels *k)
{
    enum { CHUNK = 4096, FIRST = 8192 };
    static struct pairs in;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t bits = roll(2) ? 8u << roll(3) : 1 + roll(32), count = 1 + roll(CHUNK),
                 add = roll(2) ? roll(1000) : 0;
        uint8_t *values = random_values(count, bits);
        random_pairs(&in, 500, count);
        uint32_t want[500], *out = malloc((in.count + 1) * sizeof *out);
        assert_non_null(out);
        for (uint32_t i = 0; i < in.count; i++) {
            uint32_t v = 0, from = in.docs[i] * bits;
            for (uint32_t b = 0; b < bits; b++)
                v |= (uint32_t)(values[(from + b) / 8] >> (from + b) % 8 & 1) << b;
            want[i] = v ? v + add : 0;
            in.docs[i] += FIRST;
        }
        uint32_t got = k->values(in.docs, in.count, FIRST, values, bits, add, out), most = 0;
        for (uint32_t i = 0; i < in.count; i++)
            most = want[i] > most ? want[i] : most;
        assert_int_equal(got, most);
        assert_memory_equal(out, want, in.count * sizeof *out);
        free(out);
        free(values);
    }
}

static void among_at(const struct kernels *k)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t most = roll(2) ? roll(512) : roll(3000), count = roll(300), words = most / 64 + 1;
        uint32_t *values = malloc((count + 1) * sizeof *values);
        uint64_t *set = malloc(words * sizeof *set), out[5];
        assert_true(values && set);
        for (uint32_t w = 0; w < words; w++)
            set[w] = (uint64_t)roll(UINT32_MAX) << 32 | roll(UINT32_MAX);
        for (uint32_t i = 0; i < count; i++)
            values[i] = roll(20) ? roll(most + 70) : UINT32_MAX - roll(2);
        memset(out, 0xff, sizeof out);
        k->among(values, count, set, most, out);
        for (uint32_t i = 0; i < (count + 63) / 64 * 64; i++) {
            bool in = i < count && values[i] <= most && set[values[i] / 64] >> values[i] % 64 & 1;
            if ((out[i / 64] >> i % 64 & 1) != in)
                fail_msg("%s: number %u of %u, at most %u", k->name, i, count, most);
        }
        assert_true((count + 63) / 64 == 5 || out[(count + 63) / 64] == UINT64_MAX);
        free(values);
        free(set);
    }
}

static void pick_at(const struct kernels *k)
{
    static struct pairs in, want, got;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t bits[1000 / 64 + 1] = {0};
        random_pairs(&in, 1000, 4096);
        want.count = 0;
        for (uint32_t i = 0, odds = 1 + roll(200); i < in.count; i++)
            if (roll(200) < odds) {
                bits[i / 64] |= UINT64_C(1) << i % 64;
                want.docs[want.count] = in.docs[i];
                want.scores[want.count++] = in.scores[i];
            }
        got.docs[want.count] = got.scores[want.count] = 12345;
        got.count = k->pick(in.docs, in.scores, in.count, bits, got.docs, got.scores);
        assert_int_equal(got.docs[got.count] + got.scores[got.count], 2 * 12345);
        same_pairs(&got, &want);
        memset(got.docs, 0, sizeof got.docs);
        assert_int_equal(k->pick(in.docs, NULL, in.count, bits, got.docs, NULL), want.count);
        assert_memory_equal(got.docs, want.docs, want.count * sizeof *want.docs);
        in.count = k->pick(in.docs, in.scores, in.count, bits, in.docs, in.scores);
        same_pairs(&in, &want);
    }
}

static void drain_at(const struct kernels *k)
{
    static struct kernel_window w;
    static struct pairs got, want;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t least = 1 + roll(50), n = roll(600);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t at = roll(KERNEL_WINDOW);
            w.score[at] = 1 + roll(100);
            w.dirty[at / KERNEL_GRANULE] = 1;
        }
        want.count = 0;
        for (uint32_t i = 0; i < KERNEL_WINDOW; i++)
            if (w.score[i] >= least) {
                want.docs[want.count] = 40960 + i;
                want.scores[want.count++] = w.score[i];
            }
        got.count = k->drain(&w, 40960, least, got.docs, got.scores);
        same_pairs(&got, &want);
        for (uint32_t i = 0; i < KERNEL_WINDOW; i++)
            assert_int_equal(w.score[i] | w.dirty[i / KERNEL_GRANULE], 0);
    }
}

static void count_bits_at(const struct kernels *k)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t bits[ROOM], want = 0;
        uint32_t words = roll(ROOM);
        for (uint32_t i = 0; i < words; i++) {
            bits[i] = roll(3) ? (uint64_t)roll(UINT32_MAX) << roll(33) : roll(2) ? UINT64_MAX : 0;
            for (uint64_t b = bits[i]; b; b &= b - 1)
                want++;
        }
        assert_int_equal(k->count_bits(bits, words), want);
    }
}

static void first_below_at(const struct kernels *k)
{
    for (int round = 0; round < ROUNDS * 4; round++) {
        uint32_t count = roll(300), least = roll(10) ? roll(256) : 256 + roll(9), want = 0;
        uint8_t *bytes = malloc(count + 1);
        assert_non_null(bytes);
        for (uint32_t i = 0; i < count; i++)
            bytes[i] = (uint8_t)(roll(60) ? 255 - roll(3) : roll(256));
        while (want < count && bytes[want] >= least)
            want++;
        bytes = realloc(bytes, count ? count : 1);
        assert_int_equal(k->first_below(bytes, count, least), want);
        free(bytes);
    }
}

static uint32_t bits_of(uint32_t v)
{
    uint32_t n = 0;
    for (; v; v &= v - 1)
        n++;
    return n;
}

static void near_sets_at(const struct kernels *k)
{
    const uint32_t bits = (1u << KERNEL_SET_BITS) - 1;
    for (int round = 0; round < ROUNDS * 4; round++) {
        uint32_t count = roll(90), most = 1 + roll(2), set = roll(1u << 31) << 1, n = 0;
        uint32_t *sets = malloc((count + 1) * sizeof *sets);
        uint32_t *out = malloc((count + KERNEL_SLACK) * sizeof *out);
        assert_true(sets && out);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t len = set >> KERNEL_SET_BITS;
            sets[i] = set & bits;
            for (uint32_t changes = roll(6); changes; changes--)
                sets[i] ^= 1u << roll(KERNEL_SET_BITS);
            sets[i] |= ((len + 29 + roll(7)) & 31) << KERNEL_SET_BITS;
        }
        sets = realloc(sets, count ? count * sizeof *sets : 1);
        uint32_t found = k->near_sets(sets, count, set, most, out);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t a = sets[i] >> KERNEL_SET_BITS, b = set >> KERNEL_SET_BITS;
            if (bits_of(sets[i] & ~set & bits) > most || bits_of(set & ~sets[i] & bits) > most ||
                (a > b ? a - b : b - a) > most)
                continue;
            if (n == found || out[n] != i)
                fail_msg("%s: set %u of %u", k->name, i, count);
            n++;
        }
        assert_int_equal(found, n);
        free(sets);
        free(out);
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void order_at(const struct kernels *k)
{
    for (uint32_t round = 0; round < ROUNDS * 4; round++) {
        uint64_t numbers[BLOCK + 1], want[BLOCK], room[BLOCK];
        uint32_t count = round % (BLOCK + 1), values = roll(3) ? 1u << 31 : 1 + roll(20);
        for (uint32_t i = 0; i < count; i++)
            want[i] = numbers[i] = (uint64_t)roll(values) << roll(34) | roll(2);
        numbers[count] = 77;
        if (count)
            qsort(want, count, sizeof *want, by_value);
        k->order(numbers, room, count);
        assert_memory_equal(numbers, want, count * sizeof *want);
        assert_int_equal(numbers[count], 77);
    }
}

#define LEVELS(kernel)                                                                             \
    static void kernel##_means_the_same_at_every_level(void **state)                               \
    {                                                                                              \
        (void)state;                                                                               \
        each_level(kernel##_at);                                                                   \
    }
LEVELS(sums)
LEVELS(groups)
LEVELS(table)
LEVELS(common)
LEVELS(none_common)
LEVELS(common_of_many)
LEVELS(upto)
LEVELS(keep)
LEVELS(keep_bits)
LEVELS(drop_bits)
LEVELS(keep_range)
LEVELS(values)
LEVELS(among)
LEVELS(pick)
LEVELS(drain)
LEVELS(first_below)
LEVELS(near_sets)
LEVELS(order)
LEVELS(count_bits)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_means_the_same_at_every_level),
        cmocka_unit_test(groups_means_the_same_at_every_level),
        cmocka_unit_test(table_means_the_same_at_every_level),
        cmocka_unit_test(common_means_the_same_at_every_level),
        cmocka_unit_test(none_common_means_the_same_at_every_level),
        cmocka_unit_test(common_of_many_means_the_same_at_every_level),
        cmocka_unit_test(upto_means_the_same_at_every_level),
        cmocka_unit_test(keep_means_the_same_at_every_level),
        cmocka_unit_test(keep_bits_means_the_same_at_every_level),
        cmocka_unit_test(drop_bits_means_the_same_at_every_level),
        cmocka_unit_test(keep_range_means_the_same_at_every_level),
        cmocka_unit_test(values_means_the_same_at_every_level),
        cmocka_unit_test(among_means_the_same_at_every_level),
        cmocka_unit_test(pick_means_the_same_at_every_level),
        cmocka_unit_test(drain_means_the_same_at_every_level),
        cmocka_unit_test(first_below_means_the_same_at_every_level),
        cmocka_unit_test(near_sets_means_the_same_at_every_level),
        cmocka_unit_test(order_means_the_same_at_every_level),
        cmocka_unit_test(count_bits_means_the_same_at_every_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
