#include "mx/predict.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "mx/order.h"
#include "mx/predict_note.h"

/* The worst run of all orders, and whether patience helps: whether what the
 * program shuffles itself will some day come in an order that delivers. */
struct worst {
	struct attempt attempt;
	struct attempt_target targets[ATTEMPT_TARGETS_MAX];
	bool luck_delivers;
};

/* For a bot, the worst is that its message arrives. */
static int badness(const struct profile *p, const struct attempt *a)
{
	static const int order[] = {
		[ATTEMPT_DELIVERED] = 0, [ATTEMPT_TRIED_ALL] = 1, [ATTEMPT_LIMITED] = 2,
		[ATTEMPT_CIRCLES] = 2,   [ATTEMPT_STOPPED] = 2,   [ATTEMPT_HANGS] = 3,
		[ATTEMPT_BOUNCED] = 4,
	};
	return p->is_bot ? -order[a->end] : order[a->end];
}

static bool is_worse(const struct profile *p, const struct attempt *a,
		     const struct attempt *b)
{
	int by = badness(p, a) - badness(p, b);
	if (by != 0)
		return by > 0;
	if (a->seconds != b->seconds)
		return (a->seconds > b->seconds) != p->is_bot;
	return (a->tried_len > b->tried_len) != p->is_bot;
}

/* Everything at once, one open address is enough. */
static void run_shotgun(struct attempt *a, const struct attempt_target *targets,
			size_t len)
{
	*a = (struct attempt){ .end = ATTEMPT_TRIED_ALL };
	for (size_t i = 0; i < len; i++) {
		a->tried[a->tried_len++] = (uint8_t)i;
		if (targets[i].state == STATE_OPEN)
			a->end = ATTEMPT_DELIVERED;
	}
}

static void run_pick(struct attempt *a, const struct profile *p,
		     const struct attempt_target *targets, size_t len)
{
	switch (p->pick) {
	case PICK_WALK: attempt_run(a, p, targets, len); break;
	case PICK_FIRST:
	case PICK_RANDOM: attempt_run(a, p, targets, 1); break;
	case PICK_LAST:
		attempt_run(a, p, targets + len - 1, 1);
		a->tried[0] = (uint8_t)(len - 1);
		break;
	case PICK_ALL: run_shotgun(a, targets, len); break;
	}
}

/* Luck so far: in the orders since the arrangement of addresses last changed,
 * in all earlier arrangements, and in any order at all. */
struct luck {
	unsigned arrangement;
	bool here, before, anywhere;
};

static void count_luck(struct luck *l, const struct order *o, bool is_delivered)
{
	if (o->arrangement != l->arrangement) {
		l->before &= l->here;
		l->here = false;
		l->arrangement = o->arrangement;
	}
	l->here |= is_delivered;
	l->anywhere |= is_delivered;
}

static void find_worst(struct worst *w, const struct profile *p,
		       const struct attempt_target *targets, size_t len)
{
	/* OpenSMTPD dials equal preferences side by side, so their order means
	 * little; but each of its runs is a simulation of hours. */
	unsigned most = p->dial == DIAL_ROUTER ? 50 : ORDER_MAX;
	struct luck luck = { .before = true };
	struct order o;
	bool is_first = true;

	order_init(&o, p->order, targets, len);
	do {
		struct attempt_target in_order[ATTEMPT_TARGETS_MAX];
		struct attempt a;
		order_apply(&o, in_order);
		run_pick(&a, p, in_order, len);
		count_luck(&luck, &o, a.end == ATTEMPT_DELIVERED);
		if (is_first || is_worse(p, &a, &w->attempt)) {
			w->attempt = a;
			memcpy(w->targets, in_order, len * sizeof(*in_order));
		}
		is_first = false;
	} while (order_next(&o) && o.orders < most);
	attempt_draw_lots(&w->attempt, p, w->targets, len);
	w->luck_delivers = (p->shuffle == SHUFFLE_ADDRESSES && luck.anywhere) ||
			   (p->shuffle == SHUFFLE_HOSTS && luck.before && luck.here);
}

static bool is_down(enum state s)
{
	return s == STATE_CLOSED || s == STATE_DEAD || s == STATE_UNREACHABLE;
}

static bool has_state(const struct attempt_target *targets, size_t len,
		      bool (*is)(enum state))
{
	for (size_t i = 0; i < len; i++)
		if (is(targets[i].state))
			return true;
	return false;
}

static bool is_open(enum state s)
{
	return s == STATE_OPEN;
}

/* The day on which a host is back. An address that answered goes on answering
 * as it does, unless no host is down. */
static void open_host(struct attempt_target *ret_then,
		      const struct attempt_target *targets, size_t len, uint8_t host,
		      bool only_down)
{
	memcpy(ret_then, targets, len * sizeof(*targets));
	for (size_t i = 0; i < len; i++)
		if (targets[i].host == host && (!only_down || is_down(targets[i].state)))
			ret_then[i].state = STATE_OPEN;
}

/* The program never gets that far, whoever opens. Not so with sessions: those
 * are used up by hosts that defer, and greylisting ends by itself. */
static bool is_out_of_reach(const struct attempt *a)
{
	return a->end == ATTEMPT_CIRCLES ||
	       (a->end == ATTEMPT_LIMITED && a->limit != LIMIT_SESSIONS);
}

/*
 * Nothing takes mail. Would the message arrive once something does? Hosts that
 * are down are the ones that may come back, all of them if none is down. It is
 * `never` if no host's return helps, or if one that was down is out of reach;
 * *w is then the run that shows it.
 */
