/* How a connection ends: its visit is given, its descriptor closed. */
#include <sys/socket.h>
#include <unistd.h>

#include "source/decoy/decoy_own.h"

void decoy_give(struct decoy_listener *l, const struct visit *known)
{
	struct visit v = *known;
	v.site = l->site;
	v.host = l->host;
	v.outcome = OUTCOME_NONE;
	v.source = VISIT_SOURCE_DECOY;
	v.precision_us = 1;
	v.ended = stamp_clock_now(l->set->clock);
	v.name = "";
	l->set->counts.visits++;
	l->set->sink.visit(l->set->sink.arg, &v);
}

void decoy_reset(int fd)
{
	decoy_close_resets(fd, true);
	close(fd);
}

static void linger_close_first(struct decoy_set *d)
{
	close(d->linger[d->linger_first].fd);
	d->linger_first = (d->linger_first + 1) % DECOY_LINGER_MAX;
	d->linger_count--;
}

/* A ring without an event of its own: under load the oldest is closed early,
 * which costs nothing but a 421 that a very slow and very talkative client
 * may not read. */
void decoy_linger(struct decoy_set *d, int fd)
{
	(void)shutdown(fd, SHUT_WR); /* gone already: then close() does it */
	while (d->linger_count && (d->linger_count == DECOY_LINGER_MAX ||
				   d->linger_count >= d->limits.lingering))
		linger_close_first(d);
	size_t at = (d->linger_first + d->linger_count++) % DECOY_LINGER_MAX;
	d->linger[at] = (struct decoy_linger){ fd, decoy_now_ms(d) + DECOY_LINGER_MS };
}

void decoy_linger_close(struct decoy_set *d, bool all)
{
	uint32_t now = decoy_now_ms(d);
	while (d->linger_count &&
	       (all || (int32_t)(now - d->linger[d->linger_first].due_ms) >= 0))
		linger_close_first(d);
}
