/* Any bytes as a configuration file: taken, or refused with a sentence and a place. */
#include "server/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config;
    struct fault fault = {0};
    config_init(&config);
    enum status st = config_load_text(&config, slice_make(data, size), &fault);
    if (st && !fault.text[0])
        abort();
    return 0;
}
