/*
 * engine - one serve: sources, journal, judge and log on one libuv loop
 *
 *   visits, watermarks, health probes ─► ledger (journal, judge) ─► log
 *
 * A batch is committed COMMIT_DELAY_MS after its first record, or at once when
 * COMMIT_BATCH records wait. Once a second the engine does what is due: writes
 * watermarks (marks.h), starts probes (health.h), picks up what other
 * processes wrote to the journal, tells systemd. SIGTERM and SIGINT stop it in
 * order, SIGHUP reloads the configuration, SIGUSR1 asks it to catch up: it
 * probes all real hosts, waits until every source has looked again, journals
 * all watermarks, and says `caught-up`. The same happens when the clock of a
 * trial has jumped.
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
 * Limits: one thread, but for retention.
 */
#ifndef FMX_SERVE_ENGINE_H
#define FMX_SERVE_ENGINE_H

#include "base/error.h"
#include "config/config.h"

struct engine_options {
	const char *config_path; /* for reloads */
	bool lab;                /* as given on the command line */
	int ready_fd;            /* -1; else "ready" and "caught-up" are written there */
};

struct engine;

/* What cannot be had is an error with its sentence: a port in use, a journal
 * of another serve. FMX_EREFUSED and FMX_EUSAGE are the configuration's. */
FMX_MUST_CHECK int engine_start(const struct engine_options *options,
				struct config *config, struct engine **ret_engine,
				struct error *e);
FMX_MUST_CHECK int engine_run(struct engine *n);
void engine_free(struct engine *n); /* NULL is fine */

#endif
