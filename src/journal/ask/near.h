/*
 * near - of whom a list need not ask: read for many clients at once, in their order
 *
 * A list asks again what may keep each of its clients off: names, SPF, contacts of its
 * pool, messages that came otherwise. Of nearly all there is nothing, and a million
 * times nothing is ten million look-ups. So for a window of clients the tables are read
 * side by side; a client is *quiet* when nothing is there but runs at decoys that cannot
 * matter. Whoever is not is looked up as ever: quiet may only be said too rarely.
 *
 * Use:
 *	struct near n;
 *	near_begin(&n, &lookup, &e);				// once a list
 *	near_read(&n, first, last, count, &e);			// per window
 *	near_is_quiet(&n, client)
 *	near_release(&n);
 *
 * Limits: reads at most NEAR_EACH rows for each client of the window, else nobody in
 * it is quiet (for a few listed among millions, a window holds one client). Of sites
 * that were split from or merged with others nobody is quiet.
 */
#ifndef FMX_JOURNAL_ASK_NEAR_H
#define FMX_JOURNAL_ASK_NEAR_H

#include "journal/ask/sender.h"

enum { NEAR_WINDOW = 1000, NEAR_EACH = 16 };

struct near_clients {
	struct addr *at; /* ascending */
	size_t count, cap;
};

struct near {
	struct lookup *q;
	bool is_usable, allows_names;
	struct addr first, last; /* of the window; is_known: it was read */
	bool is_known;
	size_t left;            /* rows that may still be read of it */
	size_t failures, pause; /* windows in a row that had too many; not to be tried */
	struct near_clients loud, contacts, tellers;
};

FMX_MUST_CHECK int near_begin(struct near *n, struct lookup *q, struct error *e);
/* The clients from `first` to `last`, of which `count` will be asked for. */
FMX_MUST_CHECK int near_read(struct near *n, struct addr first, struct addr last,
			     size_t count, struct error *e);
bool near_is_quiet(const struct near *n, struct addr client);
void near_release(struct near *n);

#endif
