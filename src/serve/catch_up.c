#include "serve/catch_up.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/lines.h"

/* Sources look about each second; a mail log holds a session back for some
 * seconds whose queue manager's line is late (postfix.c). A connection
 * that somebody holds open at a decoy keeps its watermark back for longer than
 * anybody wants to wait. Probes have a time-out of their own. */
#define SOURCES_LONGEST (7 * STAMP_SECOND)
#define PROBES_LONGEST (PROBE_SCHEDULE_TIMEOUT + STAMP_SECOND)

void catch_up_begin(struct engine *n)
{
	n->catch_up.since = writer_now(n->writer);
	n->catch_up.began = stamp_monotonic();
	n->catch_up.is_active = true;
	n->catch_up.is_written = n->catch_up.is_asked_again = false;
	probe_schedule_all_now(n->probes);
	decoy_look_now(n->decoys);
}

/* Whoever asks each second must not keep the first from being done. */
void catch_up_ask(struct engine *n)
{
	if (n->catch_up.is_active)
		n->catch_up.is_asked_again = true;
	else
		catch_up_begin(n);
}

void catch_up_tell(struct engine *n, const char *line)
{
	if (n->options.ready_fd >= 0)
		(void)!write(n->options.ready_fd, line, strlen(line));
}

void catch_up_look(struct engine *n)
{
	if (!n->catch_up.is_active)
		return;
	int64_t waited = stamp_monotonic() - n->catch_up.began;
	bool is_fresh = watermarks_are_fresh(n->watermarks, n->catch_up.since);
	bool is_probed = probe_schedule_is_idle(n->probes);
	if ((!is_fresh && waited < SOURCES_LONGEST) ||
	    (!is_probed && waited < PROBES_LONGEST))
		return;
	if (!n->catch_up.is_written) {
		n->catch_up.is_complete = is_fresh && is_probed;
		n->catch_up.is_written = true;
		lines_watermarks(n, true);
		if (n->lab_clock.map)
			writer_hold(n->writer, false);
		(void)writer_commit(n->writer);
	}
	if (!writer_is_idle(n->writer))
		return; /* there is something to judge */
	if (n->catch_up.is_asked_again) {
		catch_up_begin(n);
		return;
	}
	n->catch_up.is_active = false;
	double ahead = (double)n->clock_offset / (double)STAMP_SECOND;
	log_info("caught-up clock_ahead=%.6f complete=%s", ahead,
		 n->catch_up.is_complete ? "yes" : "no");
	char line[64];
	(void)snprintf(line, sizeof(line), "caught-up %lld\n",
		       (long long)n->clock_offset);
	catch_up_tell(n, line);
}
