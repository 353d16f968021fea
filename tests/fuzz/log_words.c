#include "log_words.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "source/maillog/maillog_lines.h"

#define NOW INT64_C(1795446000000000) /* 2026-11-23T15:00:00Z */

enum { FRONT_MAX = 128, SECONDS = 14 * 3600 };

struct seen {
	size_t count;
	uint64_t sum; /* of all visits, in any order */
};

static uint64_t hash_text(const char *text)
{
	assert(strlen(text) < VISIT_TEXT_MAX);
	return hash_bytes(text, strlen(text));
}

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	struct seen *s = arg;
	(void)local;
	assert(v->depth >= DEPTH_CONNECT && v->depth <= DEPTH_DATA);
	assert(v->outcome != OUTCOME_NONE && v->precision_us >= 1);
	uint64_t words[] = { hash_bytes(v->client.bytes, sizeof(v->client.bytes)),
			     (uint64_t)v->time,
			     v->precision_us,
			     (uint64_t)v->ended,
			     (uint64_t)v->depth,
			     (uint64_t)v->outcome,
			     (uint64_t)v->spam,
			     v->envelope_count,
			     hash_text(v->helo),
			     hash_text(v->mail_from),
			     hash_text(v->recipient_domain),
			     hash_text(v->name) };
	s->count++;
	s->sum += hash_bytes((const char *)words, sizeof(words));
}

/* Nothing may be read behind a line's end. */
static void read_line(struct maillog_lines *m, const char *front, const uint8_t *text,
		      size_t len)
{
	size_t n = strlen(front);
	char *line = malloc(n + len + 1);
	assert(line);
	memcpy(line, front, n);
	memcpy(line + n, text, len);
	maillog_lines_line(m, line, n + len, NOW);
	free(line);
}

static void read_all(struct maillog_lines *m, const char *outer, const char *const *tags,
		     size_t count, const uint8_t *data, size_t size)
{
	char front[FRONT_MAX];
	unsigned second = 0;
	size_t lines = 0;
	for (; size; lines++) {
		const uint8_t *lf = memchr(data, '\n', size);
		size_t len = lf ? (size_t)(lf - data) : size, skip = len < 3 ? len : 3;
		uint8_t tag = len > 0 ? data[0] : 0, pid = len > 1 ? data[1] : 0;
		second += len > 2 ? data[2] % 10u : 0;
		second %= SECONDS;
		(void)snprintf(front, sizeof(front),
			       "%s2026-11-23T%02u:%02u:%02u.25+00:00 mx %s[%u]: ", outer,
			       second / 3600, second / 60 % 60, second % 60,
			       tags[tag % count], pid % 10u);
		read_line(m, front, data + skip, len - skip);
		data += lf ? len + 1 : len;
		size -= lf ? len + 1 : len;
	}
	struct maillog_lines_counts c = maillog_lines_counts(m);
	assert(c.lines == lines && c.used + c.useless + c.foreign + c.garbled == lines);
	assert(c.visits + c.open <= lines);
	maillog_lines_finish(m);
	assert(maillog_lines_counts(m).open == 0);
	assert(maillog_lines_held(m) == STAMP_NEVER);
}

void log_words(const char *const *tags, size_t count, const uint8_t *data, size_t size)
{
	static const char *const outer[] = { "", "2026-11-23T15:00:00.123456789Z " };
	struct seen seen[2] = { { 0 }, { 0 } };
	for (size_t i = 0; i < 2; i++) {
		struct maillog_lines *m = maillog_lines_new(on_visit, &seen[i]);
		read_all(m, outer[i], tags, count, data, size);
		maillog_lines_free(m);
	}
	assert(seen[0].count == seen[1].count && seen[0].sum == seen[1].sum);
}
