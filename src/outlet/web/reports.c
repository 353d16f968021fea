#include "outlet/web/reports.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

#define YOUNG STAMP_MINUTE
#define STILL (15 * STAMP_MINUTE) /* what is silent for longer is unwatched */
enum { LONGER = 20 };             /* times what it took */

struct kept {
	struct report report; /* first: reports_done() gets it back */
	int64_t made, took;   /* monotonic */
	int64_t version;
	unsigned users; /* the cache itself is one */
};

struct reports {
	char *path;
	const char *half;
	struct stamp_clock clock;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	bool is_counting;
	struct kept *kept[PAGE_PERIODS];
	struct db *db; /* looks for changes; NULL: not open */
	int64_t version, data_version;
};

struct reports *reports_new(const char *journal, const char *half,
			    struct stamp_clock clock)
{
	struct reports *all = xcalloc(1, sizeof(*all));
	all->path = xstrdup(journal);
	all->half = half;
	all->clock = clock;
	(void)pthread_mutex_init(&all->lock, NULL); /* cannot fail on Linux */
	(void)pthread_cond_init(&all->changed, NULL);
	return all;
}

static void let_go(struct kept *k)
{
	if (!k || --k->users > 0)
		return;
	report_release(&k->report);
	free(k);
}

void reports_free(struct reports *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < PAGE_PERIODS; i++)
		let_go(all->kept[i]);
	db_close(all->db);
	(void)pthread_cond_destroy(&all->changed);
	(void)pthread_mutex_destroy(&all->lock);
	free(all->path);
	free(all);
}

/* ---- has the journal changed? ---- */

static int read_version(struct reports *all, int64_t *ret, struct error *e)
{
	sqlite3_stmt *s = db_statement(all->db, "PRAGMA data_version");
	int rc = db_step(all->db, s, e);
	if (rc <= 0)
		return rc;
	*ret = sqlite3_column_int64(s, 0);
	db_done(s);
	return 0;
}

/* A number that grows when the journal was written to, or is another file. */
static int look(struct reports *all, struct error *e)
{
	int64_t data = 0;
	if (all->db && db_check_file(all->db, NULL) != 0) {
		db_close(all->db);
		all->db = NULL;
	}
	if (!all->db) {
		int rc = db_open(all->path, DB_READ, &all->db, e);
		if (rc < 0)
			return rc;
		all->version++;
	}
	int rc = read_version(all, &data, e);
	if (rc == 0 && data != all->data_version)
		all->version++;
	all->data_version = data;
	return rc;
}

/* ---- counting ---- */

static int make(const struct reports *all, enum page_period period, struct kept *k,
		struct error *e)
{
	struct db *db;
	struct ask *ask;
	int64_t now = stamp_clock_now(all->clock);
	struct report_span span = { .since = page_period_since(period, now),
				    .until = STAMP_NEVER,
				    .half = all->half };
	int rc = db_open(all->path, DB_READ, &db, e);
	if (rc < 0)
		return rc;
	rc = ask_open(db, now, &ask, e);
	if (rc == 0) {
		rc = report_make(ask, &span, &k->report, e);
		ask_close(ask);
	}
	db_close(db);
	return rc;
}

static bool is_good(struct reports *all, const struct kept *k)
{
	int64_t age = stamp_monotonic() - k->made;
	if (age < stamp_later(YOUNG, LONGER * k->took))
		return true;
	return age < STILL && k->version == all->version;
}

/* With the lock, which it gives away while it counts. */
static int count(struct reports *all, enum page_period period, struct error *e)
{
	struct kept *k = xcalloc(1, sizeof(*k));
	int64_t began = stamp_monotonic();
	*k = (struct kept){ .users = 1, .version = all->version };
	all->is_counting = true;
	(void)pthread_mutex_unlock(&all->lock);
	int rc = make(all, period, k, e);
	(void)pthread_mutex_lock(&all->lock);
	all->is_counting = false;
	(void)pthread_cond_broadcast(&all->changed);
	k->made = stamp_monotonic();
	k->took = k->made - began;
	if (rc != 0) {
		free(k);
		return rc;
	}
	let_go(all->kept[period]);
	all->kept[period] = k;
	return 0;
}

int reports_get(struct reports *all, enum page_period period,
		const struct report **ret_report, struct error *e)
{
	(void)pthread_mutex_lock(&all->lock);
	int rc = look(all, e);
	while (rc == 0 && !(all->kept[period] && is_good(all, all->kept[period]))) {
		if (!all->is_counting)
			rc = count(all, period, e);
		else if (all->kept[period])
			break; /* the one before */
		else
			(void)pthread_cond_wait(&all->changed, &all->lock);
	}
	if (rc == 0) {
		all->kept[period]->users++;
		*ret_report = &all->kept[period]->report;
	}
	(void)pthread_mutex_unlock(&all->lock);
	return rc;
}

void reports_done(struct reports *all, const struct report *r)
{
	static_assert(offsetof(struct kept, report) == 0, "it is found again by it");
	(void)pthread_mutex_lock(&all->lock);
	let_go((struct kept *)(uintptr_t)r);
	(void)pthread_mutex_unlock(&all->lock);
}
