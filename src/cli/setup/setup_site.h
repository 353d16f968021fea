/*
 * setup_site - from what the world sees of a domain to the hosts of its site
 *
 * Pure. Says what nobody should do: a Fake MX beside a provider's mail hosts, or where
 * there is no MX record at all.
 *
 * Use:
 *	struct setup s = { .layout = LAYOUT_NONE };
 *	if (setup_site_hosts(&seen, &machine, own_name, &s, &e) != 0)
 *		return cli_fail(c, &e);		// exit 3 or 1
 *	setup_site_watch(&s, "/var/log/mail.log");
 *	if (setup_site_decoy(&seen, &decoy, SETUP_HERE, &s, &e) != 0)
 */
#ifndef FMX_CLI_SETUP_SETUP_SITE_H
#define FMX_CLI_SETUP_SETUP_SITE_H

#include "cli/setup/setup_text.h"
#include "mx/seen.h"
#include "zone/plan.h"

/* The real hosts, and the decoys that are in the MX set already. here[i] tells which
 * hosts are this machine: one has an address of it, or its name is own_name. */
FMX_MUST_CHECK int setup_site_hosts(const struct seen *seen,
				    const struct setup_machine *machine,
				    const char *own_name, struct setup *s,
				    bool here[SITE_MAX_HOSTS], struct error *e);

/* Whose log it is: those that are here, else (behind a translated address) the only
 * one, or the best where `insists`. The others are watched by feed. watch "": none is
 * known. False: no host is this machine. */
FMX_MUST_CHECK bool setup_site_watch(struct setup *s, bool here[SITE_MAX_HOSTS],
				     const char *watch, bool insists);

/* A decoy that is no host of the MX set, or one of the same addresses there. */
FMX_MUST_CHECK int setup_site_decoy_name(const struct seen *seen,
					 const struct plan_decoy *d, struct error *e);
/* The high decoy; it may be in the MX set already. */
FMX_MUST_CHECK int setup_site_decoy(const struct seen *seen, const struct plan_decoy *d,
				    enum setup_way way, struct setup *s, struct error *e);

#endif
