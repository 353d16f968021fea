#include "serve/metrics/journal_counts.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/mem.h"
#include "journal/ask/ask.h"

enum { LONGER = 20 }; /* times what it took */

struct journal_counts {
	uv_loop_t *loop;
	uv_work_t work;
	char *path;
	int64_t next; /* monotonic */
	bool is_busy, is_known, is_failing;
	struct journal_numbers shown; /* the loop's */
	atomic_bool is_stopped;
	/* The worker's, read when it is back. */
	int64_t now, took;
	struct journal_numbers found;
	int result;
	struct error error;
};

struct journal_counts *journal_counts_new(uv_loop_t *loop, const char *path)
{
	struct journal_counts *c = xcalloc(1, sizeof(*c));
	c->loop = loop;
	c->path = xstrdup(path);
	c->work.data = c;
	return c;
}

static int on_listing(void *arg, const struct listing *l)
{
	struct journal_counts *c = arg;
	c->found.listed += l->is_listed;
	c->found.would_be += !l->is_listed && l->would_be;
	return c->is_stopped;
}

static int count_of_ask(struct journal_counts *c, struct db *db, struct error *e)
{
	struct ask *ask;
	struct report_span span = { .since = c->now - JOURNAL_COUNTS_PERIOD,
				    .until = STAMP_NEVER };
	int r = ask_open(db, c->now, &ask, e);
	if (r < 0)
		return r;
	r = ask_listed(ask, true, on_listing, c, e);
	if (r == 0)
		r = report_make(ask, &span, &c->found.report, e);
	ask_close(ask);
	return r;
}

/* run's key begins with kind and group: a sender's rows are not together. */
static int count_senders(struct journal_counts *c, struct db *db, struct error *e)
{
	sqlite3_stmt *s = db_statement(db, "SELECT count(DISTINCT client) FROM run");
	int r = db_step(db, s, e);
	if (r <= 0)
		return r;
	c->found.senders = (uint64_t)sqlite3_column_int64(s, 0);
	db_done(s);
	return 0;
}

static void work(uv_work_t *w)
{
	struct journal_counts *c = w->data;
	int64_t began = stamp_monotonic();
	struct db *db;
	c->result = db_open(c->path, DB_READ, &db, &c->error);
	if (c->result < 0)
		return;
	c->found = (struct journal_numbers){ .counted_at = c->now };
	c->result = count_senders(c, db, &c->error);
	if (c->result == 0)
		c->result = count_of_ask(c, db, &c->error);
	db_close(db);
	c->took = stamp_monotonic() - began;
}

static void on_back(uv_work_t *w, int status)
{
	struct journal_counts *c = w->data;
	c->is_busy = false;
	c->next = stamp_monotonic() + JOURNAL_COUNTS_EVERY;
	if (status == UV_ECANCELED)
		return;
	if (c->result == 0) {
		report_release(&c->shown.report);
		c->shown = c->found;
		c->is_known = true;
	}
	if (c->is_stopped)
		return;
	if (c->took * LONGER > JOURNAL_COUNTS_EVERY)
		c->next = stamp_monotonic() + c->took * LONGER;
	if (c->result < 0 && !c->is_failing)
		log_warning("metrics-not-counted reason=\"%s\"", c->error.text);
	c->is_failing = c->result < 0;
}

void journal_counts_tick(struct journal_counts *c, int64_t now)
{
	if (c->is_busy || c->is_stopped || stamp_monotonic() < c->next)
		return;
	c->now = now;
	c->is_busy = uv_queue_work(c->loop, &c->work, work, on_back) == 0;
}

const struct journal_numbers *journal_counts_get(const struct journal_counts *c)
{
	return c->is_known ? &c->shown : NULL;
}

void journal_counts_stop(struct journal_counts *c)
{
	c->is_stopped = true;
	if (c->is_busy)
		(void)uv_cancel(
		    (uv_req_t *)&c->work); /* too late: it looks at the flag */
}

void journal_counts_free(struct journal_counts *c)
{
	if (!c)
		return;
	assert(!c->is_busy);
	report_release(&c->shown.report);
	free(c->path);
	free(c);
}
