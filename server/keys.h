/*
 * keys - the API keys a front takes, and what each may do.
 *
 * With `keys.file` every connection belongs to a key, told in HELLO; without it to `open`, which
 * may do everything. A request costs a look at the scopes of its connection's key: connections
 * point to a struct key, never to NULL. Who has told no key yet points to `nobody`, whose key is no
 * more to `gone`; both may say HELLO and goodbye.
 *
 * The file is looked at every KEYS_LOOK_MS and taken when it has stood unchanged for one look, so
 * that half of an edit is not taken: a key that is taken out stops to work within a second. A file
 * that cannot be read or has a fault changes nothing: the keys before it stay, and `wrong` says so.
 * A front that starts with such a file knows no key. Times are wall time as shared_now_ms() has it.
 */
#ifndef SOUK_SERVER_KEYS_H
#define SOUK_SERVER_KEYS_H

#include "protocol/key_file.h"

enum {
    KEYS_LOOK_MS = 150,
    KEYS_HELLO_MOST = 512, /* longest body from somebody who is not known yet */
    KEYS_PATH = 512
};
/* Beside enum key_scope: what everybody may, known or not. */
#define KEY_ANYBODY (1u << 31)

struct shared;
struct shared_key;

struct key {
    uint32_t scopes; /* enum key_scope, and KEY_ANYBODY */
    bool known;      /* an open server, or a key of the file */
    bool everywhere; /* reaches every catalog */
    bool unbounded;  /* everywhere, with every scope: nothing is left to ask */
    uint32_t rate;   /* requests a second; 0 = no limit */
    int64_t full_us; /* when its bucket is full again, see bucket_take() */
    uint64_t requests, forbidden, limited; /* since they were published */
    struct shared_key *shared;             /* where they are; NULL: not published yet */
    struct key_row row;                    /* what the file says of it */
};

/* A file as it was: any write, rename or chmod changes it. */
struct keys_stamp {
    uint64_t device, inode, size;
    int64_t modified_ns, changed_ns;
    int error; /* errno of the look; 0 = it is there */
};

struct keys {
    char path[KEYS_PATH]; /* empty = off */
    bool on;
    bool wrong; /* the file as it stands is not taken */
    struct key open, nobody, gone;
    struct key *list;
    uint32_t count;
    int64_t looked_ms;
    struct keys_stamp taken, seen;
};

/* Off: everybody is `open`. */
void keys_init(struct keys *k);
void keys_fini(struct keys *k);
/*
 * From now on the keys of this file, read now; empty = off. On an error (the fault says why) keys
 * are on and what was known stays, as above. Pointers to keys are invalid behind it: see
 * keys_again().
 */
enum status keys_take(struct keys *k, const char *path, struct fault *fault);
/* To be called often; `mono_ms` is any clock. True: the list is another one, or a key has expired.
 * `fault` is filled, with a text, when the file has just been found wrong. */
bool keys_look(struct keys *k, int64_t mono_ms, int64_t now_ms, struct fault *fault);

/*
 * Whose key this is, and the digest it was known by. UNAUTHENTICATED with a sentence that names at
 * most the key, never what was given. A digest is made and compared whether the id is known or not.
 */
enum status keys_find(struct keys *k, struct slice text, int64_t now_ms, struct key **out,
                      uint8_t digest[KEY_DIGEST], struct fault *fault);
/* The key of a connection in the list of now: `gone` when it, or this secret of it, is no more. */
struct key *keys_again(struct keys *k, const uint8_t id[KEY_ID], const uint8_t digest[KEY_DIGEST],
                       int64_t now_ms);

/* May it know of this catalog? */
static inline bool key_reaches(const struct key *k, struct slice catalog)
{
    return k->everywhere || key_row_reaches(&k->row, catalog);
}

/* Adds what was counted to the shared pages. */
void keys_publish(struct keys *k, struct shared *s);

#endif
