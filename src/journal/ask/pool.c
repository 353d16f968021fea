#include "journal/ask/pool.h"

#include <string.h>

static struct pool_run read_pool_run(sqlite3_stmt *s)
{
	int64_t began = sqlite3_column_int64(s, 1);
	return (struct pool_run){ .client = db_addr(s, 0),
				  .from = began - sqlite3_column_int64(s, 2),
				  .to = began + sqlite3_column_int64(s, 3),
				  .accepted = db_moment(s, 4) };
}

static void pool_tell(struct pool *p, const struct pool_run *r)
{
	if (r->from <= p->met.until && r->to >= p->met.since)
		p->is_over = !p->fn(p->arg, r);
}

/* Where to seek after a row: the loop skips what is too old, too new or its own. */
struct pool_seek {
	struct addr client;
	int64_t began;
};

static bool pool_skip(const struct pool *p, struct addr client, int64_t began,
		      struct pool_seek *to)
{
	to->client = client;
	if (sender_is(p->who, client) || began > p->met.until) {
		to->began = INT64_MIN;
		return addr_next(&to->client);
	}
	to->began = p->met.since - RUN_REACH;
	return began < to->began;
}

/* The addresses of a /24 or /64, seeking over what lies outside the span: a reader of
 * all its runs would read months of a busy neighbour. */
static int pool_range(struct lookup *q, enum run_kind kind, uint16_t group,
		      struct addr low, struct addr high, struct pool *p, struct error *e)
{
	struct pool_seek at = { low, INT64_MIN };
	sqlite3_stmt *s = db_statement(
	    q->db, "SELECT client, began, earlier, last, began + accepted FROM run "
		   "WHERE kind = ?1 AND grp = ?2 AND (client, began) >= (?3, ?4) "
		   "AND client <= ?5 ORDER BY client, began");
	int rc = 1;
	while (rc == 1 && !p->is_over && !p->too_many) {
		(void)sqlite3_reset(s); /* its error was told by the step */
		(void)sqlite3_bind_int(s, 1, kind);
		(void)sqlite3_bind_int(s, 2, group);
		db_bind_addr(s, 3, at.client);
		(void)sqlite3_bind_int64(s, 4, at.began);
		db_bind_addr(s, 5, high);
		while ((rc = db_step(q->db, s, e)) == 1) {
			p->too_many = ++p->rows > LOOKUP_MOST;
			struct addr client = db_addr(s, 0);
			if (p->too_many ||
			    pool_skip(p, client, sqlite3_column_int64(s, 1), &at))
				break;
			struct pool_run r = read_pool_run(s);
			pool_tell(p, &r);
			if (p->is_over)
				break;
		}
	}
	db_done(s);
	return rc < 0 ? rc : 0;
}

/* The clients whose names share the domain; of a generic name, the name: a provider has
 * a million of its domain. */
#define NAMES_OF_POOL "FROM name INDEXED BY name_domain WHERE domain = ?1 AND generic = 0"
#define NAMES_OF_GENERIC                                                                 \
	"FROM name INDEXED BY name_name WHERE name = ?2 AND domain = ?1 AND generic = 1"
#define RUNS_OF_NAMES(names)                                                             \
	"SELECT r.client, r.began, r.earlier, r.last, r.began + r.accepted "             \
	"FROM (SELECT client " names " LIMIT ?3) AS n "                                  \
	"CROSS JOIN run AS r ON r.kind = ?4 AND r.grp = ?5 AND r.client = n.client "     \
	"AND r.began BETWEEN ?6 AND ?7"

static void bind_name(sqlite3_stmt *s, const struct sender *who)
{
	(void)sqlite3_bind_text(s, 1, who->domain, -1, SQLITE_STATIC);
	if (who->is_generic)
		(void)sqlite3_bind_text(s, 2, who->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int(s, 3, LOOKUP_MOST);
}

static int pool_domain(struct lookup *q, enum run_kind kind, uint16_t group,
		       struct pool *p, struct error *e)
{
	sqlite3_stmt *s = p->who->is_generic
			      ? db_statement(q->db, RUNS_OF_NAMES(NAMES_OF_GENERIC))
			      : db_statement(q->db, RUNS_OF_NAMES(NAMES_OF_POOL));
	bind_name(s, p->who);
	(void)sqlite3_bind_int(s, 4, kind);
	(void)sqlite3_bind_int(s, 5, group);
	(void)sqlite3_bind_int64(s, 6, p->met.since - RUN_REACH);
	(void)sqlite3_bind_int64(s, 7, p->met.until);
	int rc = 1;
	while (!p->is_over && !p->too_many && (rc = db_step(q->db, s, e)) == 1) {
		p->too_many = ++p->rows > LOOKUP_MOST;
		struct pool_run r = read_pool_run(s);
		if (!sender_is(p->who, db_addr(s, 0)))
			pool_tell(p, &r);
	}
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int pool_has_many_names(struct lookup *q, struct pool *p, struct error *e)
{
	sqlite3_stmt *s =
	    p->who->is_generic
		? db_statement(q->db, "SELECT 1 " NAMES_OF_GENERIC " LIMIT 1 OFFSET ?3")
		: db_statement(q->db, "SELECT 1 " NAMES_OF_POOL " LIMIT 1 OFFSET ?3");
	bind_name(s, p->who);
	int rc = db_step(q->db, s, e);
	p->too_many |= rc == 1;
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int pool_prefixes(struct lookup *q, enum run_kind kind, uint16_t group,
			 struct pool *p, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && !p->is_over && i < p->who->count; i++) {
		struct addr low, high;
		prefix_pool_range(p->who->clients[i], &low, &high);
		p->rows = 0;
		rc = pool_range(q, kind, group, low, high, p, e);
	}
	return rc;
}

/* Each run of the pool at real hosts, told late or not, without the sender itself. */
int pool_each(struct lookup *q, uint16_t group, struct pool *p, struct error *e)
{
	uint16_t kin[SITE_MAX_KIN];
	size_t kin_count = sites_kin(q->sites, group, kin);
	bool has_domain = p->who->is_confirmed && p->who->domain[0];
	int rc = 0;
	for (size_t i = 0; rc == 0 && !p->is_over && i < 2 * kin_count; i++)
		rc = pool_prefixes(q, i % 2 ? RUN_LATE : RUN_REAL, kin[i / 2], p, e);
	p->rows = 0;
	for (size_t i = 0; rc == 0 && has_domain && !p->is_over && i < 2 * kin_count; i++)
		rc = pool_domain(q, i % 2 ? RUN_LATE : RUN_REAL, kin[i / 2], p, e);
	if (rc == 0 && has_domain && !p->is_over)
		rc = pool_has_many_names(q, p, e);
	return rc;
}
