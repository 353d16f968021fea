#include "serve/write/writer.h"

#include "base/log.h"
#include "base/mem.h"
#include "journal/upkeep/upkeep.h"
#include "serve/write/checkpoint.h"

enum { RETRY_TICKS = 5, RETAIN_ROWS = 2000, SLICE_LEAST = 8, READING_MOST = 256 };
/* As many visits at decoys in a second are a flood, in which others wait; with as many as
 * FLOOD_MOST the processor is what lacks, and whole batches cost a third less. */
enum { FLOOD = 200, FLOOD_MOST = 7000 };
#define RETAIN_INTERVAL STAMP_HOUR
/* How long after a question another is to be expected, and what it may wait for. */
#define ASKED_FOR_MS 5000
#define SLICE_TIME (STAMP_MILLISECOND / 4)
#define READING_TIME (4 * STAMP_MILLISECOND)
#define READING_TIME_SHORT (STAMP_MILLISECOND / 10)

struct writer {
	uv_loop_t *loop;
	struct stamp_clock clock;
	int64_t offset; /* of a trial's clock, when writer_hold() was called last */
	struct writer_sink sink;
	struct db *db;
	struct take *take;
	struct due *due;
	struct checkpoint *checkpoint;
	uv_timer_t commit;
	uv_idle_t turn;    /* while there is something to do at once */
	uint64_t waiting;  /* lines that are to be committed */
	size_t slice;      /* of them at once, while somebody asks */
	uint64_t asked_ms; /* when somebody asked last; 0 never */
	uint64_t decoy_second;
	unsigned at_decoys, at_decoys_before; /* visits in that second, in the last */
	int64_t retention, retain_next;
	int64_t data_version; /* changes when another process writes */
	unsigned failed_ticks;
	uint64_t dropped_then; /* take's count when it began to fail */
	bool is_failing, is_held, is_stopped, is_hurried;
	/* What is to be done at once: one of them in a turn, not the same twice. */
	bool is_commit_due, is_step_due, was_commit;
	struct writer_counts counts;
};

static int64_t clock_offset(const struct writer *w)
{
	return w->clock.offset_us ? *w->clock.offset_us : 0;
}

/* Is what time brings to be left? A trial's clock that has just been moved is held as
 * soon as the engine sees it. */
static bool must_wait(const struct writer *w)
{
	return w->is_held || clock_offset(w) != w->offset;
}

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

static void on_checkpoint(void *arg);

int writer_open(uv_loop_t *loop, const char *path, struct stamp_clock clock,
		const struct writer_sink *sink, struct writer **ret_writer,
		struct error *e)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	w->loop = loop;
	w->clock = clock;
	w->offset = clock_offset(w);
	w->sink = *sink;
	w->slice = SLICE_LEAST;
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
	w->checkpoint = checkpoint_new(loop, w->db, on_checkpoint, w);
	w->data_version = read_data_version(w);
	(void)uv_timer_init(loop, &w->commit);
	(void)uv_idle_init(loop, &w->turn);
	w->commit.data = w->turn.data = w;
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

/* ---- who waits meanwhile ---- */

void writer_asked(struct writer *w)
{
	w->asked_ms = uv_now(w->loop);
}

static bool is_flooded(const struct writer *w)
{
	unsigned most =
	    w->at_decoys > w->at_decoys_before ? w->at_decoys : w->at_decoys_before;
	return uv_now(w->loop) / 1000 - w->decoy_second < 2 && most >= FLOOD &&
	       most < FLOOD_MOST;
}

/* Does somebody wait, Postfix or who connects to a decoy? */
static bool is_asked(const struct writer *w)
{
	return is_flooded(w) ||
	       (w->asked_ms && uv_now(w->loop) - w->asked_ms < ASKED_FOR_MS);
}

static void on_turn(uv_idle_t *turn);

/* Not by a timer of no time at all, which would run again and again before anybody who
 * waits is heard. */
static void work_soon(struct writer *w)
{
	(void)uv_idle_start(&w->turn, on_turn); /* nothing that could fail */
}

static void commit_soon(struct writer *w)
{
	w->is_commit_due = true;
	work_soon(w);
}

int64_t writer_reading(struct writer *w)
{
	if (!is_asked(w) || !is_of_use(w))
		return READING_TIME;
	if (w->waiting < READING_MOST)
		return READING_TIME_SHORT;
	commit_soon(w);
	return 0;
}

/* What a slice takes depends on the disk and on how many clients a journal knows. */
static void fit_slice(struct writer *w, int64_t took)
{
	if (took > SLICE_TIME && w->slice > SLICE_LEAST)
		w->slice /= 2;
	else if (took < SLICE_TIME / 2 && w->slice < TAKE_BATCH)
		w->slice *= 2;
}

/* ---- what time brings ---- */

