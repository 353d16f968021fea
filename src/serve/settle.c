/*
 * Catching up: after the clock of a trial jumped, or when SIGUSR1 asks, all
 * that is due is done now and in order - real hosts probed, every source
 * looked again, all watermarks journalled, everything judged - and then it is
 * said.
 */
#include "serve/internal.h"

#include "base/log.h"

/* Sources look about each second; a mail log holds a session back for some
 * seconds whose queue manager's line is late (postfix.c). A connection
 * that somebody holds open at a decoy keeps its watermark back for longer than
 * anybody wants to wait. Probes have a time-out of their own. */
#define SOURCES_LONGEST (7 * STAMP_SECOND)
#define PROBES_LONGEST (HEALTH_TIMEOUT + STAMP_SECOND)

void settle_begin(struct engine *n)
{
	n->settle.since = ledger_now(n->ledger);
	n->settle.began = stamp_monotonic();
	n->settle.is_active = true;
	health_all_now(n->health);
	decoy_look_now(n->decoys);
}

void settle_look(struct engine *n)
{
	struct settle *s = &n->settle;
	int64_t waited = stamp_monotonic() - s->began;
	bool is_fresh = marks_are_fresh(n->marks, s->since);
	bool is_probed = health_is_idle(n->health);
	if ((!is_fresh && waited < SOURCES_LONGEST) ||
	    (!is_probed && waited < PROBES_LONGEST))
		return;
	s->is_active = false;
	input_write_marks(n, MARKS_EACH);
	engine_commit(n);
	double ahead = (double)n->clock_offset / (double)STAMP_SECOND;
	log_info("caught-up clock_ahead=%.6f complete=%s", ahead,
		 is_fresh && is_probed ? "yes" : "no");
	char line[64];
	(void)snprintf(line, sizeof(line), "caught-up %lld\n",
		       (long long)n->clock_offset);
	engine_tell(n, line);
}
