/* config_private - the table of options, between config.c (values) and config_yaml.c (files). */
#ifndef SOUK_SERVER_CONFIG_PRIVATE_H
#define SOUK_SERVER_CONFIG_PRIVATE_H

#include "server/config.h"

struct config_row {
    const char *path, *fallback, *help;
    enum option_type type;
    uint64_t min, max;
    bool reload;
};

extern const struct config_row config_rows[OPTION_COUNT];

/* UNKNOWN_FIELD, with the nearest option there is. */
enum status config_unknown(const char *path, struct fault *fault);

#endif
