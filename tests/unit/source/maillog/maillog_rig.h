/*
 * maillog_rig - what the tests of mail logs' readers have in common
 *
 * Each visit that comes out is one line of text:
 * "14:00:01Z 203.0.113.9 name= data accepted helo= from=a@b.example to=d.example".
 * A recorded log has a line "# title" before what one client did.
 */
#ifndef FMX_TESTS_MAILLOG_RIG_H
#define FMX_TESTS_MAILLOG_RIG_H

#include "source/maillog/maillog_lines.h"

enum { RIG_SEEN_MAX = 256, RIG_TEXT_MAX = 512 };

struct rig_seen {
	char text[RIG_SEEN_MAX][RIG_TEXT_MAX];
	struct visit visits[RIG_SEEN_MAX]; /* texts are gone */
	size_t count;
	int64_t started;              /* of a mail server, the last one; 0 */
	char delivered[RIG_TEXT_MAX]; /* domains, each with a blank behind it */
};

struct maillog_lines *rig_new(struct rig_seen *s);
int64_t rig_now(void); /* 2026-11-23T19:00:00Z */
void rig_feed(struct maillog_lines *m, const char *line);
void rig_expect(const struct rig_seen *s, size_t at, const char *want);

/* What a log of tests/data/maillog says, by its titles. */
struct rig_row {
	const char *title;
	const char *want[2]; /* visits; NULL: none */
};
void rig_expect_file(const char *name, const struct rig_row *rows, size_t count);

/* Lines, each cut at every byte, and with every byte binary: no visit but of
 * `client`, or none at all. */
void rig_expect_nothing_invented(const char *const *lines, size_t count,
				 const char *client);

#endif
