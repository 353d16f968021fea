#include "outlet/report/before_after.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/stamp.h"
#include "journal/ask/evidence.h"
#include "mx/half.h"
#include "outlet/report/report.h"

#define MX_TTL STAMP_HOUR  /* of a site that names none */
#define HALF_A_MESSAGE 0.5 /* so that a day on which one half got nothing has a ratio */

const double before_after_fall = 0.15;

static const struct {
	const char *key, *name;
} kinds[COUNT_KINDS] = {
	[COUNT_UNWELCOME] = { "unwelcome", "unwelcome mail" },
	[COUNT_REFUSED] = { "refused", "refused for good" },
	[COUNT_SPAM] = { "accepted_as_spam", "accepted, called spam" },
	[COUNT_GOOD] = { "good", "good mail" },
	[COUNT_VISITS] = { "visits", "visits" },
};

const char *before_after_key(enum before_after_kind k)
{
	return kinds[k].key;
}

const char *before_after_name(enum before_after_kind k)
{
	return kinds[k].name;
}

struct making {
	struct ask *ask;
	const struct view *view;
	struct before_after *to;
	const char *seed;
	struct half half;
	int64_t until;
	int64_t kept; /* visits that came since are all kept */
	/* The domain whose rows pass by. */
	char domain[NAME_MAX_TEXT];
	int64_t domain_seen, domain_asked;
	bool domain_has;
};

/* ---- when the decoy was seen ---- */

/* Of all domains the latest, but of a first sight the first. */
static void end_domain(struct making *m)
{
	struct before_after *b = m->to;
	if (!*m->domain)
		return;
	b->is_asked = true;
	if (m->domain_asked > b->asked_since)
		b->asked_since = m->domain_asked;
	if (m->domain_seen == 0)
		b->seen_all = INT64_MAX;
	else if (b->seen_first == 0 || m->domain_seen < b->seen_first)
		b->seen_first = m->domain_seen;
	if (m->domain_seen > b->seen_all)
		b->seen_all = m->domain_seen;
	*m->domain = '\0';
}

static int on_mx(void *arg, const struct evidence_mx *x)
{
	struct making *m = arg;
	struct before_after *b = m->to;
	if (*m->seed && !half_has(&m->half, x->domain))
		return 0;
	if (strcmp(m->domain, x->domain) != 0) {
		end_domain(m);
		(void)str_copy(m->domain, sizeof(m->domain), x->domain);
		m->domain_asked = x->time;
		m->domain_seen = 0;
		m->domain_has = false;
	}
	if (x->has_decoy && m->domain_seen == 0)
		m->domain_seen = x->time;
	if (!x->has_decoy && m->domain_has && (b->gone == 0 || x->time < b->gone))
		b->gone = x->time;
	m->domain_has = x->has_decoy;
	return 0;
}

static int find_moments(struct making *m, int64_t *ret_ttl, struct error *e)
{
	const struct sites *all = ask_sites(m->ask);
	int rc = 0;
	*ret_ttl = MX_TTL;
	for (size_t i = 0; i < all->count && rc == 0; i++) {
		const struct site *s = &all->all[i];
		if (sites_group(all, s->id) != m->view->group ||
		    all->places[i].until != INT64_MAX)
			continue;
		*ret_ttl = stamp_later(*ret_ttl, s->mx_ttl);
		rc = evidence_mx(m->ask, s->id, on_mx, m, e);
	}
	end_domain(m);
	if (m->to->seen_all == INT64_MAX)
		m->to->seen_all = 0;
	return rc;
}

/* ---- days ---- */

static struct before_after_day *day_at(const struct making *m, int64_t time)
{
	const struct before_after *b = m->to;
	if (b->day_count == 0 || time < 0)
		return NULL;
	int64_t at = time / STAMP_DAY - b->days[0].day;
	return at < 0 || (size_t)at >= b->day_count ? NULL : &b->days[at];
}

static int on_slot(void *arg, const struct slot *s)
{
	struct before_after_day *d = day_at(arg, s->five);
	if (!d)
		return 0;
	double refused = (double)s->refused - s->unknown_rcpt;
	d->count[COUNT_VISITS] += s->visits;
	d->count[COUNT_REFUSED] += refused;
	d->count[COUNT_SPAM] += s->spam;
	d->count[COUNT_UNWELCOME] += refused + s->spam;
	d->count[COUNT_GOOD] += (double)s->accepted - s->spam;
	return 0;
}

