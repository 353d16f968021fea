/*
 * window - how many questions one server may have to answer at once
 *
 * Grows by one for each answer up to the threshold, then by one for each full
 * window answered. When more than a tenth of what was asked lately is lost, the
 * server is taken to be overrun: half the window becomes the threshold, and the
 * window starts again from the least (as TCP after a time-out, RFC 5681). Fewer
 * losses are names that nobody answers for, and no reason to go slower. Pure.
 *
 * Use:
 *	struct window w;
 *	window_init(&w, 16, 256);
 *	while (queue && window_has_room(&w)) { window_sent(&w); send(); }
 *	window_answered(&w);			// or window_lost(&w)
 *
 * Ownership: plain data.
 */
#ifndef FMX_DNS_WINDOW_H
#define FMX_DNS_WINDOW_H

#include "base/attr.h"

enum { WINDOW_MIN = 2 };

struct window {
	unsigned size, most, threshold;
	unsigned open;       /* sent, neither answered nor lost */
	unsigned credit;     /* answers since the last growth beyond the threshold */
	unsigned sheltered;  /* ends until losses count against it again */
	unsigned loss_level; /* recent losses, in 1024ths of recent ends */
};

void window_init(struct window *w, unsigned size, unsigned most);
bool window_has_room(const struct window *w);
void window_sent(struct window *w);
void window_answered(struct window *w);
void window_lost(struct window *w);

#endif
