#include "judge/run.h"

#include <assert.h>
#include <string.h>

static uint32_t wider(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* ---- one visit ---- */

static enum run_kind kind_of(const struct visit *v, const struct run_where *w)
{
	bool is_contact = v->depth > DEPTH_KNOCK;
	if (!is_contact || w->role == ROLE_CONTROL)
		return RUN_ASIDE;
	if (w->role == ROLE_REAL)
		return w->is_late ? RUN_LATE : RUN_REAL;
	return w->is_late ? RUN_ASIDE : RUN_DECOY;
}

static void set_real(struct run *r, const struct visit *v)
{
	r->answered = v->answered > 0 ? v->answered : 0;
	if (v->outcome != OUTCOME_ACCEPTED)
		return;
	r->accepted = v->time;
	if (v->spam == SPAM_NO)
		r->clean = v->time;
	else if (v->spam == SPAM_UNKNOWN)
		r->unjudged = v->time;
}

static void add_envelope(struct run *r, uint64_t hash)
{
	size_t at = 0;
	while (at < r->envelope_count && r->envelopes[at] < hash)
		at++;
	bool is_there = at < r->envelope_count && r->envelopes[at] == hash;
	if (is_there || at == RUN_ENVELOPES)
		return;
	size_t kept =
	    r->envelope_count < RUN_ENVELOPES ? r->envelope_count : RUN_ENVELOPES - 1;
	memmove(&r->envelopes[at + 1], &r->envelopes[at], (kept - at) * sizeof(hash));
	r->envelopes[at] = hash;
	r->envelope_count = (uint8_t)(kept + 1);
}

static void set_decoy(struct run *r, const struct visit *v, const struct run_where *w)
{
	if (w->place == PLACE_HIGH && v->depth >= DEPTH_RCPT && w->names_ours)
		r->rcpt_hours = 1U << (v->time - stamp_day(v->time)) / STAMP_HOUR;
	if (v->envelope_count > VISIT_ENVELOPES)
		return;
	for (size_t i = 0; i < v->envelope_count; i++)
		add_envelope(r, v->envelopes[i]);
}

static void set_place(struct run *r, enum place place)
{
	r->high = place == PLACE_HIGH ? r->began : MOMENT_NONE;
	r->low = place == PLACE_LOW ? r->began : MOMENT_NONE;
	r->high_width = place == PLACE_HIGH ? r->width : 0;
	r->low_width = place == PLACE_LOW ? r->width : 0;
}

static void set_id(struct run *r, int64_t id)
{
	if (id == 0)
		return;
	r->id_count[0] = r->id_count[1] = 1;
	r->first_ids[0] = r->last_ids[0] = id;
}

struct run run_of(const struct visit *v, const struct run_where *w)
{
	assert(v->time >= 0 && w->host_bit < 64);
	uint32_t width = v->precision_us > 0 ? v->precision_us : 1;
	struct run r = {
		.kind = kind_of(v, w),
		.group = w->group,
		.client = v->client,
		.began = v->time,
		.width = width,
		.earlier = v->earlier_us,
		.last = stamp_later(v->time + width - 1, v->ended),
		.accepted = MOMENT_NONE,
		.clean = MOMENT_NONE,
		.unjudged = MOMENT_NONE,
		.half_hours = UINT64_C(1)
			      << (v->time - stamp_day(v->time)) / (30 * STAMP_MINUTE),
		.hosts = UINT64_C(1) << w->host_bit,
		.visits = 1,
		.depth = v->depth,
		.told = TOLD_NONE,
	};
	set_place(&r, w->role == ROLE_DECOY ? w->place : PLACE_REAL);
	set_id(&r, w->id);
	if (r.kind == RUN_REAL || r.kind == RUN_LATE)
		set_real(&r, v);
	else if (r.kind == RUN_DECOY)
		set_decoy(&r, v, w);
	return r;
}

/* ---- where it lies ---- */

int64_t run_day(const struct run *r)
{
	return stamp_day(r->began);
}

bool run_meets(const struct run *r, int64_t since, int64_t until)
{
	return r->began - r->earlier <= until && r->last >= since;
}

bool run_touches(const struct run *a, const struct run *b, int64_t gap_us)
{
	return run_meets(a, b->began - b->earlier - gap_us, b->last + gap_us);
}

static bool is_same_key(const struct run *a, const struct run *b)
{
	return a->kind == b->kind && a->group == b->group &&
	       addr_equal(a->client, b->client);
}

bool run_is_one(const struct run *a, const struct run *b)
{
	return is_same_key(a, b) && run_day(a) == run_day(b) &&
	       run_touches(a, b, RUN_GAP);
}

int run_compare(const struct run *a, const struct run *b)
{
	int by_client = addr_compare(a->client, b->client);
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	return by_client ? by_client : (a->began > b->began) - (a->began < b->began);
}

/* ---- merging: min, max, or, plus; what the order of arrival cannot change ---- */

static int64_t first_answer(int64_t a, int64_t b)
{
	return a == 0 ? b : b == 0 ? a : stamp_earlier(a, b);
}

void run_merge_began(struct run *into, const struct run *other)
{
	int64_t start =
	    stamp_earlier(into->began - into->earlier, other->began - other->earlier);
	if (other->began < into->began) {
		into->width = other->width;
		into->answered = other->answered;
		into->began = other->began;
	} else if (other->began == into->began) {
		into->width = wider(into->width, other->width);
		into->answered = first_answer(into->answered, other->answered);
	}
	into->earlier = (uint32_t)(into->began - start);
	into->last = stamp_later(into->last, other->last);
}

/* The first moment of two, "never" being the latest of all. */
static int64_t first_moment(int64_t a, int64_t b)
{
	return a == MOMENT_NONE ? b : b == MOMENT_NONE ? a : stamp_earlier(a, b);
}

static void merge_place(int64_t *into, uint32_t *width, int64_t other, uint32_t its_width)
{
	int64_t first = first_moment(*into, other);
	uint32_t mine = *into == first ? *width : 0;
	*width = wider(mine, other == first ? its_width : 0);
	*into = first;
}

/* Ascending, each once; returns how many. */
static size_t join_ids(const int64_t *a, size_t na, const int64_t *b, size_t nb,
		       int64_t ret[2 * RUN_IDS])
{
	size_t n = 0;
	for (size_t i = 0, j = 0; i < na || j < nb;) {
		int64_t x = i < na ? a[i] : INT64_MAX, y = j < nb ? b[j] : INT64_MAX;
		i += x <= y;
		j += y <= x;
		ret[n++] = stamp_earlier(x, y);
	}
	return n;
}

static void merge_ids(struct run *into, const struct run *other)
{
	size_t most = into->kind == RUN_DECOY ? RUN_IDS : RUN_IDS_REAL;
	int64_t all[2 * RUN_IDS];
	size_t n = join_ids(into->first_ids, into->id_count[0], other->first_ids,
			    other->id_count[0], all);
	into->id_count[0] = (uint8_t)(n < most ? n : most);
	memcpy(into->first_ids, all, into->id_count[0] * sizeof(all[0]));
	n = join_ids(into->last_ids, into->id_count[1], other->last_ids,
		     other->id_count[1], all);
	into->id_count[1] = (uint8_t)(n < most ? n : most);
	memcpy(into->last_ids, all + n - into->id_count[1],
	       into->id_count[1] * sizeof(all[0]));
}

/* Any total order: what was told of two walks that turned out to be one is what was
 * told of one of them, and of the told before the untold. */
static bool told_is_before(const struct told *a, const struct told *b)
{
#define RANK(t)                                                                          \
	{                                                                                \
		(t)->is_told, (t)->is_sealed, (t)->is_final, (t)->stopped_at,            \
		    (t)->order, (t)->fate, (t)->order_reason, (t)->fate_reason,          \
		    (t)->delay_us, (t)->returned_later, (t)->delay_error_us,             \
		    (t)->corrected_at, (int64_t)(t)->missing                             \
	}
	const int64_t x[] = RANK(a), y[] = RANK(b);
	for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); i++)
		if (x[i] != y[i])
			return x[i] > y[i];
	return false;
}

