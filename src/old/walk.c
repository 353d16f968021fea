#include <string.h>

#include "old/judge_internal.h"

/* An accused walk is not let go when the next begins: what is told late may
 * still excuse it. Returns the first of those. */
static uint32_t keep_accused(struct judge *j, struct sender *s)
{
	struct walk *old = walk_at(j, s->walk);
	if (!old)
		return NOTHING;
	if (old->shown.order == ORDER_BACKDOOR) {
		walk_trim(j, old, OLDER_MAX - 1);
		return s->walk;
	}
	uint32_t older = old->older;
	slab_give(&j->walks, s->walk);
	return older;
}

static void walk_open(struct judge *j, uint32_t sender, const struct step *st)
{
	struct sender *s = sender_at(j, sender);
	uint32_t older = keep_accused(j, s);
	s->walk = slab_take(&j->walks);
	s->walk_number++;
	struct walk *w = walk_at(j, s->walk);
	w->sender = sender;
	w->number = s->walk_number;
	w->older = older;
	w->began = st->time;
	w->since = second_up(later(st->time, j->now));
	w->shown.is_new = true;
}

/* A walk that has seen only decoys stays open for 5 days: the sender may still
 * be on its way. */
bool walk_goes_on(const struct judge *j, const struct sender *s, const struct walk *w,
		  int64_t time)
{
	if (!(w->bits & WALK_REAL))
		return second_down(time) <=
		       (int64_t)w->since + j->rules.final / STAMP_SECOND;
	return time - (int64_t)s->last_visit * STAMP_SECOND <= j->rules.walk_gap;
}

static bool belongs(const struct judge *j, const struct sender *s, const struct walk *w,
		    const struct step *st)
{
	if (w->shown.order == ORDER_BACKDOOR && !st->is_contact)
		return true; /* a knock must not end what may yet be softened */
	return walk_goes_on(j, s, w, st->time);
}

/* Keeps the earlier of two first contacts. Returns true if it is the new one. */
static bool take_first(bool is_there, int64_t *first, uint8_t *width,
		       const struct step *st)
{
	if (is_there && *first <= st->time)
		return false;
	*first = st->time;
	*width = width_code(st->width);
	return true;
}

/* Where a clock is known to be off, times tell no delay. */
static bool is_measurable(const struct walk *w, const struct step *st)
{
	return st->width <= DELAY_WIDTH_MAX && width_of(w->wait_width) <= DELAY_WIDTH_MAX;
}

static void set_delay(struct walk *w, const struct step *st)
{
	int64_t delay = later(0, st->time - w->low_wait);
	int64_t error = width_of(w->wait_width) - 1 + st->width - 1;
	if (w->shown.delay && delay < (int64_t)w->shown.delay)
		return; /* the greatest of the walk is told */
	w->shown.delay = (uint32_t)delay + 1;
	w->shown.delay_error = (uint32_t)error;
	w->pair |= PAIR_TOLD;
}

/* A session that began earlier and ended later than we knew: the mail may have
 * gone through it, or this contact was the next after the low visit. */
static void correct_delay(struct walk *w, const struct step *st)
{
	int64_t met = w->low_wait + w->shown.delay - 1;
	if (!(w->pair & PAIR_TOLD) || st->time >= met)
		return;
	/* One of the low visit's own second is not known to have begun earlier. */
	bool is_next = st->time + st->width > w->low_wait;
	if (is_next && is_measurable(w, st)) {
		w->shown.delay = (uint32_t)later(0, st->time - w->low_wait) + 1;
	} else if (is_next || st->ended > w->low_wait) {
		w->shown.delay = w->shown.delay_error = 0;
		w->pair = PAIR_DONE;
	}
}

static void delay_of_real(const struct judge *j, struct walk *w, const struct step *st)
{
	correct_delay(w, st);
	if (w->low_wait && !(w->pair & PAIR_DONE) && w->low_wait < st->time + st->width) {
		w->pair = PAIR_DONE;
		if (st->time - w->low_wait <= j->rules.delay_window &&
		    is_measurable(w, st))
			set_delay(w, st);
	}
}

