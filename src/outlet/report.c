#include "outlet/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "outlet/past.h"
#include "outlet/unwatched.h"

/* While the journal is replayed. */
struct making {
	struct past past;
	struct tally *tally;
	struct revise *revise;
	struct unwatched unwatched;
	struct report *report;
	bool has_begun;
	int64_t *defined; /* by host: when it came into the journal; 0 not yet */
	int64_t *marks;   /* by host: the latest watermark; 0 none */
};

/* ---- from records to counts ---- */

static bool has_domain(const struct site *s, const char *domain)
{
	for (size_t i = 0; i < s->domain_count; i++)
		if (strcmp(s->domains[i], domain) == 0)
			return true;
	return false;
}

static void take_visit(struct making *m, const struct visit *v)
{
	const struct site *site;
	const struct host *host = judge_host(m->past.judge, v->host, &site);
	if (!host)
		return; /* of a definition that never was: counted by nobody */
	bool names = v->depth >= DEPTH_RCPT && has_domain(site, v->recipient_domain);
	enum place place = host->role == ROLE_CONTROL ? PLACE_CONTROL : host->place;
	tally_visit(m->tally, v, judge_group(m->past.judge, site->id), place, names);
	tally_name(m->tally, v->client, v->name);
}

static void note_hosts(struct making *m, const struct site *s, int64_t since)
{
	for (size_t i = 0; i < s->host_count; i++)
		if (m->defined[s->hosts[i].id] == 0)
			m->defined[s->hosts[i].id] = since;
}

/* What a checkpoint brought along was there before the first record. */
static void note_first(struct making *m)
{
	for (size_t i = 0; i < judge_site_count(m->past.judge); i++)
		note_hosts(m, judge_site(m->past.judge, i), INT64_MIN);
	m->has_begun = true;
}

static void note_site(struct making *m, const struct record *r)
{
	struct site s;
	if (site_parse(r->text, &s, NULL) != 0)
		return; /* nor did the judge take it */
	note_hosts(m, &s, r->seen);
	site_release(&s);
}

static void on_record(void *arg, const struct record *r)
{
	struct making *m = arg;
	if (!m->has_begun)
		note_first(m);
	unwatched_record(&m->unwatched, r);
	if (r->kind == RECORD_VISIT)
		take_visit(m, &r->visit);
	else if (r->kind == RECORD_NAME && r->name.is_confirmed)
		tally_name(m->tally, r->name.client, r->name.name);
	else if (r->kind == RECORD_SITE)
		note_site(m, r);
	else if (r->kind == RECORD_WATERMARK && m->marks[r->host] < r->time)
		m->marks[r->host] = r->time;
}

static void on_verdict(void *arg, const struct verdict *v)
{
	struct making *m = arg;
	tally_verdict(m->tally, v);
	revise_verdict(m->revise, v);
}

static void on_listing(void *arg, const struct listing *l)
{
	struct making *m = arg;
	tally_listing(m->tally, l);
}

/* ---- from counts to the report ---- */

static void add_name(struct report_site *to, const char *name)
{
	struct buf both = BUF_INIT(1024 * 1024);
	buf_addf(&both, "%s%s%s", to->name ? to->name : "", to->name ? ", " : "", name);
	free(to->name);
	to->name = buf_take(&both);
}

static enum report_unseen unseen_of(const struct making *m, const struct host *from,
				    int64_t mark)
{
	if (from->role == ROLE_REAL && !host_is_watched(from))
		return REPORT_NOT_WATCHED;
	if (mark > m->report->since)
		return REPORT_SEEN;
	if (mark > 0)
		return REPORT_SILENT_SINCE;
	bool is_closed = from->role != ROLE_REAL && from->posture == POSTURE_CLOSED;
	return is_closed ? REPORT_CLOSED : REPORT_SILENT;
}

/* Days of the period in which the host was there, for each of its addresses. */
static double address_days(const struct making *m, const struct host *from)
{
	const struct report *r = m->report;
	int64_t since = m->defined[from->id] > r->since ? m->defined[from->id] : r->since;
	return since >= r->until
		   ? 0
		   : (double)(r->until - since) / (double)STAMP_DAY * from->address_count;
}

