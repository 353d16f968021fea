#include "outlet/estimate/estimate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/ask/contacts.h"
#include "journal/take/take.h"
#include "outlet/estimate/estimate_internal.h"

/* A host that nobody visits for so long is not known to be well. */
#define ALIVE_WITHIN STAMP_HOUR

struct estimate {
	struct db *db;
	struct take *take;
	struct site site;
	struct host hosts[ESTIMATE_MAX_HOSTS];
	unsigned ranks[ESTIMATE_MAX_HOSTS], rank_count;
	size_t host_count;
	int64_t since, until;
	int rc; /* the first error: nothing is taken any more */
	struct error error;
};

/* ---- the journal ---- */

/* A site as the logs know it: real hosts, told of by lines. */
static void describe(struct estimate *x, const uint16_t *ranks, size_t host_count)
{
	assert(host_count > 0 && host_count <= ESTIMATE_MAX_HOSTS);
	x->host_count = host_count;
	for (size_t i = 0; i < host_count; i++) {
		struct host *h = &x->hosts[i];
		assert(i == 0 || ranks[i] >= ranks[i - 1]);
		x->rank_count += i > 0 && ranks[i] > ranks[i - 1];
		x->ranks[i] = x->rank_count;
		*h = (struct host){ .role = ROLE_REAL, .preference = ranks[i] };
		(void)snprintf(h->name, sizeof(h->name), "mx%zu.log", i + 1);
		(void)str_copy(h->watch, sizeof(h->watch), "feed");
	}
	x->rank_count++;
	x->site = (struct site){ .layout = LAYOUT_NONE,
				 .name = "log",
				 .hosts = x->hosts,
				 .host_count = host_count };
	(void)site_set_places(&x->site); /* without decoys it has none to refuse */
}

int estimate_new(const uint16_t *ranks, size_t host_count, const struct rules *rules,
		 struct estimate **ret_estimate, struct error *e)
{
	struct estimate *x = xcalloc(1, sizeof(*x));
	describe(x, ranks, host_count);
	x->since = INT64_MAX;
	x->until = INT64_MIN;
	int rc = db_open("", DB_WRITE, &x->db, e);
	if (rc == 0)
		rc = sites_define(x->db, &x->site, 1, rules, 0, false, e);
	if (rc == 0)
		rc = take_new(x->db, &x->take, e);
	if (rc != 0) {
		estimate_free(x);
		return rc;
	}
	*ret_estimate = x;
	return 0;
}

void estimate_free(struct estimate *x)
{
	if (!x)
		return;
	take_free(x->take);
	db_close(x->db);
	free(x);
}

static void add(struct estimate *x, struct line *l)
{
	l->seen = x->until;
	if (x->rc == 0)
		take_add(x->take, l);
	if (x->rc == 0 && take_counts(x->take).pending >= TAKE_BATCH)
		x->rc = take_commit(x->take, &x->error);
}

void estimate_visit(struct estimate *x, size_t host, const struct visit *v)
{
	assert(host < x->host_count);
	struct line l = { .kind = LINE_VISIT, .host = x->hosts[host].id, .visit = *v };
	if (v->depth < DEPTH_CONNECT)
		return;
	l.time = v->time;
	l.visit.host = l.host;
	x->since = v->time < x->since ? v->time : x->since;
	x->until = v->time > x->until ? v->time : x->until;
	add(x, &l);
}

void estimate_outage(struct estimate *x, size_t host, int64_t until)
{
	assert(host < x->host_count);
	add(x, &(struct line){
		   .kind = LINE_OUTAGE, .host = x->hosts[host].id, .time = until });
}

/* ---- what the logs tell beside visits ---- */

struct ending {
	struct estimate *x;
	uint16_t host;
	int64_t until; /* of the last stretch */
	estimate_name_fn name;
};

/* Written at once, not through take: there is no decoy whose walks it could wake. */
static int on_name(void *arg, struct addr client, const char *name, int64_t time)
{
	struct ending *n = arg;
	struct name_fact f = { .client = client, .is_confirmed = true };
	if (!str_copy(f.name, sizeof(f.name), name))
		return 0;
	n->name(&f);
	struct name_row row = { client, f.name, f.domain, f.is_generic, true, time };
	return db_write_name(n->x->db, &row, &n->x->error);
}

