/*
 * knock - sees who knocks at the closed decoys, by packet sockets
 *
 * One watcher per process, for all hosts whose posture is `closed`. Nothing
 * listens there and the kernel refuses; the SYNs are visits of depth `knock`.
 * Its sockets need CAP_NET_RAW when the watcher is made, and never again: a
 * reload changes filters only. Without the capability, and for an address that
 * is not this machine's, the host is not watched: it gets no watermark, the
 * trouble is said once, with what to do, and `blind` with the reason.
 *
 * The watermark is the moment up to which the rings were read. When packets
 * were lost, no watermark is given until nothing is lost any more; then `blind`
 * says that what came since the last watermark may be missing, for a low decoy
 * must not seem to have been skipped. So it does when watching begins.
 *
 * A decoy at which many clients send their SYN again, as if they had heard
 * nothing, is dropped by a firewall where it should refuse: trouble.
 *
 * Use:
 *	struct knock *k = knock_new(loop, clock, &sink);	// with CAP_NET_RAW
 *	knock_apply(k, specs, count);	// again after a reload
 *	knock_stop(k);			// gives what is there; then uv_run()
 *	knock_free(k);
 *
 * Ownership: copies specs and sink, owns its sockets.
 *
 * Limits: the ring's (knock_ring.h). KNOCK_RATE visits a second, after
 * KNOCK_BURST: a flood of forged SYNs must not fill the disk; more are counted
 * as lost. Retransmissions as in knock_table.h. What a program on this machine
 * sends from the decoy's own address is not counted: decoy.h looks that way.
 */
#ifndef FMX_SOURCE_KNOCK_KNOCK_H
#define FMX_SOURCE_KNOCK_KNOCK_H

#include <uv.h>

#include "source/decoy/decoy.h"

enum {
	KNOCK_RATE = 2000,
	KNOCK_BURST = 200000,
	KNOCK_WHY_MAX = 512,
	KNOCK_SILENT_CLIENTS = 5, /* so many, and half of all, make a decoy that drops */
};
#define KNOCK_SILENT_SPAN (10 * STAMP_MINUTE)

struct knock_sink {
	struct source_sink source;
	/* What began at this host after its last watermark and before until may
	 * not have been given. why: it is not watched, and this is the reason;
	 * "": it is watched from now on. arg is source.arg. */
	void (*blind)(void *arg, uint16_t host_id, int64_t until, const char *why);
	/* As source.trouble, which it stands for: the decoy drops. May be NULL. */
	void (*drops)(void *arg, uint16_t host_id, bool is_over, const char *sentence);
};

struct knock_counts {
	uint64_t packets; /* that the kernel's filter let pass */
	uint64_t visits, again;
	uint64_t lost;    /* the ring was full */
	uint64_t flooded; /* beyond KNOCK_RATE */
	unsigned hosts;   /* watched */
};

struct knock;
struct knock *knock_new(uv_loop_t *loop, struct stamp_clock clock,
			const struct knock_sink *sink);

/* Watches the closed ones of specs; the others are passed over. Where two have
 * one endpoint, the first gets the visits and both the watermarks. */
void knock_apply(struct knock *k, const struct decoy_spec *specs, size_t count);
bool knock_watches(const struct knock *k, uint16_t host);
struct knock_counts knock_counts(const struct knock *k);

/* Gives what was seen, the last watermarks, and asks the loop to close. */
void knock_stop(struct knock *k);
void knock_free(struct knock *k); /* NULL is fine */

#endif
