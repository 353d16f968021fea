#include "serve/write/writer.h"

#include "base/log.h"
#include "base/mem.h"
#include "journal/upkeep/upkeep.h"
#include "serve/write/checkpoint.h"

enum { RETRY_TICKS = 5, RETAIN_ROWS = 2000 };
#define RETAIN_INTERVAL STAMP_HOUR

struct writer {
	uv_loop_t *loop;
	struct stamp_clock clock;
	struct writer_sink sink;
	struct db *db;
	struct take *take;
	struct due *due;
	struct checkpoint *checkpoint;
	uv_timer_t commit, step;
	uint64_t waiting; /* lines since the last commit */
	int64_t retention, retain_next;
	int64_t data_version; /* changes when another process writes */
	unsigned failed_ticks;
	uint64_t dropped_then; /* take's count when it began to fail */
	bool is_failing, is_held, is_stopped;
	struct writer_counts counts;
};

static int64_t read_data_version(struct writer *w)
{
	struct error e;
	int64_t version = 0;
	sqlite3_stmt *s = db_statement(w->db, "PRAGMA data_version");
	if (db_step(w->db, s, &e) == 1) {
		version = sqlite3_column_int64(s, 0);
		db_done(s);
	}
	return version;
}

int writer_open(uv_loop_t *loop, const char *path, struct stamp_clock clock,
		const struct writer_sink *sink, struct writer **ret_writer,
		struct error *e)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	w->loop = loop;
	w->clock = clock;
	w->sink = *sink;
	w->is_stopped = true; /* there is no timer to close yet */
	int r = db_open(path, DB_WRITE, &w->db, e);
	if (r == 0)
		r = db_lock(w->db, e);
	if (r == 0)
		r = take_new(w->db, &w->take, e);
	if (r < 0) {
		writer_free(w);
		return r;
	}
	w->due = due_new(w->db, take_coverage(w->take), &w->sink.told);
	w->checkpoint = checkpoint_new(loop, w->db);
	w->data_version = read_data_version(w);
	(void)uv_timer_init(loop, &w->commit);
	(void)uv_timer_init(loop, &w->step);
	w->commit.data = w->step.data = w;
	w->is_stopped = false;
	*ret_writer = w;
	return 0;
}

/* ---- what can fail ---- */

static void fail(struct writer *w, const struct error *why)
{
	w->failed_ticks = 0;
	if (w->is_failing)
		return;
	w->is_failing = true;
	w->dropped_then = take_counts(w->take).dropped;
	log_error("journal-failed reason=\"%s\" note=\"serving goes on; up to %d lines "
		  "wait in memory\"",
		  why->text, TAKE_MAX);
	w->sink.trouble(w->sink.arg, false, why->text);
}

static void recover(struct writer *w)
{
	if (!w->is_failing)
		return;
	w->is_failing = false;
	log_warning("journal-recovered lost=%llu",
		    (unsigned long long)(take_counts(w->take).dropped - w->dropped_then));
	w->sink.trouble(w->sink.arg, true, "the journal is written again");
}

static bool is_of_use(const struct writer *w)
{
	return !w->is_failing && !w->is_stopped;
}

/* ---- what time brings ---- */

static void on_step(uv_timer_t *t);

static void step_soon(struct writer *w)
{
	if (is_of_use(w) && !w->is_held && !uv_is_active((uv_handle_t *)&w->step))
		(void)uv_timer_start(&w->step, on_step, 0, 0);
}

/* Some rows once an hour, and again at once while there are more. */
static int retain(struct writer *w, int64_t now, bool *ret_more, struct error *e)
{
	*ret_more = false;
	if (!w->retain_next || w->retain_next > now + RETAIN_INTERVAL)
		w->retain_next = now + RETAIN_INTERVAL; /* a start, or a clock set back */
	if (now < w->retain_next || w->retention == 0)
		return 0;
	int r = retain_step(w->db, now, w->retention, RETAIN_ROWS, ret_more, e);
	if (r >= 0 && !*ret_more)
		w->retain_next = now + RETAIN_INTERVAL;
	return r;
}

static void on_step(uv_timer_t *t)
{
	struct writer *w = t->data;
	int64_t now = stamp_clock_now(w->clock);
	bool more = false, more_rows = false;
	struct error e;
	if (!is_of_use(w) || w->is_held)
		return;
	int r = due_step(w->due, now, &more, &e);
	if (r >= 0)
		r = retain(w, now, &more_rows, &e);
	w->sink.committed(w->sink.arg);
	if (r < 0)
		fail(w, &e);
	else if (more || more_rows)
		step_soon(w);
}

/* ---- lines ---- */

static void on_commit_due(uv_timer_t *t)
{
	(void)writer_commit(t->data);
}

static int commit(struct writer *w, struct error *e)
{
	int r = db_check_file(w->db, e);
	int64_t began = stamp_monotonic();
	if (r == 0)
		r = take_commit(w->take, e);
	if (r == 0) {
		w->counts.commits++;
		w->counts.commit_us += stamp_monotonic() - began;
		w->counts.committed_at = stamp_clock_now(w->clock);
	}
	w->sink.committed(w->sink.arg);
	return r;
}

