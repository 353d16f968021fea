/*
 * setup_world - what setup looks at: the domain's MX hosts, this machine's addresses
 *
 * Use:
 *	struct setup_world w;
 *	int code = setup_world_look(c, domain, &w);	// CLI_DONE, or said
 *	...
 *	setup_world_release(&w);
 */
#ifndef FMX_CLI_SETUP_SETUP_WORLD_H
#define FMX_CLI_SETUP_SETUP_WORLD_H

#include "cli/cli.h"
#include "cli/setup/setup_text.h"
#include "mx/seen.h"

struct setup_world {
	struct seen seen; /* with what answers at port 25 of each address */
	struct setup_machine machine;
};

/* decoy: the name of a declared one, or NULL. */
FMX_MUST_CHECK int setup_world_look(const struct cli *c, const char *domain,
				    const char *decoy, struct setup_world *ret_world);
void setup_world_release(struct setup_world *w);

#endif
