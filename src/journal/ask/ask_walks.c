/*
 * The walks of a group in a period. The runs of each kind stand in the order of their
 * clients, so the statements are read side by side, and all that decides a walk lies
 * beside it; only what only a decoy run needs is looked up.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/ask/ask_internal.h"

enum { KINDS = RUN_ASIDE, STREAMS_MOST = KINDS * SITE_MAX_KIN };
/* A walk is decided by what lies so far before and behind it: the seven days of the NAT,
 * and the cut at midnight. */
#define BEFORE (8 * STAMP_DAY)
#define BEHIND STAMP_DAY

struct stream {
	enum run_kind kind;
	uint16_t group;
	sqlite3_stmt *statement;
	bool has_row;
	struct addr client; /* of the row */
};

struct walks {
	struct ask *ask;
	const struct ask_stream *what;
	uint16_t group;
	const struct view *view;
	int64_t since, until; /* of the runs that are read */
	struct stream streams[STREAMS_MOST];
	size_t stream_count;
	bool is_swept; /* no resweep waits */
	size_t rows;   /* of this slice */
	struct run_list runs;
	struct client_order {
		size_t run;
		int64_t began;
	} * mains;
	size_t main_cap;
};

/* ---- twins ---- */

static int compare_four(const void *a, const void *b)
{
	const struct twins *x = a, *y = b;
	return addr_compare(x->four, y->four);
}

static int compare_six(const void *a, const void *b)
{
	const struct twins *x = a, *y = b;
	return addr_compare(x->six, y->six);
}

/* From the IPv6 side: those have fewer names. */
static int read_twins(struct ask *a, struct error *e)
{
	static const struct addr four_low = { .bytes = { [10] = 0xff, [11] = 0xff } };
	struct addr four_high = four_low;
	memset(four_high.bytes + 12, 0xff, 4);
	size_t cap = 0;
	int rc;
	sqlite3_stmt *s = db_query(a->db,
				   "SELECT b.client, a.client FROM " DB_TWINS
				   " AND (a.client < ?1 OR a.client > ?2)",
				   DB(four_low), DB(four_high));
	while ((rc = db_step(a->db, s, e)) == 1) {
		a->by_four = xroom(a->by_four, a->twin_count, &cap, sizeof(*a->by_four));
		a->by_four[a->twin_count++] =
		    (struct twins){ db_addr(s, 0), db_addr(s, 1) };
	}
	db_done(s);
	return rc;
}

static int load_twins(struct ask *a, struct error *e)
{
	int rc = a->has_twins ? 0 : read_twins(a, e);
	if (rc != 0 || a->has_twins)
		return rc;
	a->has_twins = true;
	if (a->twin_count == 0)
		return 0;
	a->by_six = xcalloc(a->twin_count, sizeof(*a->by_six));
	memcpy(a->by_six, a->by_four, a->twin_count * sizeof(*a->by_six));
	qsort(a->by_four, a->twin_count, sizeof(*a->by_four), compare_four);
	qsort(a->by_six, a->twin_count, sizeof(*a->by_six), compare_six);
	return 0;
}

static const struct addr *twin_of(const struct ask *a, struct addr client)
{
	struct twins key = { client, client };
	bool is_four = addr_is_v4(client);
	const struct twins *t =
	    a->twin_count == 0
		? NULL
		: bsearch(&key, is_four ? a->by_four : a->by_six, a->twin_count,
			  sizeof(key), is_four ? compare_four : compare_six);
	return !t ? NULL : is_four ? &t->six : &t->four;
}

/* ---- streams ---- */

/* Of contacts at real hosts, which are most rows by far, only what decides and counts
 * them. Statements are kept by their text: that of a stream must not be that of a
 * look-up beside it. */
#define REAL_COLUMNS "began, last, client, width, earlier, answered, clean, hosts, visits"
#define STREAM_SQL(columns, kind)                                                        \
	"SELECT " columns " FROM run WHERE kind = " kind                                 \
	" AND grp = ?1 AND client >= ?2 ORDER BY client, began"
#define CLIENT_SQL(columns)                                                              \
	"SELECT " columns " FROM run WHERE kind = ?3 AND grp = ?1 AND client = ?2 "      \
	"ORDER BY began"

static const char *const stream_sql[] = {
	[RUN_REAL] = STREAM_SQL(REAL_COLUMNS, "1"),
	[RUN_LATE] = STREAM_SQL(REAL_COLUMNS, "2"),
	[RUN_DECOY] = STREAM_SQL(DB_RUN_COLUMNS, "3"),
	[RUN_ASIDE] = STREAM_SQL(DB_RUN_COLUMNS, "4"),
};
static const char real_sql[] = CLIENT_SQL(REAL_COLUMNS);
static const char all_sql[] = CLIENT_SQL(DB_RUN_COLUMNS);

