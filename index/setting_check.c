#include "index/setting_check.h"
#include "index/index_private.h"
#include "index/query_private.h"
#include "index/rules.h"

/* The synonyms of all other settings and of this one together. */
static enum status check_synonyms(struct analyser *a, struct snapshot *snap, struct slice name,
                                  struct slice value, struct fault *fault)
{
    struct synonym_sum *sum;
    struct slice other = SLICE_NULL, text;
    enum status st = synonym_sum_create(&sum);
    while (!st && snap &&
           snapshot_next_setting(snap, SLICE_LIT("synonyms"), &other, &text) == STATUS_OK)
        if (!slice_equal(other, name))
            (void)word_settings_check_synonyms(a, text, sum, NULL);
    st = st ? st : word_settings_check_synonyms(a, value, sum, fault);
    synonym_sum_destroy(&sum);
    return st;
}

/* Signals read one number of a product: of a field that holds one. */
static enum status check_signal(struct snapshot *snap, const char *name, struct fault *fault)
{
    const struct field *f = schema_find(snapshot_schema(snap), slice_str(name));
    if (!f)
        return fault_set(fault, STATUS_UNKNOWN_FIELD, "profile",
                         "signal %s: the schema has no such field", name);
    if (f->type != FIELD_INTEGER && f->type != FIELD_FLOAT && f->type != FIELD_TIMESTAMP &&
        f->type != FIELD_BOOLEAN)
        return fault_set(fault, STATUS_SCHEMA_MISMATCH, "profile",
                         "signal %s: the field holds no number", name);
    return STATUS_OK;
}

static enum status check_profile(struct snapshot *snap, struct slice value, struct profile *p,
                                 struct fault *fault)
{
    enum status st = profile_parse(value, p, fault);
    for (uint32_t i = 0; !st && snap && i < p->signal_count; i++) {
        st = check_signal(snap, p->signals[i].field, fault);
        if (!st && p->signals[i].kind == SIGNAL_RATED)
            st = check_signal(snap, p->signals[i].count, fault);
    }
    return st;
}

enum status setting_check(struct searcher *sr, struct snapshot *snap, struct slice kind,
                          struct slice name, struct slice value, struct fault *fault)
{
    struct profile profile;
    enum status st = setting_key(&sr->scratch, kind, name);
    if (st == STATUS_INVALID)
        return fault_set(fault, kind.len ? STATUS_TOO_LARGE : STATUS_INVALID, "key",
                         "a setting has a kind, and with its name at most %d bytes",
                         SETTING_KEY_MAX);
    if (st)
        return st;
    if (wire_utf8_valid(name) != name.len)
        return fault_set(fault, STATUS_BAD_UTF8, "key", "the name is not valid UTF-8");
    if (!value.len)
        return STATUS_OK;
    if (!name.len)
        return fault_set(fault, STATUS_INVALID, "key", "a setting has a name");
    if (slice_equal(kind, SLICE_LIT("synonyms")))
        return check_synonyms(sr->analyser, snap, name, value, fault);
    if (slice_equal(kind, SLICE_LIT("stopwords")))
        return word_settings_check_stops(sr->analyser, value, fault);
    if (slice_equal(kind, SLICE_LIT("profile")))
        return check_profile(snap, value, &profile, fault);
    if (slice_equal(kind, SLICE_LIT("rule")))
        return rules_check(sr->analyser, value, fault);
    if (!slice_equal(kind, SLICE_LIT("suggestions")))
        return fault_set(fault, STATUS_INVALID, "kind",
                         "settings are of the kinds synonyms, stopwords, rule, profile, "
                         "suggestions, provider and provider_order");
    if (wire_utf8_valid(value) != value.len)
        return fault_set(fault, STATUS_BAD_UTF8, "suggestions", "the list is not valid UTF-8");
    return STATUS_OK;
}
