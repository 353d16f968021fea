/*
 * knock_filter - a classic BPF program that lets pass what may be a knock
 *
 * Runs in the kernel on the bytes from the IP header on (a packet socket of
 * SOCK_DGRAM), so that of a busy machine's packets only SYNs for the decoys are
 * copied. It may let pass a little too much (an address with another's port,
 * IPv6 extension headers), never too little: who reads compares again.
 *
 * Up to KNOCK_FILTER_MAX addresses of a family are compared one by one, after
 * everything else said yes; above that ports alone are, and the reader's hash
 * does the rest: a search tree over thousands of addresses would save copies
 * only of SYNs at port 25 that are for somebody else on the same machine.
 *
 * Use:
 *	struct knock_filter f;
 *	knock_filter_make(targets, count, false, &f);	// IPv4
 *	struct sock_fprog p = { f.count, f.code };
 *
 * Ownership: plain data. Limits: KNOCK_FILTER_CODE instructions.
 */
#ifndef FMX_SOURCE_KNOCK_KNOCK_FILTER_H
#define FMX_SOURCE_KNOCK_KNOCK_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

#include "mx/layout.h"

enum {
	KNOCK_FILTER_MAX = 100, /* addresses */
	KNOCK_FILTER_PORTS = 16,
	KNOCK_FILTER_CODE = 2304,
	KNOCK_SNAP_V6 = 256, /* kept of a packet with extension headers */
};

struct knock_filter {
	struct sock_filter code[KNOCK_FILTER_CODE];
	unsigned short count;
};

/* Of one family; without a target of it, nothing passes. */
void knock_filter_make(const struct endpoint *targets, size_t count, bool is_v6,
		       struct knock_filter *ret_filter);

#endif
