/*
 * build - what two servers must have in common for one to follow the other: the formats of index,
 * log and records, the rules words are made by, the byte order.
 *
 * A copy of a catalog is the file of its index, and records are applied as they come, so that a
 * server of other formats, or with another ICU, would not have what its leader has. Both sides say
 * theirs with every LOG_READ and refuse the other's.
 */
#ifndef SOUK_SERVER_BUILD_H
#define SOUK_SERVER_BUILD_H

enum { BUILD_NAME = 80 };

/* "index 1.9, records 5, text 72.1/15.0/rules8, little-endian" */
void build_name(char out[BUILD_NAME]);

#endif
