#include <string.h>

#include "judge/rule.h"

/* What of a run is its first contact, or the first of several runs. */
static void add_first(bool *has_any, struct run *first, const struct run *r)
{
	if (*has_any)
		run_merge_began(first, r);
	else
		*first = *r;
	*has_any = true;
}

static void add_low(struct walk *w, const struct run *r)
{
	if (r->low == MOMENT_NONE || (w->has_low && w->low < r->low))
		return;
	bool is_wider = !w->has_low || r->low < w->low || r->low_width > w->low_width;
	w->has_low = true;
	w->low = r->low;
	w->low_width = is_wider ? r->low_width : w->low_width;
}

/* A real run is a walk of its own: others of its sender are no part of it. */
static bool is_real_part(const struct walk *w, const struct run *r)
{
	return r->kind == RUN_REAL && (r == &w->main || w->main.kind == RUN_DECOY);
}

static const struct run *part(const struct walk *w, const struct run *touching, size_t i)
{
	return i == 0 ? &w->main : &touching[i - 1];
}

static void find_low(struct walk *w, const struct run *touching, size_t count)
{
	for (size_t i = 0; i <= count; i++) {
		const struct run *r = part(w, touching, i);
		if (i == 0 || r->kind == RUN_ASIDE)
			add_low(w, r);
		if (i == 0 || r->kind == RUN_ASIDE || is_real_part(w, r))
			w->last = stamp_later(w->last, r->last);
	}
}

static void find_real(struct walk *w, const struct run *touching, size_t count)
{
	struct run first = w->main;
	for (size_t i = 0; i <= count; i++)
		if (is_real_part(w, part(w, touching, i)))
			add_first(&w->has_real, &first, part(w, touching, i));
	if (!w->has_real)
		return;
	w->real = first.began;
	w->real_width = first.width;
	w->real_earlier = first.earlier;
	w->real_answered = first.answered;
}

/* Where widths overlap, the real contact came after the low one. */
static void find_next(struct walk *w, const struct run *touching, size_t count)
{
	struct run next = w->main;
	for (size_t i = 0; i <= count; i++) {
		const struct run *r = part(w, touching, i);
		if (!is_real_part(w, r) || r->last < w->low)
			continue;
		if (r->began + r->width <= w->low)
			w->is_real_open_at_low = true;
		else
			add_first(&w->has_next, &next, r);
	}
	if (!w->has_next)
		return;
	w->next = next.began;
	w->next_width = next.width;
	w->next_earlier = next.earlier;
}

void walk_of(const struct run *main, const struct run *touching, size_t count,
	     struct walk *ret_walk)
{
	struct walk *w = ret_walk;
	memset(w, 0, sizeof(*w));
	w->main = *main;
	w->began = main->began;
	if (main->kind == RUN_DECOY && main->high != MOMENT_NONE) {
		w->has_high = true;
		w->high = main->high;
		w->high_width = main->high_width;
	}
	find_low(w, touching, count);
	find_real(w, touching, count);
	if (w->has_low)
		find_next(w, touching, count);
}

/* The last moment that [t, t + width) holds. */
static int64_t end_of(int64_t t, uint32_t width)
{
	return width > 0 ? t + width - 1 : t;
}

int64_t walk_moment(const struct walk *w, int64_t *ret_from, int64_t *ret_to)
{
	int64_t real_end = end_of(w->real, w->real_width);
	int64_t low_end = end_of(w->low, w->low_width);
	if (w->has_high) {
		*ret_from = w->high;
		*ret_to = end_of(w->high, w->high_width);
		return *ret_to;
	}
	if (w->has_real) {
		*ret_from = w->real - w->real_earlier;
		*ret_to = real_end;
		return w->has_low ? stamp_later(real_end, low_end) : real_end;
	}
	/* L may be a knock, or told late: neither may move the moment to a better one. */
	*ret_from = w->began;
	*ret_to = end_of(w->began, w->main.width);
	return *ret_to;
}

bool walk_is_early(const struct walk *w, const struct view *v, const struct rules *r)
{
	int64_t from, to;
	return !w->main.told.is_sealed && v->now < w->began + r->final &&
	       v->frontier < walk_moment(w, &from, &to) + r->confirm;
}
