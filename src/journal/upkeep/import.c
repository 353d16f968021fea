#include "journal/upkeep/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/ask/due.h"

struct import {
	char *path, *aside;
	struct db *old; /* locked, so that no serve begins meanwhile; NULL: none was */
	struct db *db;
	struct take *take;
	struct import_counts counts;
	int64_t seen;
	int64_t last[UINT16_MAX + 1]; /* of a host's lines; 0: none came */
};

/* Only where nothing would be lost. */
static int open_old(struct import *im, struct error *e)
{
	int64_t visits = 0;
	if (access(im->path, F_OK) != 0)
		return 0;
	int rc = db_open(im->path, DB_WRITE, &im->old, e);
	if (rc == 0)
		rc = db_lock(im->old, e);
	if (rc == 0)
		rc = db_number(
		    im->old, db_statement(im->old, "SELECT EXISTS (SELECT 1 FROM visit)"),
		    &visits, e);
	if (rc == 0 && visits)
		rc = error_set(e, -EEXIST,
			       "%s has visits already: visits can be imported into a new "
			       "journal only; move it away, or name another folder as "
			       "state",
			       im->path);
	return rc;
}

/* The allow list of a journal without visits is somebody's work. */
static int keep_allowed(struct import *im, struct error *e)
{
	sqlite3_stmt *s, *to;
	int rc = 1;
	if (!im->old)
		return 0;
	s = db_statement(im->old, "SELECT text, note, is_config, since FROM allow");
	while (rc >= 0 && (rc = db_step(im->old, s, e)) == 1) {
		to = db_statement(im->db,
				  "INSERT INTO allow(text, note, is_config, since) "
				  "VALUES (?1, ?2, ?3, ?4)");
		for (int i = 0; i < 4; i++)
			(void)sqlite3_bind_value(to, 1 + i, sqlite3_column_value(s, i));
		rc = db_run(im->db, to, e);
	}
	db_done(s);
	return rc;
}

int import_begin(const char *path, struct site *sites, size_t count,
		 const struct rules *rules, struct import **ret_import, struct error *e)
{
	struct import *im = xcalloc(1, sizeof(*im));
	im->path = xstrdup(path);
	if (asprintf(&im->aside, "%s.import", path) < 0)
		mem_lacks();
	int rc = open_old(im, e);
	if (rc == 0) {
		db_remove(im->aside);
		rc = db_open(im->aside, DB_WRITE, &im->db, e);
	}
	/* The hosts are what they are for all of the time that the lines tell of. */
	if (rc == 0)
		rc = sites_define(im->db, sites, count, rules, 0, false, e);
	if (rc == 0)
		rc = take_new(im->db, &im->take, e);
	if (rc == 0)
		rc = keep_allowed(im, e);
	if (rc != 0) {
		import_free(im);
		return rc;
	}
	*ret_import = im;
	return 0;
}

int import_allow(struct import *im, const char *const *texts, size_t count, int64_t now,
		 struct error *e)
{
	return allow_config(im->db, texts, count, now, e);
}

static int64_t time_of(const struct line *l)
{
	return l->kind == LINE_VISIT ? l->visit.time : l->time;
}

static int add(struct import *im, const struct line *l, struct error *e)
{
	struct line line = *l;
	line.seen = im->seen;
	take_add(im->take, &line);
	return take_counts(im->take).pending >= TAKE_BATCH ? take_commit(im->take, e) : 0;
}

/* Nobody saw the host before its first line, unless a `since` says otherwise. */
static int begin_host(struct import *im, const struct line *l, struct error *e)
{
	struct line gap = { .kind = LINE_GAP,
			    .host = l->host,
			    .time = time_of(l),
			    .text = "",
			    .position = "" };
	return l->kind == LINE_GAP && l->since == 0 ? 0 : add(im, &gap, e);
}

/* A decoy or control is not well or unwell: while it was down nobody saw it. That it was
 * from the host's line before; of lines in another order it is not known. */
static int add_down(struct import *im, const struct line *l, struct error *e)
{
	struct line told = *l, gap = *l;
	int64_t last = im->last[l->host];
	told.kind = LINE_WATERMARK;
	told.time = last;
	gap.kind = LINE_GAP;
	gap.since = last <= l->time ? last : 1;
	int rc = add(im, &told, e);
	return rc == 0 ? add(im, &gap, e) : rc;
}

static bool is_real(const struct import *im, uint16_t host)
{
	const struct host_place *h =
	    sites_host(coverage_get_sites(take_coverage(im->take)), host);
	return h && h->role == ROLE_REAL;
}

int import_line(struct import *im, const struct line *l, struct error *e)
{
	bool is_open = l->kind == LINE_GAP && l->time == INT64_MIN;
	im->counts.lines++;
	if (is_open)
		return 0; /* its first line tells from when on */
	if (time_of(l) > im->seen)
		im->seen = time_of(l);
	int64_t *last = &im->last[l->host];
	int rc = *last ? 0 : begin_host(im, l, e);
	*last = *last ? *last : time_of(l);
	if (rc == 0)
		rc = l->kind == LINE_OUTAGE && !is_real(im, l->host) ? add_down(im, l, e)
								     : add(im, l, e);
	*last = stamp_later(*last, time_of(l));
	return rc;
}

/* The walks that are still to be judged are what progress is of. */
static int judge(struct import *im, upkeep_progress_fn fn, void *arg, struct error *e)
{
	struct due *due = due_new(im->db, take_coverage(im->take), NULL);
	bool has_more = true;
	int64_t done = 0, total = 0;
	int rc = db_number(
	    im->db, db_statement(im->db, "SELECT count(*) FROM run WHERE kind = 3"),
	    &total, e);
	while (rc == 0 && has_more) {
		rc = due_step(due, im->seen, DUE_TIME, &has_more, e);
		done = done + DUE_STEP < total ? done + DUE_STEP : total;
		if (rc == 0 && fn)
			fn(arg, (uint64_t)done, (uint64_t)total);
	}
	due_free(due);
	return rc;
}

/* One file, without a WAL beside it: what is renamed is all. */
static int put_in_place(struct import *im, struct error *e)
{
	sqlite3_stmt *s = db_statement(im->db, "PRAGMA wal_checkpoint(TRUNCATE)");
	int rc = db_step(im->db, s, e);
	db_done(s);
	if (rc < 0)
		return rc;
	db_close(im->db);
	im->db = NULL;
	db_remove_beside(im->path); /* of the journal without visits, if there was one */
	if (rename(im->aside, im->path) != 0)
		return error_set(e, -errno, "cannot rename %s to %s: %s", im->aside,
				 im->path, strerror(errno));
	return 0;
}

int import_end(struct import *im, upkeep_progress_fn fn, void *arg,
	       struct import_counts *ret_counts, struct error *e)
{
	int64_t runs = 0;
	int rc = take_commit(im->take, e);
	im->counts.visits = take_counts(im->take).visits;
	if (rc == 0)
		rc = judge(im, fn, arg, e);
	if (rc == 0)
		rc = db_number(im->db, db_statement(im->db, "SELECT count(*) FROM run"),
			       &runs, e);
	if (rc != 0)
		return rc;
	take_free(im->take);
	im->take = NULL;
	rc = put_in_place(im, e);
	im->counts.runs = (uint64_t)runs;
	if (rc == 0)
		*ret_counts = im->counts;
	return rc;
}

void import_free(struct import *im)
{
	if (!im)
		return;
	take_free(im->take);
	db_close(im->db);
	db_remove(im->aside);
	db_close(im->old);
	free(im->path);
	free(im->aside);
	free(im);
}
