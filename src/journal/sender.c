#include "journal/sender.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static void copy_text(char *to, size_t size, sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	(void)str_copy(to, size, text ? text : ""); /* was checked when it came in */
}

/* Exactly one address of each family under the name makes two clients one sender. */
static int find_twin(struct lookup *q, struct sender *who, struct error *e)
{
	sqlite3_stmt *s = db_statement(q->db, "SELECT client FROM name WHERE name = ?1 "
					      "AND confirmed_at IS NOT NULL LIMIT 3");
	struct addr found[2];
	size_t count = 0;
	int rc;
	(void)sqlite3_bind_text(s, 1, who->name, -1, SQLITE_STATIC);
	while ((rc = db_step(q->db, s, e)) == 1 && count < 2)
		found[count++] = db_addr(s, 0);
	db_done(s);
	if (rc != 0 || count != 2 || addr_is_v4(found[0]) == addr_is_v4(found[1]))
		return rc < 0 ? rc : 0;
	who->clients[1] = found[addr_equal(found[0], who->clients[0])];
	who->count = 2;
	return 0;
}

int sender_find(struct lookup *q, struct addr client, struct sender *ret_sender,
		struct error *e)
{
	*ret_sender = (struct sender){ .clients = { client }, .count = 1 };
	sqlite3_stmt *s =
	    db_statement(q->db, "SELECT name, domain, generic, confirmed_at "
				"FROM name WHERE client = ?1");
	db_bind_addr(s, 1, client);
	int rc = db_step(q->db, s, e);
	if (rc == 1) {
		copy_text(ret_sender->name, sizeof(ret_sender->name), s, 0);
		copy_text(ret_sender->domain, sizeof(ret_sender->domain), s, 1);
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

void run_list_add(struct run_list *l, const struct run *r)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->at = xrealloc(l->at, l->cap, sizeof(*l->at));
	}
	l->at[l->count++] = *r;
}

void run_list_release(struct run_list *l)
{
	free(l->at);
	*l = (struct run_list){ 0 };
}

static int read_runs(struct lookup *q, enum run_kind kind, uint16_t group,
		     struct addr client, const struct span *met, struct run_list *l,
		     struct error *e)
{
	sqlite3_stmt *s =
	    db_statement(q->db, "SELECT " DB_RUN_COLUMNS " FROM run "
				"WHERE kind = ?1 AND grp = ?2 AND client = ?3 "
				"AND began BETWEEN ?4 AND ?5 AND began + last >= ?6 "
				"ORDER BY began");
	int64_t reach =
	    met->since < INT64_MIN + RUN_REACH ? INT64_MIN : met->since - RUN_REACH;
	struct run r;
	int rc;
	(void)sqlite3_bind_int(s, 1, kind);
	(void)sqlite3_bind_int(s, 2, group);
	db_bind_addr(s, 3, client);
	(void)sqlite3_bind_int64(s, 4, reach);
	(void)sqlite3_bind_int64(s, 5, met->until);
	(void)sqlite3_bind_int64(s, 6, met->since);
	while ((rc = db_step(q->db, s, e)) == 1 && l->count < LOOKUP_MOST) {
		db_read_run(s, &r);
		run_list_add(l, &r);
	}
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
	for (enum run_kind kind = RUN_REAL; kind <= RUN_ASIDE; kind++)
		for (size_t i = 0; rc == 0 && i < who->count * kin_count; i++)
			rc = read_runs(q, kind, kin[i % kin_count],
				       who->clients[i / kin_count], &met, ret_runs, e);
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

bool allow_has(struct db *db, const struct sender *who)
{
	sqlite3_stmt *s = db_statement(db, "SELECT text FROM allow");
	bool is_allowed = false;
	while (!is_allowed && db_step(db, s, NULL) == 1)
		is_allowed = allows((const char *)sqlite3_column_text(s, 0), who);
	db_done(s);
	return is_allowed;
}

int64_t day_of(int64_t t)
{
	return t - t % STAMP_DAY;
}

/* Mail accepted here before `at`, and what a filter said of it. */
static int find_accepted(struct lookup *q, uint16_t group, struct addr client, int64_t at,
			 const struct rules *r, struct standing *st, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    q->db, "SELECT coalesce(max(began + clean BETWEEN ?4 AND ?5), 0), "
		   "coalesce(max(began + unjudged BETWEEN ?4 AND ?5), 0) FROM run "
		   "WHERE kind = ?1 AND grp = ?2 AND client = ?3 "
		   "AND began BETWEEN ?4 AND ?5");
	int64_t since = day_of(at - r->known_window);
	int rc = 0;
	for (enum run_kind kind = RUN_REAL; rc >= 0 && kind <= RUN_LATE; kind++) {
		(void)sqlite3_bind_int(s, 1, kind);
		(void)sqlite3_bind_int(s, 2, group);
		db_bind_addr(s, 3, client);
		(void)sqlite3_bind_int64(s, 4, since);
		(void)sqlite3_bind_int64(s, 5, at);
		rc = db_step(q->db, s, e);
		if (rc == 1) {
			st->has_clean |= sqlite3_column_int(s, 0) != 0;
			st->has_unjudged |= sqlite3_column_int(s, 1) != 0;
		}
		db_done(s);
	}
	return rc < 0 ? rc : 0;
}

/* SPF is asked when a client comes, so a check of some minutes later counts too. */
static int find_spf(struct lookup *q, struct addr client, int64_t at,
		    const struct rules *r, struct standing *st, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    q->db, "SELECT count(*), coalesce(max(wrote_to.last >= ?2), 0) FROM spf "
		   "LEFT JOIN wrote_to ON wrote_to.domain = spf.domain "
		   "WHERE spf.client = ?1 AND spf.passed_at BETWEEN ?2 AND ?3");
	db_bind_addr(s, 1, client);
	(void)sqlite3_bind_int64(s, 2, day_of(at - r->known_window));
	(void)sqlite3_bind_int64(s, 3, at + r->final);
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
		(void)sqlite3_bind_int64(s, 1, main->first_ids[i]);
		(void)sqlite3_bind_text(s, 2, who->name, -1, SQLITE_STATIC);
		rc = db_step(q->db, s, e);
		db_done(s);
	}
	st->has_name |= rc == 1;
	return rc < 0 ? rc : 0;
}

int sender_standing(struct lookup *q, uint16_t group, const struct sender *who,
		    const struct run *main, int64_t at, const struct rules *r,
		    struct standing *ret_standing, struct error *e)
{
	struct standing st = { .is_allowed = allow_has(q->db, who) };
	uint16_t kin[SITE_MAX_KIN];
	size_t kin_count = sites_kin(q->sites, group, kin);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < who->count * kin_count; i++)
		rc = find_accepted(q, kin[i % kin_count], who->clients[i / kin_count], at,
				   r, &st, e);
	for (size_t i = 0; rc == 0 && i < who->count; i++)
		rc = find_spf(q, who->clients[i], at, r, &st, e);
	st.has_name = who->is_confirmed && !who->is_generic;
	if (rc == 0 && main && who->is_confirmed && who->is_generic)
		rc = find_helo(q, who, main, &st, e);
	if (rc == 0)
		*ret_standing = st;
	return rc;
}
