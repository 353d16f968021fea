#include "rehearse/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "journal/ask/ask.h"

struct check {
	const struct population *population;
	const struct driver_host *hosts;
	size_t host_count;
	struct driver_count *seen;    /* by sender, as the journal has it */
	uint16_t ids[TRIP_MAX_HOSTS]; /* by host; 0 while not defined */
	uint64_t strangers;           /* visits of nobody or at nothing we know */
};

/* Senders have consecutive /24s. */
static size_t sender_of(const struct check *c, struct addr a)
{
	size_t i = (size_t)(a.bytes[13] - 1) * 256 + a.bytes[14];
	if (a.bytes[13] >= 1 && i < c->population->count &&
	    addr_equal(c->population->senders[i].addr, a))
		return i;
	return c->population->count;
}

static void learn_hosts(struct check *c, const struct sites *s)
{
	for (size_t i = 0; i < s->host_count; i++)
		for (size_t h = 0; h < c->host_count; h++)
			if (strcmp(s->hosts[i].definition->name, c->hosts[h].name) == 0)
				c->ids[h] = s->hosts[i].host;
}

static void count_visit(struct check *c, const struct visit *v)
{
	size_t sender = sender_of(c, v->client);
	for (size_t h = 0; h < c->host_count && sender < c->population->count; h++) {
		if (c->ids[h] != v->host)
			continue;
		c->seen[sender].visits[h]++;
		c->seen[sender].accepted += v->outcome == OUTCOME_ACCEPTED;
		return;
	}
	c->strangers++;
}

static int on_visit(void *arg, const struct ask_visit *v)
{
	count_visit(arg, &v->visit);
	return 0;
}

static int compare_host(const struct check *c, const struct driver_count *made, size_t h,
			struct error *e)
{
	uint64_t sent = 0, seen = 0, differ = 0;
	for (size_t i = 0; i < c->population->count; i++) {
		sent += made[i].visits[h];
		seen += c->seen[i].visits[h];
		differ += made[i].visits[h] != c->seen[i].visits[h];
	}
	/* Knocks are seen with CAP_NET_RAW only; serve says so. */
	bool is_blind = c->hosts[h].role != ROLE_REAL &&
			c->hosts[h].posture == POSTURE_CLOSED && seen == 0;
	if (!differ || is_blind)
		return 0;
	return error_set(e, FMX_ECONFLICT,
			 "%" PRIu64 " visits were made to %s %s, the journal has %" PRIu64
			 " (%" PRIu64 " senders differ): %s",
			 sent, role_name(c->hosts[h].role), c->hosts[h].name, seen,
			 differ,
			 c->hosts[h].role == ROLE_REAL ? "its mail log was not read whole"
						       : "its listener did not see them");
}

static int compare(const struct check *c, const struct driver_count *made,
		   struct error *e)
{
	for (size_t h = 0; h < c->host_count; h++) {
		int rc = compare_host(c, made, h, e);
		if (rc < 0)
			return rc;
	}
	uint64_t sent = 0, seen = 0;
	for (size_t i = 0; i < c->population->count; i++) {
		sent += made[i].accepted;
		seen += c->seen[i].accepted;
	}
	if (sent != seen)
		return error_set(e, FMX_ECONFLICT,
				 "%" PRIu64
				 " messages were taken, the journal has %" PRIu64
				 " visits with outcome accepted",
				 sent, seen);
	if (c->strangers)
		return error_set(e, FMX_ECONFLICT,
				 "the journal has %" PRIu64
				 " visit%s that no sender of the rehearsal made: does "
				 "another one, or another program, use these loopback "
				 "addresses now?",
				 c->strangers, number_plural(c->strangers));
	return 0;
}

int rehearse_check_journal(const char *path, const struct population *population,
			   const struct driver_host *hosts, size_t host_count,
			   const struct driver_count *counts, struct error *e)
{
	struct db *db;
	struct ask *a = NULL;
	int rc = db_open(path, DB_READ, &db, e);
	if (rc < 0)
		return rc;
	struct check c = { .population = population,
			   .hosts = hosts,
			   .host_count = host_count };
	c.seen = xcalloc(population->count, sizeof(*c.seen));
	rc = ask_open(db, 0, &a, e);
	if (rc == 0) {
		learn_hosts(&c, ask_sites(a));
		struct ask_visits all = { .since = INT64_MIN, .until = INT64_MAX };
		rc = ask_visits(a, &all, on_visit, &c, e);
	}
	if (rc == 0)
		rc = compare(&c, counts, e);
	free(c.seen);
	ask_close(a);
	db_close(db);
	return rc;
}
