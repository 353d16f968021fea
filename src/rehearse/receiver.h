/*
 * rehearse_sink - a real host of the rehearsal: takes all mail of one domain
 *
 * A small SMTP server that keeps nothing, and a log in the form of Postfix's
 * smtpd, cleanup and qmgr, written as a syslog daemon writes it: a line at a
 * time, with the trial's clock. What `serve` learns of the real hosts, it
 * learns by reading that file, as it would from Postfix itself.
 *
 * Use:
 *	struct sink *s;
 *	sink_new(loop, clock, "mail.example.com", at, "/tmp/x/mail.log", &s, &e);
 *	uv_run(loop, ...);
 *	sink_stop(s);
 *	uv_run(loop, ...);	// until its handles are closed
 *	sink_free(s);
 *
 * Ownership: the loop must outlive sink_free().
 *
 * Limits: for our own senders on loopback; lines of SINK_LINE_MAX bytes.
 */
#ifndef FMX_REHEARSE_RECEIVER_H
#define FMX_REHEARSE_RECEIVER_H

#include <uv.h>

#include "base/error.h"
#include "base/stamp.h"
#include "mx/layout.h"

enum { SINK_LINE_MAX = 1024 };

struct sink;

/* at->port 0: a free one is chosen and set. */
FMX_MUST_CHECK int sink_new(uv_loop_t *loop, struct stamp_clock clock, const char *name,
			    struct endpoint *at, const char *log_path,
			    struct sink **ret_sink, struct error *e);
/* Messages taken so far. */
uint64_t sink_accepted(const struct sink *s);
void sink_stop(struct sink *s);
void sink_free(struct sink *s); /* NULL is fine */

#endif
