/*
 * api_key - an API key as a client holds it, and what one may allow.
 *
 *   souk_0f1e2d3c4b5a69788796a5b4c3d2e1f0_6d1c...   "souk_", public id (32 hexadecimal digits in
 *                                                   lower case), "_", secret (64 of them)
 *
 * The id says which key it is and may be logged; the secret may not. A server keeps only the
 * SHA-256 of the whole text (key_digest.h, key_file.h): 256 random bits need no slow hash.
 */
#ifndef SOUK_PROTOCOL_API_KEY_H
#define SOUK_PROTOCOL_API_KEY_H

#include "protocol/slice.h"
#include "protocol/status.h"

enum {
    KEY_ID = 16,
    KEY_SECRET = 32,
    KEY_ID_TEXT = 2 * KEY_ID,
    KEY_TEXT = 5 + KEY_ID_TEXT + 1 + 2 * KEY_SECRET
};

/* What a key may do: bits. */
enum key_scope {
#define KEY_SCOPE(name, bit, word, help) SCOPE_##name = 1u << (bit),
#include "protocol/key_scopes.def"
#undef KEY_SCOPE
    SCOPE_ALL = 0
#define KEY_SCOPE(name, bit, word, help) | SCOPE_##name
#include "protocol/key_scopes.def"
#undef KEY_SCOPE
};

/* False when it is not of that form; `id` is what stands in it. */
bool api_key_parse(struct slice text, uint8_t id[KEY_ID]);
/* `out` has room for KEY_TEXT + 1. */
void api_key_print(const uint8_t id[KEY_ID], const uint8_t secret[KEY_SECRET], char *out);
/* Reads a key from a file of one line that nobody but its owner and group can read. The file is not
 * named in the fault's text beyond its path. */
enum status api_key_read(const char *path, char out[KEY_TEXT + 1], struct fault *fault);
/* A client's key from what it was given, the first that is: a text, a file, and the environment's
 * text and file. Each may be NULL or empty; so is `out` then. */
enum status api_key_given(const char *text, const char *file, const char *env_text,
                          const char *env_file, char out[KEY_TEXT + 1], struct fault *fault);
/* OK for a file that others can neither read nor write: INVALID with the sentence. */
enum status api_key_file_private(const char *path, int fd, struct fault *fault);

/* 2 * len digits and a zero byte; and back: false when it is not 2 * len digits in lower case. */
void key_hex_print(const uint8_t *bytes, size_t len, char *out);
bool key_hex_parse(struct slice text, uint8_t *out, size_t len);

/* The bit of "search"; 0 for a word that is none. */
uint32_t key_scope_of(struct slice word);
/* "search,get", in the order of the table. Returns `out`; a room of KEY_SCOPES_TEXT is enough. */
enum { KEY_SCOPES_TEXT = 80 };
const char *key_scopes_print(uint32_t scopes, char out[KEY_SCOPES_TEXT]);

#endif
