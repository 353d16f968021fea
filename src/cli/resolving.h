/*
 * resolving - whom a verb asks about names: --resolver, else the configuration's
 * `resolver`, else those of /etc/resolv.conf
 */
#ifndef FMX_CLI_RESOLVING_H
#define FMX_CLI_RESOLVING_H

#include "cli/cli.h"
#include "config/config.h"
#include "dns/resolver.h"

/* config may be NULL. CLI_DONE, or the mistake is said. */
FMX_MUST_CHECK int cli_resolver(const struct cli *c, const struct config *config,
				struct resolver_options *ret);

/* A name server named by an option: "192.0.2.53", "192.0.2.53@5353". False when
 * the option was not given. */
FMX_MUST_CHECK int cli_server(const struct cli *c, const char *option, bool *ret_given,
			      struct endpoint *ret);

#endif
