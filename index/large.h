/*
 * large - asks the kernel for huge pages under an array of many megabytes.
 *
 * What a batch of a hundred thousand products fills was never touched before: with pages of 4 KiB
 * every one is a fault, and arrays that are walked in the order of terms miss the TLB at each step.
 * A wish only: where it is not heard, nothing changes.
 */
#ifndef SOUK_INDEX_LARGE_H
#define SOUK_INDEX_LARGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

enum { LARGE_FROM = 4 << 20 };

/* Of memory that malloc or realloc returned, NULL too; before it is written to. */
static inline void *large_pages(void *p, size_t len)
{
    enum { PAGE = 4096 };
    uintptr_t from = ((uintptr_t)p + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    if (p && len >= LARGE_FROM)
        madvise((void *)from, (len - PAGE) & ~(size_t)(PAGE - 1), MADV_HUGEPAGE);
    return p;
}

#endif
