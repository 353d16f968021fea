/*
 * watermarks - how far each host's source is, and what of it is worth a row
 *
 * Sources say about once a second and host up to when they are complete. The
 * judge needs that in the journal, but not each second: an idle site must not
 * fill a disk. A watermark is written
 *
 *   - for each host once a WATERMARKS_INTERVAL, so that coverage can be computed
 *     (less often with more than 600 hosts: ten rows a second at most);
 *   - for all hosts of a group once they have passed a visit by `confirm`, so
 *     that the visit is judged on time;
 *   - for all hosts, when the engine asks: after the clock jumped, and at the end.
 *
 * For a host whose source has not come further for WATERMARKS_SILENT serve speaks:
 * nobody saw it until WATERMARKS_SILENT ago. So what waits for it goes on, and what
 * it brings later is late. For one that is known to be blind (a closed decoy without
 * the capability to watch it) serve speaks at once, and up to now.
 *
 * Pure: no clock, no journal.
 *
 * Use:
 *	watermarks_set(m, hosts, count, confirm, now);	// again after a reload
 *	watermarks_note(m, host, upto, now);		// from the source
 *	watermarks_visit(m, host, time);
 *	watermarks_write(m, now, false, &sink);		// each second
 *
 * Ownership: plain memory, watermarks_free().
 */
#ifndef FMX_SERVE_WRITE_WATERMARKS_H
#define FMX_SERVE_WRITE_WATERMARKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/stamp.h"

#define WATERMARKS_INTERVAL STAMP_MINUTE
#define WATERMARKS_SILENT (15 * STAMP_MINUTE)

struct watermarks_host {
	uint16_t host;
	uint16_t group;  /* sites judged together */
	bool has_source; /* one that gives watermarks is at work for it */
	int64_t told;    /* what the journal says already; 0 nothing */
	bool is_sent_on; /* another machine waits for it: written each second */
};

struct watermarks_sink {
	void (*write)(void *arg, uint16_t host, int64_t upto);
	/* Nobody saw the host in [from, to); from 0: since always. */
	void (*speak)(void *arg, uint16_t host, int64_t from, int64_t to);
	void *arg;
};

struct watermarks;
struct watermarks *watermarks_new(void);
void watermarks_free(struct watermarks *m);

/* What is known of hosts that stay is kept; a new one's silence begins now. */
void watermarks_set(struct watermarks *m, const struct watermarks_host *hosts,
		    size_t count, int64_t confirm, int64_t now);
void watermarks_note(struct watermarks *m, uint16_t host, int64_t upto, int64_t now);
void watermarks_visit(struct watermarks *m, uint16_t host, int64_t time);
/* It does not see at all, or does again. */
void watermarks_blind(struct watermarks *m, uint16_t host, bool is_blind);
/* is_all: everything newer than what was written. Returns how many were written. */
size_t watermarks_write(struct watermarks *m, int64_t now, bool is_all,
			const struct watermarks_sink *sink);

/* What its source said last, and what the journal was told; 0 nothing. */
int64_t watermarks_noted(const struct watermarks *m, uint16_t host);
int64_t watermarks_told(const struct watermarks *m, uint16_t host);
/* True once every source at work has looked again since then. */
bool watermarks_are_fresh(const struct watermarks *m, int64_t since);

#endif
