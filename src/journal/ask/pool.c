#include "journal/ask/pool.h"

#include <string.h>

static struct pool_run read_pool_run(sqlite3_stmt *s)
{
	int64_t began = sqlite3_column_int64(s, 1);
	return (struct pool_run){ .client = db_addr(s, 0),
				  .from = began - sqlite3_column_int64(s, 2),
				  .to = began + sqlite3_column_int64(s, 3),
				  .accepted = db_moment(s, 4),
				  .hosts = (uint64_t)sqlite3_column_int64(s, 5) };
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
	    q->db,
	    "SELECT client, began, earlier, last, began + accepted, hosts FROM run "
	    "WHERE kind = ?1 AND grp = ?2 AND (client, began) >= (?3, ?4) "
	    "AND client <= ?5 ORDER BY client, began");
	int rc = 1;
	while (rc == 1 && !p->is_over && !p->too_many) {
		(void)sqlite3_reset(s); /* its error was told by the step */
		db_set(s, DB(kind), DB(group), DB(at.client), DB(at.began), DB(high));
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

static sqlite3_stmt *names_of_pool(struct lookup *q, const struct sender *who)
{
	return db_query(q->db,
			who->is_generic ? "SELECT client " NAMES_OF_GENERIC " LIMIT ?3"
					: "SELECT client " NAMES_OF_POOL " LIMIT ?3",
			DB(who->domain), DB(who->name), DB(LOOKUP_MOST + 1));
}

static int pool_client(struct lookup *q, enum run_kind kind, uint16_t group,
		       struct addr client, struct pool *p, struct error *e)
{
	sqlite3_stmt *s = db_query(
	    q->db,
	    "SELECT client, began, earlier, last, began + accepted, hosts FROM run "
	    "WHERE kind = ?1 AND grp = ?2 AND client = ?3 "
	    "AND began BETWEEN ?4 AND ?5",
	    DB(kind), DB(group), DB(client), DB(p->met.since - RUN_REACH),
	    DB(p->met.until));
	int rc = 1;
	while (!p->is_over && !p->too_many && (rc = db_step(q->db, s, e)) == 1) {
		p->too_many = ++p->rows > LOOKUP_MOST;
		struct pool_run r = read_pool_run(s);
		pool_tell(p, &r);
	}
	db_done(s);
	return rc < 0 ? rc : 0;
}

/* Most often it is the sender's own name alone, and there is nothing more to look for. */
static int pool_names(struct lookup *q, const uint16_t *kin, size_t kin_count,
		      struct pool *p, struct error *e)
{
	sqlite3_stmt *s = names_of_pool(q, p->who);
	size_t names = 0;
	int rc;
	p->rows = 0;
	while ((rc = db_step(q->db, s, e)) == 1 && !p->is_over && !p->too_many) {
		struct addr client = db_addr(s, 0);
		p->too_many = ++names > LOOKUP_MOST;
		if (p->too_many || sender_is(p->who, client))
			continue;
		for (size_t i = 0; rc >= 0 && !p->is_over && i < 2 * kin_count; i++)
			rc = pool_client(q, i % 2 ? RUN_LATE : RUN_REAL, kin[i / 2],
					 client, p, e);
		if (rc < 0)
			break;
	}
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
	if (rc == 0 && has_domain && !p->is_over)
		rc = pool_names(q, kin, kin_count, p, e);
	return rc;
}
