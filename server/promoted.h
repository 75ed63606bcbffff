/*
 * promoted - a follower that was promoted stays promoted, also when it is started again with the
 * option that made it one: DIR/PROMOTED names the leader it no longer follows. With another leader,
 * or none, in the options the file means nothing and is removed.
 */
#ifndef SOUK_SERVER_PROMOTED_H
#define SOUK_SERVER_PROMOTED_H

#include <stdbool.h>

#include "protocol/status.h"

enum status promoted_write(const char *data_dir, const char *leader);
/* Is a server in this directory with this option a follower? */
bool promoted_follows(const char *data_dir, const char *leader);

#endif
