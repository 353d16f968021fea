#include "journal/ask/sender.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static int find_twin(struct lookup *q, struct sender *who, struct error *e)
{
	sqlite3_stmt *s =
	    db_query(q->db, "SELECT b.client FROM " DB_TWINS " AND a.client = ?1",
		     DB(who->clients[0]));
	int rc = db_step(q->db, s, e);
	if (rc == 1)
		who->clients[who->count++] = db_addr(s, 0);
	db_done(s);
	return rc < 0 ? rc : 0;
}

int sender_find(struct lookup *q, struct addr client, struct sender *ret_sender,
		struct error *e)
{
	*ret_sender = (struct sender){ .clients = { client }, .count = 1 };
	sqlite3_stmt *s = db_query(q->db,
				   "SELECT name, domain, generic, confirmed_at "
				   "FROM name WHERE client = ?1",
				   DB(client));
	int rc = db_step(q->db, s, e);
	if (rc == 1) {
		/* Their lengths were checked when they came in. */
		(void)str_copy(ret_sender->name, sizeof(ret_sender->name), db_text(s, 0));
		(void)str_copy(ret_sender->domain, sizeof(ret_sender->domain),
			       db_text(s, 1));
		ret_sender->is_generic = sqlite3_column_int(s, 2) != 0;
		ret_sender->is_confirmed = sqlite3_column_type(s, 3) != SQLITE_NULL;
	}
	db_done(s);
	if (rc <= 0)
		return rc;
	bool may_have_twin =
	    ret_sender->is_confirmed && !ret_sender->is_generic && ret_sender->name[0];
	return may_have_twin ? find_twin(q, ret_sender, e) : 0;
}

bool allow_has(struct db *db, const struct sender *who)
{
	struct lookup q = { .db = db };
	bool is_allowed = false;
	int rc = sender_is_allowed(&q, who, &is_allowed, NULL);
	lookup_clear(&q);
	return rc == 0 && is_allowed;
}

bool sender_is(const struct sender *who, struct addr client)
{
	for (size_t i = 0; i < who->count; i++)
		if (addr_equal(who->clients[i], client))
			return true;
	return false;
}

bool run_is_contact(const struct run *r)
{
	return r->kind == RUN_REAL || r->kind == RUN_LATE;
}

struct run *run_list_room(struct run_list *l)
{
	l->at = xroom(l->at, l->count, &l->cap, sizeof(*l->at));
	return &l->at[l->count++];
}

void run_list_add(struct run_list *l, const struct run *r)
{
	*run_list_room(l) = *r;
}

void run_list_release(struct run_list *l)
{
	free(l->at);
	*l = (struct run_list){ 0 };
}

#define RUNS_OF(kind)                                                                    \
	"SELECT " DB_RUN_COLUMNS " FROM run WHERE kind = " kind                          \
	" AND grp = ?1 AND client = ?2 AND began BETWEEN ?3 AND ?4 "                     \
	"AND began + last >= ?5"

#define ALL_RUNS                                                                         \
	RUNS_OF("1")                                                                     \
	" UNION ALL " RUNS_OF("2") " UNION ALL " RUNS_OF("3") " UNION ALL " RUNS_OF("4")

/* One statement of four seeks: an IN of four would fill a table at each use. */
static int read_runs(struct lookup *q, uint16_t group, struct addr client,
		     const struct span *met, struct run_list *l, struct error *e)
{
	int64_t reach =
	    met->since < INT64_MIN + RUN_REACH ? INT64_MIN : met->since - RUN_REACH;
	int rc;
	sqlite3_stmt *s = db_query(q->db, ALL_RUNS, DB(group), DB(client), DB(reach),
				   DB(met->until), DB(met->since));
	size_t most = l->most ? l->most : LOOKUP_MOST;
	while ((rc = db_step(q->db, s, e)) == 1 && l->count < most)
		db_read_run(s, run_list_room(l));
	l->has_more |= rc == 1;
	db_done(s);
	return rc < 0 ? rc : 0;
}

int sender_runs(struct lookup *q, uint16_t group, const struct sender *who, int64_t since,
		int64_t until, struct run_list *ret_runs, struct error *e)
{
	uint16_t kin[SITE_MAX_KIN];
	size_t kin_count = sites_kin(q->sites, group, kin);
	struct span met = { since, until };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < who->count * kin_count; i++)
		rc = read_runs(q, kin[i % kin_count], who->clients[i / kin_count], &met,
			       ret_runs, e);
	return rc;
}

/* Of a name, all that lies below it. */
static bool name_is_within(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);
	if (d == 0 || n < d || strcasecmp(name + n - d, domain) != 0)
		return false;
	return n == d || name[n - d - 1] == '.';
}

static bool allows(const char *text, const struct sender *who)
{
	struct prefix p;
	if (!prefix_parse(text, &p))
		return who->is_confirmed && name_is_within(who->name, text);
	for (size_t i = 0; i < who->count; i++)
		if (prefix_has(p, who->clients[i]))
			return true;
	return false;
}

