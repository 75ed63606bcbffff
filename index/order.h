/*
 * order - sorting on the query path: in place, without memory of its own.
 *
 * The C library's qsort() takes memory from the heap for more than a kilobyte; this one never does.
 * Not stable: comparisons are to be total.
 */
#ifndef SOUK_INDEX_ORDER_H
#define SOUK_INDEX_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* Items of up to 128 bytes. */
void order_items(void *items, size_t count, size_t size,
                 int (*compare)(const void *, const void *));
/* Ascending; `room` is as large. Quicker than by a function where they are few hundred. */
void order_numbers(uint64_t *numbers, uint64_t *room, size_t count);

#endif
