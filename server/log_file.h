/*
 * log_file - the files of an event log: their names, their header, their bytes.
 *
 *   file    NNNNNNNNNNNNNNNNNNNN.log (first sequence, decimal)
 *   header  64 bytes: magic 'SkLg', format u32, first sequence u64, uuid 16, XXH3-64 of these 32
 *           bytes, zeros
 *
 * Records follow (log_scan.h). To change the format: raise the number in the header; unknown ones
 * are refused.
 */
#ifndef SOUK_SERVER_LOG_FILE_H
#define SOUK_SERVER_LOG_FILE_H

#include "protocol/slice.h"
#include "protocol/status.h"

enum { LOG_HEADER = 64, LOG_DIR = 512, LOG_PATH = LOG_DIR + 32 };

struct log_file {
    uint64_t first; /* sequence */
    char path[LOG_PATH];
};

/* The files of a directory by their first sequence; the caller frees *files. */
enum status log_files_list(const char *dir, struct log_file **files, size_t *count);
void log_file_path(char path[LOG_PATH], const char *dir, uint64_t first);
void log_file_header(uint8_t head[LOG_HEADER], uint64_t first);
/* Do the bytes begin with the header of the file that begins with this sequence? */
bool log_file_header_good(struct slice bytes, uint64_t first);
/* Maps a file to be read; nothing where it is shorter than a header. */
enum status log_file_map(const char *path, struct slice *bytes);
void log_file_unmap(struct slice *bytes);
enum status log_file_write(int fd, const void *bytes, size_t len, uint64_t at);
/* Makes the names in a directory durable. */
enum status log_dir_sync(const char *dir);

#endif
