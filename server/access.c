#include "server/access.h"

#include <stdio.h>

#include "protocol/request.h"
#include "protocol/labels.h"
#include "protocol/upstream.h"

/* --- refusing --------------------------------------------------------------------------------- */

/* What a key has, for people: "search,get for shop*,books". */
static const char *has(const struct key *key, char *out, size_t cap)
{
    char scopes[KEY_SCOPES_TEXT];
    int n = snprintf(out, cap, "%s", key_scopes_print(key->scopes, scopes));
    for (uint32_t i = 0; i < key->row.pattern_count && n > 0 && (size_t)n < cap; i++)
        n += snprintf(out + n, cap - (size_t)n, "%s%s", i ? "," : " for ", key->row.patterns[i]);
    return out;
}

enum status access_forbid(const struct key *key, uint8_t opcode, uint32_t scopes,
                          struct fault *fault)
{
    char needed[KEY_SCOPES_TEXT], own[100];
    return fault_set(fault, STATUS_FORBIDDEN, "scope", "%s needs the scope %s; the key %s has %s",
                     opcode_name(opcode), key_scopes_print(scopes, needed), key->row.name,
                     has(key, own, sizeof own));
}

enum status access_catalog(const struct key *key, uint8_t opcode, struct slice catalog,
                           struct fault *fault)
{
    char own[100];
    if (key_reaches(key, catalog))
        return STATUS_OK;
#ifdef SOUK_FAULT_OPEN_CATALOGS
    return STATUS_OK;
#endif
    return fault_set(fault, STATUS_FORBIDDEN, "catalog",
                     "%s needs a key for the catalog %.*s; the key %s has %s", opcode_name(opcode),
                     (int)(catalog.len < 64 ? catalog.len : 64), catalog.len ? catalog.ptr : "",
                     key->row.name, has(key, own, sizeof own));
}

/* --- what bodies say -------------------------------------------------------------------------- */

struct asked {
    const struct key *key;
    uint8_t opcode;
    struct fault *fault;
    bool catalog; /* it was named */
};

static enum status want(const struct asked *a, uint32_t scopes)
{
    return a->key->scopes & scopes ? STATUS_OK : access_forbid(a->key, a->opcode, scopes, a->fault);
}

static enum status want_catalog(struct asked *a, struct slice name)
{
    a->catalog = true;
    return access_catalog(a->key, a->opcode, name, a->fault);
}

static uint32_t scope_of_catalog_action(uint64_t action)
{
    return action == CATALOG_LIST || action == CATALOG_DESCRIBE ? SCOPE_ALL : SCOPE_ADMIN;
}

/* Nothing of the kind was said: the decoder refuses it or takes 0; only who may all may find out.
 */
static enum status action_missing(const struct asked *a, bool seen)
{
    return seen ? STATUS_OK : want(a, SCOPE_ADMIN);
}

typedef enum status (*field_fn)(struct asked *a, uint32_t tag, struct slice v, bool *action);

static enum status of_catalog(struct asked *a, uint32_t tag, struct slice v, bool *action)
{
    (void)action;
    return tag == TAG_SEARCH_CATALOG ? want_catalog(a, v) : STATUS_OK;
}

/* A list names none and is told what the key reaches. */
static enum status of_catalog_action(struct asked *a, uint32_t tag, struct slice v, bool *action)
{
    if (tag == TAG_CATALOG_NAME)
        return want_catalog(a, v);
    if (tag != TAG_CATALOG_ACTION)
        return STATUS_OK;
    *action = true;
    a->catalog |= tlv_u32(v) == CATALOG_LIST;
    return want(a, scope_of_catalog_action(tlv_u32(v)));
}

static enum status of_upstream_action(struct asked *a, uint32_t tag, struct slice v, bool *action)
{
    if (tag == TAG_UPSTREAM_CATALOG)
        return want_catalog(a, v);
    if (tag != TAG_UPSTREAM_ACTION)
        return STATUS_OK;
    *action = true;
    return want(a, tlv_u32(v) == UPSTREAM_LIST ? SCOPE_STATS : SCOPE_ADMIN);
}

static enum status of_safe_mode_action(struct asked *a, uint32_t tag, struct slice v, bool *action)
{
    if (tag == TAG_SAFE_MODE_CATALOG)
        return want_catalog(a, v);
    if (tag != TAG_SAFE_MODE_ACTION)
        return STATUS_OK;
    *action = true;
    return want(a, tlv_u32(v) == SAFE_MODE_STATUS ? SCOPE_STATS : SCOPE_ADMIN);
}

/* Telling is for who may see figures; a pin holds for all catalogs. */
static enum status of_degrade(struct asked *a, uint32_t tag, struct slice v, bool *action)
{
    (void)v;
    if (tag != TAG_DEGRADE_PIN)
        return STATUS_OK;
    *action = true;
    enum status s = want(a, SCOPE_ADMIN);
    return s ? s : access_catalog(a->key, a->opcode, SLICE_LIT("*"), a->fault);
}

static enum status of_put(struct asked *a, uint32_t tag, struct slice v, bool *action)
{
    (void)action;
    if (tag == TAG_PUT_CATALOG)
        return want_catalog(a, v);
    if (tag != TAG_PUT_ITEM)
        return STATUS_OK;
    return want(a, v.len && (uint8_t)v.ptr[0] == PUT_DELETE ? SCOPE_DELETE : SCOPE_WRITE);
}

static enum status each_field(struct asked *a, struct slice body, field_fn fn, bool *action)
{
    struct wire_reader r = wire_reader_of(body);
    struct slice v;
    uint32_t tag;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK)
        if ((s = fn(a, tag, v, action)))
            return s;
    return s == STATUS_END ? STATUS_OK
                           : fault_set(a->fault, STATUS_INVALID, NULL, "the body is damaged");
}

enum status access_check(const struct key *key, enum access access, const struct frame *f,
                         struct fault *fault)
{
    static const field_fn fields[] = {[ACCESS_CATALOG] = of_catalog,
                                      [ACCESS_CATALOG_ACTION] = of_catalog_action,
                                      [ACCESS_UPSTREAM_ACTION] = of_upstream_action,
                                      [ACCESS_SAFE_MODE_ACTION] = of_safe_mode_action,
                                      [ACCESS_DEGRADE_PIN] = of_degrade,
                                      [ACCESS_PUT_ITEMS] = of_put};
    struct asked a = {key, f->opcode, fault, false};
    bool action = access == ACCESS_CATALOG || access == ACCESS_PUT_ITEMS;
    if (access == ACCESS_NOTHING || access == ACCESS_PARTS)
        return STATUS_OK;
    if (access == ACCESS_SERVER)
        return access_catalog(key, f->opcode, SLICE_LIT("*"), fault);
#ifdef SOUK_FAULT_OPEN_ACTIONS
    if (access >= ACCESS_CATALOG_ACTION)
        return STATUS_OK;
#endif
    enum status s = each_field(&a, f->body, fields[access], &action);
    if (!s && access == ACCESS_DEGRADE_PIN)
        return action ? STATUS_OK : want(&a, SCOPE_STATS);
    s = s ? s : action_missing(&a, action);
    return s || a.catalog ? s : access_catalog(key, f->opcode, SLICE_NULL, fault);
}
