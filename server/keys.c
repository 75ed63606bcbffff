#include "server/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "server/shared.h"

static void make_fixed(struct key *k, const char *name, uint32_t scopes, bool known)
{
    *k = (struct key){.scopes = scopes, .known = known, .everywhere = known, .unbounded = known};
    memcpy(k->row.name, name, strlen(name) + 1);
}

void keys_init(struct keys *k)
{
    *k = (struct keys){0};
    make_fixed(&k->open, "open", SCOPE_ALL | KEY_ANYBODY, true);
    make_fixed(&k->nobody, "nobody", KEY_ANYBODY, false);
    make_fixed(&k->gone, "gone", KEY_ANYBODY, false);
}

void keys_fini(struct keys *k)
{
    free(k->list);
    keys_init(k);
}

/* --- the file --------------------------------------------------------------------------------- */

static struct keys_stamp stamp_of(const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return (struct keys_stamp){.error = errno};
    return (struct keys_stamp){
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = (uint64_t)st.st_size,
        .modified_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
        .changed_ns = st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec};
}

static bool stamp_equal(const struct keys_stamp *a, const struct keys_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns &&
           a->error == b->error;
}

static struct key *find_id(const struct keys *k, const uint8_t id[KEY_ID])
{
    for (uint32_t i = 0; i < k->count; i++)
        if (!memcmp(k->list[i].row.id, id, KEY_ID))
            return &k->list[i];
    return NULL;
}

static struct key *make_list(const struct keys *k, const struct key_file *f)
{
    struct key *list = calloc(f->count, sizeof *list);
    for (uint32_t i = 0; list && i < f->count; i++) {
        const struct key_row *row = &f->rows[i];
        const struct key *was = find_id(k, row->id);
        bool everywhere = key_row_everywhere(row);
        list[i] = (struct key){.scopes = row->scopes | KEY_ANYBODY,
                               .known = true,
                               .everywhere = everywhere,
                               .unbounded = everywhere && row->scopes == SCOPE_ALL,
                               .rate = row->rate,
                               .full_us = was ? was->full_us : 0,
                               .row = *row};
        if (was && !strcmp(was->row.name, row->name)) {
            list[i].requests = was->requests;
            list[i].forbidden = was->forbidden;
            list[i].limited = was->limited;
            list[i].shared = was->shared;
        }
    }
    return list;
}

static enum status read_file(struct keys *k, struct fault *fault)
{
    struct key_file file;
    uint8_t warm[KEY_DIGEST];
    k->taken = k->seen = stamp_of(k->path);
    enum status s = key_file_read(k->path, &file, fault);
    if (!s && (s = key_digest(SLICE_NULL, warm))) /* loads what makes digests */
        fault_set(fault, s, "keys", "libcrypto cannot be loaded");
    struct key *list = s ? NULL : make_list(k, &file);
    if (!s && !list)
        s = fault_set(fault, STATUS_NO_MEMORY, "keys", "out of memory");
    k->wrong = s != STATUS_OK;
    if (!s) {
        free(k->list);
        k->list = list;
        k->count = file.count;
    }
    key_file_fini(&file);
    return s;
}

enum status keys_take(struct keys *k, const char *path, struct fault *fault)
{
    size_t len = strlen(path);
    if (strcmp(path, k->path) != 0) {
        free(k->list);
        k->list = NULL;
        k->count = 0;
    }
    k->on = len > 0;
    k->wrong = false;
    if (len >= sizeof k->path) {
        k->wrong = true;
        return fault_set(fault, STATUS_TOO_LARGE, "keys", "the path is too long");
    }
    memcpy(k->path, path, len + 1);
    return k->on ? read_file(k, fault) : STATUS_OK;
}

static bool any_expired(const struct keys *k, int64_t now_ms, int64_t since_ms)
{
    for (uint32_t i = 0; i < k->count; i++)
        if (k->list[i].row.expires_ms <= now_ms && k->list[i].row.expires_ms > since_ms)
            return true;
    return false;
}

bool keys_look(struct keys *k, int64_t mono_ms, int64_t now_ms, struct fault *fault)
{
    if (!k->on || (k->looked_ms && mono_ms - k->looked_ms < KEYS_LOOK_MS))
        return false;
    /* an hour back at the first look: what has expired by then was never let in */
    int64_t since = now_ms - (k->looked_ms ? 2 * (mono_ms - k->looked_ms) + 1000 : 3600000);
    k->looked_ms = mono_ms;
    struct keys_stamp now = stamp_of(k->path);
    bool settled = stamp_equal(&now, &k->seen);
    k->seen = now;
    bool other = !stamp_equal(&now, &k->taken);
    if (settled && (other || k->wrong) && !read_file(k, other ? fault : NULL))
        return true;
    return any_expired(k, now_ms, since);
}

/* --- finding ---------------------------------------------------------------------------------- */

/* Always two compares, of which none depends on what is compared. */
static bool knows(const struct key *key, const uint8_t digest[KEY_DIGEST])
{
    static const uint8_t none[KEY_DIGEST];
    bool equal[KEY_SECRETS];
    for (uint32_t i = 0; i < KEY_SECRETS; i++) {
        bool there = key && i < key->row.digest_count;
        equal[i] = key_digest_equal(there ? key->row.digests[i] : none, digest) & there;
    }
    return equal[0] | equal[1];
}

enum status keys_find(struct keys *k, struct slice text, int64_t now_ms, struct key **out,
                      uint8_t digest[KEY_DIGEST], struct fault *fault)
{
    uint8_t id[KEY_ID] = {0};
    *out = NULL;
    if (!text.len)
        return fault_set(fault, STATUS_UNAUTHENTICATED, "key",
                         "this server wants an API key (souk --key-file, SOUK_KEY)");
    bool formed = api_key_parse(text, id);
    enum status s = key_digest(text, digest);
    if (s)
        return fault_set(fault, s, "key", "no digest can be made");
    struct key *key = formed ? find_id(k, id) : NULL;
    if (!knows(key, digest))
        return fault_set(fault, STATUS_UNAUTHENTICATED, "key", "this API key is not known here");
    if (key->row.expires_ms <= now_ms)
        return fault_set(fault, STATUS_UNAUTHENTICATED, "key", "the API key %s has expired",
                         key->row.name);
    *out = key;
    return STATUS_OK;
}

struct key *keys_again(struct keys *k, const uint8_t id[KEY_ID], const uint8_t digest[KEY_DIGEST],
                       int64_t now_ms)
{
    struct key *key = find_id(k, id);
    return key && knows(key, digest) && key->row.expires_ms > now_ms ? key : &k->gone;
}

/* --- figures ---------------------------------------------------------------------------------- */

static void publish(struct key *key, struct shared *s)
{
    if (!key->requests && !key->forbidden && !key->limited)
        return;
    if (!key->shared)
        key->shared = shared_key_claim(s, key->row.name);
    atomic_fetch_add_explicit(&key->shared->requests, key->requests, memory_order_relaxed);
    atomic_fetch_add_explicit(&key->shared->forbidden, key->forbidden, memory_order_relaxed);
    atomic_fetch_add_explicit(&key->shared->limited, key->limited, memory_order_relaxed);
    key->requests = key->forbidden = key->limited = 0;
}

void keys_publish(struct keys *k, struct shared *s)
{
    for (uint32_t i = 0; i < k->count; i++)
        publish(&k->list[i], s);
}
