/*
 * engine - one serve: sources, journal and log on one libuv loop
 *
 *   visits, watermarks, probes ─► lines ─► writer (journal) ─► log, alarms
 *
 * Once a second the engine does what is due: writes watermarks (watermarks.h), starts
 * probes (probe_schedule.h), sees what other processes wrote to the journal, tells
 * systemd. SIGTERM and SIGINT stop it in order, SIGHUP reloads the configuration,
 * SIGUSR1 asks it to catch up (catch_up.h), as does a jump of a trial's clock.
 *
 * Use:
 *	struct engine *n;
 *	int r = engine_start(&options, &config, &n, &e);
 *	if (r == 0)
 *		r = engine_run(n);	// until a signal; 0 or a negative code
 *	engine_free(n);
 *
 * Ownership: engine_start() takes the configuration in every case.
 *
 * Limits: one thread, but for checkpoints (checkpoint.h).
 */
#ifndef FMX_SERVE_ENGINE_H
#define FMX_SERVE_ENGINE_H

#include "serve/parts.h"

/* What cannot be had is an error with its sentence: a port in use, a journal
 * of another serve. FMX_EREFUSED and FMX_EUSAGE are the configuration's. */
FMX_MUST_CHECK int engine_start(const struct engine_options *options,
				struct config *config, struct engine **ret_engine,
				struct error *e);
FMX_MUST_CHECK int engine_run(struct engine *n);
void engine_free(struct engine *n); /* NULL is fine */

#endif
