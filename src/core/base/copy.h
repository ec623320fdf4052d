#ifndef MMN_BASE_COPY_H
#define MMN_BASE_COPY_H

#include <stddef.h>

/*
 * memcpy() for what no cache will hold until it is looked at again: the
 * destination goes to memory without being read from there first, and without
 * driving out what is still needed.  Where the processor has no such stores, it
 * is memcpy().
 */
void mmn_copy_past_caches(void *to, const void *from, size_t n);

#endif
