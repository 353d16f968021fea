/*
 * ready_check - what would stand in serve's way on this machine: for --check-config
 *
 * Of each decoy, whether its address can be listened on; of each real host, whether
 * its mail log can be read; of the state folder, whether it can be made. Sentences, no
 * failure: the configuration may be meant for another machine, or for later. Nothing is
 * said of ports while a serve of this journal runs, since it has them.
 *
 * Use:
 *	ready_check(&config, tell, arg);	// void tell(void *arg, const char
 **sentence)
 */
#ifndef FMX_SERVE_SYSTEM_READY_CHECK_H
#define FMX_SERVE_SYSTEM_READY_CHECK_H

#include "config/config.h"

/* Does the user exist that serve should become? FMX_EUSAGE. */
FMX_MUST_CHECK int ready_check_user(const char *user, struct error *e);

void ready_check(const struct config *c, void (*tell)(void *arg, const char *sentence),
		 void *arg);

#endif
