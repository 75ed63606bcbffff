#include "server/provider.h"

#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

#include "server/json_node.h"

/* --- what a definition may hold ----------------------------------------------------------------
 */

static const struct {
    const char *name;
    size_t off;
    int64_t initial, least, most;
    const char *help;
} numbers[] = {
#define PROVIDER_OPTION(name, initial, least, most, help)                                          \
    {#name, offsetof(struct provider, name), initial, least, most, help},
#include "server/provider_options.def"
#undef PROVIDER_OPTION
};

static const struct {
    const char *name;
    size_t off;
    const char *variable; /* what the template of a URL must hold behind its host */
} texts[] = {
    {"one", offsetof(struct provider, one), "{id}"},
    {"many", offsetof(struct provider, many), "{ids}"},
    {"changes", offsetof(struct provider, changes), "{cursor}"},
    {"first_cursor", offsetof(struct provider, first_cursor), NULL},
    {"canary", offsetof(struct provider, canary), NULL},
    {"ca_file", offsetof(struct provider, ca_file), NULL},
};

static const struct {
    const char *name;
    size_t off;
} maps[] = {
    {"product", offsetof(struct provider_map, product)},
    {"items", offsetof(struct provider_map, items)},
    {"id", offsetof(struct provider_map, id)},
    {"version", offsetof(struct provider_map, version)},
    {"deleted", offsetof(struct provider_map, deleted)},
    {"next", offsetof(struct provider_map, next)},
};

enum {
    NUMBERS = sizeof numbers / sizeof *numbers,
    TEXTS = sizeof texts / sizeof *texts,
    MAPS = sizeof maps / sizeof *maps
};

bool provider_option(uint32_t i, const char **name, int64_t *initial, const char **help)
{
    if (i >= NUMBERS)
        return false;
    *name = numbers[i].name;
    *initial = numbers[i].initial;
    *help = numbers[i].help;
    return true;
}

/* --- checks ----------------------------------------------------------------------------------- */

static enum status wrong(struct fault *fault, const char *field, const char *text)
{
    return fault_set(fault, STATUS_INVALID, field, "%s: %s", field, text);
}

bool provider_name_valid(struct slice name)
{
    if (!name.len || name.len > SHARED_NAME || name.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '.'))
            return false;
    }
    return true;
}

static bool url_good(struct slice url, const char *variable)
{
    bool scheme =
        slice_starts(url, SLICE_LIT("http://")) || slice_starts(url, SLICE_LIT("https://"));
    if (!scheme || url.len > PROVIDER_URL_MAX)
        return false;
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ')
            return false;
    const char *at = memmem(url.ptr, url.len, variable, strlen(variable));
    const char *host = url.ptr + (url.ptr[4] == 's' ? 8 : 7);
    const char *path = memchr(host, '/', (size_t)(url.ptr + url.len - host));
    /* the host is fixed, whatever an id says; a password belongs into a header's file */
    return at && path && at > path && path > host && !memchr(host, '@', (size_t)(path - host));
}

static bool pointer_good(struct slice p)
{
    return !p.len || p.ptr[0] == '/';
}

static bool header_good(struct slice name, struct slice value)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == ':' ||
            (unsigned char)name.ptr[i] > 126)
            return false;
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 127)
            return false;
    return name.len != 0;
}

/* --- members ---------------------------------------------------------------------------------- */

