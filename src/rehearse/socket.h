/*
 * socket - what both ends of the rehearsal's connections share
 */
#ifndef FMX_REHEARSE_SOCKET_H
#define FMX_REHEARSE_SOCKET_H

#include <stdarg.h>

#include <uv.h>

#include "base/error.h"
#include "mx/layout.h"

/* Listens at at->addr; port 0 is replaced by the one that was free. Returns
 * the descriptor. */
FMX_MUST_CHECK int socket_listen(struct endpoint *at, struct error *e);

/* Writes a command or reply now: one at a time is outstanding, so it fits the
 * socket's buffer. False: the other side is gone. */
FMX_MUST_CHECK FMX_PRINTF(2, 0) bool socket_say(uv_tcp_t *tcp, const char *fmt,
						va_list ap);

/* For uv_read_start(): one buffer for all, as one read is handled at a time. */
void socket_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret_buf);

#endif
