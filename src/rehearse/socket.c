#include "rehearse/socket.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int socket_listen(struct endpoint *at, struct error *e)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(at->addr, at->port, &sa);
	char text[ADDR_TEXT_MAX];
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1; /* after an outage the sessions of before linger */
	if (fd < 0)
		return error_set(e, -errno, "cannot open a socket: %m");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
		int rc = error_set(e, -errno, "cannot listen on %s: %m",
				   addr_text(at->addr, text));
		(void)close(fd);
		return rc;
	}
	(void)addr_from_sockaddr((struct sockaddr *)&sa, &at->port);
	return fd;
}

bool socket_say(uv_tcp_t *tcp, const char *fmt, va_list ap)
{
	char text[512];
	int len = vsnprintf(text, sizeof(text), fmt, ap);
	if (len < 0 || (size_t)len >= sizeof(text))
		return false;
	uv_buf_t b = uv_buf_init(text, (unsigned)len);
	return uv_try_write((uv_stream_t *)tcp, &b, 1) == len;
}

void socket_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret_buf)
{
	(void)h, (void)suggested;
	static char room[4096];
	*ret_buf = uv_buf_init(room, sizeof(room));
}
