/*
 * domain_run - plan and revert for domains whose DNS is kept elsewhere
 *
 * What plan and revert do when they are given domains, or a list of them: the
 * live DNS is read (zone/domain.h), and what to type is printed. Results come
 * as they complete, so that a list of any length needs little memory.
 *
 * Exit code: 1 when a lookup failed; 2 when something is left to do somewhere,
 * was refused, or a name server differs; else 0.
 */
#ifndef FMX_CLI_DOMAIN_RUN_H
#define FMX_CLI_DOMAIN_RUN_H

#include "cli/zone_want.h"
#include "zone/export.h"

/* Domains are given, rather than zone files or a configuration's zones. */
bool domain_run_is_meant(const struct cli *c, int argc);
/* Where zones are meant, options that only a domain has are refused. CLI_DONE, or said.
 */
FMX_MUST_CHECK int domain_run_check_zones(const struct cli *c, bool reverts);
FMX_MUST_CHECK int domain_run(struct cli *c, int argc, char **argv, bool reverts);

#define DOMAIN_OPTIONS                                                                   \
	{ .name = "from",                                                                \
	  .argument = "FILE",                                                            \
	  .meaning = "Read domains from a file, or from stdin with -, one a line; with " \
		     "--json a line each as they complete." },                           \
	    { .name = "server",                                                          \
	      .argument = "ADDR[@PORT]",                                                 \
	      .meaning = "Ask this name server alone about a DOMAIN." },                 \
	{                                                                                \
		.name = "format", .argument = EXPORT_FORMAT_NAMES,                       \
		.meaning = "What to print of a change that is made elsewhere; records "  \
			   "is a table for a provider's form, and the default of a "     \
			   "DOMAIN."                                                     \
	}

#endif