enum {
	REAL_BEGAN,
	REAL_LAST,
	CLIENT,
	WIDTH,
	EARLIER,
	ANSWERED,
	CLEAN,
	REAL_HOSTS,
	VISITS
};
enum { ALL_BEGAN = 3, ALL_LAST = 7, ALL_STOPPED_AT = 26 }; /* of DB_RUN_COLUMNS */

static bool is_real(enum run_kind kind)
{
	return kind == RUN_REAL || kind == RUN_LATE;
}

/* A moment after began; most are NULL or began itself. */
static int64_t moment(sqlite3_stmt *s, int column, int64_t began, int64_t never)
{
	int64_t after = sqlite3_column_int64(s, column);
	bool is_never = after == 0 && sqlite3_column_type(s, column) == SQLITE_NULL;
	return is_never ? never : began + after;
}

static void read_real(const struct stream *t, int64_t began, int64_t last,
		      struct run *ret_run)
{
	sqlite3_stmt *s = t->statement;
	*ret_run = (struct run){
		.kind = t->kind,
		.group = t->group,
		.client = t->client,
		.began = began,
		.width = (uint32_t)sqlite3_column_int64(s, WIDTH),
		.earlier = (uint32_t)sqlite3_column_int64(s, EARLIER),
		.answered = moment(s, ANSWERED, began, 0),
		.last = last,
		.high = MOMENT_NONE,
		.low = MOMENT_NONE,
		.accepted = MOMENT_NONE,
		.clean = moment(s, CLEAN, began, MOMENT_NONE),
		.unjudged = MOMENT_NONE,
		.hosts = (uint64_t)sqlite3_column_int64(s, REAL_HOSTS),
		.visits = (uint32_t)sqlite3_column_int64(s, VISITS),
		.depth = DEPTH_CONNECT,
		.told = TOLD_NONE,
	};
}

/* All that may have to do with a walk of the period; of decoy runs also what was once
 * called stopped before it. */
static bool is_wanted(const struct walks *w, const struct stream *t, int64_t began,
		      int64_t last)
{
	if (began >= w->until)
		return false;
	return last >= w->since ||
	       (t->kind == RUN_DECOY && w->what->earlier &&
		sqlite3_column_type(t->statement, ALL_STOPPED_AT) != SQLITE_NULL);
}

static void take_row(struct walks *w, const struct stream *t)
{
	sqlite3_stmt *s = t->statement;
	bool is_short = is_real(t->kind);
	int64_t began = sqlite3_column_int64(s, is_short ? REAL_BEGAN : ALL_BEGAN);
	int64_t last = began + sqlite3_column_int64(s, is_short ? REAL_LAST : ALL_LAST);
	if (!is_wanted(w, t, began, last))
		return;
	struct run *r = run_list_room(&w->runs);
	if (is_short)
		read_real(t, began, last, r);
	else
		db_read_run(s, r);
}

static int step_stream(struct walks *w, struct stream *t, struct error *e)
{
	int rc = db_step(w->ask->db, t->statement, e);
	t->has_row = rc == 1;
	if (t->has_row)
		t->client = db_addr(t->statement, CLIENT);
	w->rows++;
	return rc < 0 ? rc : 0;
}

static int open_streams(struct walks *w, struct addr from, struct error *e)
{
	int rc = 0;
	w->rows = 0;
	for (size_t i = 0; rc == 0 && i < w->stream_count; i++) {
		struct stream *t = &w->streams[i];
		(void)sqlite3_reset(t->statement);
		db_set(t->statement, DB(t->group), DB(from));
		rc = step_stream(w, t, e);
	}
	return rc;
}

static void end_streams(struct walks *w)
{
	for (size_t i = 0; i < w->stream_count; i++)
		(void)sqlite3_reset(w->streams[i].statement);
}

/* Most groups have no kin: their statements are the journal's, prepared once. */
static int prepare_stream(struct walks *w, struct stream *t, struct error *e)
{
	sqlite3 *db = db_sqlite(w->ask->db);
	if (w->stream_count < KINDS)
		t->statement = db_statement(w->ask->db, stream_sql[t->kind]);
	else if (sqlite3_prepare_v2(db, stream_sql[t->kind], -1, &t->statement, NULL) !=
		 SQLITE_OK)
		return db_error(w->ask->db, sqlite3_extended_errcode(db), e);
	w->stream_count++;
	return 0;
}

