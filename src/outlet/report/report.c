#include "outlet/report/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "journal/ask/evidence.h"
#include "outlet/report/count.h"

/* The source of a live host is always a moment behind: no gap, if it is no longer. */
#define FRESH (15 * STAMP_MINUTE)
#define FIVE_MINUTES (5 * STAMP_MINUTE)

struct making {
	struct ask *ask;
	const struct sites *sites;
	const char *half;
	struct report *report;
	uint16_t *site_of; /* by group: its index among the report's sites, plus 1 */
};

/* What is made of one group. */
struct group {
	struct making *m;
	const struct view *view;
	struct report_site *to;
	int64_t known; /* of the period, what can be known by now */
};

/* ---- hosts ---- */

static bool was_there(const struct report *r, int64_t since, int64_t until)
{
	return until == INT64_MAX || (since < r->until && until > r->since);
}

/* Up to where its source told of all; 0 never. What serve says for a silent host moves
 * its watermark and leaves a hole in what was watched. */
static int64_t complete_until(const struct view_host *v)
{
	return v->watched.count > 0 ? v->watched.at[v->watched.count - 1].until : 0;
}

static enum report_unseen unseen_of(const struct report *r, const struct view_host *v,
				    const struct host *from)
{
	bool is_closed = v->role != ROLE_REAL && from->posture == POSTURE_CLOSED;
	if (v->role == ROLE_REAL && !v->has_source)
		return REPORT_NOT_WATCHED;
	if (r->since < r->until ? spans_meet(&v->watched, r->since, r->until - 1)
				: v->watched.count > 0)
		return REPORT_SEEN;
	if (is_closed)
		return REPORT_CLOSED;
	return complete_until(v) > 0 ? REPORT_SILENT_SINCE : REPORT_SILENT;
}

/* Days of the period in which the host was there, for each of its addresses. */
static double address_days(const struct report *r, const struct view_host *v,
			   unsigned addresses)
{
	int64_t since = v->since > r->since ? v->since : r->since;
	int64_t until = v->until < r->until ? v->until : r->until;
	return since >= until ? 0
			      : (double)(until - since) / (double)STAMP_DAY * addresses;
}

static struct report_rate *rate_of(struct report_site *to, enum place place)
{
	switch (place) {
	case PLACE_LOW: return &to->low;
	case PLACE_HIGH: return &to->high;
	case PLACE_CONTROL: return &to->control;
	case PLACE_REAL: break;
	}
	return NULL;
}

static void add_rate(struct report_rate *rate, const struct report_host *h, double days)
{
	rate->is_there = true;
	rate->addresses += h->addresses;
	rate->visits += h->visits;
	rate->days += days;
	rate->has_rate = rate->days > 0;
	rate->rate = rate->has_rate ? (double)rate->visits / rate->days : 0;
}

/* Where slots are counted. */
struct counting {
	const struct group *g;
	const struct view_host *v;
	uint64_t visits;
};

static void count_part(const struct counting *c, const struct slot *s)
{
	const struct report *r = c->g->m->report;
	int64_t at = s->five > r->since ? s->five : r->since;
	size_t i = series_find(&r->series, at);
	if (i == r->series.count)
		return;
	struct report_part *p = &c->g->to->parts[i];
	p->low_visits += c->v->place == PLACE_LOW ? s->visits : 0;
	p->high_visits += c->v->place == PLACE_HIGH ? s->visits : 0;
	p->control_visits += c->v->place == PLACE_CONTROL ? s->visits : 0;
}

static int on_slot(void *arg, const struct slot *s)
{
	struct counting *c = arg;
	struct report_spam *spam = &c->g->to->spam;
	c->visits += s->visits;
	if (c->v->role == ROLE_REAL) {
		spam->refused += s->refused - s->unknown_rcpt;
		spam->accepted_as_spam += s->spam;
	}
	count_part(c, s);
	return 0;
}

/* In the period, if that is so long. */
static bool is_removable(const struct group *g, const struct view_host *v)
{
	const struct report *r = g->m->report;
	return v->role == ROLE_DECOY && v->until == INT64_MAX &&
	       !(g->to->counts.stopped_hosts >> v->bit & 1) &&
	       spans_time(&v->watched, stamp_later(r->since, v->since), r->until) >=
		   REPORT_IDLE;
}

