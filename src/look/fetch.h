/*
 * fetch - get one small text over HTTPS, on the caller's libuv loop
 *
 * For MTA-STS policies (RFC 8461 3.3): HTTPS only, certificate and name checked,
 * no redirect followed, no proxy, and only to the addresses that the caller
 * looked up and judged: the name is never resolved again, so nobody can send us
 * to an address of the inside between the look and the fetch.
 *
 * Use:
 *	struct fetcher *f = fetcher_new(loop);
 *	fetch_start(f, "mta-sts.example.com", "/.well-known/mta-sts.txt",
 *		    addrs, count, 10 * STAMP_SECOND, got, me);
 *	...
 *	fetcher_free(f);
 *	uv_run(loop, UV_RUN_DEFAULT);		// its handles close
 *
 * Ownership: the body lasts for the call of the callback. Each fetch gets
 * exactly one call, never from within fetch_start; none after fetcher_free. The
 * environment's SSL_CERT_FILE names other roots than the system's.
 *
 * Limits: bodies over FETCH_BODY_MAX fail; a timeout bounds the whole of it.
 */
#ifndef FMX_LOOK_FETCH_H
#define FMX_LOOK_FETCH_H

#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "base/attr.h"

enum { FETCH_BODY_MAX = 64 * 1024, FETCH_ADDRESSES_MAX = 8 };

struct fetcher;

/* failure is NULL when it worked, else a sentence. */
typedef void fetch_callback(const char *body, size_t len, const char *failure, void *arg);

struct fetcher *fetcher_new(uv_loop_t *loop);
void fetcher_free(struct fetcher *f);

void fetch_start(struct fetcher *f, const char *host, const char *path,
		 const struct addr *addresses, size_t address_count, int64_t timeout_us,
		 fetch_callback *callback, void *arg);

#endif
