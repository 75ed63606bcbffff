/*
 * language - which language a piece of text is probably written in.
 *
 * Scripts decide where they can (Thai, Chinese, Japanese, Korean, Russian, Persian, Arabic); texts
 * in Latin letters by their commonest small words. Meant for choosing the stemmer of a field whose
 * schema names none: give it a few hundred words of several products together.
 */
#ifndef SOUK_CLI_LANGUAGE_H
#define SOUK_CLI_LANGUAGE_H

#include "protocol/slice.h"

/* ISO 639-1 code (static), or NULL when the sample does not tell. Any bytes are welcome. */
const char *language_guess(struct slice sample);

#endif
