#include "loadtest/significance.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "loadtest/schedule.h"

enum { EXACT_MAX = 25, RESAMPLES = 2000 };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *sorted, uint32_t n)
{
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* U of a: pairs in which a is the larger one, ties half. *ties: sum of t^3 - t over equal values.
 */
static double u_statistic(const double *a, uint32_t n, const double *b, uint32_t m, double *ties)
{
    double u = 0;
    *ties = 0;
    for (uint32_t i = 0, below = 0, same; i < n; i++) {
        while (below < m && b[below] < a[i])
            below++;
        for (same = below; same < m && b[same] == a[i];)
            same++;
        u += below + (same - below) / 2.0;
    }
    for (uint32_t i = 0, j = 0; i < n || j < m;) {
        double v = j >= m || (i < n && a[i] <= b[j]) ? a[i] : b[j], t = 0;
        for (; i < n && a[i] == v; i++)
            t++;
        for (; j < m && b[j] == v; j++)
            t++;
        *ties += t * t * t - t;
    }
    return u;
}

/* Share of all orders of n + m values in which U is at most u: subsets of ranks by their sum. */
static double exact_below(uint32_t n, uint32_t m, double u)
{
    enum { SUMS = 2 * EXACT_MAX * EXACT_MAX + EXACT_MAX + 1 };
    static double ways[EXACT_MAX + 1][SUMS];
    memset(ways, 0, sizeof ways);
    ways[0][0] = 1;
    for (uint32_t rank = 1; rank <= n + m; rank++)
        for (uint32_t k = rank < n ? rank : n; k > 0; k--)
            for (uint32_t sum = SUMS - 1; sum >= rank; sum--)
                ways[k][sum] += ways[k - 1][sum - rank];
    double below = 0, all = 0;
    uint32_t least = n * (n + 1) / 2;
    for (uint32_t sum = 0; sum < SUMS; sum++) {
        all += ways[n][sum];
        if (sum >= least && (double)(sum - least) <= u)
            below += ways[n][sum];
    }
    return below / all;
}

static double mann_whitney(const double *a, uint32_t n, const double *b, uint32_t m)
{
    double ties, u = u_statistic(a, n, b, m, &ties);
    double low = u < (double)n * m - u ? u : (double)n * m - u;
    if (ties == 0 && n <= EXACT_MAX && m <= EXACT_MAX) {
        double p = 2 * exact_below(n, m, low);
        return p > 1 ? 1 : p;
    }
    double all = (double)n + m;
    double variance = (double)n * m / 12 * (all + 1 - ties / (all * (all - 1)));
    if (!(variance > 0))
        return 1;
    double z = (low + 0.5 - (double)n * m / 2) / sqrt(variance);
    return z >= 0 ? 1 : erfc(-z / sqrt(2));
}

static double resampled(const double *from, uint32_t n, double *room, uint64_t *random)
{
    for (uint32_t i = 0; i < n; i++)
        room[i] = from[(uint32_t)(random_unit(random) * n)];
    qsort(room, n, sizeof *room, ascending);
    return median(room, n);
}

static void bootstrap(const double *a, uint32_t n, const double *b, uint32_t m,
                      struct significance *out)
{
    double *room = malloc((n > m ? n : m) * sizeof *room);
    double *ratios = malloc(RESAMPLES * sizeof *ratios);
    uint64_t random = 42;
    out->ratio_low = out->ratio_high = out->ratio;
    if (room && ratios) {
        for (int i = 0; i < RESAMPLES; i++) {
            double low = resampled(a, n, room, &random);
            ratios[i] = low > 0 ? resampled(b, m, room, &random) / low : 1;
        }
        qsort(ratios, RESAMPLES, sizeof *ratios, ascending);
        out->ratio_low = ratios[RESAMPLES * 25 / 1000];
        out->ratio_high = ratios[RESAMPLES * 975 / 1000];
    }
    free(room);
    free(ratios);
}

void significance_test(double *a, uint32_t a_count, double *b, uint32_t b_count,
                       struct significance *out)
{
    qsort(a, a_count, sizeof *a, ascending);
    qsort(b, b_count, sizeof *b, ascending);
    out->median_a = median(a, a_count);
    out->median_b = median(b, b_count);
    out->ratio = out->median_a > 0 ? out->median_b / out->median_a : 1;
    out->p = mann_whitney(a, a_count, b, b_count);
    bootstrap(a, a_count, b, b_count, out);
}
