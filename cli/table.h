/*
 * table - texts of products and servers on a terminal: what would steer it becomes a space.
 */
#ifndef SOUK_CLI_TABLE_H
#define SOUK_CLI_TABLE_H

#include "protocol/buf.h"

/*
 * Control characters (also DEL and those of two bytes, U+0080 to U+009F) become a space each, at
 * least `width` bytes in all: spaces behind it, or before it when the width is negative.
 */
void table_put(struct buf *b, struct slice text, int width);
/* The same for a text of several lines: line ends and tabs stay. */
void table_put_lines(struct buf *b, struct slice text);

#endif
