/*
 * forms - other forms of one word that the catalog holds: plurals, words of the same stem in the
 * languages of the schema, and the two spellings of an umlaut ("kuehlschrank").
 *
 * The index keeps words as they stand; forms are looked up in its dictionary when a query comes.
 * A struct forms keeps the stemmers of one thread open.
 */
#ifndef SOUK_INDEX_FORMS_H
#define SOUK_INDEX_FORMS_H

#include "index/snapshot.h"
#include "protocol/arena.h"

enum { FORMS_MAX = 32 };

struct forms;

struct form_list {
    uint32_t count;
    struct slice terms[FORMS_MAX]; /* in the arena */
    uint64_t df[FORMS_MAX];        /* live products, never 0 */
};

enum status forms_create(struct forms **out);
void forms_destroy(struct forms **f);
/* Before the words of a query: takes the stemmers of the schema's languages. */
enum status forms_begin(struct forms *f, struct snapshot *snap);
/* Forms of a folded word; `original` is what was typed. Words with a digit have none. */
enum status forms_of(struct forms *f, struct snapshot *snap, struct slice original,
                     struct slice word, struct arena *arena, struct form_list *out);
/* Those forms of a term that do not begin like it, with `beginning`. */
enum status forms_beyond(struct forms *f, struct snapshot *snap, struct slice beginning,
                         struct slice term, struct arena *arena, struct form_list *out);

#endif
