/*
 * series - a period cut into hours, days, weeks, months or years
 *
 * For charts and their tables: few enough parts to be read, each a whole unit
 * of the calendar in UTC but for the first and the last, which the period cuts.
 * Weeks begin on Monday.
 *
 *	up to 2 days	hours		up to 62 weeks	weeks
 *	up to 62 days	days		up to 62 months	months, then years
 *
 * Use:
 *	struct series s;
 *	series_cut(since, until, &s);
 *	for (size_t i = 0; i < s.count; i++)
 *		...[s.edges[i], s.edges[i + 1])...
 *
 * Ownership: plain data.
 *
 * Limits: SERIES_MAX parts. A period that is longer, or empty, or not between
 * the years 1970 and 9999 has none.
 */
#ifndef FMX_OUTLET_SERIES_H
#define FMX_OUTLET_SERIES_H

#include <stdint.h>

#include "base/attr.h"

enum series_unit { SERIES_HOUR, SERIES_DAY, SERIES_WEEK, SERIES_MONTH, SERIES_YEAR };
enum { SERIES_MAX = 128, SERIES_LABEL_MAX = 24 };

struct series {
	enum series_unit unit;
	size_t count;
	int64_t edges[SERIES_MAX + 1]; /* ascending; the first is since, the last until */
};

void series_cut(int64_t since, int64_t until, struct series *ret_series);
/* The part that holds t; count if none does. */
size_t series_find(const struct series *s, int64_t t);

const char *series_unit_name(enum series_unit u); /* "hour" "day" ... */
/* Part i in as few characters as do: "14:00", "23 Nov", "Nov 2026", "2026". */
const char *series_label(const struct series *s, size_t i, char text[SERIES_LABEL_MAX]);
/* The same, to be understood alone: "2026-11-23 14:00", "2026-11-23", "week of
 * 2026-11-23", "2026-11", "2026". */
const char *series_name(const struct series *s, size_t i, char text[SERIES_LABEL_MAX]);

#endif
