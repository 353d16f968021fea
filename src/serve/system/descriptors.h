/*
 * descriptors - who may have how many of the open files that a process is allowed
 *
 * Clients at decoys, connections that linger after a 421 and Postfix share one
 * limit (RLIMIT_NOFILE): what strangers open must not take from Postfix, nor either of
 * them from the journal, the logs and the probes, for which a reserve is kept.
 *
 * Use:
 *	struct descriptors_want want = { .connections = 10000, .hosts = 4, ... };
 *	struct descriptors d;
 *	if (descriptors_take(&want, &d, &e) != 0)	// raises the soft limit, too
 *		...
 */
#ifndef FMX_SERVE_SYSTEM_DESCRIPTORS_H
#define FMX_SERVE_SYSTEM_DESCRIPTORS_H

#include <stdint.h>

#include "base/error.h"

enum {
	DESCRIPTORS_POLICY = 1024, /* of Postfix, where the limit allows it */
	DESCRIPTORS_LINGER = 1024,
	DESCRIPTORS_LEAST = 64, /* for all three together; with less nothing works */
};

struct descriptors_want {
	uint32_t connections;      /* at decoys, as configured */
	uint32_t hosts, addresses; /* of all sites */
	uint32_t sockets;          /* on which Postfix is listened for */
	uint32_t inherited;        /* that systemd handed over */
};

struct descriptors {
	uint64_t limit;
	uint32_t reserve;
	uint32_t connections, linger, policy;
};

/* Pure. -EMFILE: too few; the sentence says how many are needed. */
FMX_MUST_CHECK int descriptors_share(uint64_t limit, const struct descriptors_want *w,
				     struct descriptors *ret, struct error *e);
/* Raises the soft limit as far as it is wanted and the hard one allows; shares it. */
FMX_MUST_CHECK int descriptors_take(const struct descriptors_want *w,
				    struct descriptors *ret, struct error *e);

#endif
