#include "serve/write/checkpoint.h"

#include <assert.h>

#include "base/log.h"
#include "base/mem.h"

enum {
	WAIT_MS = 5000,
	LIMIT = CHECKPOINT_BYTES / DB_PAGE_BYTES,
	QUIET = CHECKPOINT_QUIET_BYTES / DB_PAGE_BYTES
};

struct checkpoint {
	uv_loop_t *loop;
	uv_work_t work;
	sqlite3 *db; /* the writer's */
	char *path;
	int pages;    /* in the log after the last commit */
	int quiet_at; /* that many; a reader may keep them all there */
	checkpoint_back_fn on_back;
	void *arg;
	bool is_busy, is_quiet, is_stopped, is_failing;
	int result; /* the worker's, read when it is back */
};

static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct checkpoint *c = arg;
	(void)db;
	(void)name;
	c->pages = pages;
	if (pages < LIMIT)
		c->quiet_at = QUIET;
	return SQLITE_OK;
}

struct checkpoint *checkpoint_new(uv_loop_t *loop, struct db *db,
				  checkpoint_back_fn on_back, void *arg)
{
	struct checkpoint *c = xcalloc(1, sizeof(*c));
	c->loop = loop;
	c->db = db_sqlite(db);
	c->path = xstrdup(db_path(db));
	c->work.data = c;
	c->quiet_at = QUIET;
	c->on_back = on_back;
	c->arg = arg;
	(void)sqlite3_wal_hook(c->db, on_commit, c); /* instead of the automatic one */
	return c;
}

/* A connection that never read does not know that there is a log: its checkpoint would be
 * none, and no error. */
static void work(uv_work_t *w)
{
	struct checkpoint *c = w->data;
	sqlite3 *own = NULL;
	int rc = sqlite3_open_v2(c->path, &own,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(own, WAIT_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(own, "PRAGMA schema_version", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_checkpoint_v2(own, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
					       NULL);
	c->result = rc;
	(void)sqlite3_close(own); /* nothing of it is open */
}

static void say_result(struct checkpoint *c)
{
	bool is_failing = c->result != SQLITE_OK && c->result != SQLITE_BUSY;
	if (is_failing && !c->is_failing)
		log_warning(
		    "checkpoint-failed reason=\"%s\" note=\"the file %s-wal grows "
		    "until this is over\"",
		    sqlite3_errstr(c->result), c->path);
	c->is_failing = is_failing;
}

static void on_back(uv_work_t *w, int status)
{
	struct checkpoint *c = w->data;
	c->is_busy = c->is_quiet = false;
	if (status != UV_ECANCELED)
		say_result(c);
	if (!c->is_stopped)
		c->on_back(c->arg);
}

void checkpoint_tick(struct checkpoint *c)
{
	if (c->is_busy || c->is_stopped || c->pages < LIMIT)
		return;
	bool is_quiet = c->pages >= c->quiet_at;
	if (is_quiet)
		c->quiet_at = c->pages + LIMIT;
	c->pages = 0; /* the next commit says it again, if it was not enough */
	c->is_busy = uv_queue_work(c->loop, &c->work, work, on_back) == 0;
	c->is_quiet = c->is_busy && is_quiet;
}

bool checkpoint_is_quiet(const struct checkpoint *c)
{
	return c->is_quiet;
}

bool checkpoint_is_busy(const struct checkpoint *c)
{
	return c->is_busy;
}

void checkpoint_stop(struct checkpoint *c)
{
	c->is_stopped = true;
	if (c->is_busy)
		(void)uv_cancel((uv_req_t *)&c->work); /* too late: it comes back soon */
}

void checkpoint_free(struct checkpoint *c)
{
	if (!c)
		return;
	assert(!c->is_busy);
	(void)sqlite3_wal_hook(c->db, NULL, NULL);
	free(c->path);
	free(c);
}
