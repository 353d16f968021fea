#include "maillog_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	struct rig_seen *s = arg;
	char client[ADDR_TEXT_MAX], when[STAMP_TEXT_MAX];
	(void)local;
	assert_true(s->count < RIG_SEEN_MAX);
	s->visits[s->count] = *v;
	(void)snprintf(s->text[s->count++], RIG_TEXT_MAX,
		       "%.19s %s name=%s %s %s helo=%s from=%s to=%s%s",
		       stamp_text(v->time, when) + 11, addr_text(v->client, client),
		       v->name, depth_name(v->depth), outcome_name(v->outcome), v->helo,
		       v->mail_from, v->recipient_domain,
		       v->spam == SPAM_YES  ? " spam"
		       : v->spam == SPAM_NO ? " clean"
					    : "");
}

static void on_started(void *arg, int64_t at)
{
	struct rig_seen *s = arg;
	s->started = at;
}

static void on_delivered(void *arg, const char *domain, int64_t time)
{
	struct rig_seen *s = arg;
	size_t len = strlen(s->delivered);
	assert_true(time > 0);
	(void)snprintf(s->delivered + len, sizeof(s->delivered) - len, "%s ", domain);
}

struct maillog_lines *rig_new(struct rig_seen *s)
{
	memset(s, 0, sizeof(*s));
	struct maillog_lines *m = maillog_lines_new(on_visit, s);
	maillog_lines_on_started(m, on_started);
	maillog_lines_on_delivered(m, on_delivered);
	return m;
}

int64_t rig_now(void)
{
	int64_t now;
	assert_true(stamp_parse("2026-11-23T19:00:00Z", &now, NULL));
	return now;
}

void rig_feed(struct maillog_lines *m, const char *line)
{
	maillog_lines_line(m, line, strlen(line), rig_now());
}

void rig_expect(const struct rig_seen *s, size_t at, const char *want)
{
	if (at >= s->count)
		fail_msg("visit %zu: got none, want \"%s\"", at, want);
	if (strcmp(s->text[at], want) != 0)
		fail_msg("visit %zu:\ngot  \"%s\"\nwant \"%s\"", at, s->text[at], want);
}

static void expect_row(const struct rig_seen *s, const struct rig_row *row)
{
	size_t want = 0;
	for (; want < 2 && row->want[want]; want++) {
		if (want >= s->count || strcmp(s->text[want], row->want[want]) != 0)
			fail_msg("%s:\ngot  \"%s\"\nwant \"%s\"", row->title,
				 want < s->count ? s->text[want] : "", row->want[want]);
	}
	if (s->count != want)
		fail_msg("%s: got %zu visits, want %zu: \"%s\"", row->title, s->count,
			 want, s->text[want]);
}

void rig_expect_file(const char *name, const struct rig_row *rows, size_t count)
{
	char path[512], line[4096];
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	size_t row = 0;
	(void)snprintf(path, sizeof(path), FMX_TEST_DATA "/maillog/%s", name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	for (bool is_more = true, is_first = true; is_more;) {
		is_more = fgets(line, sizeof(line), f);
		line[strcspn(line, "\n")] = '\0';
		if (is_more && *line != '#') {
			rig_feed(m, line);
			continue;
		}
		maillog_lines_finish(m);
		if (!is_first)
			expect_row(&s, &rows[row++]);
		is_first = false;
		s.count = 0;
		if (!is_more)
			break;
		if (row == count || strcmp(line + 2, rows[row].title) != 0)
			fail_msg("got title \"%s\", want \"%s\"", line + 2,
				 row < count ? rows[row].title : "");
	}
	fclose(f);
	assert_int_equal(row, count);
	assert_int_equal(maillog_lines_counts(m).garbled, 0);
	assert_int_equal(maillog_lines_counts(m).open, 0);
	maillog_lines_free(m);
}

static void feed_changed(const char *const *lines, size_t count, size_t changed,
			 size_t at, bool is_cut, const char *client)
{
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	struct addr want;
	assert_true(addr_parse(client, &want));
	for (size_t i = 0; i < count; i++) {
		char line[1024];
		size_t len = strlen(lines[i]);
		memcpy(line, lines[i], len);
		if (i == changed && is_cut)
			len = at;
		else if (i == changed)
			line[at] = (char)0xff;
		/* behind its own end nothing may be read */
		char *own = malloc(len ? len : 1);
		assert_non_null(own);
		memcpy(own, line, len);
		maillog_lines_line(m, own, len, rig_now());
		free(own);
	}
	maillog_lines_finish(m);
	for (size_t i = 0; i < s.count; i++)
		if (!addr_equal(s.visits[i].client, want))
			fail_msg("line %zu at %zu: %s", changed, at, s.text[i]);
	maillog_lines_free(m);
}

void rig_expect_nothing_invented(const char *const *lines, size_t count,
				 const char *client)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t at = 0; at < strlen(lines[i]); at++) {
			feed_changed(lines, count, i, at, true, client);
			feed_changed(lines, count, i, at, false, client);
		}
	}
}
