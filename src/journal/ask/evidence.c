#include "journal/ask/evidence.h"

#include <stdio.h>
#include <string.h>

#include "journal/ask/ask_internal.h"

bool evidence_is_compared(struct db *db, struct addr client, const char *zone)
{
	sqlite3_stmt *s = db_query(
	    db, "SELECT 1 FROM compared WHERE client = ?1 AND zone = ?2 AND answer <> 2",
	    DB(client), DB(zone));
	bool is_there = db_step(db, s, NULL) == 1;
	db_done(s);
	return is_there;
}

int evidence_compared(struct ask *a, struct addr client, evidence_compared_fn fn,
		      void *arg, struct error *e)
{
	int rc, done = 0;
	sqlite3_stmt *s = db_query(
	    a->db, "SELECT zone, answer FROM compared WHERE client = ?1 ORDER BY zone",
	    DB(client));
	while ((rc = db_step(a->db, s, e)) == 1 && done == 0)
		done = fn(arg, db_text(s, 0), (enum compared)sqlite3_column_int(s, 1));
	db_done(s);
	return rc < 0 ? rc : done;
}

int evidence_mx(struct ask *a, uint16_t site, evidence_mx_fn fn, void *arg,
		struct error *e)
{
	int rc, done = 0;
	sqlite3_stmt *s = db_query(a->db,
				   "SELECT domain, time, decoys, hosts FROM mx WHERE "
				   "site = ?1 ORDER BY domain, time",
				   DB(site));
	while ((rc = db_step(a->db, s, e)) == 1 && done == 0) {
		struct evidence_mx m = {
			.domain = db_text(s, 0),
			.time = sqlite3_column_int64(s, 1),
			.has_decoy = sqlite3_column_int(s, 2) != 0,
			.hosts = db_text(s, 3),
		};
		done = fn(arg, &m);
	}
	db_done(s);
	return rc < 0 ? rc : done;
}

bool evidence_cost(struct ask *a, struct evidence_cost *ret)
{
	long long cpu = 0, of = 0, memory = 0;
	sqlite3_stmt *s =
	    db_statement(a->db, "SELECT position FROM source WHERE name = 'cost'");
	bool is_there = db_step(a->db, s, NULL) == 1;
	const char *text = is_there ? (const char *)sqlite3_column_text(s, 0) : NULL;
	is_there = text && sscanf(text, "%lld %lld %lld", &cpu, &of, &memory) == 3;
	db_done(s);
	*ret = (struct evidence_cost){ cpu, of, memory };
	return is_there && of > 0;
}

int evidence_domains(struct ask *a, uint16_t site,
		     void (*fn)(void *arg, const char *domain), void *arg,
		     struct error *e)
{
	sqlite3_stmt *s =
	    db_query(a->db, "SELECT domains FROM site WHERE id = ?1", DB(site));
	int rc = db_step(a->db, s, e);
	const char *text = rc == 1 ? (const char *)sqlite3_column_text(s, 0) : NULL;
	while (text && *text) {
		char domain[NAME_MAX_TEXT];
		size_t n = strcspn(text, "\n");
		if (n > 0 && n < sizeof(domain)) {
			memcpy(domain, text, n);
			domain[n] = '\0';
			fn(arg, domain);
		}
		text += n + (text[n] == '\n');
	}
	db_done(s);
	return rc < 0 ? rc : 0;
}
