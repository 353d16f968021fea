#include "journal/take/slot.h"

enum { TROUBLE_VISITS = 20, TROUBLE_SHARE = 5 /* one of so many visits is bad */ };

int64_t slot_of(int64_t t)
{
	return t - t % SLOT_FIVE;
}

int slot_add(struct db *db, const struct slot *more, struct error *e)
{
	return db_change(
	    db, e,
	    "INSERT INTO slot(host, five, visits, accepted, refused, unknown_rcpt, "
	    "deferred, aborted, spam, bad, late, unkept) VALUES "
	    "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12) ON CONFLICT(host, five) DO "
	    "UPDATE SET visits = visits + ?3, accepted = accepted + ?4, "
	    "refused = refused + ?5, unknown_rcpt = unknown_rcpt + ?6, "
	    "deferred = deferred + ?7, aborted = aborted + ?8, spam = spam + ?9, "
	    "bad = bad + ?10, late = late + ?11, unkept = unkept + ?12",
	    DB(more->host), DB(more->five), DB(more->visits), DB(more->accepted),
	    DB(more->refused), DB(more->unknown_rcpt), DB(more->deferred),
	    DB(more->aborted), DB(more->spam), DB(more->bad), DB(more->late),
	    DB(more->unkept));
}

int slot_refused(struct db *db, uint16_t host, int64_t time, struct addr client,
		 struct error *e)
{
	return db_change(db, e,
			 "INSERT INTO refusal(host, five, client, count) VALUES "
			 "(?1, ?2, ?3, 1) ON CONFLICT DO UPDATE SET "
			 "count = count + 1",
			 DB(host), DB(slot_of(time)), DB(client));
}

/* Of the refused of five minutes, how many had mail accepted within 90 days before. */
static int count_bad(struct db *db, const struct sites *all, const struct host_place *h,
		     int64_t five, struct error *e)
{
	return db_change(
	    db, e,
	    "UPDATE slot SET bad = (SELECT coalesce(sum(count), 0) FROM refusal f WHERE "
	    "host = ?1 AND five = ?2 AND EXISTS (SELECT 1 FROM run WHERE kind = 1 AND "
	    "grp IN (SELECT id FROM site WHERE kin = (SELECT kin FROM site WHERE "
	    "id = ?3)) AND client = f.client AND began BETWEEN ?4 - 86400000000 AND ?2 "
	    "AND began + accepted >= ?4 AND began + accepted < ?2)) "
	    "WHERE host = ?1 AND five = ?2",
	    DB(h->host), DB(five), DB(h->group), DB(five - all->rules.known_window));
}

/* Visits told in time of the ten minutes from `five` on, the refused, and the bad. */
struct ten {
	int64_t visits, refused, bad;
};

static int read_ten(struct db *db, uint16_t host, int64_t five, struct ten *ret,
		    struct error *e)
{
	sqlite3_stmt *s = db_query(
	    db,
	    "SELECT sum(visits - late), sum(bad), (SELECT sum(count) FROM refusal WHERE "
	    "host = ?1 AND five BETWEEN ?2 AND ?3) FROM slot WHERE host = ?1 AND five "
	    "BETWEEN ?2 AND ?3",
	    DB(host), DB(five), DB(five + SLOT_FIVE));
	int rc = db_step(db, s, e);
	*ret = (struct ten){ sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 2),
			     sqlite3_column_int64(s, 1) };
	db_done(s);
	return rc < 0 ? rc : 0;
}

struct judge {
	struct db *db;
	const struct sites *sites;
	const struct host_place *h;
	slot_trouble_fn fn;
	void *arg;
};

static bool is_trouble(int64_t visits, int64_t bad)
{
	return visits >= TROUBLE_VISITS && bad * TROUBLE_SHARE >= visits;
}

/* Most have nothing to show: look-ups only where all the refused would be too many. */
static int judge_ten(struct judge *j, int64_t five, struct error *e)
{
	struct ten ten;
	int rc = read_ten(j->db, j->h->host, five, &ten, e);
	if (rc != 0 || !is_trouble(ten.visits, ten.refused))
		return rc;
	rc = count_bad(j->db, j->sites, j->h, five, e);
	if (rc == 0)
		rc = count_bad(j->db, j->sites, j->h, five + SLOT_FIVE, e);
	if (rc == 0)
		rc = read_ten(j->db, j->h->host, five, &ten, e);
	if (rc != 0 || !is_trouble(ten.visits, ten.bad))
		return rc;
	return j->fn(j->arg, j->h, five, e);
}

/* The first five minutes with a refused visit from `five` on; INT64_MAX. */
static int next_refusal(struct db *db, uint16_t host, int64_t five, int64_t *ret,
			struct error *e)
{
	sqlite3_stmt *s =
	    db_query(db, "SELECT min(five) FROM refusal WHERE host = ?1 AND five >= ?2",
		     DB(host), DB(five));
	int rc = db_step(db, s, e);
	int64_t found = rc > 0 ? db_moment(s, 0) : MOMENT_NONE;
	*ret = found == MOMENT_NONE ? INT64_MAX : found;
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int drop_refusals(struct db *db, uint16_t host, int64_t before, struct error *e)
{
	return db_change(db, e, "DELETE FROM refusal WHERE host = ?1 AND five < ?2",
			 DB(host), DB(before));
}

/* Five minutes with a refused visit are the second and the first half of ten. */
int slot_judge(struct db *db, const struct sites *all, const struct host_place *h,
	       int64_t from, int64_t limit, slot_trouble_fn fn, void *arg,
	       struct error *e)
{
	struct judge j = { db, all, h, fn, arg };
	int64_t five = 0;
	int rc = next_refusal(db, h->host, from, &five, e);
	if (rc != 0 || five == INT64_MAX)
		return rc;
	while (rc == 0 && five <= limit) {
		if (five - SLOT_FIVE >= from)
			rc = judge_ten(&j, five - SLOT_FIVE, e);
		if (rc == 0 && five < limit)
			rc = judge_ten(&j, five, e);
		if (rc == 0)
			rc = next_refusal(db, h->host, five + SLOT_FIVE, &five, e);
	}
	return rc == 0 ? drop_refusals(db, h->host, limit, e) : rc;
}

int slot_last_visit(struct db *db, uint16_t host, int64_t before, int64_t *ret_five,
		    struct error *e)
{
	sqlite3_stmt *s = db_query(db,
				   "SELECT max(five) FROM slot WHERE host = ?1 "
				   "AND five < ?2 AND visits > 0",
				   DB(host), DB(slot_of(before)));
	int rc = db_step(db, s, e);
	int64_t found = rc > 0 ? db_moment(s, 0) : MOMENT_NONE;
	*ret_five = found == MOMENT_NONE ? before : found;
	db_done(s);
	return rc < 0 ? rc : 0;
}
