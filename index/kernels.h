/*
 * kernels - the inner loops of a search, for whatever vectors this machine has.
 *
 * Each kernel exists portable, for AVX2 and for AVX-512 (with VBMI); kernels_best() picks once per
 * call site at run time. All give the same results, which tests prove level by level. They read and
 * write nothing beyond what is said here.
 */
#ifndef SOUK_INDEX_KERNELS_H
#define SOUK_INDEX_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kernel_level {
    KERNEL_PORTABLE,
    KERNEL_AVX2,
    KERNEL_AVX512,      /* with byte permutes: VBMI */
    KERNEL_AVX512_PAIRS /* and with VP2INTERSECT */
};

/* Numbers a kernel may write behind the `count` asked for. */
enum {
    KERNEL_SLACK = 16,
    KERNEL_GRANULE = 16,
    KERNEL_WINDOW = 4096,
    KERNEL_SET_BITS = 27,
    KERNEL_TABLE = 32
};

/* Room for one window of scores by document. `dirty` has a byte for each granule of 16. */
struct kernel_window {
    _Alignas(64) uint32_t score[KERNEL_WINDOW];
    _Alignas(64) uint8_t dirty[KERNEL_WINDOW / KERNEL_GRANULE];
};

struct kernels {
    const char *name;
    /*
     * Sums of bit-packed deltas: out[i] = out[i - 1] + delta[i] + 1 from `before`; up to 128 of
     * them, width 0..32, least significant bits first. Reads up to `len` bytes; out has room for
     * count + KERNEL_SLACK.
     */
    void (*sums)(const uint8_t *in, size_t len, uint32_t count, uint32_t width, uint32_t before,
                 uint32_t *out);
    /*
     * The same of deltas in groups (deltas.h): their widths, and the groups, `len` bytes.
     */
    void (*groups)(const uint8_t *widths, const uint8_t *in, size_t len, uint32_t count,
                   uint32_t before, uint32_t *out);
    /*
     * out[i] = table[index i], indexes packed in 0 to 5 bits; up to 128 of them. Reads
     * (count * width + 7) / 8 bytes; out has room for count + KERNEL_SLACK.
     */
    void (*table)(const uint8_t *in, uint32_t count, uint32_t width,
                  const uint32_t table[KERNEL_TABLE], uint32_t *out);
    /*
     * Pairs of equal numbers of two ascending lists: a[ia[k]] == b[ib[k]]. The last of `b` is
     * no smaller than the last of `a`, and UINT32_MAX stands KERNEL_SLACK times behind it. ia and
     * ib have room for n + KERNEL_SLACK. Returns how many.
     */
    uint32_t (*common)(const uint32_t *a, uint32_t n, const uint32_t *b, uint16_t *ia,
                       uint16_t *ib);
    /* How many of `count` ascending numbers are at most `last`. */
    uint32_t (*upto)(const uint32_t *docs, uint32_t count, uint32_t last);
    /* Keeps docs and scores where score >= least, in place, order kept; nothing behind them is
     * written. Returns how many. */
    uint32_t (*keep)(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t least);
    /* The same where the bit of d = doc - first is set: bit d % 64 of bits[d / 64]. */
    uint32_t (*keep_bits)(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t first,
                          const uint64_t *bits);
    /* The same where the bit of the doc is not set. */
    uint32_t (*drop_bits)(uint32_t *docs, uint32_t *scores, uint32_t count, const uint64_t *bits);
    /*
     * Empties a window: documents (first + place) and scores with score >= least go to docs and
     * scores (room for KERNEL_WINDOW + KERNEL_SLACK); everything is zero afterwards. Returns how
     * many.
     */
    uint32_t (*drain)(struct kernel_window *w, uint32_t first, uint32_t least, uint32_t *docs,
                      uint32_t *scores);
    /*
     * Keeps docs and scores where low <= v <= high; v = number doc - first of those at `values`, of
     * `bits` (1 to 32) each. Unless these are 8, 16 or 32, eight bytes are read where it begins.
     */
    uint32_t (*keep_range)(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t first,
                           const uint8_t *values, uint32_t bits, uint32_t low, uint32_t high);
    /*
     * Of ascending docs: out[i] = the number docs[i] - first of those at `values`, of `bits` (1 to
     * 32) each, plus `add` where it is not 0; the largest of them is returned. Unless `bits` is 8,
     * 16 or 32, eight bytes are read where a number begins.
     */
    uint32_t (*values)(const uint32_t *docs, uint32_t count, uint32_t first, const uint8_t *values,
                       uint32_t bits, uint32_t add, uint32_t *out);
    /* Bit i of `out`: the set has values[i], that is, bit v % 64 of set[v / 64] is set, v <= most.
     * Writes whole words, zero behind `count`. */
    void (*among)(const uint32_t *values, uint32_t count, const uint64_t *set, uint32_t most,
                  uint64_t *out);
    /* The docs and scores of set bits, in order (in place, too); `bits` are zero behind `count`.
     * Without `scores` (NULL) docs alone. Returns how many. */
    uint32_t (*pick)(const uint32_t *docs, const uint32_t *scores, uint32_t count,
                     const uint64_t *bits, uint32_t *docs_out, uint32_t *scores_out);
    /* Index of the first byte below `least`, `count` when there is none. */
    uint32_t (*first_below)(const uint8_t *bytes, uint32_t count, uint32_t least);
    /*
     * Indexes of the sets (letters.h: KERNEL_SET_BITS bits, above them a length) that have at most
     * `most` (1 or 2) bits that `set` has not, and the other way round, and as much in length;
     * `out` has room for count + KERNEL_SLACK. Returns how many.
     */
    uint32_t (*near_sets)(const uint32_t *sets, uint32_t count, uint32_t set, uint32_t most,
                          uint32_t *out);
    /* Sorts up to 128 numbers; `room` has as many. */
    void (*order)(uint64_t *numbers, uint64_t *room, uint32_t count);
    /* Bits set in `words` words. */
    uint64_t (*count_bits)(const uint64_t *bits, uint32_t words);
};

/* NULL when this machine cannot run it. */
const struct kernels *kernels_at(enum kernel_level level);
const struct kernels *kernels_best(void);

#endif