/* Of the halves; recipients that do not exist are not told apart there. */
static int on_visit(void *arg, const struct ask_visit *v)
{
	const struct making *m = arg;
	struct before_after_day *d = day_at(m, v->visit.time);
	bool is_unwelcome =
	    v->visit.outcome == OUTCOME_REJECTED ||
	    (v->visit.outcome == OUTCOME_ACCEPTED && v->visit.spam == SPAM_YES);
	if (d && is_unwelcome && *v->visit.recipient_domain)
		d->half[!half_has(&m->half, v->visit.recipient_domain)]++;
	return 0;
}

static int read_host(struct making *m, const struct view_host *h, struct error *e)
{
	const struct before_after *b = m->to;
	int64_t since = b->days[0].day * STAMP_DAY;
	int64_t until = since + (int64_t)b->day_count * STAMP_DAY;
	int rc = ask_slots(m->ask, h->id, since, until, on_slot, m, e);
	struct ask_visits which = { .since = since, .until = until, .host = h->id };
	if (rc == 0 && *m->seed)
		rc = ask_visits(m->ask, &which, on_visit, m, e);
	return rc;
}

static int read_days(struct making *m, struct error *e)
{
	const struct spans *sound = &m->view->sound;
	struct before_after *b = m->to;
	if (sound->count == 0)
		return 0;
	int64_t first = sound->at[0].since / STAMP_DAY;
	int64_t last =
	    stamp_earlier(sound->at[sound->count - 1].until, m->until) / STAMP_DAY;
	int rc = 0;
	if (last <= first || last - first > 3660)
		return 0;
	b->day_count = (size_t)(last - first);
	b->days = xcalloc(b->day_count, sizeof(*b->days));
	for (size_t i = 0; i < b->day_count; i++)
		b->days[i].day = first + (int64_t)i;
	for (size_t i = 0; i < m->view->host_count && rc == 0; i++)
		if (m->view->hosts[i].role == ROLE_REAL)
			rc = read_host(m, &m->view->hosts[i], e);
	return rc;
}

static void tell_days_apart(struct making *m, int64_t ttl)
{
	struct before_after *b = m->to;
	for (size_t i = 0; i < b->day_count && b->is_asked; i++) {
		struct before_after_day *d = &b->days[i];
		int64_t begin = d->day * STAMP_DAY, end = begin + STAMP_DAY;
		if ((double)spans_time(&m->view->sound, begin, end) <
		    REPORT_MIN_COVERAGE * (double)STAMP_DAY)
			continue;
		/* A day that began a moment before the first question is whole, too. */
		bool is_known = end > b->asked_since + STAMP_DAY - STAMP_HOUR;
		d->is_before = is_known && (b->seen_first == 0 || end <= b->seen_first);
		d->is_after = b->seen_all > 0 && begin >= b->seen_all + ttl &&
			      (b->gone == 0 || end <= b->gone);
		d->has_half = begin >= m->kept && (d->is_before || d->is_after);
	}
}

/* ---- what follows ---- */

static double of_kind(const struct before_after_day *d, int kind, double scale)
{
	if (kind < COUNT_KINDS)
		return d->count[kind];
	/* The other half says how much was under way on that day. */
	return (d->half[0] + HALF_A_MESSAGE) / (d->half[1] + HALF_A_MESSAGE) * scale;
}

static struct effect compare(const struct before_after *b, int kind, double scale)
{
	struct effect_day *before = xcalloc(b->day_count + 1, sizeof(*before));
	struct effect_day *after = xcalloc(b->day_count + 1, sizeof(*after));
	size_t n = 0, m = 0;
	struct effect x;
	for (size_t i = 0; i < b->day_count; i++) {
		const struct before_after_day *d = &b->days[i];
		struct effect_day value = { d->day, of_kind(d, kind, scale) };
		if (kind == COUNT_KINDS && !d->has_half)
			continue;
		if (d->is_before)
			before[n++] = value;
		else if (d->is_after)
			after[m++] = value;
	}
	effect_compare(before, n, after, m, EFFECT_SEED, &x);
	free(before);
	free(after);
	return x;
}

static void on_domain(void *arg, const char *domain)
{
	struct making *m = arg;
	m->to->half_domains[!half_has(&m->half, domain)]++;
}

static int count_domains(struct making *m, struct error *e)
{
	const struct sites *all = ask_sites(m->ask);
	int rc = 0;
	for (size_t i = 0; i < all->count && rc == 0; i++)
		if (sites_group(all, all->all[i].id) == m->view->group &&
		    all->places[i].until == INT64_MAX)
			rc = evidence_domains(m->ask, all->all[i].id, on_domain, m, e);
	return rc;
}