/* Of several low visits the first counts, unless it was too long ago. */
static void delay_of_low(const struct judge *j, struct walk *w, const struct step *st)
{
	if (walk_busy(w) > st->time)
		return;
	if (w->low_wait && !(w->pair & PAIR_DONE) &&
	    st->time - w->low_wait <= j->rules.delay_window)
		return;
	w->low_wait = st->time;
	w->wait_width = width_code(st->width);
	w->pair = 0;
}

/* When the real host first answered, in milliseconds after the visit began. */
static uint16_t answer_code(const struct step *st)
{
	int64_t after = (st->answered - st->time) / STAMP_MILLISECOND;
	return st->answered < st->time ? 0
	       : after >= UINT16_MAX   ? UINT16_MAX
				       : (uint16_t)(after + 1);
}

static void visit_real(struct judge *j, uint32_t sender, const struct step *st)
{
	struct walk *w = walk_at(j, sender_at(j, sender)->walk);
	bool was_late =
	    w->bits & WALK_DECOY && st->time - w->began > j->rules.delay_window;
	int64_t busy = walk_busy(w);
	if (!(w->bits & WALK_REAL))
		w->shown.returned_later = was_late;
	if (take_first(w->bits & WALK_REAL, &w->real, &w->real_width, st))
		w->answered = answer_code(st);
	w->bits |= WALK_REAL;
	walk_set_busy(w, later(busy, st->ended));
	delay_of_real(j, w, st);
}

/* What a contact with a real host says beyond its own walk. */
static void tell_contact(struct judge *j, uint32_t sender, const struct step *st)
{
	struct sender *s = sender_at(j, sender);
	struct contact c = { .sender = sender,
			     .from = second_down(st->time),
			     .to = second_up(st->time + st->width - 1) };
	bool is_accepted = st->v->outcome == OUTCOME_ACCEPTED;
	c.is_late = c.from <= second_up(j->groups[s->group].decided + j->rules.confirm);
	pool_contact(j, &c);
	if (is_accepted)
		pool_accept(j, sender, c.to);
	if (is_accepted && st->v->spam != SPAM_YES && c.to > s->accepted)
		s->accepted = c.to;
	if (st->eye->minutes)
		eye_visit(j, st);
	if (c.is_late)
		listing_late_contact(j, s, &c);
	uint8_t flags = c.is_late     ? POOL_STOPPED | POOL_LISTED | POOL_ACCUSED
			: is_accepted ? POOL_STOPPED | POOL_LISTED
				      : POOL_STOPPED;
	pool_ask_again(j, &c, flags);
	letter_met(j, st, &c, flags);
}

/* What the source reported too late must not accuse: the watermark had said
 * that everything before it was in. */
static void visit_decoy(struct judge *j, uint32_t sender, const struct step *st)
{
	struct walk *w = walk_at(j, sender_at(j, sender)->walk);
	bool is_late = st->time < st->eye->watermark;
	w->bits |= WALK_DECOY;
	if (st->place == PLACE_LOW) {
		take_first(w->bits & WALK_LOW, &w->low, &w->low_width, st);
		w->bits |= WALK_LOW;
		delay_of_low(j, w, st);
	}
	if (!st->is_contact)
		return;
	if (is_late)
		w->bits |= WALK_LATE;
	if (st->place == PLACE_LOW)
		w->bits |= WALK_LOW_MET;
	if (is_late)
		return;
	if (!(w->bits & WALK_PATIENT))
		w->since = second_up(later(st->time, j->now));
	w->bits |= WALK_PATIENT;
	if (st->place != PLACE_HIGH)
		return;
	take_first(w->bits & WALK_HIGH, &w->high, &w->high_width, st);
	w->bits |= WALK_HIGH;
	listing_consider(j, sender, st);
}

/* What may be forged, or is late, must not stretch a walk either: it would hold
 * visits together that else were judged apart. */
static bool is_in_time(const struct step *st)
{
	return st->is_contact && st->time >= st->eye->watermark;
}

