#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mem_lacks(void)
{
	(void)fputs("fakemx: out of memory\n", stderr);
	abort();
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);
	if (!p)
		mem_lacks();
	return p;
}

void *xrealloc(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count ? count : 1, size ? size : 1);
	if (!p)
		mem_lacks();
	return p;
}

void *xroom(void *array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return array;
	*cap = *cap ? 2 * *cap : 16;
	return xrealloc(array, *cap, size);
}

char *xstrdup(const char *text)
{
	char *p = strdup(text);
	if (!p)
		mem_lacks();
	return p;
}

bool str_copy(char *to, size_t size, const char *text)
{
	size_t n = strnlen(text, size);
	bool fits = n < size;
	if (!fits)
		n = size - 1;
	memcpy(to, text, n);
	to[n] = '\0';
	return fits;
}
