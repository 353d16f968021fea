#include "outlet/report.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "outlet/past.h"

/* While the journal is replayed. */
struct making {
	struct past past;
	struct tally *tally;
	struct report *report;
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
	tally_visit(m->tally, v, judge_group(m->past.judge, site->id), host->role, names);
	tally_name(m->tally, v->client, v->name);
}

static void on_record(void *arg, const struct record *r)
{
	struct making *m = arg;
	if (r->kind == RECORD_VISIT)
		take_visit(m, &r->visit);
	else if (r->kind == RECORD_NAME && r->name.is_confirmed)
		tally_name(m->tally, r->name.client, r->name.name);
}

static void on_verdict(void *arg, const struct verdict *v)
{
	struct making *m = arg;
	tally_verdict(m->tally, v);
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

static void add_hosts(const struct making *m, const struct site *s,
		      struct report_site *to)
{
	to->hosts =
	    xrealloc(to->hosts, to->host_count + s->host_count + 1, sizeof(*to->hosts));
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *from = &s->hosts[i];
		struct report_host h = { .role = from->role,
					 .preference = from->preference };
		(void)str_copy(h.name, sizeof(h.name), from->name); /* same size */
		tally_host(m->tally, from->id, &h.visits, &h.senders);
		to->has_control = to->has_control || h.role == ROLE_CONTROL;
		to->hosts[to->host_count++] = h;
	}
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

static void make_site(struct making *m, size_t index)
{
	const struct judge *judge = m->past.judge;
	struct report *r = m->report;
	uint16_t group = judge_site(judge, index)->id;
	if (judge_group(judge, group) != group)
		return; /* told with its group's first site */

	struct report_site *to = &r->sites[r->site_count++];
	for (size_t i = 0; i < judge_site_count(judge); i++) {
		const struct site *s = judge_site(judge, i);
		if (judge_group(judge, s->id) != group)
			continue;
		add_name(to, s->name);
		add_hosts(m, s, to);
	}
	qsort(to->hosts, to->host_count, sizeof(*to->hosts), compare_hosts);
	tally_group(m->tally, group, &to->counts);
	measure(m, group, to);
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

int report_make(struct journal *j, const struct report_span *span, int64_t now,
		struct report *ret_report, struct error *e)
{
	struct report r = { 0 };
	struct making m = { .report = &r };
	m.past = (struct past){ .on_verdict = on_verdict,
				.on_listing = on_listing,
				.on_record = on_record,
				.arg = &m };
	m.tally = r.tally = tally_new(span->since, span->until);

	int rc = past_open(&m.past, j, now, e);
	if (rc == 0 && tally_failed(m.tally)) {
		past_release(&m.past);
		rc = error_set(e, FMX_ETOOBIG,
			       "too many senders for one report: take a shorter period "
			       "with --since and --until");
	}
	if (rc != 0) {
		tally_free(r.tally);
		return rc;
	}
	set_span(&r, span, &m.past);
	r.enforce = judge_rules(m.past.judge)->enforce;
	make_sites(&m);
	past_release(&m.past);
	*ret_report = r;
	return 0;
}

void report_release(struct report *r)
{
	for (size_t i = 0; i < r->site_count; i++) {
		struct report_site *s = &r->sites[i];
		free(s->name);
		free(s->hosts);
		tally_group_release(&s->counts);
	}
	free(r->sites);
	tally_free(r->tally);
	*r = (struct report){ 0 };
}

const char *report_tier_reason(enum tier t)
{
	switch (t) {
	case TIER_NONE: return "nothing speaks for it";
	case TIER_KNOWN:
		return "its mail was accepted here before, or it is allow-listed";
	case TIER_PLAUSIBLE: return "SPF passes for its envelope domain";
	case TIER_WEAK:
		return "its name is confirmed and not generic, or is what it says in "
		       "HELO";
	}
	assert(false); /* the switch above is complete: -Wswitch says so */
	return "";
}