void lookup_clear(struct lookup *q)
{
	for (size_t i = 0; i < q->allowed_count; i++)
		free(q->allowed[i]);
	free(q->allowed);
	q->allowed = NULL;
	q->allowed_count = 0;
	q->has_allowed = false;
	q->day_count = q->day_next = 0;
}

static int read_allowed(struct lookup *q, struct error *e)
{
	sqlite3_stmt *s = db_statement(q->db, "SELECT text FROM allow");
	int rc;
	while ((rc = db_step(q->db, s, e)) == 1) {
		q->allowed =
		    xrealloc(q->allowed, q->allowed_count + 1, sizeof(*q->allowed));
		q->allowed[q->allowed_count++] = xstrdup(db_text(s, 0));
	}
	db_done(s);
	q->has_allowed = rc == 0;
	return rc;
}

int sender_is_allowed(struct lookup *q, const struct sender *who, bool *ret_is_allowed,
		      struct error *e)
{
	int rc = q->has_allowed ? 0 : read_allowed(q, e);
	*ret_is_allowed = false;
	for (size_t i = 0; rc == 0 && !*ret_is_allowed && i < q->allowed_count; i++)
		*ret_is_allowed = allows(q->allowed[i], who);
	return rc;
}

void sender_accepted(const struct run *runs, size_t count, int64_t at,
		     const struct rules *r, struct standing *st)
{
	int64_t since = stamp_day(at - r->known_window);
	for (size_t i = 0; i < count; i++) {
		const struct run *run = &runs[i];
		if (!run_is_contact(run) || run->began < since)
			continue;
		st->has_clean |= run->clean != MOMENT_NONE && run->clean <= at;
		st->has_unjudged |= run->unjudged != MOMENT_NONE && run->unjudged <= at;
	}
}

/* SPF is asked when a client comes, so a check of some minutes later counts too. */
static int find_spf(struct lookup *q, struct addr client, int64_t at,
		    const struct rules *r, struct standing *st, struct error *e)
{
	sqlite3_stmt *s = db_query(
	    q->db,
	    "SELECT count(*), coalesce(max(wrote_to.last >= ?2), 0) FROM "
	    "(SELECT domain, passed_at FROM spf WHERE client = ?1 LIMIT ?4) AS s "
	    "LEFT JOIN wrote_to ON wrote_to.domain = s.domain "
	    "WHERE s.passed_at BETWEEN ?2 AND ?3",
	    DB(client), DB(stamp_day(at - r->known_window)), DB(at + r->final),
	    DB(LOOKUP_MOST));
	int rc = db_step(q->db, s, e);
	if (rc == 1) {
		st->spf_passes |= sqlite3_column_int(s, 0) != 0;
		st->spf_wrote_to |= sqlite3_column_int(s, 1) != 0;
	}
	db_done(s);
	return rc < 0 ? rc : 0;
}

/* A generic name speaks for its client only where HELO says the same. */
static int find_helo(struct lookup *q, const struct sender *who, const struct run *main,
		     struct standing *st, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    q->db, "SELECT 1 FROM visit WHERE id = ?1 AND helo = ?2 COLLATE NOCASE");
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < main->id_count[0]; i++) {
		db_set(s, DB(main->first_ids[i]), DB(who->name));
		rc = db_step(q->db, s, e);
		db_done(s);
	}
	st->has_name |= rc == 1;
	return rc < 0 ? rc : 0;
}

int sender_spf(struct lookup *q, const struct sender *who, int64_t at,
	       const struct rules *r, struct standing *st, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < who->count; i++)
		rc = find_spf(q, who->clients[i], at, r, st, e);
	return rc;
}

int sender_standing(struct lookup *q, uint16_t group, const struct sender *who,
		    const struct run *main, int64_t at, const struct rules *r,
		    struct standing *ret_standing, struct error *e)
{
	struct standing st = { .has_clean = false };
	struct run_list runs = { 0 };
	int rc = sender_is_allowed(q, who, &st.is_allowed, e);
	if (rc == 0)
		rc = sender_runs(q, group, who, stamp_day(at - r->known_window), at,
				 &runs, e);
	if (rc == 0)
		rc = sender_spf(q, who, at, r, &st, e);
	sender_accepted(runs.at, runs.count, at, r, &st);
	run_list_release(&runs);
	st.has_name = who->is_confirmed && !who->is_generic;
	if (rc == 0 && main && who->is_confirmed && who->is_generic)
		rc = find_helo(q, who, main, &st, e);
	if (rc == 0)
		*ret_standing = st;
	return rc;
}

int64_t sender_learnt(struct db *db, struct addr client)
{
	sqlite3_stmt *s =
	    db_query(db, "SELECT learnt FROM name WHERE client = ?1", DB(client));
	int64_t learnt = db_step(db, s, NULL) == 1 ? sqlite3_column_int64(s, 0) : 0;
	db_done(s);
	return learnt;
}