static int prepare_streams(struct walks *w, struct error *e)
{
	uint16_t kin[SITE_MAX_KIN];
	size_t kin_count = sites_kin(&w->ask->sites, w->group, kin);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < KINDS * kin_count; i++) {
		struct stream *t = &w->streams[w->stream_count];
		*t = (struct stream){ .kind = (enum run_kind)(RUN_REAL + i % KINDS),
				      .group = kin[i / KINDS] };
		rc = prepare_stream(w, t, e);
	}
	return rc;
}

static void drop_streams(struct walks *w)
{
	end_streams(w);
	for (size_t i = KINDS; i < w->stream_count; i++)
		(void)sqlite3_finalize(w->streams[i].statement); /* told by its step */
}

static bool least_client(const struct walks *w, struct addr *ret_client)
{
	bool has_any = false;
	for (size_t i = 0; i < w->stream_count; i++) {
		const struct stream *t = &w->streams[i];
		if (t->has_row &&
		    (!has_any || addr_compare(t->client, *ret_client) < 0)) {
			*ret_client = t->client;
			has_any = true;
		}
	}
	return has_any;
}

/* The client's rows; the streams go behind them. */
static int take_client(struct walks *w, struct addr client, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < w->stream_count; i++) {
		struct stream *t = &w->streams[i];
		while (rc == 0 && t->has_row && addr_equal(t->client, client)) {
			take_row(w, t);
			rc = step_stream(w, t, e);
		}
	}
	return rc;
}

/* The other address's rows, which the streams have passed or not reached. */
static int look_up_client(struct walks *w, struct addr client, size_t *ret_count,
			  struct error *e)
{
	size_t before = w->runs.count;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < w->stream_count; i++) {
		struct stream t = w->streams[i];
		t.statement = db_query(w->ask->db, is_real(t.kind) ? real_sql : all_sql,
				       DB(t.group), DB(client), DB(t.kind));
		rc = step_stream(w, &t, e);
		while (rc == 0 && t.has_row) {
			take_row(w, &t);
			rc = step_stream(w, &t, e);
		}
		db_done(t.statement);
	}
	*ret_count = w->runs.count - before;
	return rc;
}

/* ---- one sender ---- */

static int compare_mains(const void *a, const void *b)
{
	const struct client_order *x = a, *y = b;
	int by_run = (x->run > y->run) - (x->run < y->run);
	return x->began != y->began ? (x->began > y->began) - (x->began < y->began)
				    : by_run;
}

static bool is_over_before(const struct walks *w, const struct run *r)
{
	return r->last < w->what->since;
}

static size_t find_mains(struct walks *w)
{
	size_t count = 0;
	if (w->main_cap < w->runs.count) {
		w->main_cap = 2 * w->runs.count;
		w->mains = xrealloc(w->mains, w->main_cap, sizeof(*w->mains));
	}
	bool has_decoy = false;
	for (size_t i = 0; i < w->runs.count; i++)
		has_decoy |= w->runs.at[i].kind == RUN_DECOY;
	for (size_t i = 0; i < w->runs.count; i++) {
		const struct run *r = &w->runs.at[i];
		bool is_main =
		    r->kind == RUN_DECOY ||
		    (r->kind == RUN_REAL &&
		     !(has_decoy && ask_is_part(r, w->runs.at, w->runs.count)));
		if (is_main && sites_group(&w->ask->sites, r->group) == w->group)
			w->mains[count++] = (struct client_order){ i, r->began };
	}
	if (count > 1)
		qsort(w->mains, count, sizeof(*w->mains), compare_mains);
	return count;
}

/* Once called stopped, over before the period: as told. */
static int tell_earlier(struct walks *w, const struct sender *who, size_t count)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && w->what->earlier && i < count; i++) {
		const struct run *r = &w->runs.at[w->mains[i].run];
		if (r->told.stopped_at == 0 || !is_over_before(w, r))
			continue;
		struct walk walk;
		walk_of(r, NULL, 0, &walk);
		struct ask_walk told = { .walk = &walk,
					 .runs = r,
					 .run_count = 1,
					 .sender = who,
					 .verdict = ask_told_verdict(r, w->group),
					 .told = r->told };
		rc = w->what->earlier(w->what->arg, &told);
	}
	return rc;
}

static int tell_walks(struct walks *w, const struct sender *who, size_t count,
		      struct error *e)
{
	int64_t since = w->what->since, until = w->what->until;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct ask_walk told;
		struct ask_main m = { .main = &w->runs.at[w->mains[i].run],
				      .who = who,
				      .runs = w->runs.at,
				      .run_count = w->runs.count,
				      .view = w->view,
				      .may_be_told = w->is_swept };
		bool may_overlap =
		    m.main->began < until && m.main->last + RUN_GAP + RUN_REACH >= since;
		if (!may_overlap)
			continue;
		rc = ask_decide(w->ask, &m, &told, e);
		if (rc == 0 && told.walk->last >= since)
			rc = w->what->walk(w->what->arg, &told);
	}
	return rc;
}

