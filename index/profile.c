#include "index/profile.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *help;
    double value, least, most;
} numbers[] = {
#define PROFILE(name, value, least, most, what) {#name, what, value, least, most},
#include "index/profile.def"
#undef PROFILE
};

static const char *const kinds[] = {"log", "linear", "inverse", "recent", "present", "rated"};

const char *profile_number_name(enum profile_number n)
{
    return numbers[n].name;
}

const char *profile_number_help(enum profile_number n)
{
    return numbers[n].help;
}

void profile_default(struct profile *p)
{
    memset(p, 0, sizeof *p);
    for (int i = 0; i < PROFILE_NUMBERS; i++)
        p->n[i] = numbers[i].value;
}

bool profile_built_in(struct slice name, struct profile *p)
{
    profile_default(p);
    if (name.len == 0 || slice_equal(name, SLICE_LIT("default")))
        return true;
    /* the first phase alone, with the weights of the schema */
    p->n[PROFILE_window] = 0;
    p->n[PROFILE_class_0] = p->n[PROFILE_class_1] = 1;
    p->n[PROFILE_class_2] = p->n[PROFILE_class_3] = 1;
    p->n[PROFILE_more_classes] = 0.4;
    p->n[PROFILE_impact_floor] = 0;
    p->n[PROFILE_prefix_factor] = 0.6;
    return slice_equal(name, SLICE_LIT("bm25"));
}

static struct slice next_word(struct slice *line)
{
    size_t from = 0, to;
    while (from < line->len && (line->ptr[from] == ' ' || line->ptr[from] == '\t'))
        from++;
    for (to = from; to < line->len && line->ptr[to] != ' ' && line->ptr[to] != '\t';)
        to++;
    struct slice word = slice_make(line->ptr + from, to - from);
    *line = slice_make(line->ptr + to, line->len - to);
    return word;
}

static bool number_of(struct slice word, double *out)
{
    char text[40], *end;
    if (word.len == 0 || word.len >= sizeof text)
        return false;
    memcpy(text, word.ptr, word.len);
    text[word.len] = 0;
    *out = strtod(text, &end);
    return *end == 0 && *out == *out && *out < 1e18 && *out > -1e18;
}

static bool field_name(struct slice word, char out[65])
{
    if (!word.len || word.len >= 65)
        return false;
    memcpy(out, word.ptr, word.len);
    out[word.len] = 0;
    return true;
}

static const char *parse_signal(struct slice line, struct profile *p)
{
    struct slice field = next_word(&line), kind = next_word(&line), scale;
    if (p->signal_count == PROFILE_SIGNALS)
        return "too many signals";
    struct profile_signal *s = &p->signals[p->signal_count];
    if (!field_name(field, s->field))
        return "signal FIELD KIND WEIGHT [SCALE]";
    size_t k = 0;
    while (k < sizeof kinds / sizeof *kinds && !slice_equal(kind, slice_str(kinds[k])))
        k++;
    if (k == sizeof kinds / sizeof *kinds)
        return "a signal is log, linear, inverse, recent, present or rated";
    s->kind = (enum signal_kind)k;
    if (!number_of(next_word(&line), &s->weight) || s->weight < -10 || s->weight > 10)
        return "a signal's weight is a number of -10 to 10";
    if (s->kind == SIGNAL_RATED && !field_name(next_word(&line), s->count))
        return "signal FIELD rated WEIGHT COUNT [SCALE]";
    static const double scales[] = {1e6, 1, 100, 30.0 * 86400e3, 1, 5};
    s->scale = scales[s->kind];
    scale = next_word(&line);
    if (scale.len && (!number_of(scale, &s->scale) || s->scale <= 0))
        return "a signal's scale is a number above 0";
    p->signal_count++;
    return NULL;
}

/* What is wrong with it, NULL when nothing is; `room` may hold the sentence. */
static const char *parse_line(struct slice line, struct profile *p, char room[80])
{
    struct slice name = next_word(&line);
    if (!name.len || name.ptr[0] == '#')
        return NULL;
    if (slice_equal(name, SLICE_LIT("signal")))
        return parse_signal(line, p);
    for (int i = 0; i < PROFILE_NUMBERS; i++) {
        double v;
        if (!slice_equal(name, slice_str(numbers[i].name)))
            continue;
        if (!number_of(next_word(&line), &v))
            return "a number is missing";
        if (v < numbers[i].least || v > numbers[i].most) {
            snprintf(room, 80, "the number is not within %g .. %g", (double)numbers[i].least,
                     (double)numbers[i].most);
            return room;
        }
        p->n[i] = v;
        return NULL;
    }
    return "there is no such number";
}

enum status profile_parse(struct slice text, struct profile *p, struct fault *fault)
{
    uint32_t number = 0;
    profile_default(p);
    if (text.len > PROFILE_TEXT_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "profile", "a profile has at most %d bytes",
                         PROFILE_TEXT_MAX);
    while (text.len) {
        size_t len = 0;
        while (len < text.len && text.ptr[len] != '\n' && text.ptr[len] != ';')
            len++;
        struct slice line = slice_make(text.ptr, len);
        number++;
        char room[80];
        const char *bad = parse_line(line, p, room);
        if (bad)
            return fault_set(fault, STATUS_INVALID, "profile", "line %u (%.*s): %s", number,
                             (int)(len < 60 ? len : 60), line.ptr, bad);
        len += len < text.len;
        text = slice_make(text.ptr + len, text.len - len);
    }
    return STATUS_OK;
}
