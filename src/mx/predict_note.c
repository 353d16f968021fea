#include "mx/predict_note.h"

#include <string.h>

/* What is said of an address in each state: "a server that ...". */
static const char *const behaviour[STATE_COUNT] = {
	[STATE_OPEN] = "takes mail",
	[STATE_CLOSED] = "refuses connections",
	[STATE_DEAD] = "drops connections",
	[STATE_UNREACHABLE] = "is unreachable",
	[STATE_RESET] = "resets the connection",
	[STATE_BUSY] = "greets with 4xx",
	[STATE_REJECT] = "greets with 5xx",
	[STATE_BANNER_CLOSE] = "closes without a greeting",
	[STATE_SILENT] = "never greets",
	[STATE_DEFER_HELO] = "answers EHLO with 4xx",
	[STATE_DEFER_MAIL] = "answers MAIL with 4xx",
	[STATE_DEFER_RCPT] = "answers RCPT with 4xx",
};

static const char *ordinal_suffix(size_t n)
{
	if (n % 100 >= 11 && n % 100 <= 13)
		return "th";
	return n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
}

static const struct attempt_target *last_tried(const struct predict_why *why)
{
	return &why->targets[why->attempt->tried[why->attempt->tried_len - 1]];
}

/* Which address, or which host, is the first that takes mail; from 1; 0: none. */
static size_t first_open(const struct predict_why *why, bool by_host)
{
	size_t place = 0;
	for (size_t i = 0; i < why->targets_len; i++) {
		place += !by_host || i == 0 ||
			 why->targets[i].host != why->targets[i - 1].host;
		if (why->targets[i].state == STATE_OPEN)
			return place;
	}
	return 0;
}

static void add_limit(struct buf *b, const struct predict_why *why)
{
	const struct profile *p = why->p;
	bool by_host = why->attempt->limit == LIMIT_NAMES;
	size_t place = first_open(why, by_host);

	switch (why->attempt->limit) {
	case LIMIT_NAMES:
		buf_addf(b, "%s tries %u MX names", p->title, p->max_names);
		break;
	case LIMIT_SESSIONS:
		buf_addf(b, "%s ends the run after %u sessions that were deferred",
			 p->title, p->max_sessions);
		break;
	case LIMIT_ADDRESSES:
		buf_addf(b, "%s tries %u addresses%s", p->title, p->max_addresses,
			 p->one_per_rest ? ", then one of each worse preference" : "");
		break;
	case LIMIT_NONE: break;
	}
	if (place)
		buf_addf(b, "; the first that takes mail is the %zu%s", place,
			 ordinal_suffix(place));
}

static void add_stop(struct buf *b, const struct predict_why *why)
{
	const struct attempt_target *t = last_tried(why);
	const char *what = why->attempt->end == ATTEMPT_HANGS ? "waits for ever for"
			   : why->attempt->end == ATTEMPT_BOUNCED
			       ? "returns the message at"
			       : "does not go on after";

	buf_addf(b, "%s %s a host that %s (preference %u)", why->p->title, what,
		 behaviour[t->state], t->preference);
	if (why->attempt->end == ATTEMPT_STOPPED && why->outcome == PREDICT_NEVER)
		buf_adds(b, ", and each retry ends there again");
}

/* Where a slow delivery lost most of its time. A dialler that goes by name
 * shares its time-out among the addresses, so no number is given. */
static void add_slowness(struct buf *b, const struct predict_why *why)
{
	double cost[STATE_COUNT] = { 0 };
	unsigned times[STATE_COUNT] = { 0 }, most = 0;
	bool by_name = why->p->dial_seconds > 0;

	for (size_t i = 0; i < why->attempt->tried_len; i++) {
		enum state s = why->targets[why->attempt->tried[i]].state;
		cost[s] += s == STATE_DEAD && by_name ? why->p->dial_seconds
						      : why->p->rules[s].seconds;
		times[s]++;
	}
	for (unsigned s = 0; s < STATE_COUNT; s++)
		if (cost[s] > cost[most])
			most = s;
	if (why->attempt->is_by_lot) {
		buf_addf(
		    b,
		    "%s goes back to the best host %u s after it failed, and comes past "
		    "these only by chance",
		    why->p->title, why->p->router.rest_seconds);
		return;
	}
	if (cost[most] <= 0) {
		buf_addf(b, "%s pauses before each further connection", why->p->title);
		return;
	}
	buf_addf(b, "%s waits", why->p->title);
	if (most != STATE_DEAD || !by_name)
		buf_addf(b, " %.0f s", why->p->rules[most].seconds);
	buf_addf(b, " for %s host that %s", times[most] > 1 ? "each" : "a",
		 behaviour[most]);
	if (why->p->remembers)
		buf_addf(b, "; later messages pass %s over for a while",
			 times[most] > 1 ? "them" : "it");
}

/* All hosts were tried, but not all addresses of each. */
static void add_passed_over(struct buf *b, const struct predict_why *why)
{
	const struct attempt_target *at = last_tried(why);

	for (size_t i = 0; i < why->targets_len; i++)
		for (size_t k = 0;
		     k < why->attempt->tried_len && why->targets[i].state == STATE_OPEN;
		     k++) {
			const struct attempt_target *t =
			    &why->targets[why->attempt->tried[k]];
			if (t->host == why->targets[i].host &&
			    why->p->rules[t->state].reaction == REACTION_HOST)
				at = t;
		}
	buf_addf(b, "%s does not try the other addresses of a host that %s",
		 why->p->title, behaviour[at->state]);
}

static void add_undelivered(struct buf *b, const struct predict_why *why)
{
	if (why->is_luck) {
		buf_addf(b,
			 "%s draws the order of equal preferences anew at each try, and "
			 "may miss "
			 "the host that takes mail",
			 why->p->title);
		return;
	}
	switch (why->attempt->end) {
	case ATTEMPT_LIMITED: add_limit(b, why); break;
	case ATTEMPT_CIRCLES:
		buf_addf(
		    b,
		    "%s goes back to the best host %u s after it failed, and never comes "
		    "past the first %u",
		    why->p->title, why->p->router.rest_seconds, why->attempt->tried_len);
		break;
	case ATTEMPT_STOPPED:
	case ATTEMPT_HANGS:
	case ATTEMPT_BOUNCED: add_stop(b, why); break;
	case ATTEMPT_TRIED_ALL: add_passed_over(b, why); break;
	case ATTEMPT_DELIVERED: break;
	}
}

void predict_note(struct buf *b, const struct predict_why *why)
{
	enum { SLOW_SECONDS = 5 };

	if (why->outcome == PREDICT_DELIVERED) {
		if (why->attempt->seconds >= SLOW_SECONDS)
			add_slowness(b, why);
		return;
	}
	if (why->outcome == PREDICT_DELAYED && !why->is_luck) {
		buf_adds(b, "no host takes mail now; it is kept and tried again");
		return;
	}
	if (why->p->is_bot && why->p->pick != PICK_WALK) {
		buf_adds(b, "it picks a host that takes no mail, and does not come back");
		return;
	}
	add_undelivered(b, why);
	if (why->is_hypothetical)
		buf_adds(b, ", even when that host opens");
}
