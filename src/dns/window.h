/*
 * window - how many questions one server may have to answer at once
 *
 * Grows by one for each answer until the first loss, then by one for each full
 * window answered; halves for a loss, at most once per window sent, because the
 * losses of one overload come together (as TCP does, RFC 5681). Pure.
 *
 * Use:
 *	struct window w;
 *	window_init(&w, 16, 512);
 *	while (queue && window_has_room(&w)) { window_sent(&w); send(); }
 *	window_answered(&w, timeouts);		// or window_lost(&w)
 *
 * Ownership: plain data.
 */
#ifndef FMX_DNS_WINDOW_H
#define FMX_DNS_WINDOW_H

#include "base/attr.h"

enum { WINDOW_MIN = 2 };

struct window {
	unsigned size, most;
	unsigned open;      /* sent, neither answered nor lost */
	unsigned credit;    /* answers since the last growth */
	unsigned sheltered; /* answers and losses until a loss halves again */
	bool is_past_loss;
};

void window_init(struct window *w, unsigned size, unsigned most);
bool window_has_room(const struct window *w);
void window_sent(struct window *w);
/* had_losses: it was answered, but only after a try was lost. */
void window_answered(struct window *w, bool had_losses);
void window_lost(struct window *w);

#endif