static void merge_told(struct told *into, const struct told *other)
{
	struct told t = told_is_before(other, into) ? *other : *into;
	t.order_excused = into->order_excused || other->order_excused;
	t.fate_excused = into->fate_excused || other->fate_excused;
	t.tier = into->tier > other->tier ? into->tier : other->tier;
	t.need = first_moment(into->need, other->need);
	*into = t;
}

void run_merge(struct run *into, const struct run *other)
{
	assert(is_same_key(into, other));
	run_merge_began(into, other);
	merge_place(&into->high, &into->high_width, other->high, other->high_width);
	merge_place(&into->low, &into->low_width, other->low, other->low_width);
	into->accepted = first_moment(into->accepted, other->accepted);
	into->clean = first_moment(into->clean, other->clean);
	into->unjudged = first_moment(into->unjudged, other->unjudged);
	into->rcpt_hours |= other->rcpt_hours;
	into->half_hours |= other->half_hours;
	into->hosts |= other->hosts;
	into->visits += other->visits < UINT32_MAX - into->visits
			    ? other->visits
			    : UINT32_MAX - into->visits;
	into->depth = into->depth > other->depth ? into->depth : other->depth;
	for (size_t i = 0; i < other->envelope_count; i++)
		add_envelope(into, other->envelopes[i]);
	merge_ids(into, other);
	merge_told(&into->told, &other->told);
}

const char *run_kind_name(enum run_kind k)
{
	static const char *const names[] = { [RUN_REAL] = "real",
					     [RUN_LATE] = "late",
					     [RUN_DECOY] = "decoy",
					     [RUN_ASIDE] = "aside" };
	assert(k >= RUN_REAL && k <= RUN_ASIDE);
	return names[k];
}
