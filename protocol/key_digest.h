/*
 * key_digest - what is kept of an API key: the SHA-256 of its text, compared in constant time.
 *
 * libcrypto is loaded with the first call (its users are few, and start without it): UNAVAILABLE
 * when it is not there.
 */
#ifndef SOUK_PROTOCOL_KEY_DIGEST_H
#define SOUK_PROTOCOL_KEY_DIGEST_H

#include "protocol/api_key.h"

enum { KEY_DIGEST = 32 };

enum status key_digest(struct slice key, uint8_t out[KEY_DIGEST]);
/* After a key_digest() that was OK. Takes as long whatever the two are. */
bool key_digest_equal(const uint8_t a[KEY_DIGEST], const uint8_t b[KEY_DIGEST]);

#endif
