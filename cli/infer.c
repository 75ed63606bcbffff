#include "cli/infer.h"
#include "cli/language.h"
#include "cli/product.h"

#include <strings.h>

/* Texts of more tokens than this on average are prose; one text counts as so many at most, so that
 * few long ones among short ones decide nothing. */
enum {
    PROSE_TOKENS = 5,
    PROSE_BYTES = 40,
    TOKENS_MOST = 4 * PROSE_TOKENS,
    BYTES_MOST = 4 * PROSE_BYTES,
    SAMPLE_BYTES = 32768,
    SAMPLE_EACH = 400
};

void infer_init(struct infer *in)
{
    memset(in, 0, sizeof *in);
    arena_init(&in->arena, 0);
}

void infer_fini(struct infer *in)
{
    for (uint32_t i = 0; i < in->count; i++)
        buf_fini(&in->fields[i].sample);
    arena_fini(&in->arena);
}

static struct infer_field *field_of(struct infer *in, struct slice name, uint32_t hint)
{
    for (uint32_t i = 0; i < in->count; i++) {
        struct infer_field *f = &in->fields[(hint + i) % in->count];
        if (slice_equal(f->name, name))
            return f;
    }
    if (in->count == SCHEMA_MAX_FIELDS)
        return NULL;
    struct infer_field *f = &in->fields[in->count];
    f->name = arena_copy(&in->arena, name);
    if (!f->name.ptr)
        return NULL;
    in->count++;
    return f;
}

