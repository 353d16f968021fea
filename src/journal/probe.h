/*
 * probe - the last probes of real hosts, as serve made them
 *
 * A log that is read again after a restart shows their visits once more.
 *
 * Use:
 *	probe_each_last(db, host, 16, on_probe, arg, &e);
 */
#ifndef FMX_JOURNAL_PROBE_H
#define FMX_JOURNAL_PROBE_H

#include "journal/db.h"

typedef void (*probe_fn)(void *arg, uint16_t host, int64_t time);
/* The last `most` of the host, newest first. */
FMX_MUST_CHECK int probe_each_last(struct db *db, uint16_t host, unsigned most,
				   probe_fn fn, void *arg, struct error *e);

#endif
