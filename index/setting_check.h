/*
 * setting_check - is a setting worth storing? Asked where one comes in, before it is logged.
 *
 * Knows the kinds of the query side (`synonyms`, `stopwords`, `rule`, `profile`) and `suggestions`;
 * others are INVALID: nobody would read them, and a misspelt one would say nothing. An empty value
 * removes a setting, of whatever kind it is.
 */
#ifndef SOUK_INDEX_SETTING_CHECK_H
#define SOUK_INDEX_SETTING_CHECK_H

#include "index/query.h"

/* INVALID, TOO_LARGE (also of a kind and a name that cannot be stored) or BAD_UTF8 with the line at
 * fault. Synonyms are counted with those that the
 * snapshot has (NULL = none). */
enum status setting_check(struct searcher *sr, struct snapshot *snap, struct slice kind,
                          struct slice name, struct slice value, struct fault *fault);

#endif
