#include "outlet/report/count.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/number.h"

#define HALF_HOUR (30 * STAMP_MINUTE)
#define KNOCK_WINDOW (5 * STAMP_DAY)

/* A walk that a report of its time called stopped. */
struct stop {
	int64_t began, corrected; /* corrected: when, as it was stored; 0 not yet */
	bool was_final, stands, has_reached;
};

/* The missing message behind a row at risk. */
struct missing {
	size_t row;
	uint64_t hash;
	struct run decoy;
};

/* The sender that streams by. */
struct passing {
	struct addr clients[2];
	size_t client_count;
	bool has_walk; /* one that counts: `verdict` is the latest */
	struct verdict verdict;
	char name[NAME_MAX_TEXT];
	uint64_t hosts; /* bits */
	uint64_t final_attempts;
	bool names_recipient, saw_control, met_decoy, knocked;
	uint64_t *cell; /* where its latest walk of a part is counted */
	size_t part;
	struct span *decoys; /* its decoy walks: knocks that touch one are seen with it */
	size_t decoy_count, decoy_cap;
	int64_t *reals; /* contacts with real hosts */
	size_t real_count, real_cap;
	struct stop *stops;
	size_t stop_count, stop_cap;
};

struct count {
	struct count_spec spec;
	uint64_t controls; /* the bits of control addresses */
	struct report_counts counts;
	struct report_part *parts;
	uint64_t senders[COUNT_HOSTS];
	struct passing now;
	int64_t *delays;
	size_t delay_count, delay_cap;
	int64_t *returns; /* of the corrected: how long after */
	size_t return_count, return_cap;
	struct missing *missing;
	size_t missing_count, missing_cap;
};

const int64_t report_delay_ends_us[REPORT_DELAY_BINS - 1] = {
	10 * STAMP_MILLISECOND, 100 * STAMP_MILLISECOND,
	STAMP_SECOND,           2 * STAMP_SECOND,
	5 * STAMP_SECOND,       10 * STAMP_SECOND,
	30 * STAMP_SECOND,      STAMP_MINUTE,
};
const char *const report_delay_names[REPORT_DELAY_BINS] = {
	"10 ms", "0.1 s", "1 s", "2 s", "5 s", "10 s", "30 s", "1 min", "longer",
};

struct count *count_new(const struct count_spec *spec)
{
	struct count *c = xcalloc(1, sizeof(*c));
	c->spec = *spec;
	c->parts = xcalloc(spec->series->count + 1, sizeof(*c->parts));
	for (size_t i = 0; i < spec->view->host_count; i++) {
		const struct view_host *h = &spec->view->hosts[i];
		assert(h->bit < COUNT_HOSTS);
		if (h->role == ROLE_CONTROL)
			c->controls |= UINT64_C(1) << h->bit;
	}
	return c;
}

void count_free(struct count *c)
{
	free(c->parts);
	free(c->now.decoys);
	free(c->now.reals);
	free(c->now.stops);
	free(c->delays);
	free(c->returns);
	free(c->missing);
	free(c);
}

static bool is_inside(const struct count *c, int64_t t)
{
	return t >= c->spec.since && t < c->spec.until;
}

static bool overlaps(const struct count *c, int64_t began, int64_t last)
{
	return began < c->spec.until && last >= c->spec.since;
}

/* ---- attempts ---- */

static uint64_t half_hours_inside(const struct count *c, const struct run *r)
{
	uint64_t bits = r->half_hours;
	int64_t day = run_day(r);
	for (unsigned i = 0; i < 48; i++) {
		int64_t at = day + i * HALF_HOUR;
		if (at + HALF_HOUR <= c->spec.since || at >= c->spec.until)
			bits &= ~(UINT64_C(1) << i);
	}
	return bits;
}

/* Each half hour once: of runs of one day, two may have visits in the same. */
static uint64_t attempts_of(const struct count *c, const struct ask_walk *w)
{
	uint64_t n = 0;
	for (size_t i = 0; i < w->run_count; i++) {
		uint64_t bits = half_hours_inside(c, &w->runs[i]);
		for (size_t k = 0; k < i; k++)
			if (run_day(&w->runs[k]) == run_day(&w->runs[i]))
				bits &= ~w->runs[k].half_hours;
		n += (uint64_t)__builtin_popcountll(bits);
	}
	return n;
}

/* ---- at risk ---- */