/* The beginnings of texts, until there are enough; never a part of a letter. */
static void take_sample(struct infer_field *f, struct slice text)
{
    if (f->sample.len > SAMPLE_BYTES)
        return;
    if (text.len > SAMPLE_EACH) {
        text.len = SAMPLE_EACH;
        while (text.len && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
            text.len--;
    }
    buf_put_slice(&f->sample, text);
    buf_put_u8(&f->sample, '\n');
}

static uint64_t count_tokens(struct slice s)
{
    uint64_t n = 0;
    bool inside = false;
    for (size_t i = 0; i < s.len; i++) {
        bool space = s.ptr[i] == ' ' || s.ptr[i] == '\n' || s.ptr[i] == '\t';
        n += !space && !inside;
        inside = !space;
    }
    return n;
}

/* Serial numbers and the like: no fraction would keep them. */
static bool beyond_integers(const struct json *v)
{
    if (v->type != JSON_FLOAT)
        return false;
    for (uint32_t i = 0; i < v->count; i++)
        if (v->written[i] == '.' || v->written[i] == 'e' || v->written[i] == 'E')
            return false;
    return true;
}

static void note_type(struct infer_field *f, const struct json *v)
{
    if (beyond_integers(v))
        f->seen[JSON_TEXT]++;
    else if (v->type == JSON_ARRAY && !v->first)
        f->empty_lists++; /* some writers say [] for {} */
    else
        f->seen[product_nests(v) ? JSON_OBJECT : v->type]++;
}

enum status infer_add(struct infer *in, const struct json *product, struct fault *fault)
{
    uint32_t hint = 0;
    char room[PRODUCT_ID_ROOM];
    struct slice id;
    if (product->type != JSON_OBJECT || !product_id(product, room, &id))
        return STATUS_OK;
    in->products++;
    for (const struct json *m = product->first; m; m = m->next) {
        if (slice_equal(m->name, SLICE_LIT("id")))
            continue;
        struct infer_field *f = field_of(in, m->name, hint);
        if (!f)
            return fault_set(fault, STATUS_TOO_LARGE, "",
                             "more than %d fields; nest the rest in one object", SCHEMA_MAX_FIELDS);
        hint = (uint32_t)(f - in->fields) + 1;
        note_type(f, m);
        if (m->type == JSON_TEXT) {
            uint64_t tokens = count_tokens(m->text);
            f->text_bytes += m->text.len < BYTES_MOST ? m->text.len : BYTES_MOST;
            f->tokens += tokens < TOKENS_MOST ? tokens : TOKENS_MOST;
            f->joined += m->text.len && memmem(m->text.ptr, m->text.len, " > ", 3) != NULL;
            take_sample(f, m->text);
        }
    }
    return STATUS_OK;
}

static bool one_of(struct slice name, const char *const *words)
{
    for (; *words; words++)
        if (name.len == strlen(*words) && strncasecmp(name.ptr, *words, name.len) == 0)
            return true;
    return false;
}

static const char *const heavy_names[] = {"title", NULL};
static const char *const strong_names[] = {"name",  "brand",        "category", "categories",
                                           "color", "manufacturer", NULL};
static const char *const prose_names[] = {"description", "bullets", "text", NULL};
static const char *const text_names[] = {"title", "name", "description", "bullets", "text", NULL};
static const char *const path_names[] = {"category", "categories", "category_path", NULL};
static const char *const shown_names[] = {"image",     "images",    "url", "link",
                                          "image_url", "thumbnail", NULL};

static enum field_type type_of(const struct infer_field *f)
{
    uint64_t bools = f->seen[JSON_FALSE] + f->seen[JSON_TRUE], texts = f->seen[JSON_TEXT];
    uint64_t numbers = f->seen[JSON_INT] + f->seen[JSON_FLOAT];
    /* objects go with nothing else: the fewer lines will be told as errors */
    if (f->seen[JSON_OBJECT] &&
        f->seen[JSON_OBJECT] >= bools + texts + numbers + f->seen[JSON_ARRAY])
        return FIELD_ATTRIBUTES;
    if (f->seen[JSON_ARRAY] + f->empty_lists)
        return one_of(f->name, path_names) ? FIELD_PATH : FIELD_KEYWORD_LIST;
    if (one_of(f->name, shown_names))
        return FIELD_KEYWORD;
    if (one_of(f->name, path_names) && texts && f->joined * 2 >= texts)
        return FIELD_PATH;
    if (one_of(f->name, text_names) && texts + numbers)
        return FIELD_TEXT;
    if (!texts && !bools && numbers)
        return f->seen[JSON_FLOAT] ? FIELD_FLOAT : FIELD_INTEGER;
    if (!texts && !numbers && bools)
        return FIELD_BOOLEAN;
    if (texts && (f->tokens > texts * PROSE_TOKENS || f->text_bytes > texts * PROSE_BYTES))
        return FIELD_TEXT;
    return FIELD_KEYWORD;
}

static uint8_t flags_of(const struct field_spec *f)
{
    if (one_of(f->name, shown_names))
        return FIELD_STORED;
    switch (f->type) {
    case FIELD_TEXT:
        return FIELD_SEARCHABLE | FIELD_STORED;
    case FIELD_KEYWORD:
        return FIELD_SEARCHABLE | FIELD_FILTER | FIELD_FACET | FIELD_SORT | FIELD_STORED;
    case FIELD_KEYWORD_LIST:
    case FIELD_PATH:
    case FIELD_ATTRIBUTES:
        return FIELD_SEARCHABLE | FIELD_FILTER | FIELD_FACET | FIELD_STORED;
    case FIELD_BOOLEAN:
        return FIELD_FILTER | FIELD_FACET | FIELD_STORED;
    default:
        return FIELD_FILTER | FIELD_FACET | FIELD_SORT | FIELD_STORED;
    }
}

void infer_weights(struct field_spec *f)
{
    f->flags = flags_of(f);
    f->weight_class = 3;
    f->weight = 0.5;
    if (one_of(f->name, heavy_names)) {
        f->weight_class = 0;
        f->weight = 3;
    } else if (one_of(f->name, strong_names)) {
        f->weight_class = 1;
        f->weight = 1.5;
    } else if (one_of(f->name, prose_names)) {
        f->weight_class = 2;
        f->weight = 1;
    }
}

static void infer_languages(const struct infer *in, struct schema_spec *out)
{
    struct buf all = BUF_INIT;
    uint32_t spec = 0;
    for (uint32_t i = 0; i < out->field_count; i++)
        for (; spec < in->count; spec++) {
            const struct infer_field *f = &in->fields[spec];
            if (!slice_equal(f->name, out->fields[i].name))
                continue;
            if (out->fields[i].type == FIELD_TEXT) {
                out->fields[i].language = slice_str(language_guess(buf_slice(&f->sample)));
                buf_put_slice(&all, buf_slice(&f->sample));
            }
            break;
        }
    const char *most = language_guess(buf_slice(&all));
    for (uint32_t i = 0; i < out->field_count; i++)
        if (out->fields[i].type == FIELD_TEXT && !out->fields[i].language.len)
            out->fields[i].language = slice_str(most);
    buf_fini(&all);
}

void infer_schema(const struct infer *in, struct schema_spec *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < in->count; i++) {
        const struct infer_field *f = &in->fields[i];
        uint64_t values = f->empty_lists;
        for (int t = JSON_FALSE; t <= JSON_OBJECT; t++)
            values += f->seen[t];
        if (values == 0)
            continue; /* only nulls */
        struct field_spec *spec = &out->fields[out->field_count++];
        spec->name = f->name;
        spec->type = type_of(f);
        infer_weights(spec);
    }
    infer_languages(in, out);
}