static int add_host(struct group *g, const struct view_host *v,
		    const uint64_t senders[COUNT_HOSTS], struct error *e)
{
	const struct report *r = g->m->report;
	const struct host *from = sites_host_of(g->m->sites, v->id);
	struct counting counting = { .g = g, .v = v };
	if (!from || !was_there(r, v->since, v->until))
		return 0;
	/* A slot is of the period if it shares a moment with it. */
	int rc = ask_slots(g->m->ask, v->id, r->since - FIVE_MINUTES + 1, r->until,
			   on_slot, &counting, e);
	if (rc != 0)
		return rc;
	struct report_host h = { .role = v->role,
				 .place = v->place,
				 .preference = from->preference,
				 .addresses = from->address_count,
				 .visits = counting.visits,
				 .senders = senders[v->bit],
				 .complete_until = complete_until(v),
				 .unseen = unseen_of(r, v, from) };
	h.is_removable = is_removable(g, v);
	(void)str_copy(h.name, sizeof(h.name), from->name); /* same size */
	if (h.visits > 0 && h.role != ROLE_REAL)
		h.unseen = REPORT_SEEN; /* it has told of visits */
	if (h.unseen == REPORT_CLOSED)
		(void)ask_blind(g->m->ask, v->id, h.why, sizeof(h.why));
	double days = address_days(r, v, h.addresses);
	h.has_rate = h.unseen == REPORT_SEEN && days > 0;
	h.rate = h.has_rate ? (double)h.visits / days : 0;
	struct report_rate *rate = rate_of(g->to, h.place);
	if (rate && h.unseen == REPORT_SEEN)
		add_rate(rate, &h, days);
	g->to->has_control = g->to->has_control || h.role == ROLE_CONTROL;
	g->to->visits += h.visits;
	g->to->hosts[g->to->host_count++] = h;
	return 0;
}

