/* What each scope opens and each pattern reaches: every operation a front knows with every scope.
 */
#include "server/front.h"

#include "protocol/multi.h"
#include "protocol/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct key key_with(uint32_t scopes, const char *pattern)
{
    struct key k = {.scopes = scopes | KEY_ANYBODY, .known = true};
    snprintf(k.row.name, sizeof k.row.name, "tested");
    snprintf(k.row.patterns[0], sizeof k.row.patterns[0], "%s", pattern);
    k.row.pattern_count = 1;
    k.everywhere = key_row_everywhere(&k.row);
    k.unbounded = k.everywhere && scopes == SCOPE_ALL;
    return k;
}

/* As dispatch does it. */
static enum status judge(const struct key *k, uint8_t opcode, const struct buf *body,
                         struct fault *fault)
{
    struct frame f = {.opcode = opcode, .body = buf_slice(body)};
    const struct operation *o = operation_of(opcode);
    if (!(k->scopes & o->scopes))
        return access_forbid(k, opcode, o->scopes, fault);
    return access_allowed(k, o->access, &f, fault);
}

static void every_operation_says_who_may(void **state)
{
    (void)state;
    const struct operation *unknown = operation_of(200);
    static const uint8_t not_of_a_front[] = {OP_CANCEL, OP_REFRESH, OP_FOLLOW};
    for (unsigned opcode = 1; opcode < 256; opcode++) {
        const struct operation *o = operation_of((uint8_t)opcode);
        bool apart = memchr(not_of_a_front, (int)opcode, sizeof not_of_a_front) != NULL;
        bool named = strcmp(opcode_name(opcode), "other") != 0;
        if (named && !apart)
            assert_ptr_not_equal(o, unknown);
        assert_true(o->scopes != 0);
        bool open = opcode == OP_HELLO || opcode == OP_GOAWAY;
        assert_int_equal((o->scopes & KEY_ANYBODY) != 0, open);
    }
}

struct row {
    uint8_t opcode;
    uint32_t scopes; /* one of them is needed */
    uint32_t tag;    /* of an action; 0 = none */
    uint64_t action;
};

