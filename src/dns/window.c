#include "dns/window.h"

#include <assert.h>

void window_init(struct window *w, unsigned size, unsigned most)
{
	assert(size >= WINDOW_MIN && size <= most);
	*w = (struct window){ .size = size, .most = most };
}

bool window_has_room(const struct window *w)
{
	return w->open < w->size;
}

void window_sent(struct window *w)
{
	w->open++;
}

static void shrink(struct window *w)
{
	if (w->sheltered > 0)
		return;
	/* All that is under way was sent before we knew: it proves no more. */
	w->sheltered = w->open;
	w->size = w->size / 2 > WINDOW_MIN ? w->size / 2 : WINDOW_MIN;
	w->credit = 0;
	w->is_past_loss = true;
}

static void ended(struct window *w)
{
	assert(w->open > 0);
	w->open--;
	if (w->sheltered > 0)
		w->sheltered--;
}

void window_answered(struct window *w, bool had_losses)
{
	if (had_losses)
		shrink(w);
	ended(w);
	if (had_losses)
		return;
	if (w->size < w->most && (!w->is_past_loss || ++w->credit >= w->size)) {
		w->size++;
		w->credit = 0;
	}
}

void window_lost(struct window *w)
{
	shrink(w);
	ended(w);
}
