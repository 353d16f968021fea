#include "known.h"

#include <stdlib.h>
#include <string.h>

/* Between two moments that a line speaks of nothing changes. */
static struct stretch {
	int64_t from, to;
	bool is_watched, is_well, sees_low;
	enum reason excuse;
} stretches[4 * ORACLE_LINES];
static size_t stretch_count;
#define EACH_STRETCH(s, since, until)                                                    \
	const struct stretch *s = stretches;                                             \
	s < stretches + stretch_count; s++)         \
		if (s->from <= (until) && s->to > (since)
#define EACH_HOST(h)                                                                     \
	const struct oracle_host *h = o->hosts;                                          \
	h < o->hosts + o->host_count;                                                    \
	h++

const struct oracle *o;
struct fact facts[ORACLE_LINES];
size_t fact_count;
int64_t frontier;

/* ---- what is known of a host ---- */

int64_t oracle_told_until(const struct line *lines, size_t count, uint16_t host)
{
	int64_t t = INT64_MIN;
	for (const struct line *l = lines; l < lines + count; l++)
		if ((l->kind == LINE_WATERMARK || l->kind == LINE_GAP) && l->host == host)
			t = stamp_later(t, l->time);
	return t;
}

static bool is_watched(uint16_t host, int64_t t)
{
	bool has_begun = false;
	for (EACH_LINE(l)) {
		if (l->kind == LINE_GAP && l->host == host && l->since <= t &&
		    t < l->time)
			return false;
		bool tells = l->kind == LINE_WATERMARK || l->kind == LINE_GAP;
		has_begun |= tells && l->host == host && l->time <= t;
	}
	return has_begun && t < oracle_told_until(o->lines, o->line_count, host);
}

/* The last good probe by t; or (is_next) the first after it. */
static int64_t good_probe(uint16_t host, int64_t t, bool is_next)
{
	int64_t best = is_next ? NEVER : INT64_MIN;
	for (EACH_LINE(l))
		if (l->kind == LINE_PROBE && l->is_ok && l->host == host &&
		    (l->time > t) == is_next && (l->time < best) == is_next)
			best = l->time;
	return best;
}

/* Unwell from the last good probe before trouble to six hours after the next. */
static bool is_well(uint16_t host, int64_t t)
{
	for (EACH_LINE(l))
		if ((l->kind == LINE_OUTAGE || (l->kind == LINE_PROBE && !l->is_ok)) &&
		    l->host == host && t >= good_probe(host, l->time, false) &&
		    t < good_probe(host, l->time, true) + o->rules.unwell_tail)
			return false;
	return good_probe(host, t, false) != INT64_MIN &&
	       good_probe(host, t, true) != NEVER;
}

/* Of a real host its last good probe, too. */
static void read_frontier(void)
{
	frontier = NEVER;
	for (EACH_HOST(h)) {
		int64_t told = oracle_told_until(o->lines, o->line_count, h->id);
		int64_t probed =
		    h->role == ROLE_REAL ? good_probe(h->id, NEVER, false) : NEVER;
		frontier = stamp_earlier(frontier, stamp_earlier(told, probed));
	}
}

static struct stretch look_at(int64_t from, int64_t to)
{
	struct stretch s = { from, to, true, true, true, REASON_NONE };
	bool has_low = false;
	for (EACH_HOST(h)) {
		bool is_real = h->role == ROLE_REAL, is_seen = is_watched(h->id, from);
		s.is_watched &= !is_real || is_seen;
		s.is_well &= !is_real || is_well(h->id, from);
		s.sees_low &= h->place != PLACE_LOW || is_seen;
		has_low |= h->place == PLACE_LOW;
	}
	s.sees_low &= has_low;
	s.excuse = !s.is_watched ? REASON_NOT_WATCHED
		   : !s.is_well  ? REASON_NOT_WELL
				 : REASON_NONE;
	if (from >= o->started && from < o->started + o->rules.grace)
		s.excuse = REASON_GRACE;
	return s;
}

static int by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* When they are first asked for. */
static void read_stretches(void)
{
	if (stretch_count > 0)
		return;
	int64_t at[3 * ORACLE_LINES + 4] = { 0, o->started, o->started + o->rules.grace,
					     NEVER };
	size_t count = 4;
	for (EACH_LINE(l)) {
		at[count++] = l->time;
		at[count++] = l->since;
		at[count++] = l->time + o->rules.unwell_tail;
	}
	qsort(at, count, sizeof(at[0]), by_time);
	for (size_t i = 0; i + 1 < count; i++)
		if (at[i] < at[i + 1])
			stretches[stretch_count++] = look_at(at[i], at[i + 1]);
}

enum reason excuse_in(int64_t since, int64_t until)
{
	enum reason first = REASON_NONE;
	read_stretches();
	for (EACH_STRETCH(s, since, until))
		if (s->excuse && (!first || s->excuse < first))
			first = s->excuse;
	return first;
}

bool is_all_well(int64_t since, int64_t until)
{
	bool is_so = true;
	read_stretches();
	for (EACH_STRETCH(s, since, until))
		is_so &= s->is_well;
	return is_so;
}

bool low_was_seen(int64_t since, int64_t until)
{
	bool is_so = true;
	read_stretches();
	for (EACH_STRETCH(s, since, until))
		is_so &= s->sees_low;
	for (EACH_HOST(h))
		for (EACH_LINE(l))
			if (h->place == PLACE_LOW && l->kind == LINE_LOST &&
			    l->host == h->id && l->since <= until &&
			    l->time > since - GAP)
				is_so = false;
	return is_so;
}

int64_t time_in(int64_t since, int64_t until, bool is_well)
{
	int64_t sum = 0;
	read_stretches();
	for (EACH_STRETCH(s, since, until - 1))
		if (is_well ? s->excuse == REASON_NONE : s->is_watched)
			sum += stamp_earlier(s->to, until) - stamp_later(s->from, since);
	return sum;
}

/* ---- who is who ---- */

const struct name_fact *name_of(struct addr a)
{
	const struct name_fact *n = NULL;
	for (EACH_LINE(l))
		if (l->kind == LINE_NAME && addr_equal(l->name.client, a))
			n = &l->name;
	return n && n->is_confirmed ? n : NULL;
}

/* How many addresses have the name. */
static size_t count_named(const char *name)
{
	size_t count = 0;
	for (EACH_LINE(l))
		if (l->kind == LINE_NAME && name_of(l->name.client) == &l->name)
			count += strcmp(l->name.name, name) == 0;
	return count;
}

bool is_sender(struct addr a, struct addr b)
{
	if (addr_equal(a, b))
		return true;
	const struct name_fact *x = name_of(a), *y = name_of(b);
	return x && y && !x->is_generic && !y->is_generic &&
	       strcmp(x->name, y->name) == 0 && addr_is_v4(a) != addr_is_v4(b) &&
	       count_named(x->name) == 2;
}

bool is_pool(struct addr a, struct addr b)
{
	const struct name_fact *x = name_of(a), *y = name_of(b);
	if (is_sender(a, b))
		return false;
	return prefix_has(prefix_pool(a), b) ||
	       EXISTS_LINE(l, l->kind == LINE_NAME && is_sender(a, l->name.client) &&
				  prefix_has(prefix_pool(l->name.client), b)) ||
	       (x && y && x->is_generic == y->is_generic &&
		strcmp(x->is_generic ? x->name : x->domain,
		       y->is_generic ? y->name : y->domain) == 0);
}

/* ---- visits ---- */

bool touch(const struct fact *a, const struct fact *b)
{
	return a->from - GAP <= b->to && b->from - GAP <= a->to;
}

bool meets(const struct fact *x, int64_t since, int64_t until)
{
	return x->from <= until && x->to >= since;
}

static struct fact fact_of(const struct line *l)
{
	const struct visit *v = &l->visit;
	bool is_late =
	    v->time < oracle_told_until(o->lines, (size_t)(l - o->lines), v->host);
	struct fact x = { .v = v, .run = (int)fact_count };
	for (EACH_HOST(h)) {
		if (h->id != v->host)
			continue;
		bool is_aside = v->depth == DEPTH_KNOCK || h->role == ROLE_CONTROL;
		x.kind = is_aside               ? ASIDE
			 : h->role == ROLE_REAL ? (is_late ? LATE : REAL)
						: (is_late ? ASIDE : DECOY);
		x.place = h->place;
	}
	x.from = v->time - v->earlier_us;
	x.sure = v->time + v->precision_us - 1;
	x.to = stamp_later(x.sure, v->ended);
	return x;
}

/* Half an hour at most lies between two visits of one run, which ends at midnight. */
static bool is_one_run(const struct fact *x, const struct fact *y)
{
	return x->kind == y->kind && addr_equal(x->v->client, y->v->client) &&
	       x->v->time / STAMP_DAY == y->v->time / STAMP_DAY && touch(x, y);
}

static void read_visits(void)
{
	fact_count = 0;
	for (EACH_LINE(l))
		if (l->kind == LINE_VISIT) {
			facts[fact_count] = fact_of(l);
			fact_count++;
		}
	for (size_t again = 0; again < fact_count; again++)
		for (EACH(x))
			for (struct fact *y = facts; y < facts + fact_count; y++)
				if (x->run < y->run && is_one_run(x, y))
					y->run = x->run;
}

bool is_contact(const struct fact *x)
{
	return x->kind == REAL || x->kind == LATE;
}

void know(const struct oracle *of)
{
	o = of;
	read_visits();
	read_frontier();
	stretch_count = 0;
}