static bool arrives_later(struct worst *w, const struct profile *p,
			  const struct attempt_target *targets, size_t len)
{
	bool only_down = has_state(targets, len, is_down), some_help = false;
	bool was_opened[UINT8_MAX + 1] = { false };

	for (size_t i = 0; i < len; i++) {
		struct attempt_target then[ATTEMPT_TARGETS_MAX];
		struct worst x;
		if (was_opened[targets[i].host] ||
		    (only_down && !is_down(targets[i].state)))
			continue;
		was_opened[targets[i].host] = true;
		open_host(then, targets, len, targets[i].host, only_down);
		find_worst(&x, p, then, len);
		if (x.attempt.end == ATTEMPT_DELIVERED || x.luck_delivers) {
			some_help = true;
			continue;
		}
		*w = x;
		if (only_down && is_out_of_reach(&x.attempt))
			return false;
	}
	return some_help;
}

/* Today's run in the order of the other one, so that tries and reason agree. */
static void run_today(struct worst *w, const struct profile *p, const struct worst *then,
		      const struct attempt_target *targets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < len; k++)
			if (targets[k].host == then->targets[i].host &&
			    targets[k].address == then->targets[i].address)
				w->targets[i] = targets[k];
	run_pick(&w->attempt, p, w->targets, len);
}

/* *w is the worst run. *then is set if why->is_hypothetical is. */
static enum predict_outcome decide(struct worst *w, struct worst *then,
				   const struct attempt_target *targets, size_t len,
				   struct predict_why *why)
{
	const struct profile *p = why->p;

	switch (w->attempt.end) {
	case ATTEMPT_DELIVERED: return PREDICT_DELIVERED;
	case ATTEMPT_BOUNCED: return PREDICT_BOUNCED;
	case ATTEMPT_HANGS: return PREDICT_NEVER;
	case ATTEMPT_TRIED_ALL:
	case ATTEMPT_LIMITED:
	case ATTEMPT_CIRCLES:
	case ATTEMPT_STOPPED: break;
	}
	if (p->is_bot && p->pick != PICK_WALK)
		return PREDICT_NEVER;
	if (has_state(targets, len, is_open)) {
		why->is_luck = w->luck_delivers;
		return why->is_luck ? PREDICT_DELAYED : PREDICT_NEVER;
	}
	if (arrives_later(then, p, targets, len))
		return PREDICT_DELAYED;
	if (w->attempt.end != ATTEMPT_STOPPED && w->attempt.end != ATTEMPT_CIRCLES) {
		why->is_hypothetical = true;
		run_today(w, p, then, targets, len);
	}
	return PREDICT_NEVER;
}

static void set_note(struct prediction *r, const struct predict_why *why)
{
	struct buf b = BUF_INIT(sizeof(r->note));
	predict_note(&b, why);
	(void)str_copy(r->note, sizeof(r->note), buf_text(&b));
	buf_release(&b);
}

/* The addresses that this program looks at. */
static size_t list_targets(const struct profile *p, const struct predict_host *hosts,
			   size_t hosts_len, struct attempt_target *ret_targets)
{
	size_t n = 0;
	for (size_t h = 0; h < hosts_len; h++) {
		if (p->honours_sts && hosts[h].is_outside_sts)
			continue;
		for (size_t a = 0; a < hosts[h].addresses_len; a++) {
			const struct predict_address *from = &hosts[h].addresses[a];
			if (p->is_v4_only && from->is_v6)
				continue;
			assert(n < ATTEMPT_TARGETS_MAX && h <= UINT8_MAX);
			ret_targets[n++] = (struct attempt_target){
				.preference =
				    p->pick == PICK_RANDOM ? 0 : hosts[h].preference,
				.host = (uint8_t)h,
				.address = (uint8_t)a,
				.state = from->state,
				.is_v6 = from->is_v6,
			};
		}
	}
	return n;
}

static void no_target(struct prediction *r, const struct profile *p)
{
	r->outcome = p->is_bot ? PREDICT_NEVER : PREDICT_BOUNCED;
	struct buf b = BUF_INIT(sizeof(r->note));
	buf_addf(&b, "%s finds no address that it can use", p->title);
	(void)str_copy(r->note, sizeof(r->note), buf_text(&b));
	buf_release(&b);
}

void predict(struct prediction *ret_prediction, const struct profile *p,
	     const struct predict_host *hosts, size_t hosts_len)
{
	struct prediction *r = ret_prediction;
	struct attempt_target targets[ATTEMPT_TARGETS_MAX];
	size_t len = list_targets(p, hosts, hosts_len, targets);

	memset(r, 0, sizeof(*r));
	r->delay_seconds = -1;
	if (len == 0) {
		no_target(r, p);
		return;
	}
	struct worst w, then;
	struct predict_why why = { .p = p, .targets_len = len };
	find_worst(&w, p, targets, len);
	r->outcome = decide(&w, &then, targets, len, &why);
	if (r->outcome == PREDICT_DELIVERED)
		r->delay_seconds = w.attempt.seconds;
	r->tried_len = w.attempt.tried_len;
	for (size_t i = 0; i < r->tried_len; i++) {
		const struct attempt_target *t = &w.targets[w.attempt.tried[i]];
		r->tried[i] =
		    (struct predict_tried){ .host = t->host, .address = t->address };
	}
	/* The sentence is about the day the host opens, the tries are today's. */
	why.attempt = why.is_hypothetical ? &then.attempt : &w.attempt;
	why.targets = why.is_hypothetical ? then.targets : w.targets;
	why.outcome = r->outcome;
	set_note(r, &why);
}

const char *predict_outcome_name(enum predict_outcome o)
{
	switch (o) {
	case PREDICT_DELIVERED: return "delivered";
	case PREDICT_DELAYED: return "delayed";
	case PREDICT_NEVER: return "never";
	case PREDICT_BOUNCED: return "bounced";
	}
	assert(false); /* the switch above is complete: -Wswitch says so */
	return "";
}