static int compare_hosts(const void *a, const void *b)
{
	const struct report_host *x = a;
	const struct report_host *y = b;
	bool x_control = x->role == ROLE_CONTROL;
	bool y_control = y->role == ROLE_CONTROL;
	if (x_control != y_control)
		return x_control ? 1 : -1;
	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int add_hosts(struct group *g, const uint64_t senders[COUNT_HOSTS],
		     struct error *e)
{
	int rc = 0;
	g->to->hosts = xcalloc(g->view->host_count + 1, sizeof(*g->to->hosts));
	for (size_t i = 0; rc == 0 && i < g->view->host_count; i++)
		rc = add_host(g, &g->view->hosts[i], senders, e);
	if (g->to->host_count > 0)
		qsort(g->to->hosts, g->to->host_count, sizeof(*g->to->hosts),
		      compare_hosts);
	return rc;
}

/* ---- senders ---- */

static int on_message(void *arg, const struct ask_visit *v)
{
	struct report_at_risk *row = arg;
	const char *at = strrchr(v->visit.mail_from, '@');
	row->message_time = v->visit.time;
	row->sender_domain = at && at[1] ? xstrdup(at + 1) : NULL;
	row->recipient_domain =
	    v->visit.recipient_domain[0] ? xstrdup(v->visit.recipient_domain) : NULL;
	return 1; /* the first */
}

static int find_message(void *arg, size_t row, const struct run *decoy, uint64_t hash,
			struct error *e)
{
	struct group *g = arg;
	int rc = ask_message(g->m->ask, decoy, hash, on_message,
			     &g->to->counts.at_risk[row], e);
	return rc == -ENOENT || rc > 0 ? 0 : rc; /* retention has taken it */
}

static int compare_at_risk(const void *a, const void *b)
{
	const struct report_at_risk *x = a;
	const struct report_at_risk *y = b;
	if (x->tier != y->tier)
		return x->tier > y->tier ? -1 : 1;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return addr_compare(x->client, y->client);
}

/* Of one stopped sender, which may have two addresses. */
struct stopped {
	struct group *g;
	char zones[REPORT_COMPARED_MAX][NAME_MAX_TEXT];
	enum compared said[REPORT_COMPARED_MAX];
	size_t count;
};

static int on_compared(void *arg, const char *zone, enum compared answer)
{
	struct stopped *s = arg;
	size_t i = 0;
	while (i < s->count && strcmp(s->zones[i], zone) != 0)
		i++;
	if (i == REPORT_COMPARED_MAX)
		return 0;
	if (i == s->count) {
		(void)str_copy(s->zones[s->count++], NAME_MAX_TEXT, zone);
		s->said[i] = answer;
	} else if (answer == COMPARED_YES || s->said[i] == COMPARED_UNKNOWN) {
		s->said[i] = answer; /* listed, if one of the two is */
	}
	return 0;
}

static void add_compared(struct report_site *to, const char *zone, enum compared said)
{
	size_t i = 0;
	while (i < to->compared_count && strcmp(to->compared[i].zone, zone) != 0)
		i++;
	if (i == REPORT_COMPARED_MAX)
		return;
	if (i == to->compared_count)
		(void)str_copy(to->compared[to->compared_count++].zone, NAME_MAX_TEXT,
			       zone);
	to->compared[i].listed += said == COMPARED_YES;
	to->compared[i].not_listed += said == COMPARED_NO;
	to->compared[i].unknown += said == COMPARED_UNKNOWN;
}

static void on_stopped(void *arg, const struct addr *clients, size_t count)
{
	struct group *g = arg;
	struct stopped s = { .g = g };
	for (size_t i = 0; i < count; i++)
		if (evidence_compared(g->m->ask, clients[i], on_compared, &s, NULL) < 0)
			return; /* the next question says why */
	for (size_t i = 0; i < s.count; i++)
		add_compared(g->to, s.zones[i], s.said[i]);
}

static int count_senders(struct group *g, uint64_t senders[COUNT_HOSTS], struct error *e)
{
	const struct report *r = g->m->report;
	struct count *count = count_new(&(struct count_spec){ .since = r->since,
							      .until = r->until,
							      .series = &r->series,
							      .view = g->view,
							      .stopped = on_stopped,
							      .arg = g });
	struct ask_stream stream = count_stream(count);
	int rc = 0;
	if (r->since < r->until)
		rc = ask_walks(g->m->ask, g->to->group, &stream, e);
	count_finish(count, &g->to->counts, g->to->parts, senders);
	if (rc == 0)
		rc = count_each_missing(count, find_message, g, e);
	count_free(count);
	struct report_counts *c = &g->to->counts;
	if (c->at_risk_count > 0)
		qsort(c->at_risk, c->at_risk_count, sizeof(*c->at_risk), compare_at_risk);
	return rc;
}

/* ---- what could be seen ---- */

static void find_gaps(struct group *g)
{
	const struct report *r = g->m->report;
	struct spans all = { .at = NULL };
	if (r->since >= g->known)
		return;
	spans_add(&all, r->since, g->known);
	g->to->gaps = spans_less(&all, &g->view->sound);
	spans_release(&all);
	for (size_t i = 0; i < g->to->gaps.count; i++) {
		int64_t length = g->to->gaps.at[i].until - g->to->gaps.at[i].since;
		if (g->to->longest_gap_us < length)
			g->to->longest_gap_us = length;
	}
}

static double coverage(const struct group *g, int64_t since, int64_t until)
{
	if (until > g->known && since < g->known)
		until = g->known;
	return (double)spans_time(&g->view->sound, since, until) /
	       (double)(until - since);
}

static bool is_measurable(const struct group *g)
{
	bool has_real = false;
	for (size_t i = 0; i < g->view->host_count; i++) {
		const struct view_host *h = &g->view->hosts[i];
		if (h->role != ROLE_REAL || h->until != INT64_MAX)
			continue;
		if (!h->has_source || h->watched.count == 0)
			return false;
		has_real = true;
	}
	return has_real;
}

static void measure(struct group *g)
{
	const struct report *r = g->m->report;
	struct report_site *to = g->to;
	const struct report_counts *c = &to->counts;
	to->is_measurable = is_measurable(g);
	to->has_coverage = r->since < r->until;
	if (to->has_coverage)
		to->coverage = coverage(g, r->since, r->until);
	for (size_t i = 0; i < r->series.count; i++)
		to->parts[i].coverage =
		    coverage(g, r->series.edges[i], r->series.edges[i + 1]);

	bool can_share =
	    to->is_measurable && to->has_coverage && to->coverage >= REPORT_MIN_COVERAGE;
	uint64_t decided = c->stopped + c->reached;
	to->has_share = can_share && decided > 0;
	if (to->has_share)
		to->stopped_share = (double)c->stopped / (double)decided;

	struct report_spam *s = &to->spam;
	s->has_filter = s->accepted_as_spam > 0 || c->has_clean;
	uint64_t all = c->attempts_stopped + s->refused + s->accepted_as_spam;
	s->has_share = can_share && all > 0;
	if (s->has_share)
		s->share = (double)c->attempts_stopped / (double)all;
}

static void count_cost(struct group *g)
{
	const struct sites *all = g->m->sites;
	struct report_cost *c = &g->to->cost;
	struct evidence_cost serve;
	for (size_t i = 0; i < all->count; i++) {
		const struct site *s = &all->all[i];
		if (sites_group(all, s->id) != g->to->group ||
		    all->places[i].until != INT64_MAX)
			continue;
		c->mx_ttl = c->mx_ttl > s->mx_ttl ? c->mx_ttl : s->mx_ttl;
		for (size_t k = 0; k < s->host_count; k++)
			if (s->hosts[k].role == ROLE_DECOY)
				c->decoy_addresses += s->hosts[k].address_count;
	}
	c->has_serve = evidence_cost(g->m->ask, &serve);
	c->cpu_us = serve.cpu;
	c->of_us = serve.of;
	c->memory_kb = serve.memory;
}

/* A group that nobody visited has no parts: they would all be empty. */
static void drop_parts(struct report_site *to)
{
	if (to->visits > 0)
		return;
	free(to->parts);
	to->parts = NULL;
}

static int make_site(struct making *m, uint16_t group, struct error *e)
{
	struct report *r = m->report;
	struct report_site *to = &r->sites[r->site_count];
	struct group g = { .m = m, .to = to };
	struct buf name = BUF_INIT(1024 * 1024);
	uint64_t senders[COUNT_HOSTS];
	int rc = ask_view(m->ask, group, &g.view, e);
	if (rc != 0)
		return rc;
	m->site_of[group] = (uint16_t)++r->site_count;
	to->group = group;
	sites_group_name(m->sites, group, &name);
	to->name = buf_take(&name);
	int64_t frontier = g.view->frontier;
	g.known =
	    frontier < r->until && r->until - FRESH <= frontier ? frontier : r->until;
	to->parts = xcalloc(r->series.count + 1, sizeof(*to->parts));
	rc = count_senders(&g, senders, e);
	if (rc == 0)
		rc = add_hosts(&g, senders, e);
	if (rc != 0)
		return rc;
	rc = before_after_make(m->ask, g.view, r->until, m->half, &to->before_after, e);
	if (rc != 0)
		return rc;
	measure(&g);
	count_cost(&g);
	find_gaps(&g);
	drop_parts(to);
	return 0;
}

static int make_sites(struct making *m, struct error *e)
{
	struct report *r = m->report;
	int rc = 0;
	r->sites = xcalloc(m->sites->count + 1, sizeof(*r->sites));
	for (size_t i = 0; rc == 0 && i < m->sites->count; i++) {
		uint16_t id = m->sites->all[i].id;
		if (sites_group(m->sites, id) == id &&
		    was_there(r, m->sites->places[i].since, m->sites->places[i].until))
			rc = make_site(m, id, e);
	}
	return rc;
}

/* ---- listings ---- */

struct listed {
	struct making *m;
	struct listing last[2]; /* each sender of a site once: would be, is */
};

static struct report_site *site_of(const struct making *m, const struct listing *l)
{
	uint16_t at = m->site_of[sites_group(m->sites, l->site)];
	return at > 0 ? &m->report->sites[at - 1] : NULL;
}

static int on_listed(void *arg, const struct listing *l)
{
	struct report_site *s = site_of(arg, l);
	if (s)
		s->listed_now += l->is_listed;
	return 0;
}

static int on_listing(void *arg, const struct listing *l)
{
	struct listed *c = arg;
	struct report_site *s = site_of(c->m, l);
	struct listing *last = &c->last[l->is_listed];
	bool is_second = last->site == l->site && addr_equal(last->client, l->client);
	*last = *l;
	if (!s || is_second)
		return 0;
	s->listed += l->is_listed;
	s->would_be_listed += !l->is_listed;
	return 0;
}

static int count_listings(struct making *m, struct error *e)
{
	struct report *r = m->report;
	struct listed c = { .m = m };
	int rc = ask_listed(m->ask, false, on_listed, m, e);
	if (rc == 0 && r->since < r->until)
		rc = ask_listings(m->ask, r->since, r->until, on_listing, &c, e);
	return rc;
}

/* ---- the period ---- */

/* The first visit, or when the first host was watched for. */
static int64_t journal_begin(const struct making *m)
{
	int64_t first = ask_begun(m->ask);
	first = first > 0 ? first : INT64_MAX;
	for (size_t i = 0; i < m->sites->host_count; i++)
		if (m->sites->hosts[i].since > 0 && m->sites->hosts[i].since < first)
			first = m->sites->hosts[i].since;
	return first;
}

/* Of a period that begins before the journal does, the journal's part is told:
 * else a new journal would have no coverage for as long as --since asks. */
static void set_span(struct making *m, const struct report_span *span)
{
	struct report *r = m->report;
	char text[STAMP_TEXT_MAX];
	int64_t now = ask_now(m->ask), begin = journal_begin(m);
	bool is_begun = begin != INT64_MAX;
	r->until = span->until < now ? span->until : now;
	r->since = span->since;
	if (r->since == REPORT_BEGIN)
		r->since = is_begun && begin < r->until ? begin : r->until;
	else if (is_begun && r->since < begin && begin < r->until)
		r->since = begin;
	if (!is_begun)
		(void)snprintf(r->note, sizeof(r->note),
			       "No site was ever served: the journal is empty.");
	else if (span->since != REPORT_BEGIN && span->since >= now)
		(void)snprintf(
		    r->note, sizeof(r->note),
		    "This period is still to come: nothing was seen of it yet.");
	else if (r->until <= begin)
		(void)snprintf(
		    r->note, sizeof(r->note),
		    "Nothing is known of this period: the journal begins at %s.",
		    stamp_second(begin, text));
}

/* Nobody came, nor reaches into it from before: all numbers are 0, the reason is one. */
static void note_silence(struct report *r)
{
	uint64_t seen = 0;
	for (size_t i = 0; i < r->site_count; i++)
		seen += r->sites[i].visits + r->sites[i].counts.senders;
	if (seen == 0 && r->note[0] == '\0')
		(void)snprintf(r->note, sizeof(r->note),
			       "No visit to any host was seen in this period.");
}

int report_make(struct ask *a, const struct report_span *span, struct report *ret_report,
		struct error *e)
{
	struct report r = { .sites = NULL };
	struct making m = { .ask = a,
			    .sites = ask_sites(a),
			    .half = span->half ? span->half : "",
			    .report = &r,
			    .site_of = xcalloc(UINT16_MAX + 1, sizeof(*m.site_of)) };
	struct buf rules = BUF_INIT(4096);
	rules_text(&m.sites->rules, &rules);
	r.rules = buf_take(&rules);
	r.enforce = m.sites->rules.enforce;
	set_span(&m, span);
	series_cut(r.since, r.until, &r.series);
	int rc = make_sites(&m, e);
	if (rc == 0)
		rc = count_listings(&m, e);
	free(m.site_of);
	if (rc != 0) {
		report_release(&r);
		return rc;
	}
	note_silence(&r);
	*ret_report = r;
	return 0;
}

static void release_site(struct report_site *s)
{
	for (size_t i = 0; i < s->counts.at_risk_count; i++) {
		free(s->counts.at_risk[i].name);
		free(s->counts.at_risk[i].sender_domain);
		free(s->counts.at_risk[i].recipient_domain);
	}
	free(s->counts.at_risk);
	before_after_release(&s->before_after);
	free(s->name);
	free(s->hosts);
	free(s->parts);
	spans_release(&s->gaps);
}

void report_release(struct report *r)
{
	for (size_t i = 0; i < r->site_count; i++)
		release_site(&r->sites[i]);
	free(r->sites);
	free(r->rules);
	*r = (struct report){ .sites = NULL };
}
