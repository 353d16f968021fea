/*
 * asks - what serve asks the DNS for the report: its own MX sets, and blocklists
 *
 * Every ASKS_MX_MS the MX of up to ASKS_DOMAINS domains of each site (with a seed of
 * `plan --half` as many of either half): the report compares the days before and after
 * the decoy was there; and an MX host that its site does not name is told, for who
 * delivers there looks as if it never came. And once, when a client first comes into
 * contact with a decoy, each blocklist of `compare`, whether it knows the client.
 * Answers go to the sink; what DNS did not answer about MX is no news.
 *
 * Knocks ask nothing: they can be forged. About addresses that are not public, and in a
 * trial at all, only a resolver that was named is asked.
 *
 * Use:
 *	struct asks *a = asks_new(loop, &sink);
 *	asks_apply(a, &config);		// again after a reload
 *	asks_visit(a, &visit, is_at_decoy);	// each visit; returns at once
 *	asks_tick(a);			// once a second
 *	asks_stop(a);
 *	uv_run(loop, ...);
 *	asks_free(a);
 *
 * Ownership: asks_apply() copies. What the sink gets is lent for the call.
 *
 * Limits: ASKS_OPEN_MAX questions at once; a client beyond that is asked about at its
 * next visit.
 */
#ifndef FMX_SERVE_DNS_ASKS_H
#define FMX_SERVE_DNS_ASKS_H

#include <uv.h>

#include "config/config.h"
#include "journal/take/take.h"

enum {
	ASKS_MX_MS = 10 * 60 * 1000,
	ASKS_DOMAINS = 16,
	ASKS_OPEN_MAX = 256,
};

struct asks_sink {
	/* hosts: "10 mail.example, 30 fake1.example"; "" none. */
	void (*mx)(void *arg, uint16_t site, const char *domain, bool has_decoy,
		   const char *hosts);
	void (*compared)(void *arg, struct addr client, const char *zone,
			 enum compared answer);
	/* An MX host of the domain that its site does not name, with an address that is
	 * none of the site's: once for each. */
	void (*unnamed)(void *arg, const char *site, const char *domain,
			const char *host);
	/* Is the answer in the journal already? */
	bool (*is_known)(void *arg, struct addr client, const char *zone);
	void *arg;
};

struct asks;
struct asks *asks_new(uv_loop_t *loop, const struct asks_sink *sink);
void asks_apply(struct asks *a, const struct config *c);
void asks_visit(struct asks *a, const struct visit *v, bool is_at_decoy);
void asks_tick(struct asks *a);
void asks_stop(struct asks *a);
void asks_free(struct asks *a);

#endif
