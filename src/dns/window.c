#include "dns/window.h"

#include <assert.h>

/* A tenth; and an end weighs a 64th, so that seven losses in a row reach it. */
enum { WHOLE = 1024, OVERRUN = WHOLE / 10, WEIGHT = 64 };

void window_init(struct window *w, unsigned size, unsigned most)
{
	assert(size >= WINDOW_MIN && size <= most);
	*w = (struct window){ .size = size, .most = most, .threshold = most };
}

bool window_has_room(const struct window *w)
{
	return w->open < w->size;
}

void window_sent(struct window *w)
{
	w->open++;
}

static void ended(struct window *w)
{
	assert(w->open > 0);
	w->open--;
	if (w->sheltered > 0)
		w->sheltered--;
}

void window_answered(struct window *w)
{
	ended(w);
	w->loss_level -= w->loss_level / WEIGHT;
	if (w->size == w->most)
		return;
	if (w->size < w->threshold || ++w->credit >= w->size) {
		w->size++;
		w->credit = 0;
	}
}

void window_lost(struct window *w)
{
	/* What was under way at the last loss was sent before we knew of it: it
	 * proves no more. */
	bool is_sheltered = w->sheltered > 0;
	ended(w);
	if (is_sheltered)
		return;
	w->loss_level += (WHOLE - w->loss_level) / WEIGHT;
	if (w->loss_level <= OVERRUN)
		return;
	w->sheltered = w->open;
	w->threshold = w->size / 2 > WINDOW_MIN ? w->size / 2 : WINDOW_MIN;
	w->size = WINDOW_MIN;
	w->credit = 0;
	w->loss_level = 0;
}
