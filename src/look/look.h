/*
 * look - what the world sees of a domain's mail
 *
 * Asks the DNS, the name servers themselves, the MTA-STS policy host and port 25
 * of every address, all at once as far as one answer does not need another, and
 * fills a struct seen. A look takes as long as its slowest lookup or probe.
 *
 * Use:
 *	struct looker *l;
 *	if (looker_new(loop, &options, &l, &e) != 0)
 *		...
 *	look_start(l, "example.com", done, me);		// many at once
 *	uv_run(loop, UV_RUN_DEFAULT);
 *	looker_free(l);
 *	uv_run(loop, UV_RUN_DEFAULT);		// its handles close
 *
 *	static void done(struct look_result *r, void *me)
 *	{
 *		if (r->status != LOOKUP_OK)
 *			r->failure		// "example.com does not exist"
 *		else
 *			findings_of(&r->seen, &found);
 *
 * Ownership: the result lasts for the call of the callback, which may take the
 * struct seen and leave an empty one. Each look gets one
 * call, never from within look_start; none after looker_free, which must not be
 * called from within one. The program ignores SIGPIPE.
 *
 * Limits: those of seen.h. Addresses that are not public are neither probed nor
 * asked nor fetched from, unless lab is set: a stranger's zone must not be able
 * to point us at our own inside.
 */
#ifndef FMX_LOOK_LOOK_H
#define FMX_LOOK_LOOK_H

#include <uv.h>

#include "base/attr.h"
#include "base/error.h"
#include "dns/resolver.h"
#include "mx/seen.h"

struct look_options {
	struct resolver_options resolver;
	uint16_t port;      /* to probe; 0: 25 */
	int64_t timeout_us; /* of a probe or a fetch; 0: ten seconds */
	bool no_probe;
	/* Whoever is down at one end of the list is probed again a little later: a
	 * host that was restarted is no decoy. Takes SEEN_AGAIN_SECONDS. */
	bool looks_again;
	bool mx_only; /* MX, addresses and probes; nothing else */
	bool lab;
	uint16_t dns_port; /* of name servers; 0: 53 */
	/* Of all name servers only this one is asked, and the recursive server
	 * only for what this one does not know. */
	bool has_primary;
	struct endpoint primary;
	/* Names of decoys, as name_read() makes them; borrowed. */
	const char *const *decoys;
	size_t decoy_count;
	/* A host all of whose addresses are these is a decoy too. */
	const struct addr *decoy_addresses;
	size_t decoy_address_count;
	enum tri vantage; /* what a check of it told, for the findings */
};

struct looker;

struct look_result {
	struct seen seen;
	/* Of the MX lookup: LOOKUP_OK also for a domain without MX. */
	enum lookup_status status;
	char failure[512]; /* a sentence when status is not LOOKUP_OK */
};

typedef void look_callback(struct look_result *r, void *arg);

FMX_MUST_CHECK int looker_new(uv_loop_t *loop, const struct look_options *options,
			      struct looker **ret_looker, struct error *e);
void looker_free(struct looker *l);

/* domain as in name.h. */
void look_start(struct looker *l, const char *domain, look_callback *callback, void *arg);

/* For more questions; it lives as long as the looker. */
struct resolver *looker_resolver(struct looker *l);
struct resolver_counts looker_counts(const struct looker *l);

#endif
