#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/decoy/decoy_own.h"

enum { BACKLOG = 4096 }; /* the kernel takes the smaller of this and somaxconn */

const char *decoy_at_text(struct endpoint at, char text[DECOY_AT_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];
	(void)snprintf(text, DECOY_AT_TEXT_MAX, "%s port %u", addr_text(at.addr, addr),
		       at.port);
	return text;
}

static int explain(const struct decoy_spec *spec, int error, struct error *e)
{
	char at[DECOY_AT_TEXT_MAX], addr[ADDR_TEXT_MAX];
	decoy_at_text(spec->at, at);
	addr_text(spec->at.addr, addr);
	switch (error) {
	case EADDRINUSE:
		return error_set(e, -error,
				 "%s: %s is in use by another program (ss -ltnp 'sport = "
				 ":%u' shows which); a mail server that listens on all "
				 "addresses must leave this one out (Postfix: "
				 "inet_interfaces)",
				 spec->name, at, spec->at.port);
	case EADDRNOTAVAIL:
		return error_set(e, -error,
				 "%s: %s is not an address of this machine; add it (ip "
				 "address add %s dev ...) or correct the configuration",
				 spec->name, addr, addr);
	case EACCES:
	case EPERM:
		return error_set(e, -error,
				 "%s: no permission to listen on %s; start it by its "
				 "systemd unit, or give the program the capability "
				 "(setcap cap_net_bind_service=+ep fakemx-serve), or "
				 "choose a port above 1023 (address = { \"%s@2525\" })",
				 spec->name, at, addr);
	default:
		return error_set(e, -error, "%s: cannot listen on %s: %s", spec->name, at,
				 strerror(error));
	}
}

/* REUSEADDR: connections of a predecessor that wait for their end must not
 * keep the port. V6ONLY: the IPv4 address may be another decoy's. */
int decoy_listen(const struct decoy_spec *spec, int *ret_fd, struct error *e)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(spec->at.addr, spec->at.port, &sa);
	int on = 1;
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return explain(spec, errno, e);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    (sa.ss_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
	    bind(fd, (struct sockaddr *)&sa, len) != 0 || listen(fd, BACKLOG) != 0) {
		int error = errno;
		close(fd);
		return explain(spec, error, e);
	}
	*ret_fd = fd;
	return 0;
}

void decoy_close_resets(int fd, bool resets)
{
	struct linger at_once = { .l_onoff = resets, .l_linger = 0 };
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

bool decoy_is_listening(int fd, struct endpoint *ret_at)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(sa), int_len = sizeof(int);
	int is_listening = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &int_len) != 0 ||
	    !is_listening || getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    (sa.ss_family != AF_INET && sa.ss_family != AF_INET6))
		return false;
	ret_at->addr = addr_from_sockaddr((struct sockaddr *)&sa, &ret_at->port);
	return true;
}