static void walk_take(struct judge *j, uint32_t sender, const struct step *st)
{
	struct walk *w = walk_at(j, sender_at(j, sender)->walk);
	w->began = earlier(w->began, st->time);
	if (is_in_time(st) && (!w->first || second_down(st->time) < w->first))
		w->first = second_down(st->time) + (st->time < STAMP_SECOND);
	if (st->v->helo[0])
		w->helo = name_mark(st->v->helo);
	if (st->place == PLACE_CONTROL)
		w->bits |= st->is_contact ? WALK_CONTROL : 0;
	else if (st->place != PLACE_REAL)
		visit_decoy(j, sender, st);
	else if (st->is_contact)
		visit_real(j, sender, st);
}

static bool make_step(const struct judge *j, const struct visit *v, struct step *ret)
{
	const struct host *h = judge_host(j, v->host, NULL);
	struct eye *eye = eye_of_host(j, v->host);
	if (!eye || (!h && !eye->is_real))
		return false;
	*ret = (struct step){
		.v = v,
		.group = eye->group,
		.place = h ? h->place : PLACE_REAL,
		.eye = eye,
		.time = time_clamp(v->time),
		.answered = v->answered > 0 ? time_clamp(v->answered) : 0,
		.width = v->precision_us < 1              ? 1
			 : v->precision_us > STAMP_MINUTE ? (uint32_t)STAMP_MINUTE
							  : v->precision_us,
		.is_contact = v->depth > DEPTH_KNOCK,
	};
	ret->ended = later(v->ended > 0 ? time_clamp(v->ended) : 0, ret->time);
	return true;
}

/* Most visits of a busy sender change nothing that a verdict is made of. */
static bool has_changed(const struct walk *before, const struct walk *w)
{
	return before->shown.is_new || before->bits != w->bits ||
	       before->real != w->real || before->high != w->high ||
	       before->low != w->low || before->began != w->began ||
	       before->helo != w->helo || before->shown.delay != w->shown.delay;
}

/* The walk that the visit belongs to, opened if need be. */
static struct walk *walk_for(struct judge *j, uint32_t sender, const struct step *st)
{
	struct sender *s = sender_at(j, sender);
	struct walk *w = walk_at(j, s->walk);
	uint32_t second = second_down(st->time);
	bool is_new = !w || !belongs(j, s, w, st);
	if (is_new)
		walk_open(j, sender, st);
	if (second > s->last_visit && (is_new || is_in_time(st)))
		s->last_visit = second;
	return walk_at(j, s->walk);
}

/* A visit from long before the walk, reported after it, is not part of it; it may
 * still excuse. What is in time does not ask when something forged or late began
 * the walk, or its place would depend on that. */
static bool is_stray(const struct judge *j, const struct walk *w, const struct step *st)
{
	int64_t first = (int64_t)w->first * STAMP_SECOND;
	int64_t began = !is_in_time(st) ? w->began : first ? first : st->time;
	return st->time + j->rules.walk_gap < began;
}

int walk_visit(struct judge *j, const struct visit *v, struct error *e)
{
	struct step st;
	if (!make_step(j, v, &st))
		return error_set(e, FMX_EMALFORMED, "a visit names the unknown host %u",
				 v->host);
	uint32_t id = sender_take(j, v->client, st.group);
	struct sender *s = sender_at(j, id);
	sender_fetch(j, s);
	sender_count_visit(j, s, &st);
	struct walk *w = walk_for(j, id, &st);
	bool is_apart = is_stray(j, w, &st);
	bool is_excused = false;
	if (st.place == PLACE_REAL && st.is_contact)
		tell_contact(j, id, &st);
	else if (st.place == PLACE_LOW || st.place == PLACE_HIGH)
		is_excused = letter_named(j, id, &st);
	struct walk before = *w;
	if (!is_apart)
		walk_take(j, id, &st);
	if (is_apart || is_excused || s->mark != NOTHING || w->older != NOTHING ||
	    has_changed(&before, w))
		settle_from(j, id, &before.shown);
	return 0;
}