static void add_at_risk(struct count *c, const struct verdict *v, const char *name,
			bool is_message)
{
	struct report_counts *to = &c->counts;
	to->at_risk =
	    xroom(to->at_risk, to->at_risk_count, &to->at_risk_cap, sizeof(*to->at_risk));
	to->at_risk[to->at_risk_count++] = (struct report_at_risk){
		.client = v->client,
		.tier = v->tier,
		.since = v->began,
		.name = xstrdup(name),
		.is_final = v->is_final,
		.is_message = is_message,
	};
	to->at_risk_tier[v->tier]++;
	to->messages_missing += is_message;
}

/* A message of a sender that came with others all the same. */
static void take_missing(struct count *c, const struct ask_walk *w)
{
	const struct verdict *v = &w->verdict;
	if (v->missing == 0 || v->tier == TIER_NONE || v->fate == FATE_STOPPED)
		return;
	c->missing =
	    xroom(c->missing, c->missing_count, &c->missing_cap, sizeof(*c->missing));
	c->missing[c->missing_count++] =
	    (struct missing){ c->counts.at_risk_count, v->missing, w->walk->main };
	add_at_risk(c, v, w->sender->name, true);
}

/* ---- the end of a sender ---- */

static void count_stopped(struct count *c)
{
	const struct verdict *v = &c->now.verdict;
	struct report_counts *to = &c->counts;
	to->stopped_hosts |= c->now.hosts;
	if (v->tier != TIER_NONE) {
		add_at_risk(c, v, c->now.name, false);
	} else if (!v->is_final) {
		to->stopped_provisional++;
	} else {
		to->stopped++;
		to->stopped_attempts += c->now.final_attempts;
		to->stopped_naming_recipient += c->now.names_recipient;
		to->background_stopped += c->now.saw_control;
		if (c->spec.stopped)
			c->spec.stopped(c->spec.arg, c->now.clients, c->now.client_count);
	}
}

static void count_latest(struct count *c)
{
	struct report_counts *to = &c->counts;
	to->order[c->now.verdict.order]++;
	switch (c->now.verdict.fate) {
	case FATE_REACHED: to->reached++; break;
	case FATE_STOPPED: count_stopped(c); break;
	case FATE_PENDING: to->pending++; break;
	case FATE_UNKNOWN: to->unknown++; break;
	}
}

/* The first contact with a real host after the stopped walk began. */
static int64_t came_after(const struct passing *p, int64_t began)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < p->real_count; i++)
		if (p->reals[i] > began && p->reals[i] < first)
			first = p->reals[i];
	return first;
}

/* What became of the stops: the sender's longest way back, or an excuse. */
static void count_revised(struct count *c)
{
	struct passing *p = &c->now;
	int64_t longest = -1;
	bool is_excused = false, was_final = false;
	for (size_t i = 0; i < p->stop_count; i++) {
		const struct stop *s = &p->stops[i];
		int64_t came = came_after(p, s->began);
		if (came == INT64_MAX && s->has_reached)
			came = s->corrected ? s->corrected : c->spec.view->now;
		if (came != INT64_MAX && is_inside(c, came)) {
			was_final |= s->was_final;
			longest = came - s->began > longest ? came - s->began : longest;
		} else if (came == INT64_MAX && !s->stands) {
			int64_t at = s->corrected ? s->corrected : c->spec.until - 1;
			is_excused |= is_inside(c, at);
		}
	}
	struct report_revised *to = &c->counts.revised;
	to->senders += longest >= 0 || is_excused;
	to->excused += longest < 0 && is_excused;
	if (longest < 0)
		return;
	to->after_final += was_final;
	c->returns =
	    xroom(c->returns, c->return_count, &c->return_cap, sizeof(*c->returns));
	c->returns[c->return_count++] = longest;
}

static void end_sender(struct count *c)
{
	struct passing *p = &c->now;
	if (p->client_count == 0)
		return;
	if (p->has_walk)
		count_latest(c);
	c->counts.senders += p->has_walk || p->knocked;
	c->counts.only_knocked += !p->has_walk && p->knocked;
	c->counts.background_senders += p->saw_control;
	c->counts.background_at_decoys += p->saw_control && p->met_decoy;
	count_revised(c);
	for (size_t i = 0; i < COUNT_HOSTS; i++)
		c->senders[i] += p->hosts >> i & 1;
}