static int on_alive(void *arg, const struct span *alive)
{
	struct ending *n = arg;
	struct line gap = {
		.kind = LINE_GAP, .host = n->host, .since = n->until, .time = alive->since
	};
	struct line mark = { .kind = LINE_WATERMARK,
			     .host = n->host,
			     .time = alive->until };
	n->until = alive->until;
	add(n->x, &gap);
	add(n->x, &mark);
	return n->x->rc;
}

/* A log says nothing when nobody came: such a host may as well have been away. */
static int end_logs(struct estimate *x, estimate_name_fn name, struct error *e)
{
	struct ending n = { .x = x, .name = name };
	int rc = x->rc;
	if (rc == 0)
		rc = take_commit(x->take, &x->error);
	if (rc == 0)
		rc = db_begin(x->db, &x->error);
	if (rc == 0)
		rc = contacts_names(x->db, on_name, &n, &x->error);
	if (rc == 0)
		rc = db_commit(x->db, &x->error);
	for (size_t i = 0; rc == 0 && i < x->host_count; i++) {
		n.host = x->hosts[i].id;
		n.until = 0;
		rc = contacts_alive(x->db, n.host, ALIVE_WITHIN, on_alive, &n, &x->error);
	}
	if (rc == 0)
		rc = take_commit(x->take, &x->error);
	if (rc != 0 && e)
		*e = x->error;
	return rc;
}

/* ---- what follows ---- */

struct making {
	const struct estimate *x;
	struct ask *ask;
	uint16_t group;
	const struct view *view;
	uint64_t better; /* the hosts of all ranks but the worst, as bits */
	struct estimate_result *r;
	size_t at_risk_cap;
	struct estimate_worst worst;
	struct error *e;
};

static size_t host_of(const struct estimate *x, uint16_t id)
{
	size_t i = 0;
	while (i + 1 < x->host_count && x->hosts[i].id != id)
		i++;
	return i;
}

static bool is_worst(const struct estimate *x, uint16_t id)
{
	return x->rank_count > 1 && x->ranks[host_of(x, id)] + 1 == x->rank_count;
}

/* One of the better hosts would have taken a sender that asked. */
static bool better_was_well(const struct making *m, int64_t time)
{
	for (size_t i = 0; i < m->view->host_count; i++) {
		const struct view_host *h = &m->view->hosts[i];
		if (m->better & UINT64_C(1) << h->bit && spans_hold(&h->well, time, time))
			return true;
	}
	return false;
}

static void judge_worst(struct making *m, const struct contacts_sender *s)
{
	bool was_well = false;
	for (size_t i = 0; i < s->moment_count && !was_well; i++)
		was_well = better_was_well(m, s->moments[i]);
	if (!was_well || s->pool_hosts & m->better) {
		m->r->worse_excused++;
		return;
	}
	m->r->worse_only++;
	m->r->worse_plausible += s->tier != TIER_NONE;
}

static void add_at_risk(struct making *m, const struct contacts_sender *s, int64_t since)
{
	struct estimate_result *r = m->r;
	r->at_risk =
	    xroom(r->at_risk, r->at_risk_count, &m->at_risk_cap, sizeof(*r->at_risk));
	struct estimate_at_risk *a = &r->at_risk[r->at_risk_count++];
	*a = (struct estimate_at_risk){ .client = s->who.clients[0],
					.tier = s->tier,
					.since = since };
	if (s->who.is_confirmed)
		(void)str_copy(a->name, sizeof(a->name), s->who.name);
}

/* The contact at which it was deferred last, if it came to no host after it: another host
 * within the same second is the walk on. NULL: never deferred, or it came. */