static void step_soon(struct writer *w)
{
	if (!is_of_use(w) || must_wait(w))
		return;
	w->is_step_due = true;
	work_soon(w);
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

static void step(struct writer *w)
{
	int64_t now = stamp_clock_now(w->clock);
	bool more = false, more_rows = false;
	struct error e;
	w->is_step_due = false;
	if (!is_of_use(w) || must_wait(w))
		return;
	int r = due_step(w->due, now, is_asked(w) ? SLICE_TIME : DUE_TIME, &more, &e);
	if (r >= 0)
		r = retain(w, now, &more_rows, &e);
	w->sink.committed(w->sink.arg);
	if (r < 0)
		fail(w, &e);
	else if (more || more_rows)
		step_soon(w);
}

/* ---- lines ---- */

static int commit(struct writer *w, size_t most, struct error *e)
{
	int r = db_check_file(w->db, e);
	int64_t began = stamp_monotonic();
	if (r == 0)
		r = take_commit_some(w->take, most, e);
	if (r == 0) {
		int64_t took = stamp_monotonic() - began;
		w->counts.commits++;
		w->counts.commit_us += took;
		w->counts.committed_at = stamp_clock_now(w->clock);
		if (most < w->waiting)
			fit_slice(w, took);
		w->waiting -= most < w->waiting ? most : w->waiting;
	}
	w->sink.committed(w->sink.arg);
	return r;
}

struct writer_counts writer_counts(const struct writer *w)
{
	return w->counts;
}

static bool commit_most(struct writer *w, size_t most)
{
	struct error e;
	if (!w->is_stopped)
		(void)uv_timer_stop(&w->commit);
	w->is_commit_due = false;
	if (commit(w, most, &e) < 0) {
		fail(w, &e);
		return false;
	}
	recover(w);
	checkpoint_tick(w->checkpoint);
	step_soon(w);
	return true;
}

bool writer_commit(struct writer *w)
{
	return commit_most(w, SIZE_MAX);
}

/* A commit that split a page walks over the whole cache, milliseconds long: SQLite
 * numbers the pages of a split through one far beyond the file's end, and then looks for
 * what lies there. A small one makes other lines slower. */
static void hurry(struct writer *w, bool is_hurried)
{
	if (w->is_hurried != is_hurried)
		(void)sqlite3_exec(db_sqlite(w->db),
				   is_hurried ? "PRAGMA cache_size = -2048"
					      : "PRAGMA cache_size = " DB_CACHE,
				   NULL, NULL, NULL); /* it is about time alone */
	w->is_hurried = is_hurried;
}

/* More than a batch waits only where it comes faster than slices are written, as of a
 * feed: then it is written, whoever waits. */
static void commit_due(struct writer *w)
{
	bool is_sliced = is_asked(w) && w->waiting < TAKE_BATCH;
	hurry(w, is_sliced);
	if (commit_most(w, is_sliced ? w->slice : SIZE_MAX) && w->waiting > 0)
		commit_soon(w);
}

static void on_turn(uv_idle_t *turn)
{
	struct writer *w = turn->data;
	if (checkpoint_is_quiet(w->checkpoint)) {
		(void)uv_idle_stop(&w->turn);
		return;
	}
	w->was_commit = w->is_commit_due && !(w->was_commit && w->is_step_due);
	if (w->was_commit)
		commit_due(w);
	else if (w->is_step_due)
		step(w);
	if (!w->is_commit_due && !w->is_step_due)
		(void)uv_idle_stop(&w->turn);
}

static void on_checkpoint(void *arg)
{
	struct writer *w = arg;
	if (w->is_commit_due || w->is_step_due)
		work_soon(w);
}

static void on_commit_timer(uv_timer_t *t)
{
	commit_soon(t->data);
}

static void count_at_decoys(struct writer *w, const struct line *l)
{
	uint64_t second = uv_now(w->loop) / 1000;
	if (l->kind != LINE_VISIT || l->visit.source != VISIT_SOURCE_DECOY)
		return;
	if (w->decoy_second != second) {
		w->at_decoys_before = w->decoy_second + 1 == second ? w->at_decoys : 0;
		w->at_decoys = 0;
		w->decoy_second = second;
	}
	w->at_decoys++;
}

void writer_add(struct writer *w, struct line *l)
{
	count_at_decoys(w, l);
	l->seen = stamp_clock_now(w->clock);
	take_add(w->take, l);
	w->waiting++;
	/* While the journal cannot be written the tick tries again. */
	if (w->is_stopped || w->is_failing)
		return;
	/* Not here and now: a source's callback has no time for a commit. */
	if (w->waiting == 1)
		(void)uv_timer_start(&w->commit, on_commit_timer, WRITER_DELAY_MS, 0);
	else if (w->waiting == TAKE_BATCH)
		commit_soon(w);
}

int writer_define(struct writer *w, struct site *sites, size_t count,
		  const struct rules *rules, bool is_started, struct error *e)
{
	int r = commit(w, SIZE_MAX, e);
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
	w->is_hurried = false;
	w->take = take;
	w->due = due_new(db, take_coverage(take), &w->sink.told);
	due_hold(w->due, w->is_held);
	w->checkpoint = checkpoint_new(w->loop, db, on_checkpoint, w);
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
	w->offset = clock_offset(w);
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
	return !is_of_use(w) || w->is_held || !w->is_step_due;
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
	uv_close((uv_handle_t *)&w->turn, NULL);
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	close_journal(w);
	free(w);
}
