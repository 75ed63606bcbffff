#include "loadtest/commands.h"
int command_find_max(struct setup *s)
{
    (void)s;
    return EXIT_USAGE;
}
int command_compare(struct setup *s)
{
    (void)s;
    return EXIT_USAGE;
}
