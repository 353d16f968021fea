/*
 * number - numbers in sentences, in texts, and what is read off many of them
 *
 * Use:
 *	buf_addf(out, "%" PRIu64 " sender%s", n, number_plural(n));
 *	number_sort(delays, count);
 *	int64_t half = number_percentile(delays, count, 50);
 */
#ifndef FMX_BASE_NUMBER_H
#define FMX_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* Digits alone, and no greater than `most`: strtoull() would take signs and spaces. */
FMX_MUST_CHECK bool number_parse(const char *text, size_t len, uint64_t most,
				 uint64_t *ret_number);
const char *number_plural(uint64_t n); /* "" of 1, "s" */
void number_sort(int64_t *numbers, size_t count);
/* The value at p percent of count sorted numbers, at least one: nearest rank, the
 * smallest with at least p percent of all not above it. */
int64_t number_percentile(const int64_t *sorted, size_t count, unsigned p);

#endif
