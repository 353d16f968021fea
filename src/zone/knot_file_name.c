#include "zone/knot_file_name.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* [N] or [N-M] behind %c and %l; 0 to 255. */
static bool read_range(const char **at, size_t *ret_first, size_t *ret_last)
{
	char *end;
	if (**at != '[' || !isdigit((unsigned char)(*at)[1]))
		return false;
	*ret_first = *ret_last = strtoul(*at + 1, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		*ret_last = strtoul(end + 1, &end, 10);
	*at = end + 1;
	return *end == ']' && *ret_first <= *ret_last && *ret_last <= UINT8_MAX;
}

/* Characters first to last of the name with its final dot; none is no mistake. */
static void add_characters(struct buf *out, const char *zone, size_t first, size_t last)
{
	size_t len = strlen(zone);
	for (size_t i = first; i <= last && i <= len; i++)
		buf_addf(out, "%c", i == len ? '.' : zone[i] == '/' ? '_' : zone[i]);
}

/* The label that stands so far from the right: 0 is the top-level domain. */
static void add_label(struct buf *out, const char *zone, size_t from_right)
{
	const char *end = zone + strlen(zone), *begin;
	for (;; end = begin - 1) {
		for (begin = end; begin > zone && begin[-1] != '.';)
			begin--;
		if (from_right == 0 || begin == zone)
			break;
		from_right--;
	}
	if (from_right == 0)
		add_characters(out, zone, (size_t)(begin - zone),
			       (size_t)(end - zone) - 1);
}

/* What stands behind a percent sign; false for what Knot does not know. */
static bool format_one(const char **at, const char *zone, struct buf *out)
{
	size_t first, last;
	switch (*(*at)++) {
	case '%': buf_adds(out, "%"); return true;
	case 's':
		if (*zone) /* the root's is empty */
			add_characters(out, zone, 0, strlen(zone) - 1);
		return true;
	case 'c':
		if (!read_range(at, &first, &last))
			return false;
		add_characters(out, zone, first, last);
		return true;
	case 'l':
		if (!read_range(at, &first, &last) || first != last)
			return false;
		add_label(out, zone, first);
		return true;
	default: (*at)--; return false;
	}
}

bool knot_file_name(const char *format, const char *zone, struct buf *out)
{
	while (*format) {
		if (*format != '%') {
			buf_add(out, format++, 1);
			continue;
		}
		format++;
		if (!format_one(&format, zone, out))
			return false;
	}
	return !buf_failed(out);
}
