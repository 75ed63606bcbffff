/*
 * access - may the key of a connection do what a request asks for?
 *
 * operations.def says for each operation which scopes let it through at all (one bit test, before
 * anything of it is looked at) and what of its body decides the rest: the catalog, an action, the
 * items of a PUT. A catalog that a key does not reach is refused whether it exists or not. Bodies
 * are read here as decoders read them, with one difference: of a field that comes twice every one
 * must be allowed, whichever the decoder takes.
 */
#ifndef SOUK_SERVER_ACCESS_H
#define SOUK_SERVER_ACCESS_H

#include "protocol/frame.h"
#include "server/keys.h"

enum access {
    ACCESS_NOTHING, /* the body says nothing about rights */
    ACCESS_CATALOG, /* one catalog, in the field all messages have it in */
    ACCESS_PARTS,   /* catalogs of the parts, each refused by itself: the handler asks */
    ACCESS_SERVER,  /* all catalogs: the key must reach everywhere */
    /* what follows needs the body even of a key that reaches everywhere */
    ACCESS_CATALOG_ACTION,
    ACCESS_UPSTREAM_ACTION,
    ACCESS_SAFE_MODE_ACTION,
    ACCESS_DEGRADE_PIN,
    ACCESS_PUT_ITEMS
};

/* FORBIDDEN with what was needed; INVALID for a body that cannot be read. */
enum status access_check(const struct key *key, enum access access, const struct frame *f,
                         struct fault *fault);
/* Of one catalog. */
enum status access_catalog(const struct key *key, uint8_t opcode, struct slice catalog,
                           struct fault *fault);
/* None of `scopes` is the key's. */
enum status access_forbid(const struct key *key, uint8_t opcode, uint32_t scopes,
                          struct fault *fault);

static inline enum status access_allowed(const struct key *key, enum access access,
                                         const struct frame *f, struct fault *fault)
{
    if (key->unbounded || (key->everywhere && access < ACCESS_CATALOG_ACTION))
        return STATUS_OK;
    return access_check(key, access, f, fault);
}

#endif
