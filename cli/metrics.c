#include "cli/metrics.h"

#include <math.h>

static double gain(int grade, uint32_t rank)
{
    return grade > 0 ? (exp2(grade) - 1) / log2((double)rank + 2) : 0;
}

static double ideal10(const int *judged, uint32_t count)
{
    double sum = 0;
    uint32_t rank = 0;
    for (int grade = 3; grade > 0; grade--)
        for (uint32_t i = 0; i < count && rank < 10; i++)
            if (judged[i] == grade)
                sum += gain(grade, rank++);
    return sum;
}

bool metrics_of(const int *ranked, uint32_t ranked_count, const int *judged, uint32_t judged_count,
                struct metrics *out)
{
    double ideal = ideal10(judged, judged_count), dcg = 0, dcg_judged = 0;
    uint32_t kept = 0, known = 0, relevant = 0, found = 0;
    *out = (struct metrics){0};
    if (ideal <= 0)
        return false;
    for (uint32_t i = 0; i < judged_count; i++)
        relevant += judged[i] >= 2;
    for (uint32_t i = 0; i < ranked_count; i++) {
        if (i < 10) {
            dcg += gain(ranked[i], i);
            known += ranked[i] != METRICS_UNJUDGED;
        }
        if (ranked[i] != METRICS_UNJUDGED && kept < 10)
            dcg_judged += gain(ranked[i], kept++);
        if (i < 100)
            found += ranked[i] >= 2;
        if (ranked[i] >= 2 && out->rr == 0)
            out->rr = 1.0 / (i + 1);
    }
    out->ndcg10 = dcg / ideal;
    out->ndcg10_judged = dcg_judged / ideal;
    out->has_recall = relevant > 0;
    out->recall100 = relevant ? (double)found / relevant : 0;
    uint32_t top = ranked_count < 10 ? ranked_count : 10;
    out->judged10 = top ? (double)known / top : 0;
    return true;
}

uint64_t metrics_percentile(const uint64_t *sorted, uint32_t count, double share)
{
    return count ? sorted[(uint32_t)(share * (count - 1) + 0.5)] : 0;
}
