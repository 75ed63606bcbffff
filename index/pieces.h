/*
 * pieces - short texts as codes of one or two bytes, each for up to 16 bytes of a trained set.
 *
 * What records of a catalog repeat are words and runs of words. The set is learned from a sample:
 * neighbours that stand together often become one piece (as in byte pair encoding, in one pass).
 * Every text is packed by itself and unpacks at the speed of copying, so a record is read without
 * its neighbours.
 *
 *   dictionary   version u8 = 1 | short u8 | count u16 | count x len u8 | their bytes;
 *                the most used first
 *   code         b < short   piece b
 *                b < 255     piece short + ((b - short) << 8 | the byte behind)
 *                255         the byte behind, as it is
 *
 * To change it safely: another version number, and another SEGMENT_FORMAT.
 */
#ifndef SOUK_INDEX_PIECES_H
#define SOUK_INDEX_PIECES_H

#include "protocol/buf.h"
#include "protocol/status.h"

enum { PIECES_HEAD = 4, PIECES_VERSION = 1, PIECES_LITERAL = 255 };
enum { PIECE_MAX = 16, PIECES_MAX = 24000, PIECES_DICTIONARY_MAX = PIECES_HEAD + PIECES_MAX * 17 };

/* Appends a dictionary learned from `count` texts lying back to back; INVALID when nothing repeats
 * often enough to be worth its place, NO_MEMORY. */
enum status pieces_train(struct slice samples, const size_t *lens, uint32_t count,
                         struct buf *dictionary);

struct pieces_encoder;
/* CORRUPT, NO_MEMORY. */
enum status pieces_encoder_create(struct slice dictionary, struct pieces_encoder **out);
void pieces_encoder_destroy(struct pieces_encoder **e);
/* Packs into `out`, which has room for twice the text; returns how many bytes. */
size_t pieces_encode(const struct pieces_encoder *e, struct slice text, uint8_t *out);

/* The same in the fewest bytes that these pieces can, in several times the time; `work` has room
 * for one more than the bytes of the text. */
struct pieces_work {
    uint32_t cost;  /* bytes that the rest of the text takes from here on */
    uint16_t piece; /* that stands here, + 1; 0 = the byte as it is */
    uint16_t len;
};
size_t pieces_encode_least(const struct pieces_encoder *e, struct slice text,
                           struct pieces_work *work, uint8_t *out);

struct pieces_decoder;
/* Copies what it needs of the dictionary. CORRUPT, NO_MEMORY. */
enum status pieces_decoder_create(struct slice dictionary, struct pieces_decoder **out);
void pieces_decoder_destroy(struct pieces_decoder **d);
/* Unpacks into `out`, which has room for PIECE_MAX times the packed bytes. CORRUPT for a code that
 * no piece has. */
enum status pieces_decode(const struct pieces_decoder *d, struct slice packed, char *out,
                          size_t *len);

#endif
