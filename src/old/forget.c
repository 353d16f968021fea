#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "mx/layout.h"
#include "old/internal.h"
#include "old/judge.h"
#include "old/row.h"
#include "old/sql.h"

/* Looked at, and changed, in one transaction. */
enum { FORGET_SLICE = 5000 };

struct target {
	bool is_addr;
	struct addr addr;
	char name[NAME_MAX_TEXT]; /* lower case, no final dot */
};

/* What is done with one record. */
enum action { ACTION_KEEP, ACTION_ERASE, ACTION_BLANK };

static bool name_from(const char *text, char name[NAME_MAX_TEXT])
{
	size_t len = strlen(text);
	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len >= NAME_MAX_TEXT)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("-._", text[i]))
			return false;
		name[i] = (char)tolower((unsigned char)text[i]);
	}
	name[len] = '\0';
	return name[0] != '.';
}

static int parse_target(const char *what, struct target *t, struct error *e)
{
	*t = (struct target){ 0 };
	t->is_addr = addr_parse(what, &t->addr);
	if (t->is_addr || name_from(what, t->name))
		return 0;
	return error_set(e, FMX_EUSAGE,
			 "\"%.100s\" is neither an address, nor a name or domain", what);
}

/* text is the name or ends in ".name"; of an e-mail address, its domain. */
static bool is_of(const char *text, const char *name)
{
	const char *at = strrchr(text, '@');
	if (at)
		text = at + 1;
	size_t len = strlen(text);
	size_t want = strlen(name);
	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len < want || strncasecmp(text + len - want, name, want) != 0)
		return false;
	return len == want || text[len - want - 1] == '.';
}

static enum action action_of_visit(const struct visit *v, const struct target *t)
{
	if (t->is_addr)
		return addr_equal(v->client, t->addr) ? ACTION_ERASE : ACTION_KEEP;
	if (is_of(v->name, t->name))
		return ACTION_ERASE;
	/* Claimed, not verified: who claims a name must not be able to have
	 * visits erased by it. Only the text goes. */
	if (is_of(v->helo, t->name) || is_of(v->mail_from, t->name) ||
	    is_of(v->recipient_domain, t->name))
		return ACTION_BLANK;
	return ACTION_KEEP;
}

static enum action action_of(const struct record *r, const struct target *t)
{
	if (r->kind == RECORD_VISIT)
		return action_of_visit(&r->visit, t);
	if (r->kind != RECORD_NAME)
		return ACTION_KEEP;
	if (t->is_addr)
		return addr_equal(r->name.client, t->addr) ? ACTION_ERASE : ACTION_KEEP;
	return is_of(r->name.name, t->name) || is_of(r->name.domain, t->name)
		   ? ACTION_ERASE
		   : ACTION_KEEP;
}

struct statements {
	sqlite3_stmt *select, *erase, *blank;
};

static int prepare(struct journal *j, struct statements *s, struct error *e)
{
	int rc = sql_prepare(j->db, j->path,
			     "SELECT " ROW_COLUMNS
			     " FROM record WHERE seq > ?1 AND seq <= ?2 ORDER BY seq",
			     &s->select, e);
	if (rc == 0)
		rc = sql_prepare(j->db, j->path, "DELETE FROM record WHERE seq = ?1",
				 &s->erase, e);
	if (rc == 0)
		rc = sql_prepare(j->db, j->path,
				 "UPDATE record SET helo = NULL, mail_from = NULL, "
				 "domain = NULL WHERE seq = ?1",
				 &s->blank, e);
	return rc;
}

static void finalize(struct statements *s)
{
	/* Errors were told by the steps. */
	(void)sqlite3_finalize(s->select);
	(void)sqlite3_finalize(s->erase);
	(void)sqlite3_finalize(s->blank);
}

static int act(struct journal *j, sqlite3_stmt *stmt, uint64_t seq, struct error *e)
{
	(void)sqlite3_bind_int64(stmt, 1, (int64_t)seq);
	return sql_done(j->db, j->path, stmt, e);
}

/* The row under the cursor may be deleted or changed: SQLite's SELECT goes on
 * with the next, as rows are taken in order of the key. */