static int tell_asides(struct walks *w)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && w->what->aside && i < w->runs.count; i++) {
		const struct run *r = &w->runs.at[i];
		if (r->kind == RUN_ASIDE && r->began < w->what->until &&
		    r->last >= w->what->since)
			rc = w->what->aside(w->what->arg, r);
	}
	return rc;
}

/* What was told and is not to be asked again needs no name, unless somebody is at risk.
 */
static bool needs_name(const struct walks *w, const struct run *r)
{
	const struct told *t = &r->told;
	return r->kind == RUN_DECOY && (t->tier != TIER_NONE || t->missing ||
					!ask_is_told(w->ask, r, w->view, w->is_swept));
}

static int tell_sender(struct walks *w, struct addr client, const struct addr *twin,
		       struct error *e)
{
	struct sender who = { .clients = { client }, .count = 1 };
	bool is_named = twin != NULL;
	for (size_t i = 0; !is_named && i < w->runs.count; i++)
		is_named = needs_name(w, &w->runs.at[i]);
	int rc = is_named ? sender_find(&w->ask->lookup, client, &who, e) : 0;
	size_t count = find_mains(w);
	if (rc == 0)
		rc = tell_earlier(w, &who, count);
	if (rc == 0)
		rc = tell_walks(w, &who, count, e);
	if (rc == 0)
		rc = tell_asides(w);
	return rc;
}

static int next_sender(struct walks *w, struct addr client, struct error *e)
{
	const struct addr *twin = twin_of(w->ask, client);
	size_t of_twin = 0;
	w->runs.count = 0;
	int rc = take_client(w, client, e);
	if (rc == 0 && twin)
		rc = look_up_client(w, *twin, &of_twin, e);
	/* Told with its lesser address, if that has runs. */
	bool is_told = twin && of_twin > 0 && addr_compare(*twin, client) < 0;
	return rc != 0 || is_told ? rc : tell_sender(w, client, twin, e);
}

/* ---- the group ---- */

static int find_swept(struct walks *w, struct error *e)
{
	uint16_t kin[SITE_MAX_KIN];
	size_t kin_count = sites_kin(&w->ask->sites, w->group, kin);
	int rc = 0;
	w->is_swept = true;
	for (size_t i = 0; rc >= 0 && i < kin_count; i++) {
		sqlite3_stmt *s =
		    db_query(w->ask->db, "SELECT swept < resweep FROM grp WHERE id = ?1",
			     DB(kin[i]));
		rc = db_step(w->ask->db, s, e);
		if (rc == 1)
			w->is_swept &= sqlite3_column_int(s, 0) == 0;
		db_done(s);
	}
	return rc < 0 ? rc : 0;
}

static int begin_slice(struct walks *w, struct addr from, struct error *e)
{
	int rc = coverage_view(w->ask->coverage, w->group, w->ask->now, &w->view, e);
	if (rc == 0)
		rc = find_swept(w, e);
	return rc == 0 ? open_streams(w, from, e) : rc;
}

static int next_slice(struct walks *w, struct addr last, bool *ret_has_more,
		      struct error *e)
{
	*ret_has_more = addr_next(&last);
	end_streams(w);
	int rc = ask_renew(w->ask, e);
	return rc == 0 && *ret_has_more ? begin_slice(w, last, e) : rc;
}

static int read_all(struct walks *w, struct error *e)
{
	struct addr client = { { 0 } };
	bool has_more = true;
	int rc = begin_slice(w, client, e);
	while (rc == 0 && has_more && least_client(w, &client)) {
		rc = next_sender(w, client, e);
		if (rc == 0 && w->rows >= ASK_SLICE)
			rc = next_slice(w, client, &has_more, e);
	}
	return rc;
}

int ask_walks(struct ask *a, uint16_t group, const struct ask_stream *s, struct error *e)
{
	struct walks *w = xcalloc(1, sizeof(*w));
	w->ask = a;
	w->what = s;
	w->group = group;
	w->since = s->since < INT64_MIN + BEFORE ? s->since : s->since - BEFORE;
	w->until = s->until > INT64_MAX - BEHIND ? s->until : s->until + BEHIND;
	int rc = ask_begin(a, e);
	if (rc != 0) {
		free(w);
		return rc;
	}
	rc = prepare_streams(w, e);
	if (rc == 0)
		rc = load_twins(a, e);
	if (rc == 0)
		rc = read_all(w, e);
	drop_streams(w);
	ask_end(a);
	run_list_release(&w->runs);
	free(w->mains);
	free(w);
	return rc;
}
