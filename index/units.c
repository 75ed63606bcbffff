#include "index/units.h"

struct slice units_short(struct slice word)
{
    static const struct {
        const char *word, *unit;
    } units[] = {
        {"in", "in"},      {"inch", "in"},     {"inches", "in"}, {"ft", "ft"},    {"foot", "ft"},
        {"feet", "ft"},    {"cm", "cm"},       {"mm", "mm"},     {"ml", "ml"},    {"l", "l"},
        {"liter", "l"},    {"litre", "l"},     {"liters", "l"},  {"litres", "l"}, {"kg", "kg"},
        {"g", "g"},        {"gram", "g"},      {"grams", "g"},   {"mg", "mg"},    {"oz", "oz"},
        {"ounce", "oz"},   {"ounces", "oz"},   {"lb", "lb"},     {"lbs", "lb"},   {"pound", "lb"},
        {"pounds", "lb"},  {"gb", "gb"},       {"tb", "tb"},     {"mb", "mb"},    {"w", "w"},
        {"watt", "w"},     {"watts", "w"},     {"v", "v"},       {"volt", "v"},   {"volts", "v"},
        {"mah", "mah"},    {"ghz", "ghz"},     {"mhz", "mhz"},   {"hz", "hz"},    {"gal", "gal"},
        {"gallon", "gal"}, {"gallons", "gal"}, {"qt", "qt"},     {"yd", "yd"},    {"amp", "amp"},
        {"amps", "amp"},   {"psi", "psi"},     {"btu", "btu"},   {"mp", "mp"},    {"cl", "cl"}};
    for (size_t i = 0; word.len <= 7 && i < sizeof units / sizeof units[0]; i++)
        if (word.ptr[0] == units[i].word[0] && slice_equal(word, slice_str(units[i].word)))
            return slice_str(units[i].unit);
    return SLICE_NULL;
}
