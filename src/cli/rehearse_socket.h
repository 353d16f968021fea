/*
 * rehearse_socket - listening sockets on loopback, on ports that are free
 */
#ifndef FMX_CLI_REHEARSE_SOCKET_H
#define FMX_CLI_REHEARSE_SOCKET_H

#include "base/error.h"
#include "model/layout.h"

/* Listens at at->addr; port 0 is replaced by the one that was free. Returns
 * the descriptor. */
FMX_MUST_CHECK int socket_listen(struct endpoint *at, struct error *e);

#endif
