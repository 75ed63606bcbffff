#include "index/lev.h"

enum { FAR = 200 };

void lev_walk_init(struct lev_walk *w, struct slice word, uint32_t max)
{
    uint32_t at = 0;
    w->word_len = w->depth = 0;
    w->max = max;
    w->bytes[0] = 0;
    while (at < word.len && w->word_len < LEV_MAX_LEN)
        w->word[w->word_len++] = lev_next_point(word, &at);
    if (at < word.len)
        w->max = 0;
    for (uint32_t j = 0; j <= w->word_len; j++)
        w->rows[0][j] = (uint8_t)(j ? j + 1 : 0); /* dropping the first letter costs two */
    w->rows[0][w->word_len + 1] = FAR;
    w->least[0] = 0;
}

static uint8_t least(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* Row i from rows i - 1 and i - 2, where it can be in reach; notes its least value. */
static void fill_row(struct lev_walk *w, uint32_t i)
{
    const uint8_t *up = w->rows[i - 1];
    uint8_t *row = w->rows[i], best = FAR;
    uint32_t c = w->term[i - 1], low = i > w->max ? i - w->max : 0,
             high = i + w->max < w->word_len ? i + w->max : w->word_len;
    if (low == 0)
        best = row[0] = (uint8_t)(i + 1);
    else if (low <= high)
        row[low - 1] = FAR;
    for (uint32_t j = low ? low : 1; j <= high; j++) {
        bool first = i == 1 && j == 1;
        uint8_t replace = (uint8_t)(up[j - 1] + (w->word[j - 1] == c ? 0 : first ? 2 : 1));
        uint8_t v = least(replace, (uint8_t)(least(up[j], row[j - 1]) + 1));
        if (i > 1 && j > 1 && c == w->word[j - 2] && w->term[i - 2] == w->word[j - 1])
            v = least(v, (uint8_t)(w->rows[i - 2][j - 2] + (i == 2 && j == 2 ? 2 : 1)));
        row[j] = v;
        best = least(best, v);
    }
    row[high + 1] = FAR;
    w->least[i] = best;
}

bool lev_walk_term(struct lev_walk *w, struct slice term, uint32_t *distance, struct slice *skip)
{
    uint32_t shared = 0, keep = 0, at;
    *skip = SLICE_NULL;
    uint32_t known = w->bytes[w->depth];
    while (shared < known && shared < term.len && term.ptr[shared] == w->last[shared])
        shared++;
    while (keep < w->depth && w->bytes[keep + 1] <= shared)
        keep++;
    w->depth = keep;
    at = w->bytes[keep];
    while (at < term.len) {
        if (w->depth == LEV_MAX_LEN || w->depth > w->word_len + w->max) {
            *skip = slice_make(term.ptr, at);
            return false;
        }
        uint32_t from = at;
        w->term[w->depth] = lev_next_point(term, &at);
        for (uint32_t i = from; i < at; i++)
            w->last[i] = term.ptr[i];
        w->bytes[++w->depth] = at;
        /* a swap may reach back over one row, so two rows must be hopeless */
        fill_row(w, w->depth);
        if (w->least[w->depth] > w->max && (uint32_t)w->least[w->depth - 1] + 1 > w->max) {
            *skip = slice_make(term.ptr, at);
            return false;
        }
    }
    if (w->depth + w->max < w->word_len)
        return false;
    *distance = w->rows[w->depth][w->word_len];
    return *distance <= w->max;
}

uint32_t lev_distance(struct slice a, struct slice b, uint32_t max)
{
    struct lev_walk w;
    struct slice skip;
    uint32_t d;
    lev_walk_init(&w, a, max);
    return lev_walk_term(&w, b, &d, &skip) ? d : max + 1;
}
