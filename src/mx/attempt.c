#include "mx/attempt.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Where the walk is. */
struct walk {
	struct attempt *a;
	const struct profile *p;
	const struct attempt_target *targets;
	size_t len;
	unsigned addresses, sessions; /* counted towards the limits */
	int v4_left, v6_left;         /* -1: any number */
	bool is_done, is_saved;
};

static void finish(struct walk *w, enum attempt_end end)
{
	w->a->end = end;
	w->is_done = true;
}

static void note_tried(struct walk *w, size_t at)
{
	w->a->tried[w->a->tried_len++] = (uint8_t)at;
}

/* The first target of the next host, by the caller's number, from `at` on. */
static size_t host_end(const struct walk *w, size_t at)
{
	size_t i = at + 1;
	while (i < w->len && w->targets[i].host == w->targets[at].host)
		i++;
	return i;
}

static size_t next_preference(const struct walk *w, size_t at)
{
	size_t i = at + 1;
	while (i < w->len && w->targets[i].preference == w->targets[at].preference)
		i++;
	return i;
}

/*
 * What an address said decides. Returns where the walk goes on; is_done says
 * that it does not. host_after is where the next host begins.
 */
static size_t react(struct walk *w, size_t at, size_t address_after, size_t host_after)
{
	const struct profile_rule *r = &w->p->rules[w->targets[at].state];
	size_t next = r->reaction == REACTION_HOST ? host_after : address_after;

	w->a->seconds += r->seconds;
	w->is_saved |= r->saves;
	switch (r->reaction) {
	case REACTION_DELIVER: finish(w, ATTEMPT_DELIVERED); break;
	case REACTION_LATER: finish(w, ATTEMPT_STOPPED); break;
	case REACTION_BOUNCE: finish(w, ATTEMPT_BOUNCED); break;
	case REACTION_HANG: finish(w, ATTEMPT_HANGS); break;
	case REACTION_ADDRESS:
	case REACTION_HOST:
		if (r->bounces_last && !w->is_saved && next >= w->len)
			finish(w, ATTEMPT_BOUNCED);
		break;
	}
	return next;
}

/* smtp_addr.c, smtp_balance_inet_proto(): neither family crowds out the other
 * when there are more addresses than the limit. */
static void balance(struct walk *w)
{
	int limit = (int)w->p->max_addresses, v4 = 0, v6 = 0;
	for (size_t i = 0; i < w->len; i++)
		*(w->targets[i].is_v6 ? &v6 : &v4) += 1;

	w->v4_left = w->v6_left = -1;
	if (!w->p->balances || v4 == 0 || v6 == 0 || v4 + v6 <= limit)
		return;
	if (v6 <= limit / 2)
		w->v6_left = v6, w->v4_left = limit - v6;
	else if (v4 <= limit / 2)
		w->v4_left = v4, w->v6_left = limit - v4;
	else
		w->v4_left = (limit + !w->targets[0].is_v6) / 2,
		w->v6_left = limit - w->v4_left;
}

static bool is_crowded_out(struct walk *w, size_t at)
{
	int *left = w->targets[at].is_v6 ? &w->v6_left : &w->v4_left;
	if (*left == 0)
		return true;
	if (*left > 0)
		*left -= 1;
	return false;
}

/*
 * The walk may not go on to `next` when a limit is reached. Exim's
 * hosts_max_try is no end: from then on it tries one address of each worse
 * preference and does not count it. Returns where to go on.
 */
static size_t apply_limits(struct walk *w, size_t at, size_t next)
{
	const struct profile *p = w->p;

	if (p->max_sessions && w->targets[at].state >= STATE_DEFER_MAIL &&
	    ++w->sessions == p->max_sessions && next < w->len) {
		w->a->limit = LIMIT_SESSIONS;
		finish(w, ATTEMPT_LIMITED);
		return next;
	}
	if (!p->max_addresses || ++w->addresses < p->max_addresses || next >= w->len)
		return next;
	if (p->one_per_rest) {
		next = next_preference(w, at);
		w->addresses--;
	}
	if (next >= w->len || !p->one_per_rest || w->a->tried_len >= p->hard_addresses) {
		w->a->limit = LIMIT_ADDRESSES;
		finish(w, ATTEMPT_LIMITED);
	}
	return next;
}

static void walk_addresses(struct walk *w)
{
	balance(w);
	for (size_t at = 0; at < w->len && !w->is_done;) {
		if (is_crowded_out(w, at)) {
			w->a->limit = LIMIT_ADDRESSES;
			at++;
			continue;
		}
		note_tried(w, at);
		size_t next = react(w, at, at + 1, host_end(w, at));
		at = w->is_done ? next : apply_limits(w, at, next);
	}
}

static bool connects(enum state s)
{
	return s != STATE_CLOSED && s != STATE_DEAD && s != STATE_UNREACHABLE;
}

/* A connection to one host by name: which address it is with (the host's end
 * if none), and when each address was begun with, in seconds from the first. */
struct dialled {
	size_t at;
	double seconds;
	double starts[ATTEMPT_TARGETS_MAX];
};

static struct dialled dial_nothing(size_t to)
{
	struct dialled d = { .at = to };
	for (size_t i = 0; i < ATTEMPT_TARGETS_MAX; i++)
		d.starts[i] = INFINITY;
	return d;
}