static void add_rate(struct report_rate *rate, double *days, const struct report_host *h,
		     double host_days)
{
	rate->is_there = true;
	rate->addresses += h->addresses;
	rate->visits += h->visits;
	*days += host_days;
	rate->has_rate = *days > 0;
	rate->rate = *days > 0 ? (double)rate->visits / *days : 0;
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

static void add_host(const struct making *m, const struct host *from,
		     struct report_site *to, double days[PLACE_CONTROL + 1])
{
	struct report_host h = { .role = from->role,
				 .place = from->role == ROLE_CONTROL ? PLACE_CONTROL
								     : from->place,
				 .preference = from->preference,
				 .addresses = from->address_count,
				 .complete_until = m->marks[from->id] };
	(void)str_copy(h.name, sizeof(h.name), from->name); /* same size */
	tally_host(m->tally, from->id, &h.visits, &h.senders);
	h.unseen = unseen_of(m, from, h.complete_until);
	if (h.visits > 0 && from->role != ROLE_REAL)
		h.unseen = REPORT_SEEN; /* it has told of visits */
	const char *why = unwatched_why(&m->unwatched, from->id);
	if (from->role != ROLE_REAL && *why) {
		h.unseen = REPORT_CLOSED;
		h.why_unseen = xstrdup(why);
	}
	double host_days = address_days(m, from);
	h.has_rate = h.unseen == REPORT_SEEN && host_days > 0;
	h.rate = h.has_rate ? (double)h.visits / host_days : 0;

	struct report_rate *rate = rate_of(to, h.place);
	if (rate && h.unseen == REPORT_SEEN)
		add_rate(rate, &days[h.place], &h, host_days);
	to->has_control = to->has_control || h.role == ROLE_CONTROL;
	to->hosts[to->host_count++] = h;
}

static void add_hosts(const struct making *m, const struct site *s,
		      struct report_site *to, double days[PLACE_CONTROL + 1])
{
	to->hosts =
	    xrealloc(to->hosts, to->host_count + s->host_count + 1, sizeof(*to->hosts));
	for (size_t i = 0; i < s->host_count; i++)
		add_host(m, &s->hosts[i], to, days);
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

static void measure(const struct making *m, uint16_t group, struct report_site *to)
{
	const struct report *r = m->report;
	to->is_measurable =
	    judge_is_measurable(m->past.judge, group, to->why_not, sizeof(to->why_not));
	to->has_coverage = r->since < r->until;
	if (to->has_coverage)
		to->coverage = judge_coverage(m->past.judge, group, r->since, r->until);

	const struct tally_group *c = &to->counts;
	uint64_t decided = c->stopped + c->reached;
	to->has_share = to->is_measurable && to->has_coverage &&
			to->coverage >= REPORT_MIN_COVERAGE && decided > 0;
	if (to->has_share)
		to->stopped_share = (double)c->stopped / (double)decided;
}

/* A group that nobody visited has no parts: they would all be empty. */
static void make_parts(const struct making *m, uint16_t group, struct report_site *to)
{
	const struct series *s = &m->report->series;
	if (!tally_has(m->tally, group))
		return;
	to->parts = xcalloc(s->count + 1, sizeof(*to->parts));
	to->coverage_of = xcalloc(s->count + 1, sizeof(*to->coverage_of));
	tally_series(m->tally, group, s, to->parts);
	for (size_t i = 0; i < s->count; i++)
		to->coverage_of[i] =
		    judge_coverage(m->past.judge, group, s->edges[i], s->edges[i + 1]);
}

static void make_site(struct making *m, size_t index)
{
	const struct judge *judge = m->past.judge;
	struct report *r = m->report;
	uint16_t group = judge_site(judge, index)->id;
	if (judge_group(judge, group) != group)
		return; /* told with its group's first site */

	struct report_site *to = &r->sites[r->site_count++];
	double days[PLACE_CONTROL + 1] = { 0 };
	for (size_t i = 0; i < judge_site_count(judge); i++) {
		const struct site *s = judge_site(judge, i);
		if (judge_group(judge, s->id) != group)
			continue;
		add_name(to, s->name);
		add_hosts(m, s, to, days);
	}
	qsort(to->hosts, to->host_count, sizeof(*to->hosts), compare_hosts);
	tally_group(m->tally, group, &to->counts);
	revise_group(m->revise, group, r->since, r->until, &to->revised);
	measure(m, group, to);
	make_parts(m, group, to);
	sight_find(judge, group, r->since, r->until, &to->sight);
}

struct listed_in {
	const struct judge *judge;
	uint16_t group;
	struct report_site *site;
};

static void count_listed(void *arg, const struct listing *l)
{
	struct listed_in *in = arg;
	if (judge_group(in->judge, l->site) != in->group)
		return;
	in->site->listed_now += l->is_listed;
}

static void make_sites(struct making *m)
{
	const struct judge *judge = m->past.judge;
	size_t n = judge_site_count(judge);
	m->report->sites = xcalloc(n + 1, sizeof(*m->report->sites));
	for (size_t i = 0; i < n; i++) {
		size_t before = m->report->site_count;
		make_site(m, i);
		if (m->report->site_count == before)
			continue;
		struct listed_in in = { judge, judge_site(judge, i)->id,
					&m->report->sites[before] };
		judge_each_listed(judge, count_listed, &in);
	}
}

/* Of a period that begins before the journal does, the journal's part is told:
 * else a new journal would have no coverage for as long as --since asks. */
static void set_span(struct report *r, const struct report_span *span,
		     const struct past *p)
{
	r->until = span->until < p->now ? span->until : p->now;
	r->since = span->since;
	if (r->since == REPORT_BEGIN)
		r->since = p->first_seen ? p->first_seen : r->until;
	else if (r->since < p->first_seen && p->first_seen < r->until)
		r->since = p->first_seen;
}

static void making_init(struct making *m, struct report *r,
			const struct report_span *span)
{
	*m = (struct making){ .report = r };
	m->past = (struct past){ .on_verdict = on_verdict,
				 .on_listing = on_listing,
				 .on_record = on_record,
				 .arg = m };
	m->tally = r->tally = tally_new(span->since, span->until);
	m->revise = revise_new();
	m->defined = xcalloc(UINT16_MAX + 1, sizeof(*m->defined));
	m->marks = xcalloc(UINT16_MAX + 1, sizeof(*m->marks));
}

static void making_release(struct making *m)
{
	revise_free(m->revise);
	free(m->defined);
	free(m->marks);
	unwatched_release(&m->unwatched);
}

int report_make(struct journal *j, const struct report_span *span, int64_t now,
		struct report *ret_report, struct error *e)
{
	struct report r = { 0 };
	struct making m;
	making_init(&m, &r, span);

	int rc = past_open(&m.past, j, now, e);
	if (rc == 0 && (tally_failed(m.tally) || revise_failed(m.revise))) {
		past_release(&m.past);
		rc = error_set(e, FMX_ETOOBIG,
			       "too many senders for one report: take a shorter period "
			       "with --since and --until");
	}
	if (rc == 0) {
		set_span(&r, span, &m.past);
		series_cut(r.since, r.until, &r.series);
		r.enforce = judge_rules(m.past.judge)->enforce;
		make_sites(&m);
		past_release(&m.past);
		*ret_report = r;
	} else {
		tally_free(r.tally);
	}
	making_release(&m);
	return rc;
}

void report_release(struct report *r)
{
	for (size_t i = 0; i < r->site_count; i++) {
		struct report_site *s = &r->sites[i];
		free(s->name);
		for (size_t k = 0; k < s->host_count; k++)
			free(s->hosts[k].why_unseen);
		free(s->hosts);
		free(s->parts);
		free(s->coverage_of);
		sight_release(&s->sight);
		tally_group_release(&s->counts);
	}
	free(r->sites);
	tally_free(r->tally);
	*r = (struct report){ 0 };
}
