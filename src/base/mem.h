/*
 * mem - allocation of small bounded things: it works or the program ends
 *
 * For sizes that input does not drive. What input drives has its limit in its
 * type (see buf.h) and says "too big" instead.
 */
#ifndef FMX_BASE_MEM_H
#define FMX_BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t count, size_t size);
/* Room for one more element behind count of them; the array moves, *cap grows. */
void *xroom(void *array, size_t count, size_t *cap, size_t size);
char *xstrdup(const char *text);

/* Says that there is no memory, and ends the program: for who called a library. */
FMX_NORETURN void mem_lacks(void);

/* Copies at most size - 1 bytes and always ends with NUL. True if all of
 * text fitted. */
bool str_copy(char *to, size_t size, const char *text);

#endif
