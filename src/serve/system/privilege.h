/*
 * privilege - from root to a user that may do nothing but bind port 25 and
 * open packet sockets, and then not even that
 *
 * Started as root with a `user` configured, serve becomes that user, with its
 * groups, before it opens a file, and keeps CAP_NET_BIND_SERVICE and CAP_NET_RAW
 * alone until its sockets are open. Started as somebody else it gives away
 * CAP_NET_RAW then, too; systemd's ambient CAP_NET_BIND_SERVICE stays, so that
 * a reload can bind port 25.
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
#ifndef FMX_SERVE_SYSTEM_PRIVILEGE_H
#define FMX_SERVE_SYSTEM_PRIVILEGE_H

#include "base/error.h"

/* Nothing when user is "" or we are not root. FMX_EUSAGE: no such user. */
FMX_MUST_CHECK int privilege_become(const char *user, struct error *e);
/* Gives away what a reload does not need; nothing when we are root. */
FMX_MUST_CHECK int privilege_finish(struct error *e);

#endif
