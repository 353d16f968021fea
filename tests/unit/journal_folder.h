/*
 * journal_folder - a folder with a journal for one test, and records to put in
 *
 * Helpers shared by the journal's unit tests; they fail the test themselves.
 */
#ifndef FMX_TESTS_UNIT_JOURNAL_FOLDER_H
#define FMX_TESTS_UNIT_JOURNAL_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "old/journal.h"

/* A folder of its own for each test; its files go with it. */
struct folder {
	char name[64];
	char path[128];
	char copy[128];
};

static inline int make_folder(void **state)
{
	struct folder *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	(void)snprintf(p->name, sizeof(p->name), "/tmp/fmx-journal-XXXXXX");
	assert_non_null(mkdtemp(p->name));
	(void)snprintf(p->path, sizeof(p->path), "%s/journal.db", p->name);
	(void)snprintf(p->copy, sizeof(p->copy), "%s/copy.db", p->name);
	*state = p;
	return 0;
}

static inline int drop_folder(void **state)
{
	struct folder *p = *state;
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -rf %s", p->name);
	int rc = system(command);
	free(p);
	return rc;
}

static const struct record journal_folder_blank = {
	.text = "",
	.note = "",
	.visit = { .precision_us = 1,
		   .helo = "",
		   .mail_from = "",
		   .recipient_domain = "",
		   .name = "" },
	.name = { .name = "", .domain = "" },
};

static inline struct record a_visit(const char *client, int64_t at)
{
	struct record r = journal_folder_blank;
	r.kind = RECORD_VISIT;
	r.time = r.seen = r.visit.time = at;
	assert_true(addr_parse(client, &r.visit.client));
	r.visit.site = 1;
	r.visit.host = 4;
	r.visit.depth = DEPTH_RCPT;
	r.visit.helo = "client.example";
	return r;
}

static inline struct record a_start(int64_t at)
{
	struct record r = journal_folder_blank;
	r.kind = RECORD_START;
	r.time = r.seen = at;
	return r;
}

static inline struct journal *opened(const char *path, enum journal_mode mode)
{
	struct journal *j;
	struct error e;
	if (journal_open(path, mode, &j, &e) != 0)
		fail_msg("%s", e.text);
	return j;
}

static inline void append(struct journal *j, struct record r)
{
	assert_int_equal(journal_append(j, &r), 0);
}

/* What a callback got, as one line per record. */
struct got {
	size_t count;
	uint64_t last_seq;
	int64_t last_seen;
	size_t stop_after; /* 0: never */
	char text[4096];
	char checkpoint[64];
};

enum { STOPPED = 77 };

static inline int collect(void *arg, const struct record *r, struct error *e)
{
	struct got *g = arg;
	char client[ADDR_TEXT_MAX] = "";
	(void)e;

	assert_true(r->seq > g->last_seq);
	assert_true(r->seen >= g->last_seen);
	g->last_seq = r->seq;
	g->last_seen = r->seen;
	if (r->kind == RECORD_VISIT)
		(void)addr_text(r->visit.client, client);
	size_t used = strlen(g->text);
	(void)snprintf(g->text + used, sizeof(g->text) - used, "%d%s%s%s ", (int)r->kind,
		       client[0] ? ":" : "", client, r->text);
	g->count++;
	return g->stop_after == g->count ? STOPPED : 0;
}

static inline int keep_checkpoint(void *arg, const void *data, size_t len,
				  struct error *e)
{
	struct got *g = arg;
	(void)e;
	assert_int_equal(g->count, 0);
	assert_true(len < sizeof(g->checkpoint));
	memcpy(g->checkpoint, data, len);
	g->checkpoint[len] = '\0';
	return 0;
}

static inline void commit(struct journal *j, struct got *g)
{
	struct error e;
	if (journal_commit(j, g ? collect : NULL, g, &e) != 0)
		fail_msg("%s", e.text);
}

static inline struct got replayed(struct journal *j)
{
	struct got g = { 0 };
	struct error e;
	if (journal_replay(j, keep_checkpoint, collect, &g, &e) != 0)
		fail_msg("%s", e.text);
	return g;
}

/* Looks through the folder's files, -wal included, as a thief would. */
static inline bool folder_holds(const struct folder *p, const char *bytes)
{
	char command[256];
	(void)snprintf(command, sizeof(command), "grep -rqaF '%s' %s", bytes, p->name);
	return system(command) == 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)

#endif