static void begin_sender(struct count *c, const struct addr *clients, size_t count)
{
	struct passing *p = &c->now;
	for (size_t i = 0; i < p->client_count; i++)
		if (addr_equal(p->clients[i], clients[0]))
			return;
	end_sender(c);
	struct passing next = { .client_count = count,
				.part = SIZE_MAX,
				.decoys = p->decoys,
				.decoy_cap = p->decoy_cap,
				.reals = p->reals,
				.real_cap = p->real_cap,
				.stops = p->stops,
				.stop_cap = p->stop_cap };
	for (size_t i = 0; i < count; i++)
		next.clients[i] = clients[i];
	*p = next;
}

/* ---- walks ---- */

static void take_stop(struct count *c, const struct ask_walk *w)
{
	struct passing *p = &c->now;
	const struct told *t = &w->told;
	if (w->walk->main.kind != RUN_DECOY || t->stopped_at == 0)
		return;
	p->stops = xroom(p->stops, p->stop_count, &p->stop_cap, sizeof(*p->stops));
	p->stops[p->stop_count++] = (struct stop){
		.began = w->walk->began,
		.corrected = t->corrected_at,
		.was_final = w->verdict.is_final || t->is_final,
		.stands = w->verdict.fate == FATE_STOPPED,
		.has_reached = w->verdict.fate == FATE_REACHED,
	};
}

static void take_contacts(struct count *c, const struct ask_walk *w)
{
	struct passing *p = &c->now;
	if (w->walk->has_real) {
		p->reals =
		    xroom(p->reals, p->real_count, &p->real_cap, sizeof(*p->reals));
		p->reals[p->real_count++] = w->walk->real;
	}
	if (w->walk->main.kind == RUN_DECOY) {
		p->decoys =
		    xroom(p->decoys, p->decoy_count, &p->decoy_cap, sizeof(*p->decoys));
		p->decoys[p->decoy_count++] =
		    (struct span){ w->walk->began, w->walk->last };
	}
}

static void take_delay(struct count *c, const struct verdict *v)
{
	struct report_delay *d = &c->counts.delay;
	c->counts.returned_later += v->returned_later;
	if (v->delay_us < 0)
		return;
	size_t bin = 0;
	while (bin < REPORT_DELAY_BINS - 1 && v->delay_us > report_delay_ends_us[bin])
		bin++;
	d->bins[bin]++;
	if (d->exact_within_us < v->delay_error_us)
		d->exact_within_us = v->delay_error_us;
	c->delays = xroom(c->delays, c->delay_count, &c->delay_cap, sizeof(*c->delays));
	c->delays[c->delay_count++] = v->delay_us;
}

static uint64_t *cell_of(struct report_part *p, const struct verdict *v)
{
	if (v->fate == FATE_REACHED)
		return &p->reached;
	if (v->fate != FATE_STOPPED)
		return &p->rest;
	if (v->tier != TIER_NONE)
		return &p->at_risk;
	return v->is_final ? &p->stopped : &p->stopped_provisional;
}

/* Walks come by their beginning: a later one of the part takes the earlier's place. */
static void take_part(struct count *c, const struct verdict *v)
{
	size_t part = series_find(c->spec.series, v->began);
	if (part == c->spec.series->count)
		return;
	if (part == c->now.part)
		(*c->now.cell)--;
	c->now.part = part;
	c->now.cell = cell_of(&c->parts[part], v);
	(*c->now.cell)++;
}

static void take_attempts(struct count *c, const struct ask_walk *w)
{
	const struct verdict *v = &w->verdict;
	if (v->fate != FATE_STOPPED || v->tier != TIER_NONE)
		return;
	uint64_t n = attempts_of(c, w);
	c->counts.attempts_stopped += n;
	if (v->is_final)
		c->now.final_attempts += n;
}

static void take_runs(struct count *c, const struct ask_walk *w)
{
	struct passing *p = &c->now;
	for (size_t i = 0; i < w->run_count; i++) {
		const struct run *r = &w->runs[i];
		if (overlaps(c, r->began, r->last))
			p->hosts |= r->hosts;
		p->names_recipient |= r->rcpt_hours != 0;
		p->met_decoy |= r->kind == RUN_DECOY;
		c->counts.has_clean |= r->clean != MOMENT_NONE;
	}
}

