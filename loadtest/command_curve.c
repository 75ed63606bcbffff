#include "loadtest/commands.h"
int command_curve(struct setup *s)
{
    (void)s;
    return EXIT_USAGE;
}
