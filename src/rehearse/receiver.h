/*
 * receiver - a real host of the rehearsal: takes mail of one domain
 *
 * A small SMTP server that keeps nothing, and a log in the form of Postfix's
 * smtpd, cleanup and qmgr, written as a syslog daemon writes it: a line at a
 * time, with the trial's clock. What `serve` learns of the real hosts, it
 * learns by reading that file, as it would from Postfix itself.
 *
 * Use:
 *	struct receiver *s;
 *	receiver_new(loop, clock, "mail.example.com", at, "/tmp/x/mail.log", &s, &e);
 *	uv_run(loop, ...);
 *	receiver_stop(s);
 *	uv_run(loop, ...);	// until its handles are closed
 *	receiver_free(s);
 *
 * Ownership: the loop must outlive receiver_free().
 *
 * Limits: for our own senders on loopback; lines of RECEIVER_LINE_MAX bytes.
 */
#ifndef FMX_REHEARSE_RECEIVER_H
#define FMX_REHEARSE_RECEIVER_H

#include <uv.h>

#include "base/error.h"
#include "base/stamp.h"
#include "mx/layout.h"

enum { RECEIVER_LINE_MAX = 1024 };

/* A subject that the spam filter knows. */
#define RECEIVER_SPAM "Cheap watches"
#define RECEIVER_PUT_OFF_US (5 * STAMP_MINUTE)

struct receiver_options {
	bool filters; /* a spam filter logs of each message what it is, as rspamd does */
	bool greylists; /* a client's /24, sender and recipient that come together for the
			 * first time get 450 for RECEIVER_PUT_OFF_US */
};

struct receiver;

/* at->port 0: a free one is chosen and set. */
FMX_MUST_CHECK int receiver_new(uv_loop_t *loop, struct stamp_clock clock,
				const char *name, struct endpoint *at,
				const char *log_path,
				const struct receiver_options *options,
				struct receiver **ret_receiver, struct error *e);
void receiver_stop(struct receiver *s);
/* After receiver_stop(), when the loop has run: it listens again, as after an outage. */
FMX_MUST_CHECK int receiver_listen(struct receiver *s, struct endpoint *at,
				   struct error *e);
void receiver_free(struct receiver *s); /* NULL is fine */

#endif