static void take_latest(struct count *c, const struct ask_walk *w)
{
	struct passing *p = &c->now;
	const struct verdict *v = &w->verdict;
	if (p->has_walk && v->fate == FATE_PENDING && p->verdict.fate != FATE_PENDING)
		return;
	p->has_walk = true;
	p->verdict = *v;
	(void)str_copy(p->name, sizeof(p->name), w->sender->name);
}

static int on_walk(void *arg, const struct ask_walk *w)
{
	struct count *c = arg;
	begin_sender(c, w->sender->clients, w->sender->count);
	take_stop(c, w);
	take_contacts(c, w);
	if (!overlaps(c, w->walk->began, w->walk->last))
		return 0; /* it may explain what does */
	take_latest(c, w);
	take_runs(c, w);
	take_attempts(c, w);
	take_missing(c, w);
	take_part(c, &w->verdict);
	if (is_inside(c, w->walk->began))
		take_delay(c, &w->verdict);
	return 0;
}

static int on_earlier(void *arg, const struct ask_walk *w)
{
	struct count *c = arg;
	begin_sender(c, w->sender->clients, w->sender->count);
	take_stop(c, w);
	return 0;
}

/* ---- aside ---- */

static bool is_explained(const struct passing *p, const struct run *r)
{
	for (size_t i = 0; i < p->decoy_count; i++)
		if (r->began <= p->decoys[i].until + RUN_GAP &&
		    r->last >= p->decoys[i].since - RUN_GAP)
			return true;
	for (size_t i = 0; i < p->real_count; i++)
		if (p->reals[i] >= r->began - KNOCK_WINDOW &&
		    p->reals[i] <= r->last + KNOCK_WINDOW)
			return true;
	return false;
}

static int on_aside(void *arg, const struct run *r)
{
	struct count *c = arg;
	struct passing *p = &c->now;
	begin_sender(c, &r->client, 1);
	if (!overlaps(c, r->began, r->last))
		return 0;
	bool at_decoy = r->low != MOMENT_NONE || r->high != MOMENT_NONE;
	p->hosts |= r->hosts;
	p->saw_control |= (r->hosts & c->controls) != 0;
	p->met_decoy |= at_decoy;
	p->knocked |= at_decoy;
	if (at_decoy && !is_explained(p, r))
		c->counts.attempts_knocked +=
		    (uint64_t)__builtin_popcountll(half_hours_inside(c, r));
	return 0;
}

/* Beyond the period's ends: who knocked in it may have come to a real host before or
 * after. */
struct ask_stream count_stream(struct count *c)
{
	const struct count_spec *s = &c->spec;
	return (struct ask_stream){ .since = s->since - KNOCK_WINDOW,
				    .until = s->until + KNOCK_WINDOW,
				    .walk = on_walk,
				    .earlier = on_earlier,
				    .aside = on_aside,
				    .arg = c };
}

/* ---- the end ---- */

static void finish_delay(struct count *c)
{
	struct report_delay *d = &c->counts.delay;
	d->count = c->delay_count;
	if (d->count == 0)
		return;
	number_sort(c->delays, c->delay_count);
	d->p50_us = number_percentile(c->delays, c->delay_count, 50);
	d->p95_us = number_percentile(c->delays, c->delay_count, 95);
	d->max_us = c->delays[c->delay_count - 1];
	for (size_t i = 0; i < c->delay_count; i++)
		d->sum_us += c->delays[i];
}

static void finish_revised(struct count *c)
{
	struct report_revised *r = &c->counts.revised;
	r->returned = c->return_count;
	if (r->returned == 0)
		return;
	number_sort(c->returns, c->return_count);
	r->p50_us = number_percentile(c->returns, c->return_count, 50);
	r->max_us = c->returns[c->return_count - 1];
}

void count_finish(struct count *c, struct report_counts *ret_counts,
		  struct report_part *parts, uint64_t senders[COUNT_HOSTS])
{
	end_sender(c);
	c->now.client_count = 0;
	finish_delay(c);
	finish_revised(c);
	for (size_t i = 0; i < c->spec.series->count; i++)
		parts[i] = c->parts[i];
	for (size_t i = 0; i < COUNT_HOSTS; i++)
		senders[i] = c->senders[i];
	*ret_counts = c->counts;
	c->counts = (struct report_counts){ 0 };
}

int count_each_missing(const struct count *c, count_missing_fn fn, void *arg,
		       struct error *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < c->missing_count; i++)
		rc = fn(arg, c->missing[i].row, &c->missing[i].decoy, c->missing[i].hash,
			e);
	return rc;
}
