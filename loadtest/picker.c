#include "loadtest/picker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loadtest/schedule.h"

enum status picker_parse(struct picker *p, const char *text, struct fault *fault)
{
    static const char *const words[] = {"uniform", "weighted", "zipf", "gaussian", "sequential"};
    char *end = NULL;
    *p = (struct picker){.theta = 0.99};
    for (int i = 0; i < 5; i++)
        if (strcmp(text, words[i]) == 0) {
            p->mode = (enum picker_mode)i;
            return STATUS_OK;
        }
    if (strncmp(text, "zipf:", 5) == 0) {
        p->mode = PICK_ZIPF;
        p->theta = strtod(text + 5, &end);
        if (text[5] && !*end && p->theta >= 0 && p->theta <= 10)
            return STATUS_OK;
    }
    return fault_set(fault, STATUS_INVALID, "pick",
                     "'%s' is none of uniform, weighted, zipf[:THETA], gaussian, sequential", text);
}

/* Walker's alias method, built by Vose's two work lists. `w` sums to count. */
static enum status build_alias(struct picker *p, double *w)
{
    uint32_t *todo = malloc(p->count * sizeof *todo), small = 0, large = p->count;
    p->keep = malloc(p->count * sizeof *p->keep);
    p->other = malloc(p->count * sizeof *p->other);
    if (!todo || !p->keep || !p->other) {
        free(todo);
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < p->count; i++)
        todo[w[i] < 1 ? small++ : --large] = i;
    /* todo: small ones at the front, large ones at the back. */
    while (small > 0 && large < p->count) {
        uint32_t s = todo[--small], l = todo[large];
        p->keep[s] = (float)w[s];
        p->other[s] = l;
        w[l] -= 1 - w[s];
        if (w[l] < 1) {
            large++;
            todo[small++] = l;
        }
    }
    while (small > 0) {
        uint32_t s = todo[--small];
        p->keep[s] = 1;
        p->other[s] = s;
    }
    for (; large < p->count; large++) {
        p->keep[todo[large]] = 1;
        p->other[todo[large]] = todo[large];
    }
    free(todo);
    return STATUS_OK;
}

enum status picker_build(struct picker *p, uint32_t count, const double *weights)
{
    p->count = count;
    if (p->mode != PICK_ZIPF && p->mode != PICK_WEIGHTED)
        return STATUS_OK;
    double *w = malloc(count * sizeof *w), sum = 0;
    if (!w)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        w[i] = p->mode == PICK_ZIPF ? pow(i + 1, -p->theta) : weights ? weights[i] : 1;
        sum += w[i];
    }
    for (uint32_t i = 0; i < count; i++)
        w[i] = sum > 0 ? w[i] * count / sum : 1;
    enum status s = build_alias(p, w);
    free(w);
    return s;
}

void picker_fini(struct picker *p)
{
    free(p->keep);
    free(p->other);
    p->keep = NULL;
    p->other = NULL;
}

static uint32_t bell(uint32_t count, uint64_t *random)
{
    for (;;) { /* Box and Muller; three deviations on either side reach the ends */
        double r = sqrt(-2 * log(1 - random_unit(random)));
        double at = (r * cos(6.283185307179586 * random_unit(random)) / 6 + 0.5) * count;
        if (at >= 0 && at < count)
            return (uint32_t)at;
    }
}

uint32_t picker_next(const struct picker *p, uint64_t *random, uint64_t *counter)
{
    if (p->count <= 1)
        return 0;
    if (p->mode == PICK_SEQUENTIAL)
        return (uint32_t)((*counter)++ % p->count);
    if (p->mode == PICK_GAUSSIAN)
        return bell(p->count, random);
    uint32_t i = (uint32_t)(random_unit(random) * p->count);
    if (p->mode == PICK_UNIFORM)
        return i;
    return random_unit(random) < p->keep[i] ? i : p->other[i];
}
