/*
 * privilege - from root to a user that may do nothing but bind port 25, and
 * then not even that
 *
 * Started as root with a `user` configured, serve becomes that user, with its
 * groups, before it opens a file, and keeps CAP_NET_BIND_SERVICE alone until
 * its sockets are bound. Started as somebody else there is nothing to give
 * away: systemd's AmbientCapabilities stay, so that a reload can bind port 25.
 *
 * Use:
 *	if (privilege_become(config.user, &e) < 0)
 *		...
 *	// open the journal, bind the sockets
 *	if (privilege_finish(&e) < 0)
 *
 * Limits: after privilege_finish() a reload cannot bind new addresses at ports
 * below 1024, unless systemd hands the capability to serve.
 */
#ifndef FMX_SERVE_PRIVILEGE_H
#define FMX_SERVE_PRIVILEGE_H

#include "base/error.h"

/* Nothing when user is "" or we are not root. FMX_EUSAGE: no such user. */
FMX_MUST_CHECK int privilege_become(const char *user, struct error *e);
/* Gives the last capability away; nothing when privilege_become() did nothing. */
FMX_MUST_CHECK int privilege_finish(struct error *e);

#endif
