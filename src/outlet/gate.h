/*
 * gate - whether anybody may be listed now, and whom every list leaves out
 *
 * What all lists ask once more at output, besides the obstacles of each listing
 * (journal/ask/listed.h): whether `fakemx off` was run, whether the journal is fresh,
 * what on_risk says while a known sender is at risk; the hosts and the allow list of
 * the configuration as it is now, which serve may not have read yet.
 *
 * Use:
 *	struct gate g;
 *	gate_open(&g, &config, db, ask, now, 15 * STAMP_MINUTE, &e);
 *	struct list_head head = gate_head(&g, ask);
 *	struct list_filter filter = gate_filter(&g);
 *	list_ask(ask, format, &head, &filter, ...);
 *	gate_close(&g);
 *
 * Ownership: borrows configuration and journal until gate_close().
 */
#ifndef FMX_OUTLET_GATE_H
#define FMX_OUTLET_GATE_H

#include "config/config.h"
#include "outlet/list.h"

enum { GATE_NOTE_MAX = 200 };
#define GATE_STALE (15 * STAMP_MINUTE)

struct gate {
	const struct config *config;
	struct db *db;
	char note[GATE_NOTE_MAX]; /* why nobody is listed; "": nothing keeps them off */
	bool is_alarming;         /* somebody should look at that */
	struct addr *at_risk;     /* hold: whose pools leave */
	size_t at_risk_count;
	int64_t held_since; /* nobody is listed who was listed later */
};

/* stale: for how long no watermark may have moved; 0: not asked. */
FMX_MUST_CHECK int gate_open(struct gate *g, const struct config *c, struct db *db,
			     struct ask *ask, int64_t now, int64_t stale,
			     struct error *e);
void gate_close(struct gate *g);
struct list_head gate_head(const struct gate *g, const struct ask *a);
struct list_filter gate_filter(struct gate *g);

/* Why nobody is listed whatever the journal says; NULL. */
const char *gate_off_note(const struct config *c);

#endif