/* What the half without a decoy gets on a day: the ratio of the halves, as mail. */
static double other_half(const struct before_after *b)
{
	double all = 0, days = 0;
	for (size_t i = 0; i < b->day_count; i++) {
		all += b->days[i].has_half ? b->days[i].half[1] : 0;
		days += b->days[i].has_half;
	}
	return days > 0 ? all / days : 0;
}

static void conclude(struct making *m)
{
	struct before_after *b = m->to;
	for (int k = 0; k < COUNT_KINDS; k++)
		b->effect[k] = compare(b, k, 1);
	b->has_half = *m->seed != '\0';
	if (b->has_half)
		b->half = compare(b, COUNT_KINDS, other_half(b));
	const struct effect *x = b->has_half ? &b->half : &b->effect[COUNT_UNWELCOME];
	if (x->before < EFFECT_LEAST_DAYS || x->mean_before <= 0)
		return;
	b->days_needed = effect_days_needed(x->spread, x->before, before_after_fall);
	b->days_each = effect_days_each(x->spread, before_after_fall);
}

int before_after_make(struct ask *a, const struct view *view, int64_t until,
		      const char *half, struct before_after *ret, struct error *e)
{
	struct making m = {
		.ask = a,
		.view = view,
		.to = ret,
		.seed = half,
		.until = until,
		.kept = ask_first_seen(a),
	};
	int64_t ttl;
	*ret = (struct before_after){ .days = NULL };
	half_init(&m.half, half);
	int rc = find_moments(&m, &ttl, e);
	if (rc == 0 && ret->is_asked)
		rc = read_days(&m, e);
	if (rc == 0 && *half)
		rc = count_domains(&m, e);
	if (rc != 0) {
		before_after_release(ret);
		return rc;
	}
	tell_days_apart(&m, ttl);
	conclude(&m);
	return 0;
}

void before_after_release(struct before_after *b)
{
	free(b->days);
	*b = (struct before_after){ .days = NULL };
}

/* ---- sentences ---- */

void before_after_say(const struct effect *x, struct buf *out)
{
	if (!x->is_told) {
		buf_adds(out, "too few days, or nothing came");
		return;
	}
	buf_addf(out, "%.1f a day before, %.1f after: ", x->mean_before, x->mean_after);
	if (x->is_difference)
		buf_addf(out, "%+.0f %%, and with 95 %% certainty %+.0f to %+.0f %%",
			 100 * x->change, 100 * x->low, 100 * x->high);
	else
		buf_addf(out,
			 "no difference that could be told from chance (%+.0f to %+.0f "
			 "%%)",
			 100 * x->low, 100 * x->high);
}

/* What few days before leave open, no number of days after can close. */
void before_after_power(const struct before_after *b, struct buf *out)
{
	if (b->days_needed)
		buf_addf(out, "shows after %u days, four times in five", b->days_needed);
	else if (b->days_each)
		buf_addf(
		    out,
		    "shows only after %u days without the decoy and as many with it, "
		    "four times in five",
		    b->days_each);
}

void before_after_why_not(const struct before_after *b, struct buf *out)
{
	const struct effect *x = &b->effect[COUNT_UNWELCOME];
	if (!b->is_asked)
		buf_adds(out, "serve has not asked the DNS for the MX records of this "
			      "site yet, so nobody knows when the decoy came");
	else if (b->seen_first == 0)
		buf_addf(out,
			 "no decoy is in the DNS yet; %zu day%s watched whole before it "
			 "(two weeks are good, %d the least)",
			 x->before, number_plural(x->before), EFFECT_LEAST_DAYS);
	else if (b->seen_all == 0)
		buf_adds(out, "some of the domains have the decoy in the DNS, others do "
			      "not: `fakemx plan` shows which");
	else if (x->before < EFFECT_LEAST_DAYS)
		buf_addf(out,
			 "%zu day%s watched whole before the decoy was in the DNS: at "
			 "least %d are needed. `layout = none` is the way to begin",
			 x->before, number_plural(x->before), EFFECT_LEAST_DAYS);
	else if (x->after < EFFECT_LEAST_DAYS)
		buf_addf(out,
			 "%zu day%s watched whole after the decoy was seen in the DNS: "
			 "at least %d are needed",
			 x->after, number_plural(x->after), EFFECT_LEAST_DAYS);
}
