#include "protocol/late_library.h"

#include <dlfcn.h>
#include <string.h>

enum status late_library_bind(const char *soname, const char *const *names, void *table,
                              uint32_t count)
{
    void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
    for (uint32_t i = 0; i < count; i++) {
        void *f = library ? dlsym(library, names[i]) : NULL;
        if (!f)
            return STATUS_UNAVAILABLE;
        memcpy((char *)table + i * sizeof f, &f, sizeof f);
    }
    return STATUS_OK;
}
