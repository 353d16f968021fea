#include "zone/generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
	long start, stop, step;
};

static bool read_range(const char *text, struct lex_span s, struct range *ret)
{
	char copy[64];
	if (s.len >= sizeof(copy))
		return false;
	memcpy(copy, text + s.begin, s.len);
	copy[s.len] = '\0';
	char *end;
	struct range r = { .step = 1 };
	r.start = strtol(copy, &end, 10);
	if (end == copy || *end != '-')
		return false;
	char *from = end + 1;
	r.stop = strtol(from, &end, 10);
	if (end == from)
		return false;
	if (*end == '/') {
		from = end + 1;
		r.step = strtol(from, &end, 10);
		if (end == from)
			return false;
	}
	*ret = r;
	return !*end && r.start >= 0 && r.stop >= r.start && r.step > 0 &&
	       r.stop <= INT32_MAX;
}

/* Nibbles in reverse order, with dots: for ip6.arpa. width counts digits and
 * dots, as in BIND. */
static void add_nibbles(struct buf *out, unsigned long value, long width, bool upper)
{
	static const char lower_digits[] = "0123456789abcdef";
	static const char upper_digits[] = "0123456789ABCDEF";
	do {
		buf_addf(out, "%c", (upper ? upper_digits : lower_digits)[value & 15]);
		value >>= 4;
		width--;
		if (width > 0 || value) {
			buf_adds(out, ".");
			width--;
		}
	} while (value || width > 0);
}

/* ${offset,width,base}; at stands behind the brace. False if malformed. */
static bool add_formed(struct buf *out, const char **at, const char *end, long number)
{
	char copy[48];
	const char *brace = memchr(*at, '}', (size_t)(end - *at));
	if (!brace || (size_t)(brace - *at) >= sizeof(copy))
		return false;
	memcpy(copy, *at, (size_t)(brace - *at));
	copy[brace - *at] = '\0';
	long offset = 0, width = 0;
	char base = 'd';
	int n = sscanf(copy, "%ld,%ld,%c", &offset, &width, &base);
	if (n < 1 || width < 0 || width > 255 || number + offset < 0)
		return false;
	unsigned long value = (unsigned long)(number + offset);
	switch (base) {
	case 'd': buf_addf(out, "%0*lu", (int)width, value); break;
	case 'o': buf_addf(out, "%0*lo", (int)width, value); break;
	case 'x': buf_addf(out, "%0*lx", (int)width, value); break;
	case 'X': buf_addf(out, "%0*lX", (int)width, value); break;
	case 'n':
	case 'N': add_nibbles(out, value, width, base == 'N'); break;
	default: return false;
	}
	*at = brace + 1;
	return true;
}

static bool add_expanded(struct buf *out, const char *at, const char *end, long number)
{
	while (at < end) {
		if (*at == '\\' && at + 1 < end) {
			bool is_dollar = at[1] == '$';
			buf_add(out, is_dollar ? at + 1 : at, is_dollar ? 1 : 2);
			at += 2;
		} else if (*at == '$' && at + 1 < end && at[1] == '$') {
			buf_adds(out, "$"); /* $$: the old way to write \$ */
			at += 2;
		} else if (*at == '$' && at + 1 < end && at[1] == '{') {
			at += 2;
			if (!add_formed(out, &at, end, number))
				return false;
		} else if (*at == '$') {
			buf_addf(out, "%ld", number);
			at++;
		} else {
			buf_add(out, at++, 1);
		}
	}
	return true;
}

int generate_write(const char *text, const struct lex_entry *en, struct buf *out,
		   struct error *e)
{
	uint32_t at = en->rdata.begin;
	struct lex_span first;
	struct range r;
	if (!lex_token(text, en->rdata, &at, &first) || !read_range(text, first, &r))
		return error_set(e, FMX_EMALFORMED,
				 "line %u: $GENERATE needs a range like 1-10", en->line);
	if ((r.stop - r.start) / r.step >= GENERATE_MAX)
		return error_set(e, FMX_ETOOBIG,
				 "line %u: $GENERATE makes more than %d records",
				 en->line, GENERATE_MAX);
	const char *end = text + en->rdata.begin + en->rdata.len;
	const char *from = text + at;
	while (from < end && (*from == ' ' || *from == '\t'))
		from++;
	for (long n = r.start; n <= r.stop; n += r.step) {
		if (!add_expanded(out, from, end, n))
			return error_set(e, FMX_EMALFORMED,
					 "line %u: $GENERATE with a malformed ${}",
					 en->line);
		buf_adds(out, "\n");
	}
	if (buf_failed(out))
		return error_set(e, FMX_ETOOBIG, "line %u: $GENERATE makes too much text",
				 en->line);
	return 0;
}
