#include "outlet/gate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/alarms.h"

const char *gate_off_note(const struct config *c)
{
	char path[CONFIG_TEXT_MAX + 8];
	return config_off_path(c, path, sizeof(path)) && access(path, F_OK) == 0
		   ? "`fakemx off` was run; `fakemx apply`, or removing the file \"off\" "
		     "in "
		     "the state folder, ends that"
		   : NULL;
}

/* ---- fresh? ---- */

static int look_whether_fresh(struct gate *g, struct ask *ask, int64_t now, int64_t stale,
			      struct error *e)
{
	int64_t last;
	int rc = stale ? ask_told_until(ask, &last, e) : 0;
	if (rc != 0 || !stale || last >= now - stale)
		return rc;
	(void)str_copy(g->note, sizeof(g->note),
		       "the journal is stale: fakemx serve does not write to it");
	g->is_alarming = true;
	return 0;
}

/* ---- at risk ---- */

static void on_alarm(void *arg, const struct alarms_kept *a)
{
	struct gate *g = arg;
	if (strcmp(a->kind, "sender") != 0 || a->is_quiet)
		return;
	g->at_risk = xrealloc(g->at_risk, g->at_risk_count + 1, sizeof(*g->at_risk));
	g->at_risk[g->at_risk_count++] = a->client;
	g->held_since = stamp_earlier(g->held_since, a->since);
}

static int look_at_risk(struct gate *g, struct error *e)
{
	if (g->config->on_risk == ON_RISK_OFF)
		return 0;
	int rc = alarms_each(g->db, on_alarm, g, e);
	if (rc == 0 && g->at_risk_count && g->config->on_risk == ON_RISK_EMPTY)
		(void)str_copy(g->note, sizeof(g->note),
			       "a known sender is at risk, and on_risk = empty");
	return rc;
}

/* An address of one registrable domain, by confirmed names, private section included. */
static bool share_domain(struct db *db, struct addr a, struct addr b)
{
	sqlite3_stmt *s =
	    db_query(db,
		     "SELECT 1 FROM name a JOIN name b ON b.domain = a.domain "
		     "WHERE a.client = ?1 AND b.client = ?2 AND a.domain <> '' "
		     "AND a.generic = 0 AND b.generic = 0",
		     DB(a), DB(b));
	bool is_one = db_step(db, s, NULL) != 0; /* in doubt it is */
	db_done(s);
	return is_one;
}

static bool is_held(const struct gate *g, const struct listing *l)
{
	if (g->at_risk_count && l->since >= g->held_since)
		return true;
	for (size_t i = 0; i < g->at_risk_count; i++)
		if (prefix_has(prefix_pool(g->at_risk[i]), l->client) ||
		    share_domain(g->db, g->at_risk[i], l->client))
			return true;
	return false;
}

/* ---- the configuration of now ---- */

static bool is_of_site(const struct site *s, struct addr a)
{
	for (size_t i = 0; i < s->host_count; i++)
		for (size_t k = 0; k < s->hosts[i].address_count; k++)
			if (addr_equal(s->hosts[i].addresses[k].addr, a))
				return true;
	return false;
}

static bool is_of_config(const struct config *c, struct addr a)
{
	struct prefix p;
	for (size_t i = 0; i < c->site_count; i++)
		if (is_of_site(&c->sites[i], a))
			return true;
	for (size_t i = 0; i < c->allow_count; i++)
		if (prefix_parse(c->allow[i], &p) && prefix_has(p, a))
			return true;
	return false;
}

static bool leaves_out(void *arg, const struct listing *l)
{
	const struct gate *g = arg;
	return is_of_config(g->config, l->client) || is_held(g, l);
}

/* ---- the gate ---- */

int gate_open(struct gate *g, const struct config *c, struct db *db, struct ask *ask,
	      int64_t now, int64_t stale, struct error *e)
{
	const char *off = gate_off_note(c);
	*g = (struct gate){ .config = c, .db = db, .held_since = INT64_MAX };
	if (off) {
		(void)str_copy(g->note, sizeof(g->note), off);
		return 0;
	}
	int rc = look_whether_fresh(g, ask, now, stale, e);
	if (rc == 0 && !*g->note)
		rc = look_at_risk(g, e);
	if (rc != 0)
		gate_close(g);
	return rc;
}

void gate_close(struct gate *g)
{
	free(g->at_risk);
	*g = (struct gate){ .config = NULL };
}

struct list_head gate_head(const struct gate *g, const struct ask *a)
{
	struct list_head head = list_head_of(a);
	if (*g->note)
		head.note = g->note;
	else if (head.is_enforced && !g->config->rules.enforce)
		head.note = "mode = observe";
	return head;
}

struct list_filter gate_filter(struct gate *g)
{
	return (struct list_filter){ leaves_out, g };
}
