#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/number.h"
#include "judge/rule.h"

struct rules rules_default(void)
{
	return (struct rules){
		.confirm = STAMP_MINUTE,
		.patience = 4 * STAMP_HOUR,
		.final = 5 * STAMP_DAY,
		.excuse = STAMP_DAY,
		.grace = STAMP_MINUTE,
		.probe_interval = STAMP_MINUTE,
		.unwell_tail = 6 * STAMP_HOUR,
		.mx_ttl = STAMP_HOUR,
		.delay_window = 10 * STAMP_MINUTE,
		.known_window = 90 * STAMP_DAY,
		.pool_accepted = 30 * STAMP_DAY,
		.listing_least = 2 * STAMP_HOUR,
		.listing_most = 168 * STAMP_HOUR,
		.listing_expires = STAMP_DAY,
		.watched_days = 14 * STAMP_DAY,
	};
}

enum form { FORM_BOOL, FORM_DURATION };

#define ROW(form, name, most)                                                            \
	{                                                                                \
#name, form, offsetof(struct rules, name), most                          \
	}

/* One row, one rule. `most` bounds what a journal may say. */
static const struct row {
	const char *name;
	enum form form;
	size_t offset;
	int64_t most;
} rows[] = {
	ROW(FORM_BOOL, enforce, 1),
	ROW(FORM_BOOL, lab, 1),
	ROW(FORM_DURATION, confirm, STAMP_DAY),
	ROW(FORM_DURATION, patience, 365 * STAMP_DAY),
	ROW(FORM_DURATION, final, 365 * STAMP_DAY),
	ROW(FORM_DURATION, excuse, 365 * STAMP_DAY),
	ROW(FORM_DURATION, grace, 365 * STAMP_DAY),
	ROW(FORM_DURATION, probe_interval, STAMP_DAY),
	ROW(FORM_DURATION, unwell_tail, 365 * STAMP_DAY),
	ROW(FORM_DURATION, mx_ttl, 365 * STAMP_DAY),
	ROW(FORM_DURATION, delay_window, STAMP_HOUR),
	ROW(FORM_DURATION, known_window, 3650 * STAMP_DAY),
	ROW(FORM_DURATION, pool_accepted, 3650 * STAMP_DAY),
	ROW(FORM_DURATION, listing_least, 365 * STAMP_DAY),
	ROW(FORM_DURATION, listing_most, 365 * STAMP_DAY),
	ROW(FORM_DURATION, listing_expires, 7 * STAMP_DAY),
	ROW(FORM_DURATION, watched_days, 365 * STAMP_DAY),
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

static int64_t get(const struct rules *r, const struct row *row)
{
	const char *at = (const char *)r + row->offset;
	return row->form == FORM_BOOL ? *(const bool *)at
				      : *(const int64_t *)(const void *)at;
}

static void set(struct rules *r, const struct row *row, int64_t value)
{
	char *at = (char *)r + row->offset;
	if (row->form == FORM_BOOL)
		*(bool *)at = value != 0;
	else
		*(int64_t *)(void *)at = value;
}

void rules_text(const struct rules *r, struct buf *out)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		buf_addf(out, "%s=%" PRId64 "\n", rows[i].name, get(r, &rows[i]));
}

static bool take_line(struct rules *r, const char *line, size_t len)
{
	const char *equals = memchr(line, '=', len);
	if (!equals)
		return false;
	size_t word = (size_t)(equals - line);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		uint64_t n;
		if (strlen(rows[i].name) != word || memcmp(rows[i].name, line, word) != 0)
			continue;
		if (!number_parse(equals + 1, len - word - 1, (uint64_t)rows[i].most, &n))
			return false;
		set(r, &rows[i], (int64_t)n);
		return true;
	}
	return false;
}

/* What a text does not name keeps its default, so that an older journal can be
 * read by a version with more rules. */
int rules_parse(const char *text, struct rules *ret_rules, struct error *e)
{
	struct rules r = rules_default();
	for (const char *p = text; *p;) {
		const char *end = strchr(p, '\n');
		if (!end || !take_line(&r, p, (size_t)(end - p)))
			return error_set(e, FMX_EMALFORMED,
					 "the text of the rules is damaged at \"%.40s\"",
					 p);
		p = end + 1;
	}
	*ret_rules = r;
	return 0;
}