static const struct row rows[] = {
    {OP_PING, SCOPE_ALL, 0, 0},
    {OP_CATALOG, SCOPE_ADMIN, TAG_CATALOG_ACTION, CATALOG_CREATE},
    {OP_CATALOG, SCOPE_ALL, TAG_CATALOG_ACTION, CATALOG_DESCRIBE},
    {OP_CATALOG, SCOPE_ALL, TAG_CATALOG_ACTION, CATALOG_LIST},
    {OP_CATALOG, SCOPE_ADMIN, TAG_CATALOG_ACTION, CATALOG_DROP},
    {OP_CATALOG, SCOPE_ADMIN, TAG_CATALOG_ACTION, CATALOG_ALTER},
    {OP_CATALOG, SCOPE_ADMIN, TAG_CATALOG_ACTION, CATALOG_SET},
    {OP_CATALOG, SCOPE_ADMIN, TAG_CATALOG_ACTION, CATALOG_GET},
    {OP_CATALOG, SCOPE_ADMIN, TAG_CATALOG_ACTION, CATALOG_SETTINGS},
    {OP_CATALOG, SCOPE_ADMIN, TAG_CATALOG_ACTION, CATALOG_REBUILD},
    {OP_CATALOG, SCOPE_ADMIN, TAG_CATALOG_ACTION, 0},
    {OP_CATALOG, SCOPE_ADMIN, TAG_CATALOG_ACTION, UINT64_MAX},
    {OP_CATALOG, SCOPE_ADMIN, 0, 0},
    {OP_SEARCH, SCOPE_SEARCH, 0, 0},
    {OP_GET, SCOPE_GET, 0, 0},
    {OP_PUT, SCOPE_WRITE | SCOPE_DELETE, 0, 0},
    {OP_WAIT, SCOPE_ALL, 0, 0},
    {OP_STATS, SCOPE_STATS, 0, 0},
    {OP_SCAN, SCOPE_GET, 0, 0},
    {OP_DELETE, SCOPE_DELETE, 0, 0},
    {OP_SUGGEST, SCOPE_SEARCH, 0, 0},
    {OP_QUERIES, SCOPE_STATS, 0, 0},
    {OP_UPSTREAM, SCOPE_STATS, TAG_UPSTREAM_ACTION, UPSTREAM_LIST},
    {OP_UPSTREAM, SCOPE_ADMIN, TAG_UPSTREAM_ACTION, UPSTREAM_ENABLE},
    {OP_UPSTREAM, SCOPE_ADMIN, TAG_UPSTREAM_ACTION, UPSTREAM_REFRESH},
    {OP_UPSTREAM, SCOPE_ADMIN, TAG_UPSTREAM_ACTION, UPSTREAM_REMOVE},
    {OP_UPSTREAM, SCOPE_ADMIN, 0, 0},
    {OP_SAFE_MODE, SCOPE_STATS, TAG_SAFE_MODE_ACTION, SAFE_MODE_STATUS},
    {OP_SAFE_MODE, SCOPE_ADMIN, TAG_SAFE_MODE_ACTION, SAFE_MODE_ON},
    {OP_SAFE_MODE, SCOPE_ADMIN, TAG_SAFE_MODE_ACTION, SAFE_MODE_OFF},
    {OP_SAFE_MODE, SCOPE_ADMIN, 0, 0},
    {OP_DEGRADE, SCOPE_STATS, 0, 0},
    {OP_DEGRADE, SCOPE_ADMIN, TAG_DEGRADE_PIN, 3},
    {OP_LOG_READ, SCOPE_FOLLOW, 0, 0},
    {OP_COPY_READ, SCOPE_FOLLOW, 0, 0},
    {OP_PROMOTE, SCOPE_ADMIN, 0, 0},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void body_of(const struct row *r, const char *catalog, struct buf *body)
{
    buf_clear(body);
    tlv_put(body, r->opcode == OP_CATALOG ? TAG_CATALOG_NAME : TAG_SEARCH_CATALOG,
            slice_str(catalog));
    if (r->tag)
        tlv_put_u64(body, r->tag, r->action);
}

static void every_operation_with_every_scope(void **state)
{
    (void)state;
    struct buf body = BUF_INIT;
    for (int i = 0; i < ROWS; i++)
        for (uint32_t scopes = 1; scopes <= SCOPE_ALL; scopes++) {
            struct key k = key_with(scopes, "*");
            struct fault fault = {0};
            body_of(&rows[i], "shop", &body);
            enum status s = judge(&k, rows[i].opcode, &body, &fault);
            assert_int_equal(s, scopes & rows[i].scopes ? STATUS_OK : STATUS_FORBIDDEN);
            assert_int_equal(s != STATUS_OK, fault.text[0] != '\0');
        }
    buf_fini(&body);
}

static bool for_all_catalogs(const struct row *r)
{
    return r->opcode == OP_LOG_READ || r->opcode == OP_COPY_READ || r->opcode == OP_PROMOTE ||
           (r->opcode == OP_DEGRADE && r->tag);
}

static bool for_none(const struct row *r)
{
    return r->opcode == OP_PING || r->opcode == OP_STATS || (r->opcode == OP_DEGRADE && !r->tag);
}

static void every_operation_of_a_catalog_beyond_the_key(void **state)
{
    (void)state;
    struct buf body = BUF_INIT;
    for (int i = 0; i < ROWS; i++) {
        struct key k = key_with(SCOPE_ALL, "shop*");
        struct fault fault = {0};
        body_of(&rows[i], "shop-de", &body);
        assert_int_equal(judge(&k, rows[i].opcode, &body, &fault),
                         for_all_catalogs(&rows[i]) ? STATUS_FORBIDDEN : STATUS_OK);
        body_of(&rows[i], "books", &body);
        assert_int_equal(judge(&k, rows[i].opcode, &body, &fault),
                         for_none(&rows[i]) ? STATUS_OK : STATUS_FORBIDDEN);
    }
    buf_fini(&body);
}

/* Whichever of the two a decoder takes. */
static void a_field_that_comes_twice_must_be_allowed_twice(void **state)
{
    (void)state;
    struct buf body = BUF_INIT, other = BUF_INIT;
    for (int i = 0; i < ROWS; i++) {
        if (for_none(&rows[i]))
            continue;
        struct key k = key_with(SCOPE_ALL, "shop*");
        for (int first = 0; first < 2; first++) {
            body_of(&rows[i], first ? "shop" : "books", &body);
            body_of(&rows[i], first ? "books" : "shop", &other);
            buf_put_slice(&body, buf_slice(&other));
            assert_int_equal(judge(&k, rows[i].opcode, &body, NULL), STATUS_FORBIDDEN);
        }
    }
    struct key k = key_with(SCOPE_STATS, "*");
    for (int first = 0; first < 2; first++) {
        buf_clear(&body);
        tlv_put(&body, TAG_SAFE_MODE_CATALOG, SLICE_LIT("shop"));
        tlv_put_u64(&body, TAG_SAFE_MODE_ACTION, first ? SAFE_MODE_STATUS : SAFE_MODE_ON);
        tlv_put_u64(&body, TAG_SAFE_MODE_ACTION, first ? SAFE_MODE_ON : SAFE_MODE_STATUS);
        assert_int_equal(judge(&k, OP_SAFE_MODE, &body, NULL), STATUS_FORBIDDEN);
    }
    buf_fini(&body);
    buf_fini(&other);
}

static void a_bulk_needs_the_scopes_of_its_items(void **state)
{
    (void)state;
    static const struct {
        enum put_op ops[2];
        uint32_t scopes; /* all of them are needed */
    } bulks[] = {{{PUT_UPSERT, PUT_UPSERT}, SCOPE_WRITE},
                 {{PUT_PATCH, PUT_VALIDATE}, SCOPE_WRITE},
                 {{PUT_DELETE, PUT_DELETE}, SCOPE_DELETE},
                 {{PUT_UPSERT, PUT_DELETE}, SCOPE_WRITE | SCOPE_DELETE},
                 {{PUT_DELETE, PUT_PATCH}, SCOPE_WRITE | SCOPE_DELETE}};
    struct buf body = BUF_INIT;
    for (size_t i = 0; i < sizeof bulks / sizeof bulks[0]; i++)
        for (uint32_t scopes = 1; scopes <= SCOPE_ALL; scopes++) {
            struct put_request p = {.catalog = SLICE_LIT("shop"), .ack = ACK_LOGGED};
            struct key k = key_with(scopes, "*");
            buf_clear(&body);
            put_request_header(&p, &body);
            for (int n = 0; n < 2; n++)
                put_item_encode(&(struct put_item){.op = bulks[i].ops[n],
                                                   .ttl_ms = -1,
                                                   .swr_ms = -1,
                                                   .sie_ms = -1,
                                                   .document = SLICE_LIT("\1x\0")},
                                &body);
            assert_int_equal(judge(&k, OP_PUT, &body, NULL),
                             (scopes & bulks[i].scopes) == bulks[i].scopes ? STATUS_OK
                                                                           : STATUS_FORBIDDEN);
        }
    buf_fini(&body);
}

static void a_body_that_cannot_be_read_opens_nothing(void **state)
{
    (void)state;
    struct buf body = BUF_INIT;
    struct key k = key_with(SCOPE_ALL, "shop*");
    for (int i = 0; i < ROWS; i++) {
        if (for_none(&rows[i]))
            continue;
        body_of(&rows[i], "shop", &body);
        buf_put_u8(&body, 0x80);
        assert_int_not_equal(judge(&k, rows[i].opcode, &body, NULL), STATUS_OK);
        buf_clear(&body);                 /* no catalog at all: none that the key reaches */
        if (rows[i].opcode != OP_DEGRADE) /* without a pin it only tells */
            assert_int_equal(judge(&k, rows[i].opcode, &body, NULL), STATUS_FORBIDDEN);
    }
    buf_fini(&body);
}

static void a_refusal_says_what_was_needed(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct key k = key_with(SCOPE_SEARCH | SCOPE_GET, "shop*");
    struct buf body = BUF_INIT;
    assert_int_equal(judge(&k, OP_DELETE, &body, &fault), STATUS_FORBIDDEN);
    assert_string_equal(fault.text,
                        "delete needs the scope delete; the key tested has search,get for shop*");
    assert_string_equal(fault.field, "scope");
    tlv_put(&body, TAG_SEARCH_CATALOG, SLICE_LIT("books"));
    assert_int_equal(judge(&k, OP_SEARCH, &body, &fault), STATUS_FORBIDDEN);
    assert_string_equal(
        fault.text,
        "search needs a key for the catalog books; the key tested has search,get for shop*");
    assert_string_equal(fault.field, "catalog");
    buf_fini(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_says_who_may),
        cmocka_unit_test(every_operation_with_every_scope),
        cmocka_unit_test(every_operation_of_a_catalog_beyond_the_key),
        cmocka_unit_test(a_field_that_comes_twice_must_be_allowed_twice),
        cmocka_unit_test(a_bulk_needs_the_scopes_of_its_items),
        cmocka_unit_test(a_body_that_cannot_be_read_opens_nothing),
        cmocka_unit_test(a_refusal_says_what_was_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