static enum status take_text(struct provider *p, const struct json_node *v, struct slice *out,
                             const char *name, struct fault *fault)
{
    if (json_node_kind(v) != JSON_KIND_TEXT)
        return wrong(fault, name, "must be a text");
    *out = arena_copy(&p->arena, json_node_text(v));
    return out->ptr ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status take_number(struct provider *p, uint32_t i, const struct json_node *v,
                               struct fault *fault)
{
    enum json_kind kind = json_node_kind(v);
    bool truth = kind == JSON_KIND_BOOL && numbers[i].least == 0 && numbers[i].most == 1;
    if (kind != JSON_KIND_INT && !truth)
        return wrong(fault, numbers[i].name, "must be a whole number");
    int64_t n = truth ? json_node_bool(v) : json_node_int(v);
    if (n < numbers[i].least || n > numbers[i].most)
        return fault_set(fault, STATUS_INVALID, numbers[i].name, "%s must be %lld to %lld",
                         numbers[i].name, (long long)numbers[i].least, (long long)numbers[i].most);
    *(int64_t *)(void *)((char *)p + numbers[i].off) = n;
    return STATUS_OK;
}

static enum status take_map(struct provider *p, const struct json_node *v, struct fault *fault)
{
    void *at = NULL;
    struct slice key;
    const struct json_node *value;
    if (json_node_kind(v) != JSON_KIND_OBJECT)
        return wrong(fault, "map", "must be an object");
    while (json_node_next(v, &at, &key, &value)) {
        uint32_t i = 0;
        while (i < MAPS && !slice_equal(key, slice_str(maps[i].name)))
            i++;
        if (i == MAPS)
            return fault_set(fault, STATUS_INVALID, "map", "map has no member %.*s", (int)key.len,
                             key.ptr);
        struct slice *to = (struct slice *)(void *)((char *)&p->map + maps[i].off);
        enum status st = take_text(p, value, to, maps[i].name, fault);
        if (st)
            return st;
        if (!pointer_good(*to))
            return wrong(fault, maps[i].name, "a JSON pointer is empty or starts with /");
    }
    return STATUS_OK;
}

/* An object of texts into `out`. */
static enum status take_pairs(struct provider *p, const struct json_node *v, const char *name,
                              struct provider_pair *out, uint32_t most, uint32_t *count,
                              struct fault *fault)
{
    void *at = NULL;
    struct slice key;
    const struct json_node *value;
    if (json_node_kind(v) != JSON_KIND_OBJECT)
        return wrong(fault, name, "must be an object");
    while (json_node_next(v, &at, &key, &value)) {
        if (*count == most)
            return wrong(fault, name, "has too many members");
        struct provider_pair *to = &out[(*count)++];
        to->name = arena_copy(&p->arena, key);
        enum status st = take_text(p, value, &to->value, name, fault);
        if (st || !to->name.ptr)
            return st ? st : STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

static enum status take_member(struct provider *p, struct slice key, const struct json_node *v,
                               struct fault *fault)
{
    for (uint32_t i = 0; i < NUMBERS; i++)
        if (slice_equal(key, slice_str(numbers[i].name)))
            return take_number(p, i, v, fault);
    for (uint32_t i = 0; i < TEXTS; i++)
        if (slice_equal(key, slice_str(texts[i].name)))
            return take_text(p, v, (struct slice *)(void *)((char *)p + texts[i].off),
                             texts[i].name, fault);
    if (slice_equal(key, SLICE_LIT("map")))
        return take_map(p, v, fault);
    if (slice_equal(key, SLICE_LIT("fields")))
        return take_pairs(p, v, "fields", p->fields, PROVIDER_FIELDS, &p->field_count, fault);
    if (slice_equal(key, SLICE_LIT("headers")))
        return take_pairs(p, v, "headers", p->headers, PROVIDER_HEADERS, &p->header_count, fault);
    if (slice_equal(key, SLICE_LIT("number"))) {
        p->number = (uint32_t)(json_node_int(v) & UINT32_MAX);
        return STATUS_OK;
    }
    return fault_set(fault, STATUS_INVALID, "provider", "a provider has no option %.*s",
                     (int)(key.len < 64 ? key.len : 64), key.ptr);
}

static enum status check_whole(const struct provider *p, struct fault *fault)
{
    for (uint32_t i = 0; i < TEXTS; i++) {
        const struct slice *v =
            (const struct slice *)(const void *)((const char *)p + texts[i].off);
        if (texts[i].variable && v->len && !url_good(*v, texts[i].variable))
            return fault_set(fault, STATUS_INVALID, texts[i].name,
                             "%s must be an http or https URL with %s behind the host",
                             texts[i].name, texts[i].variable);
    }
    if (!p->one.len && !p->many.len && !p->changes.len)
        return wrong(fault, "one", "a provider needs one, many or changes");
    for (uint32_t i = 0; i < p->field_count; i++)
        if (!pointer_good(p->fields[i].value))
            return wrong(fault, "fields", "a JSON pointer is empty or starts with /");
    for (uint32_t i = 0; i < p->header_count; i++)
        if (!header_good(p->headers[i].name, p->headers[i].value))
            return wrong(fault, "headers", "not a header");
    if (p->breaker_open_max_ms < p->breaker_open_ms)
        return wrong(fault, "breaker_open_max_ms", "is below breaker_open_ms");
    return STATUS_OK;
}

static enum status read_definition(struct provider *p, struct slice json, struct fault *fault)
{
    struct json_node *root;
    void *at = NULL;
    struct slice key;
    const struct json_node *v;
    for (uint32_t i = 0; i < NUMBERS; i++)
        *(int64_t *)(void *)((char *)p + numbers[i].off) = numbers[i].initial;
    p->map.id = SLICE_LIT("/id");
    p->map.items = SLICE_LIT("/items");
    p->map.next = SLICE_LIT("/next");
    enum status st = json_node_parse(json, PROVIDER_DEPTH, &root, fault);
    if (st)
        return st;
    if (json_node_kind(root) != JSON_KIND_OBJECT)
        st = wrong(fault, "provider", "must be an object");
    while (!st && json_node_next(root, &at, &key, &v))
        st = take_member(p, key, v, fault);
    json_node_destroy(&root);
    return st ? st : check_whole(p, fault);
}

enum status provider_create(struct slice name, struct slice json, struct provider **out,
                            struct fault *fault)
{
    *out = NULL;
    if (!provider_name_valid(name))
        return fault_set(fault, STATUS_INVALID, "name",
                         "a provider's name is 1 to 64 letters, digits, _ . and -");
    struct provider *p = calloc(1, sizeof *p);
    if (!p)
        return STATUS_NO_MEMORY;
    arena_init(&p->arena, 0);
    p->name = arena_copy(&p->arena, name);
    enum status st = p->name.ptr ? read_definition(p, json, fault) : STATUS_NO_MEMORY;
    if (st)
        provider_destroy(&p);
    *out = p;
    return st;
}

void provider_destroy(struct provider **p)
{
    if (!*p)
        return;
    arena_fini(&(*p)->arena);
    free(*p);
    *p = NULL;
}

void provider_breaker_options(const struct provider *p, struct breaker_options *out)
{
    breaker_options_init(out);
    out->window_ms = p->breaker_window_ms;
    out->min_calls = (uint32_t)p->breaker_calls;
    out->failure_percent = (uint32_t)p->breaker_failures;
    out->slow_percent = (uint32_t)p->breaker_slow;
    out->slow_ms = p->breaker_slow_ms;
    out->consecutive = (uint32_t)p->breaker_row;
    out->open_ms = p->breaker_open_ms;
    out->open_max_ms = p->breaker_open_max_ms;
    out->close_after = (uint32_t)p->breaker_close;
}

/* --- small things ----------------------------------------------------------------------------- */

enum status provider_url(struct slice text, const char *what, struct slice value, struct buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *at = memmem(text.ptr, text.len, what, strlen(what));
    if (!at)
        return STATUS_INVALID;
    buf_put(out, text.ptr, (size_t)(at - text.ptr));
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '~' || c == ',' || (c == '.' && value.len > 2);
        if (plain) {
            buf_put_u8(out, c);
        } else { /* also "." and "..": they must not climb */
            char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
            buf_put(out, escaped, 3);
        }
    }
    at += strlen(what);
    buf_put(out, at, (size_t)(text.ptr + text.len - at));
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

bool provider_order_part(struct slice order, uint32_t i, struct slice *name)
{
    while (order.len) {
        const char *comma = memchr(order.ptr, ',', order.len);
        size_t len = comma ? (size_t)(comma - order.ptr) : order.len;
        *name = slice_make(order.ptr, len);
        if (!i--)
            return true;
        order = comma ? slice_make(comma + 1, order.len - len - 1) : SLICE_NULL;
    }
    return false;
}