static int forget_range(struct journal *j, struct statements *s, const struct target *t,
			int64_t after, int64_t ret_changed[2], struct error *e)
{
	struct record r;
	int rc = 0;
	int step = SQLITE_DONE;

	(void)sqlite3_bind_int64(s->select, 1, after);
	(void)sqlite3_bind_int64(s->select, 2, after + FORGET_SLICE);
	while (rc == 0 && (step = sqlite3_step(s->select)) == SQLITE_ROW) {
		if (!row_read(s->select, &r))
			continue; /* `verify` tells of it */
		enum action a = action_of(&r, t);
		if (a == ACTION_KEEP)
			continue;
		rc = act(j, a == ACTION_ERASE ? s->erase : s->blank, r.seq, e);
		ret_changed[a == ACTION_ERASE]++;
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = sql_error(j->db, j->path, "read", e);
	(void)sqlite3_reset(s->select); /* told above */
	return rc;
}

static int forget_slice(struct journal *j, struct statements *s, const struct target *t,
			int64_t after, int64_t *total, struct error *e)
{
	struct head head = { 0 };
	int64_t changed[2] = { 0, 0 }; /* blanked, erased */
	int rc = journal_begin(j, &head, e);
	if (rc != 0)
		return rc;
	rc = forget_range(j, s, t, after, changed, e);
	if (rc != 0 || changed[0] + changed[1] == 0) {
		sql_rollback(j->db);
		return rc;
	}
	head.records -= changed[1];
	rc = journal_end(j, &head, e);
	if (rc == 0)
		*total += changed[0] + changed[1];
	return rc;
}

static int64_t forget_rows(struct journal *j, const struct target *t, struct error *e)
{
	struct statements s = { 0 };
	struct head head = { 0 };
	int64_t first = 0;
	int64_t total = 0;

	int rc = prepare(j, &s, e);
	if (rc == 0)
		rc = journal_read_head(j, &head, e);
	if (rc == 0)
		rc = sql_number(j->db, j->path, "SELECT min(seq) FROM record", &first, e);
	for (int64_t after = first - 1; rc == 0 && after < head.last_seq;
	     after += FORGET_SLICE)
		rc = forget_slice(j, &s, t, after, &total, e);
	finalize(&s);
	return rc == 0 ? total : rc;
}

/* ---- the checkpoint, which is a judge's state ---- */

enum { CHECKPOINT_TRIES = 5 };
static const size_t checkpoint_most = (size_t)1024 * 1024 * 1024;

struct scrub {
	struct record forget;
	struct buf state;
	bool has_checkpoint;
};

/* seen is 0: the judge forgets, and its clock stays where it was. */
static int scrub_state(void *arg, const void *data, size_t len, struct error *e)
{
	struct scrub *s = arg;
	struct judge *judge = judge_new(NULL, NULL, NULL);
	int rc = judge_load(judge, data, len, e);
	if (rc == 0)
		rc = judge_feed(judge, &s->forget, e);
	if (rc == 0)
		judge_save(judge, &s->state);
	if (rc == 0 && buf_failed(&s->state))
		rc = error_set(e, FMX_ETOOBIG, "the checkpoint is too big to be changed");
	judge_free(judge);
	s->has_checkpoint = true;
	return rc;
}

/*
 * Reading, changing and writing back are three steps: retention may move the
 * checkpoint in between, and then journal_retain() refuses to move it back.
 */
static int scrub_checkpoint(struct journal *j, const char *what, struct error *e)
{
	struct scrub s = { .forget = { .kind = RECORD_FORGET, .text = what, .note = "" },
			   .state = BUF_INIT(checkpoint_most) };
	int64_t rc = -EINVAL;
	for (int i = 0; rc == -EINVAL && i < CHECKPOINT_TRIES; i++) {
		int64_t upto = 0;
		buf_clear(&s.state);
		rc = sql_number(j->db, j->path, "SELECT upto_seq FROM checkpoint", &upto,
				e);
		if (rc == 0 && upto > 0)
			rc = journal_checkpoint(j, scrub_state, &s, e);
		if (rc == 0 && s.has_checkpoint)
			rc = journal_retain(j, (uint64_t)upto, buf_text(&s.state),
					    s.state.len, e);
	}
	buf_release(&s.state);
	return rc < 0 ? (int)rc : 0;
}

/* What was erased is still in the -wal file until that is cut. */
static int empty_wal(struct journal *j, struct error *e)
{
	int rc = sqlite3_wal_checkpoint_v2(j->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
					   NULL);
	if (rc == SQLITE_OK)
		return 0;
	if (rc == SQLITE_BUSY)
		return error_set(
		    e, -EBUSY,
		    "erased from %s, but a reader keeps the old pages in its "
		    "-wal file: end it and do this again",
		    j->path);
	return sql_error(j->db, j->path, "write", e);
}

/*
 * The FORGET record first: a live judge forgets at once, and a replay of what
 * a power failure left half erased forgets all the same.
 */
int64_t journal_forget(struct journal *j, const char *what, int64_t now, struct error *e)
{
	struct target t;
	char text[ADDR_TEXT_MAX];
	struct record r = { .kind = RECORD_FORGET, .time = now, .seen = now, .note = "" };

	int rc = parse_target(what, &t, e);
	if (rc != 0)
		return rc;
	r.text = t.is_addr ? addr_text(t.addr, text) : t.name;
	if (journal_append(j, &r) != 0)
		return error_set(e, -ENOBUFS, "too many records wait to be written to %s",
				 j->path);
	rc = journal_commit(j, NULL, NULL, e);
	if (rc != 0)
		return rc;
	int64_t erased = forget_rows(j, &t, e);
	if (erased < 0)
		return erased;
	rc = scrub_checkpoint(j, r.text, e);
	if (rc == 0)
		rc = empty_wal(j, e);
	return rc == 0 ? erased : rc;
}
