/*
 * Any bytes as what upstreams and operators send: a definition of a provider, an answer that is
 * mapped to a product, headers of an answer. The first byte picks which.
 */
#include <stdlib.h>

#include "server/http_cache.h"
#include "server/mapping.h"

static struct schema *schema_of(void)
{
    static struct schema_spec spec = {.version = 1};
    static const char *const names[] = {"text",      "keyword", "integer", "float",     "boolean",
                                        "timestamp", "list",    "path",    "attributes"};
    struct schema *schema = NULL;
    struct buf b = BUF_INIT;
    for (uint32_t i = 0; i < FIELD_TYPE_COUNT; i++)
        spec.fields[spec.field_count++] = (struct field_spec){
            .name = slice_str(names[i]), .type = (enum field_type)i, .flags = FIELD_STORED};
    schema_spec_encode(&spec, &b);
    if (schema_decode(buf_slice(&b), &schema, NULL))
        abort();
    buf_fini(&b);
    return schema;
}

static void definition(struct slice text)
{
    struct provider *p;
    struct fault fault = {0};
    if (provider_create(SLICE_LIT("main"), text, &p, &fault) == STATUS_OK) {
        struct buf url = BUF_INIT;
        if (p->one.len && provider_url(p->one, "{id}", text, &url))
            abort();
        buf_fini(&url);
    } else if (!fault.text[0]) {
        abort(); /* a refusal without a reason */
    }
    provider_destroy(&p);
}

static void answer(struct slice text)
{
    static struct schema *schema;
    static struct provider *p;
    struct json_node *root;
    struct buf out = BUF_INIT;
    struct mapped m;
    struct fault fault = {0};
    if (!schema) {
        schema = schema_of();
        if (provider_create(SLICE_LIT("main"),
                            SLICE_LIT("{\"one\":\"http://h/{id}\",\"map\":{\"version\":\"/v\","
                                      "\"deleted\":\"/d\"}}"),
                            &p, NULL))
            abort();
    }
    if (json_node_parse(text, PROVIDER_DEPTH, &root, &fault) == STATUS_OK) {
        const struct json_node *list = json_node_at(root, SLICE_LIT("/items"));
        mapping_product(p, schema, list ? json_node_item(list, 0) : root, SLICE_NULL, &out, &m,
                        &fault);
        json_node_destroy(&root);
    }
    buf_fini(&out);
}

static void headers(struct slice text)
{
    struct http_headers h = {0};
    struct slice *parts[] = {&h.cache_control, &h.age, &h.date, &h.expires};
    struct http_cache c;
    for (size_t i = 0; i < 4 && text.len; i++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        *parts[i] = slice_make(text.ptr, len);
        text = end ? slice_make(end + 1, text.len - len - 1) : SLICE_NULL;
    }
    http_cache_read(&h, 1000000, 1000500, &c);
    if (c.ttl_ms == 0 || c.ttl_ms < -1 || c.swr_ms < -1 || c.sie_ms < -1)
        abort();
    http_retry_after_ms(h.age, 1000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct slice rest = slice_make(data + 1, size - 1);
    if (data[0] % 3 == 0)
        definition(rest);
    else if (data[0] % 3 == 1)
        answer(rest);
    else
        headers(rest);
    return 0;
}
