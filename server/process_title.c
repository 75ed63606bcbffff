#include "server/process_title.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *behind(char *const *strings, char *end)
{
    for (; strings && *strings && *strings == end; strings++)
        end += strlen(end) + 1;
    return end;
}

struct process_title process_title_find(char **argv)
{
    struct process_title t = {.at = argv[0]};
    if (t.at)
        t.room = (size_t)(behind(environ, behind(argv, t.at)) - t.at);
    return t;
}

/* Out of the title's room, once. False when there is no memory for it. */
static bool move_environment(const struct process_title *t)
{
    if (!environ || !environ[0] || environ[0] < t->at || environ[0] >= t->at + t->room)
        return true;
    size_t n = 0;
    while (environ[n])
        n++;
    char **copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        if (!(copy[i] = strdup(environ[i]))) {
            while (i--)
                free(copy[i]);
            free(copy);
            return false;
        }
    if (copy)
        environ = copy;
    return copy;
}

void process_title_set(const struct process_title *t, const char *text)
{
    size_t len = strlen(text);
    if (!t->room || !move_environment(t))
        return;
    memset(t->at, 0, t->room);
    memcpy(t->at, text, len < t->room ? len : t->room - 1);
}