static const struct contact *find_given_up(const struct contact *c, size_t count,
					   bool *ret_was_deferred)
{
	const struct contact *at = NULL;
	for (size_t i = 0; i < count; i++)
		if (c[i].deferred != MOMENT_NONE && (!at || c[i].deferred > at->deferred))
			at = &c[i];
	*ret_was_deferred = at != NULL;
	for (size_t i = 0; at && i < count; i++)
		if (&c[i] == at ? c[i].last > at->deferred : c[i].last >= at->deferred)
			return NULL;
	return at;
}

static int judge_deferred(struct making *m, struct addr client, const struct contact *c,
			  size_t count, bool is_of_worst)
{
	struct contacts_sender s;
	bool was_deferred;
	const struct contact *at = find_given_up(c, count, &was_deferred);
	int rc = at ? contacts_of(m->ask, m->group, client, at->deferred, at->deferred,
				  &s, m->e)
		    : 0;
	if (rc != 0 || !was_deferred)
		return rc;
	bool is_back = !at || s.twin_last > at->deferred || s.pool_last > at->deferred;
	if (!is_back && at->deferred > m->x->until - ask_sites(m->ask)->rules.patience) {
		m->r->too_late++;
		return 0;
	}
	m->r->tested++;
	m->worst.tested += is_of_worst;
	if (is_back)
		return 0;
	m->r->gave_up++;
	m->worst.gave_up += is_of_worst;
	if (s.tier != TIER_NONE)
		add_at_risk(m, &s, at->deferred);
	return 0;
}

static int on_sender(void *arg, struct addr client, const struct contact *c, size_t count)
{
	struct making *m = arg;
	struct contacts_sender s;
	bool is_of_worst = true;
	int rc = 0;
	m->r->senders++;
	for (size_t i = 0; i < count; i++) {
		struct estimate_host *h = &m->r->hosts[host_of(m->x, c[i].host)];
		h->visits += c[i].visits;
		h->senders++;
		is_of_worst &= is_worst(m->x, c[i].host);
	}
	if (is_of_worst) {
		rc = contacts_of(m->ask, m->group, client, 0, m->x->until, &s, m->e);
		/* Its other address may have come to a better one. */
		is_of_worst = rc == 0 && !(s.own_hosts & m->better);
	}
	if (is_of_worst) {
		m->worst.all++;
		judge_worst(m, &s);
	}
	return rc == 0 ? judge_deferred(m, client, c, count, is_of_worst) : rc;
}

static int compare_at_risk(const void *a, const void *b)
{
	const struct estimate_at_risk *x = a, *y = b;
	if (x->tier != y->tier)
		return x->tier > y->tier ? -1 : 1;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return addr_compare(x->client, y->client);
}

static int ask_all(struct making *m, struct error *e)
{
	const struct estimate *x = m->x;
	const struct sites *sites = ask_sites(m->ask);
	m->group = sites_group(sites, x->site.id);
	for (size_t i = 0; i < x->host_count; i++)
		if (!is_worst(x, x->hosts[i].id))
			m->better |= UINT64_C(1)
				     << sites_host(sites, x->hosts[i].id)->bit;
	int rc = ask_view(m->ask, m->group, &m->view, e);
	return rc == 0 ? contacts_each(m->ask, on_sender, m, e) : rc;
}

int estimate_make(struct estimate *x, estimate_name_fn name,
		  struct estimate_result *ret_result, struct error *e)
{
	struct estimate_result r = { .since = 0 };
	struct making m = { .x = x, .r = &r, .e = e };
	int rc = end_logs(x, name, e);
	if (rc == 0)
		rc = ask_open(x->db, 0, &m.ask, e);
	if (rc == 0)
		rc = ask_all(&m, e);
	ask_close(m.ask);
	if (rc != 0) {
		estimate_release(&r);
		return rc;
	}
	r.since = r.senders ? x->since : 0;
	r.until = r.senders ? x->until : 0;
	estimate_ranges(&r, &m.worst, x->host_count, x->rank_count);
	if (r.at_risk_count)
		qsort(r.at_risk, r.at_risk_count, sizeof(*r.at_risk), compare_at_risk);
	*ret_result = r;
	return 0;
}

void estimate_release(struct estimate_result *r)
{
	free(r->at_risk);
	*r = (struct estimate_result){ .at_risk = NULL };
}
