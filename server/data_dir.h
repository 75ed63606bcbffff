/* data_dir - the data directory: made, whose it is, and locked against another server. */
#ifndef SOUK_SERVER_DATA_DIR_H
#define SOUK_SERVER_DATA_DIR_H

#include <stdbool.h>

/* All of these tell by errno why not. */

/* The directory and those above it. */
bool data_dir_make(const char *dir);
/* Root becomes the user `name`, whose the directory then is; without a name, the owner it has. */
bool data_dir_become_user(const char *dir, const char *name);
/* The place of the catalogs, by the user that writes there. */
bool data_dir_make_catalogs(const char *dir);
/* soukd.pid is locked while we live, so that two servers never share a directory. The open file;
 * -1, with EAGAIN or EACCES where another holds it. */
int data_dir_lock(const char *dir);

#endif
