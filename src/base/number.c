#include "base/number.h"

#include <assert.h>
#include <stdlib.h>

bool number_parse(const char *text, size_t len, uint64_t most, uint64_t *ret_number)
{
	uint64_t n = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(text[i] - '0');
		if (digit > 9 || digit > most || n > (most - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (len > 0)
		*ret_number = n;
	return len > 0;
}

const char *number_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

void number_sort(int64_t *numbers, size_t count)
{
	if (count > 0)
		qsort(numbers, count, sizeof(*numbers), compare);
}

int64_t number_percentile(const int64_t *sorted, size_t count, unsigned p)
{
	assert(count > 0 && p <= 100);
	size_t rank = (count * p + 99) / 100;
	return sorted[rank > 0 ? rank - 1 : 0];
}
