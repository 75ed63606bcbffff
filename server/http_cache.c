#include "server/http_cache.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { SECONDS_MAX = 1 << 30 };

/* Whole seconds; false when it is anything else. Huge ones are cut, as RFC 9111 asks. */
static bool seconds(struct slice v, int64_t *out)
{
    int64_t n = 0;
    if (!v.len)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] < '0' || v.ptr[i] > '9')
            return false;
        n = n > SECONDS_MAX ? n : n * 10 + (v.ptr[i] - '0');
    }
    *out = n > SECONDS_MAX ? SECONDS_MAX : n;
    return true;
}

static struct slice trim(struct slice v)
{
    while (v.len && (*v.ptr == ' ' || *v.ptr == '\t'))
        v = slice_make(v.ptr + 1, v.len - 1);
    while (v.len && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
        v.len--;
    return v;
}

bool http_date(struct slice text, int64_t *out_ms)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    char copy[64];
    text = trim(text);
    if (text.len >= sizeof copy)
        return false;
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(copy, forms[i], &tm);
        if (end && !*end) {
            *out_ms = (int64_t)timegm(&tm) * 1000;
            return true;
        }
    }
    return false;
}

int64_t http_retry_after_ms(struct slice text, int64_t now_ms)
{
    int64_t v;
    text = trim(text);
    if (seconds(text, &v))
        return v * 1000;
    if (!http_date(text, &v))
        return -1;
    return v > now_ms ? v - now_ms : 0;
}

/* --- Cache-Control ---------------------------------------------------------------------------- */

struct directives {
    bool no_store, no_cache, no_stale, broken;
    int64_t max_age, shared_age, swr, sie; /* seconds, -1 = absent */
};

static bool named(struct slice name, const char *word)
{
    return name.len == strlen(word) && strncasecmp(name.ptr, word, name.len) == 0;
}

/* The first one counts; a second that differs makes the lifetime unreadable. */
static void take(struct directives *d, int64_t *at, struct slice value)
{
    int64_t v = 0;
    if (!seconds(value, &v)) {
        d->broken = true;
        return;
    }
    if (*at >= 0 && *at != v)
        d->broken = true;
    *at = v;
}

static void directive(struct directives *d, struct slice name, struct slice value)
{
    if (named(name, "no-store"))
        d->no_store = true;
    else if (named(name, "no-cache"))
        d->no_cache = d->no_cache || !value.len; /* with field names it is about those */
    else if (named(name, "must-revalidate") || named(name, "proxy-revalidate"))
        d->no_stale = true;
    else if (named(name, "max-age"))
        take(d, &d->max_age, value);
    else if (named(name, "s-maxage"))
        take(d, &d->shared_age, value);
    else if (named(name, "stale-while-revalidate"))
        take(d, &d->swr, value);
    else if (named(name, "stale-if-error"))
        take(d, &d->sie, value);
}

static struct directives read_directives(struct slice v)
{
    struct directives d = {.max_age = -1, .shared_age = -1, .swr = -1, .sie = -1};
    size_t at = 0;
    while (at < v.len) {
        size_t end = at, equals = 0;
        bool quoted = false;
        for (; end < v.len && (quoted || v.ptr[end] != ','); end++) {
            quoted ^= v.ptr[end] == '"';
            if (v.ptr[end] == '=' && !equals)
                equals = end;
        }
        struct slice name = trim(slice_make(v.ptr + at, (equals ? equals : end) - at));
        struct slice value =
            equals ? trim(slice_make(v.ptr + equals + 1, end - equals - 1)) : SLICE_NULL;
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = slice_make(value.ptr + 1, value.len - 2);
        directive(&d, name, value);
        at = end + 1;
    }
    return d;
}

/* --- an answer -------------------------------------------------------------------------------- */

static int64_t lifetime_ms(const struct http_headers *h, const struct directives *d,
                           int64_t date_ms)
{
    int64_t expires;
    if (d->broken || d->no_cache)
        return 0;
    if (d->shared_age >= 0)
        return d->shared_age * 1000;
    if (d->max_age >= 0)
        return d->max_age * 1000;
    if (!h->expires.len)
        return -1;
    return http_date(h->expires, &expires) && expires > date_ms ? expires - date_ms : 0;
}

void http_cache_read(const struct http_headers *h, int64_t request_ms, int64_t response_ms,
                     struct http_cache *out)
{
    struct directives d = read_directives(h->cache_control);
    int64_t date = response_ms, age = 0;
    bool dated = http_date(h->date, &date), aged = seconds(trim(h->age), &age);
    *out = (struct http_cache){.swr_ms = d.swr < 0 ? -1 : d.swr * 1000,
                               .sie_ms = d.sie < 0 ? -1 : d.sie * 1000,
                               .no_store = d.no_store};
    int64_t apparent = dated && response_ms > date ? response_ms - date : 0;
    if (apparent < 1000)
        apparent = 0; /* Date has whole seconds */
    int64_t corrected = age * 1000 + (aged ? response_ms - request_ms : 0);
    out->age_ms = (uint64_t)(apparent > corrected ? apparent : corrected);
    out->ttl_ms = h->conflicting ? 0 : lifetime_ms(h, &d, date);
    if (out->ttl_ms == 0)
        out->ttl_ms = 1; /* 0 would mean: never stale */
    if (d.no_cache || d.no_stale || d.shared_age >= 0)
        out->swr_ms = out->sie_ms = 0;
}