struct writer_counts writer_counts(const struct writer *w)
{
	return w->counts;
}

bool writer_commit(struct writer *w)
{
	struct error e;
	if (!w->is_stopped)
		(void)uv_timer_stop(&w->commit);
	w->waiting = 0;
	if (commit(w, &e) < 0) {
		fail(w, &e);
		return false;
	}
	recover(w);
	checkpoint_tick(w->checkpoint);
	step_soon(w);
	return true;
}

void writer_add(struct writer *w, struct line *l)
{
	l->seen = stamp_clock_now(w->clock);
	take_add(w->take, l);
	w->waiting++;
	/* While the journal cannot be written the tick tries again. */
	if (w->is_stopped || w->is_failing)
		return;
	/* Not here and now: a source's callback has no time for a commit. */
	if (w->waiting == 1)
		(void)uv_timer_start(&w->commit, on_commit_due, WRITER_DELAY_MS, 0);
	else if (w->waiting == TAKE_BATCH)
		(void)uv_timer_start(&w->commit, on_commit_due, 0, 0);
}

int writer_define(struct writer *w, struct site *sites, size_t count,
		  const struct rules *rules, bool is_started, struct error *e)
{
	int r = commit(w, e);
	if (r == 0)
		r = sites_define(w->db, sites, count, rules, stamp_clock_now(w->clock),
				 is_started, e);
	if (r == 0)
		r = take_sites(w->take, e);
	if (r == 0)
		step_soon(w);
	return r;
}

static int open_moved(struct writer *w, struct site *sites, size_t count,
		      const struct rules *rules, struct db **ret_db,
		      struct take **ret_take, struct error *e)
{
	int r = db_open(db_path(w->db), DB_WRITE, ret_db, e);
	if (r == 0)
		r = sites_move(*ret_db, sites, count, rules, stamp_clock_now(w->clock),
			       e);
	if (r == 0)
		r = take_new(*ret_db, ret_take, e);
	return r == 0 ? db_move_lock(*ret_db, w->db, e) : r;
}

static void close_journal(struct writer *w)
{
	checkpoint_free(w->checkpoint);
	due_free(w->due);
	take_free(w->take);
	db_close(w->db);
}

int writer_move(struct writer *w, struct site *sites, size_t count,
		const struct rules *rules, struct error *e)
{
	struct db *db = NULL;
	struct take *take = NULL;
	if (checkpoint_is_busy(w->checkpoint))
		return error_set(e, -EAGAIN, "the old journal is still in use");
	int r = open_moved(w, sites, count, rules, &db, &take, e);
	if (r < 0) {
		take_free(take);
		db_close(db);
		return r;
	}
	take_inherit(take, w->take);
	close_journal(w);
	w->db = db;
	w->take = take;
	w->due = due_new(db, take_coverage(take), &w->sink.told);
	due_hold(w->due, w->is_held);
	w->checkpoint = checkpoint_new(w->loop, db);
	w->data_version = read_data_version(w);
	return 0;
}

/* Nobody else writes but allow and forget; they may have changed what is known. */
static void look_for_others(struct writer *w)
{
	int64_t version = read_data_version(w);
	if (version == w->data_version)
		return;
	w->data_version = version;
	w->sink.committed(w->sink.arg);
	w->sink.changed(w->sink.arg);
}

void writer_tick(struct writer *w, int64_t retention)
{
	struct error e;
	w->retention = retention;
	if (w->is_failing) {
		if (++w->failed_ticks % RETRY_TICKS != 0)
			return;
		if (db_check_file(w->db, &e) < 0)
			w->sink.gone(w->sink.arg);
		(void)writer_commit(w);
		return;
	}
	if (db_check_file(w->db, &e) < 0) {
		fail(w, &e);
		return;
	}
	look_for_others(w);
	checkpoint_tick(w->checkpoint);
	step_soon(w);
}

void writer_hold(struct writer *w, bool is_held)
{
	w->is_held = is_held;
	due_hold(w->due, is_held);
}

int64_t writer_now(const struct writer *w)
{
	return stamp_clock_now(w->clock);
}

bool writer_is_failing(const struct writer *w)
{
	return w->is_failing;
}

bool writer_is_idle(const struct writer *w)
{
	return !is_of_use(w) || w->is_held ||
	       !uv_is_active((const uv_handle_t *)&w->step);
}

struct take *writer_take(const struct writer *w)
{
	return w->take;
}

struct db *writer_db(const struct writer *w)
{
	return w->db;
}

const struct sites *writer_sites(const struct writer *w)
{
	return take_get_sites(w->take);
}

void writer_stop(struct writer *w)
{
	if (w->is_stopped)
		return;
	w->is_stopped = true;
	checkpoint_stop(w->checkpoint);
	uv_close((uv_handle_t *)&w->commit, NULL);
	uv_close((uv_handle_t *)&w->step, NULL);
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	close_journal(w);
	free(w);
}
