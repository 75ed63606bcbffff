/*
 * source - the lines of a file or of standard input, unpacked when it is zstd or gzip.
 */
#ifndef SOUK_CLI_SOURCE_H
#define SOUK_CLI_SOURCE_H

#include "protocol/slice.h"
#include "protocol/status.h"

enum { SOURCE_LINE_MAX = 16 * 1024 * 1024 };

struct source;

/* `path` "-" is standard input. The first bytes say how it is packed, not the name. */
enum status source_open(const char *path, struct source **out, struct fault *fault);
/* The same for an open file, read from where it stands; it is closed with the source. */
enum status source_of_fd(int fd, struct source **out, struct fault *fault);
void source_close(struct source *s);
/*
 * The next line without its end, valid until the next call; END behind the last. TOO_LARGE: this
 * line was passed over, the next call goes on behind it. A byte order mark at the start is no part
 * of the first line.
 */
enum status source_line(struct source *s, struct slice *line, struct fault *fault);
/* The first byte that is no blank and no byte order mark, 0 when there is none; nothing is
 * consumed. */
enum status source_peek(struct source *s, char *first, struct fault *fault);
/* Number of the last line, from 1. */
uint32_t source_line_number(const struct source *s);
/* Packed bytes read so far, and in all (0 = not known). */
uint64_t source_read(const struct source *s);
uint64_t source_size(const struct source *s);

#endif
