/*
 * check_senders - what was seen of a domain, as the prediction wants it
 *
 * Use:
 *	struct check_senders cs;
 *	if (check_senders_init(&cs, &seen))
 *		senders_json(&b, &cs.senders);
 *	check_senders_release(&cs);
 *
 * Ownership: names are borrowed from the struct seen.
 *
 * Limits: an address that could not be probed is taken to do what another of
 * its host's does, else left out. A declared decoy that greets is taken to
 * defer recipients: whether it does, nobody can see without sending mail.
 */
#ifndef FMX_CLI_CHECK_SENDERS_H
#define FMX_CLI_CHECK_SENDERS_H

#include "cli/senders.h"
#include "mx/seen.h"

struct check_senders {
	struct senders senders;
	struct check_senders_store *store;
};

/* False when too little is known to predict anything. */
FMX_MUST_CHECK bool check_senders_init(struct check_senders *cs, const struct seen *s);
void check_senders_release(struct check_senders *cs);

#endif
