/*
 * key_file - the file of API keys a server takes: one key a line, # begins a comment.
 *
 *   storefront id=0f1e... sha256=9a41...[,77c0...] scopes=search,get catalogs=shop*,books
 *              class=default rate=500 expires=2027-02-28T00:00:00Z        (all in one line)
 *
 * id, sha256, scopes and catalogs are wanted, the others may be left out. Two digests are two live
 * secrets: the old and the new one of a rotation. A pattern of catalogs may have * for any letters.
 * A word that is not known is an error, as is a name or an id that comes twice, or a file without a
 * key: what a file says is taken whole or not at all.
 */
#ifndef SOUK_PROTOCOL_KEY_FILE_H
#define SOUK_PROTOCOL_KEY_FILE_H

#include "protocol/buf.h"
#include "protocol/frame.h"
#include "protocol/key_digest.h"

enum {
    KEY_NAME = 64,
    KEY_SECRETS = 2,
    KEY_PATTERNS = 16,
    KEYS_MOST = 1024,
    KEY_FILE_BYTES = 4 << 20,
    KEY_EXPIRES_TEXT = 24
};

struct key_row {
    char name[KEY_NAME + 1]; /* letters, digits, _ . - */
    uint8_t id[KEY_ID];
    uint8_t digests[KEY_SECRETS][KEY_DIGEST];
    uint32_t digest_count;
    uint32_t scopes; /* enum key_scope */
    char patterns[KEY_PATTERNS][KEY_NAME + 1];
    uint32_t pattern_count;
    enum frame_class highest; /* its requests are of this class or a lower one */
    uint32_t rate;            /* requests a second in each front; 0 = no limit */
    int64_t expires_ms;       /* wall time; INT64_MAX = never */
    uint32_t line;
};

struct key_file {
    struct key_row *rows;
    uint32_t count;
};

/* fault: line, and a sentence that quotes no digest. On an error `out` is empty. */
enum status key_file_parse(struct slice text, struct key_file *out, struct fault *fault);
/* Reads and parses; also refuses a file that others can get at. */
enum status key_file_read(const char *path, struct key_file *out, struct fault *fault);
void key_file_fini(struct key_file *f);
/* One line with its end. */
void key_row_print(const struct key_row *r, struct buf *out);

/* Does * anywhere in the pattern stand for what is missing? */
bool key_pattern_matches(struct slice pattern, struct slice name);
/* Of any of its patterns. */
bool key_row_reaches(const struct key_row *r, struct slice catalog);
/* A pattern that is * alone is among them. */
bool key_row_everywhere(const struct key_row *r);

/* "2027-02-28" or "2027-02-28T12:30:00Z"; false when it is no time. */
bool key_time_parse(struct slice text, int64_t *out_ms);
void key_time_print(int64_t ms, char out[KEY_EXPIRES_TEXT]);

#endif
