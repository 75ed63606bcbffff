/*
 * filter_leaf - the leaves of a filter: fields and values of a comparison, looked up in the schema
 * and the snapshot while filter.c reads the grammar. Text, paths and attributes become the
 * ordinals that pass, numbers a range, ids docids.
 *
 * Failures go to the parser's status; nodes and lists live in its arena.
 */
#ifndef SOUK_INDEX_FILTER_LEAF_H
#define SOUK_INDEX_FILTER_LEAF_H

#include "index/filter_private.h"

/* A text on its way to a filter. */
struct parser {
    const char *start, *at, *end;
    const char *word; /* where the last word begins, its quote included */
    struct snapshot *snap;
    struct arena *arena;
    struct fault *fault;
    uint32_t operators, depth, values;
    struct filter_term **known; /* NULL = none are kept */
    bool quoted;                /* the last word was */
    enum status status;
};

/* The first failure stays, with the byte reached. */
void parser_fail(struct parser *p, enum status s, const char *what);
/* The same, with the byte where the last word begins. */
void parser_fail_word(struct parser *p, enum status s, const char *what);
/* NULL after a failure. */
struct filter *parser_node(struct parser *p, enum node_kind kind);

struct target {
    const struct field *field; /* NULL: the id */
    struct slice path;         /* of an attributes field */
};

/* Ordinals that pass, or docids. */
struct ordinal_list {
    uint32_t *items;
    uint32_t count, cap;
};

/* UNKNOWN_FIELD; SCHEMA_MISMATCH where the field is not declared for filters. */
struct target leaf_field(struct parser *p, struct slice name);
bool leaf_numeric(enum field_type t);
/* A finite number; false for other text. */
bool leaf_number_of(struct slice v, double *out);
/* The same, for a boolean field also true and false. */
bool leaf_number(const struct field *f, struct slice v, double *out);

struct filter *leaf_range(struct parser *p, const struct target *t, double low, bool low_open,
                          double high, bool high_open);
struct filter *leaf_ordinals(struct parser *p, const struct target *t, struct ordinal_list *l);
/* Numbers of a field, or of an attribute: there the ordinals in the range. */
struct filter *leaf_between(struct parser *p, const struct target *t, double low, bool low_open,
                            double high, bool high_open);
struct filter *leaf_equals(struct parser *p, const struct target *t, struct slice v);
/* Sorts the list and keeps it. */
struct filter *leaf_docs(struct parser *p, const struct ordinal_list *l);

void leaf_add_value(struct parser *p, const struct target *t, struct slice v,
                    struct ordinal_list *l);
/* The node of a path and all below it. */
void leaf_add_under(struct parser *p, const struct target *t, struct slice under,
                    struct ordinal_list *l);
/* Values of an attribute: all, or those whose number is in the range. */
void leaf_add_attribute(struct parser *p, const struct target *t, const struct filter *range,
                        struct ordinal_list *l);
void leaf_add_id(struct parser *p, struct slice id, struct ordinal_list *l);

#endif
