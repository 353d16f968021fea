/* Every row that listed.c's find_obstacle() could be told of makes its client loud. */
#include "journal/ask/near.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
	GROUPS = 64,       /* more sites, and a list is rather looked up */
	LEAST = 1024,      /* rows, of a small window, too */
	PAUSE_MOST = 64,   /* windows; it doubles with each that has too many rows */
	RUNS_MOST = 64,    /* of one client, at decoys and aside */
	VISITS_MOST = 100, /* of one client: below what makes a NAT (proof.c) */
	TELLERS_MOST = 100000,
	TELLERS_KEPT = 8, /* of one envelope (take/envelope.c): whose list is full, has
			   * lost some */
	ADDR_BYTES = 16,
};

static void add(struct near_clients *c, struct addr a)
{
	if (c->count && addr_equal(c->at[c->count - 1], a))
		return;
	c->at = xroom(c->at, c->count, &c->cap, sizeof(*c->at));
	c->at[c->count++] = a;
}

static void sort(struct near_clients *c)
{
	if (c->count)
		qsort(c->at, c->count, sizeof(*c->at), addr_compare_any);
}

/* Is one of them in [low, high]? */
static bool has_between(const struct near_clients *c, struct addr low, struct addr high)
{
	size_t from = 0, to = c->count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (addr_compare(c->at[middle], low) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from < c->count && addr_compare(c->at[from], high) <= 0;
}

/* ---- once a list ---- */

/* Whom a decoy was told a message by that came to a real host over the other family. */
static int read_tellers(struct near *n, struct error *e)
{
	sqlite3_stmt *s =
	    db_statement(n->q->db, "SELECT told_by FROM envelope "
				   "INDEXED BY envelope_otherwise WHERE " DB_OTHERWISE);
	int rc;
	while ((rc = db_step(n->q->db, s, e)) == 1 && n->is_usable) {
		const uint8_t *at = sqlite3_column_blob(s, 0);
		size_t count = at ? (size_t)sqlite3_column_bytes(s, 0) / ADDR_BYTES : 0;
		n->is_usable =
		    count > 0 && count < TELLERS_KEPT && n->tellers.count < TELLERS_MOST;
		for (size_t i = 0; i < count; i++) {
			struct addr a;
			for (size_t b = 0; b < ADDR_BYTES; b++)
				a.bytes[b] = at[i * ADDR_BYTES + b];
			add(&n->tellers, a);
		}
	}
	db_done(s);
	sort(&n->tellers);
	return rc < 0 ? rc : 0;
}

static bool has_kin(const struct sites *sites)
{
	uint16_t kin[SITE_MAX_KIN];
	for (size_t i = 0; i < sites->count; i++)
		if (sites_kin(sites, sites_group(sites, sites->all[i].id), kin) != 1)
			return true;
	return false;
}

static int look_whether_names_are_allowed(struct near *n, struct error *e)
{
	struct prefix p;
	sqlite3_stmt *s = db_statement(n->q->db, "SELECT text FROM allow");
	int rc;
	while ((rc = db_step(n->q->db, s, e)) == 1)
		n->allows_names |= !prefix_parse(db_text(s, 0), &p);
	db_done(s);
	return rc;
}

int near_begin(struct near *n, struct lookup *q, struct error *e)
{
	*n = (struct near){ .q = q };
	n->is_usable = q->sites->count <= GROUPS && !has_kin(q->sites);
	int rc = n->is_usable ? look_whether_names_are_allowed(n, e) : 0;
	if (rc == 0 && n->is_usable)
		rc = read_tellers(n, e);
	if (rc != 0)
		near_release(n);
	return rc;
}

void near_release(struct near *n)
{
	free(n->loud.at);
	free(n->contacts.at);
	free(n->tellers.at);
	*n = (struct near){ .q = NULL };
}

/* ---- a window ---- */

static bool take_row(struct near *n)
{
	if (n->left == 0)
		n->is_known = false;
	else
		n->left--;
	return n->is_known;
}

/* The clients that `sql` selects between two addresses. */
static int read_clients(struct near *n, const char *sql, struct addr low,
			struct addr high, uint16_t group, struct near_clients *ret,
			struct error *e)
{
	int rc = 0;
	sqlite3_stmt *s = db_query(n->q->db, sql, DB(low), DB(high), DB(group));
	while (n->is_known && (rc = db_step(n->q->db, s, e)) == 1 && take_row(n))
		add(ret, db_addr(s, 0));
	db_done(s);
	return rc < 0 ? rc : 0;
}

/* An unconfirmed name says nothing; a generic one names a pool only if others have it,
 * and pardons only if the allow list has names. SPF that passed speaks for its client. */
#define NAMED                                                                            \
	"SELECT client FROM name WHERE client BETWEEN ?1 AND ?2 AND "                    \
	"confirmed_at IS NOT NULL AND (generic = 0 OR ?3 OR EXISTS (SELECT 1 FROM "      \
	"name other WHERE other.name = name.name AND other.client <> name.client)) "     \
	"UNION ALL SELECT client FROM spf WHERE client BETWEEN ?1 AND ?2"
#define IN_GROUP " AND grp = ?3 AND client BETWEEN ?1 AND ?2"
#define CONTACTS                                                                         \
	"SELECT client FROM run WHERE kind = 1" IN_GROUP " UNION ALL "                   \
	"SELECT client FROM run WHERE kind = 2" IN_GROUP

/* Of one client, runs that are together: read_sums() adds them up. */
struct near_sum {
	struct addr client;
	size_t runs, visits;
	bool is_told; /* it may have been good, and that was told */
};

static void end_sum(struct near *n, const struct near_sum *s)
{
	if (s->is_told || s->runs > RUNS_MOST || s->visits > VISITS_MOST)
		add(&n->loud, s->client);
}

#define OTHERS                                                                           \
	"SELECT client, visits, told >> 8 & 15 FROM run WHERE kind = 3" IN_GROUP         \
	" UNION ALL SELECT client, 0, 0 FROM run WHERE kind = 4" IN_GROUP

static int read_sums(struct near *n, uint16_t group, struct error *e)
{
	sqlite3_stmt *s =
	    db_query(n->q->db, OTHERS, DB(n->first), DB(n->last), DB(group));
	struct near_sum sum = { .runs = 0 };
	int rc = 0;
	while (n->is_known && (rc = db_step(n->q->db, s, e)) == 1 && take_row(n)) {
		struct addr client = db_addr(s, 0);
		if (!addr_equal(client, sum.client)) {
			end_sum(n, &sum);
			sum = (struct near_sum){ .client = client };
		}
		sum.runs++;
		sum.visits += (size_t)sqlite3_column_int64(s, 1);
		sum.is_told |= sqlite3_column_int(s, 2) != TIER_NONE;
	}
	end_sum(n, &sum);
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int read_group(struct near *n, uint16_t group, struct error *e)
{
	struct addr low, high, none;
	prefix_pool_range(n->first, &low, &none);
	prefix_pool_range(n->last, &none, &high);
	int rc = read_clients(n, CONTACTS, low, high, group, &n->contacts, e);
	return rc == 0 ? read_sums(n, group, e) : rc;
}

static int read_groups(struct near *n, struct error *e)
{
	const struct sites *all = n->q->sites;
	int rc = 0;
	for (size_t i = 0; rc == 0 && n->is_known && i < all->count; i++)
		if (sites_group(all, all->all[i].id) == all->all[i].id)
			rc = read_group(n, all->all[i].id, e);
	return rc;
}

int near_read(struct near *n, struct addr first, struct addr last, size_t count,
	      struct error *e)
{
	n->is_known = n->is_usable && n->pause == 0;
	n->pause -= n->pause > 0;
	if (!n->is_known)
		return 0;
	n->first = first;
	n->last = last;
	n->left = LEAST + NEAR_EACH * count;
	n->loud.count = n->contacts.count = 0;
	int rc = read_clients(n, NAMED, first, last, n->allows_names, &n->loud, e);
	if (rc == 0)
		rc = read_groups(n, e);
	n->failures = n->is_known ? 0 : n->failures + 1;
	if (n->failures > 1)
		n->pause = n->failures < 7 ? 1U << (n->failures - 1) : PAUSE_MOST;
	sort(&n->loud);
	sort(&n->contacts);
	n->is_known &= rc == 0;
	return rc;
}

bool near_is_quiet(const struct near *n, struct addr client)
{
	struct addr low, high;
	if (!n->is_known || addr_compare(client, n->first) < 0 ||
	    addr_compare(client, n->last) > 0)
		return false;
	prefix_pool_range(client, &low, &high);
	return !has_between(&n->contacts, low, high) &&
	       !has_between(&n->loud, client, client) &&
	       !has_between(&n->tellers, client, client);
}
