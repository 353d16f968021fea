/*
 * past - what a serve that starts wants to know of the journal besides verdicts
 *
 * Filled while the journal replays: up to where each real host's log was read,
 * which visits beyond that point the journal has already (a log is read again
 * from its last watermark), when the last probes were made (it shows their
 * visits again too), and which allow entries were put there by the
 * configuration file, so that they can be taken off when they leave it. While
 * serve runs, visits and watermarks are noted on: a reload may start the reader
 * of a log anew.
 *
 * Use:
 *	ledger_open(path, clock, past_record, past, &l, &e);
 *	if (past_has_visit(past, &visit))	// read a second time: drop it
 *
 * Ownership: plain memory, past_free().
 *
 * Limits: PAST_MAX_VISITS visits beyond the watermarks; over it, a visit may
 * be counted twice.
 */
#ifndef FMX_SERVE_PAST_H
#define FMX_SERVE_PAST_H

#include "old/record.h"

enum { PAST_MAX_VISITS = 100000, PAST_MAX_PROBES = 256 };
#define PAST_CONFIG_NOTE "fakemx.conf" /* note of an ALLOW from the configuration */

struct past;
struct past *past_new(void);
void past_free(struct past *p);

/* A ledger_past_fn; arg is the struct past. */
void past_record(void *arg, const struct record *r);

/* The last watermark of a host and when it came; false if there is none. */
bool past_watermark(const struct past *p, uint16_t host, int64_t *ret_upto,
		    int64_t *ret_seen);
/* A log gives v: true if an earlier reader of the log gave it already. Notes
 * it otherwise. Equal are host, client and time, each as often as given. */
bool past_has_visit(struct past *p, const struct visit *v);
/* As a WATERMARK record. */
void past_mark(struct past *p, uint16_t host, int64_t upto, int64_t seen);
/* The reader of the host's log is about to start anew. */
void past_reread(struct past *p, uint16_t host);

/* The time of the oldest record of the journal; STAMP_NEVER: it is new. */
int64_t past_began(const struct past *p);

struct past_probe {
	uint16_t host;
	int64_t time;
};
/* The last ones: index 0, 1, ... until false. */
bool past_probe(const struct past *p, size_t index, struct past_probe *ret_probe);

/* Is text on the allow list by the configuration's doing, as the journal says? */
bool past_config_allows(const struct past *p, const char *text);
/* All of them: index 0, 1, ... until NULL. */
const char *past_config_allow(const struct past *p, size_t index);

#endif
