#include "index/setting_check.h"
#include "index/query_private.h"
#include "index/rules.h"

/* The synonyms of all other settings and of this one together. */
static enum status check_synonyms(struct analyser *a, struct snapshot *snap, struct slice name,
                                  struct slice value, struct fault *fault)
{
    uint32_t pairs = 0;
    struct slice other = SLICE_NULL, text;
    enum status st = word_settings_check(a, SLICE_LIT("synonyms"), value, &pairs, fault);
    while (!st && snap &&
           snapshot_next_setting(snap, SLICE_LIT("synonyms"), &other, &text) == STATUS_OK)
        if (!slice_equal(other, name))
            (void)word_settings_check(a, SLICE_LIT("synonyms"), text, &pairs, NULL);
    if (!st && pairs > SYNONYMS_MAX)
        st = fault_set(fault, STATUS_TOO_LARGE, "synonyms", "a catalog has at most %d synonyms",
                       SYNONYMS_MAX);
    return st;
}

enum status setting_check(struct searcher *sr, struct snapshot *snap, struct slice kind,
                          struct slice name, struct slice value, struct fault *fault)
{
    struct profile profile;
    if (!value.len)
        return STATUS_OK;
    if (slice_equal(kind, SLICE_LIT("synonyms")))
        return check_synonyms(sr->analyser, snap, name, value, fault);
    if (slice_equal(kind, SLICE_LIT("stopwords")))
        return word_settings_check(sr->analyser, kind, value, NULL, fault);
    if (slice_equal(kind, SLICE_LIT("profile")))
        return profile_parse(value, &profile, fault);
    if (slice_equal(kind, SLICE_LIT("rule")))
        return rules_check(sr->analyser, value, fault);
    return STATUS_OK;
}