/*
 * One of the two lists of Go's dialParallel, begun at d->seconds: addresses in
 * turn, the time that is left shared among those that are left, at least 2 s
 * each (partialDeadline).
 */
static void dial_family(const struct walk *w, size_t from, size_t to, bool v6,
			struct dialled *d)
{
	double left = w->p->dial_seconds;
	unsigned n = 0;

	for (size_t i = from; i < to; i++)
		n += w->targets[i].is_v6 == v6;
	d->at = to;
	for (size_t i = from; i < to && d->at == to; i++) {
		const struct attempt_target *t = &w->targets[i];
		if (t->is_v6 != v6)
			continue;
		d->starts[i] = d->seconds;
		double share = left / n--;
		share = share < 2 ? 2 : share;
		share = share < left ? share : left;
		if (connects(t->state))
			d->at = i;
		else if (t->state == STATE_DEAD)
			d->seconds += share, left -= share;
		else
			d->seconds += w->p->rules[t->state].seconds;
	}
}

/* net.Dialer: the first family starts, the other 300 ms later or when the
 * first has failed; the first connection wins. */
static struct dialled dial_go(struct walk *w, size_t from, size_t to)
{
	static const double fallback_delay = 0.3;
	struct dialled first = dial_nothing(to), second = first;
	bool v6 = w->targets[from].is_v6, has_second = false;

	for (size_t i = from; i < to; i++)
		has_second |= w->targets[i].is_v6 != v6;
	dial_family(w, from, to, v6, &first);
	if (!has_second || (first.at < to && first.seconds <= fallback_delay))
		return first;
	second.seconds = first.seconds < fallback_delay ? first.seconds : fallback_delay;
	dial_family(w, from, to, !v6, &second);

	bool is_first = second.at == to
			    ? first.at < to || first.seconds > second.seconds
			    : first.at < to && first.seconds <= second.seconds;
	struct dialled d = is_first ? first : second;
	for (size_t i = from; i < to; i++)
		d.starts[i] = (w->targets[i].is_v6 == v6 ? &first : &second)->starts[i];
	return d;
}

/* One address of each family in turn, the first one's family first; the
 * targets of a host are in order of family. */
static size_t alternate(const struct walk *w, size_t from, size_t to, uint8_t *ret_places)
{
	size_t second = from, n = 0;
	while (second < to && w->targets[second].is_v6 == w->targets[from].is_v6)
		second++;
	for (size_t a = from, b = second; a < second || b < to;) {
		if (a < second)
			ret_places[n++] = (uint8_t)a++;
		if (b < to)
			ret_places[n++] = (uint8_t)b++;
	}
	return n;
}

/* net.js, internalConnectMultiple: the families in turn, 250 ms for each
 * address but the last, which may use up what is left. */
static struct dialled dial_node(struct walk *w, size_t from, size_t to)
{
	static const double attempt_timeout = 0.25;
	struct dialled d = dial_nothing(to);
	uint8_t places[ATTEMPT_TARGETS_MAX];
	size_t n = alternate(w, from, to, places);

	for (size_t k = 0; k < n && d.at == to; k++) {
		size_t i = places[k];
		enum state s = w->targets[i].state;
		double most =
		    k + 1 < n ? attempt_timeout : w->p->dial_seconds - d.seconds;
		double cost = s == STATE_DEAD ? most : w->p->rules[s].seconds;
		d.starts[i] = d.seconds;
		if (connects(s))
			d.at = i;
		else
			d.seconds += cost < most ? cost : most;
	}
	return d;
}

static void walk_names(struct walk *w)
{
	for (size_t at = 0; at < w->len && !w->is_done;) {
		size_t end = host_end(w, at);
		struct dialled d =
		    w->p->dial == DIAL_GO ? dial_go(w, at, end) : dial_node(w, at, end);
		w->a->seconds += d.seconds;
		for (size_t i = at; i < end; i++)
			if (i != d.at && d.starts[i] <= d.seconds)
				note_tried(w, i);
		if (d.at < end) {
			note_tried(w, d.at);
			react(w, d.at, end, end);
		}
		at = end;
	}
}

/* How many of the targets belong to the first max hosts. */
static size_t names_limit(const struct attempt_target *targets, size_t len, unsigned max)
{
	unsigned names = 0;
	for (size_t i = 0; i < len; i++)
		if ((i == 0 || targets[i].host != targets[i - 1].host) && ++names > max)
			return i;
	return len;
}

void attempt_run(struct attempt *ret_attempt, const struct profile *p,
		 const struct attempt_target *targets, size_t targets_len)
{
	assert(targets_len >= 1 && targets_len <= ATTEMPT_TARGETS_MAX);
	memset(ret_attempt, 0, sizeof(*ret_attempt));
	if (p->dial == DIAL_ROUTER) {
		attempt_run_router(ret_attempt, p, targets, targets_len);
		return;
	}

	struct walk w = {
		.a = ret_attempt, .p = p, .targets = targets, .len = targets_len
	};
	if (p->max_names)
		w.len = names_limit(targets, targets_len, p->max_names);
	if (p->dial == DIAL_ADDRESSES)
		walk_addresses(&w);
	else
		walk_names(&w);
	if (w.is_done)
		return;
	if (w.len < targets_len)
		ret_attempt->limit = LIMIT_NAMES;
	ret_attempt->end =
	    ret_attempt->limit == LIMIT_NONE ? ATTEMPT_TRIED_ALL : ATTEMPT_LIMITED;
}
