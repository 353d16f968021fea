/*
 * smtp - what a decoy says: the dialogue that takes no mail, as a state machine
 *
 * Bytes in, replies out; no socket, no clock. It never accepts mail and never
 * says 5xx, because a 5xx makes good senders bounce (facts: senders, 3b):
 * errors of syntax and order are 4xx too, ten of them end the session with
 * 421. RCPT and DATA get 451, whose text points at the host that caused it.
 *
 * EHLO offers 8BITMIME and SMTPUTF8 because a sender whose message needs one
 * of them bounces it where it is missing; it does not offer SIZE, over which
 * some bounce too, nor STARTTLS.
 *
 * Depth is the furthest command that was well-formed (smtp_grammar.h) and in
 * order. The texts are the first ones of the session.
 *
 * Lines end with LF; a CR before it is dropped. That a bare LF ends a line
 * cannot smuggle anything: nothing said here is ever passed on.
 *
 * Use:
 *	struct smtp s = { 0 };
 *	smtp_greet(&who, &out);
 *	while (smtp_feed(&s, &who, bytes, len, &out) == SMTP_GO_ON)
 *		...		// write out, clear it, read on
 *	smtp_release(&s);
 *
 * Ownership: s owns its texts. All zero is a session at its start.
 *
 * Limits: SMTP_LINE_MAX bytes a line (RFC 5321 4.5.3.1.4 asks for 512, its
 * extensions for up to 1,200): a longer one is skipped and answered once.
 * SMTP_REPLY_MAX bytes a reply. Unfinished lines cost their length in memory.
 */
#ifndef FMX_SOURCE_DECOY_SMTP_H
#define FMX_SOURCE_DECOY_SMTP_H

#include <stdint.h>

#include "base/buf.h"
#include "judge/visit.h"

enum { SMTP_LINE_MAX = 2048, SMTP_REPLY_MAX = 768, SMTP_ERRORS_MAX = 10 };

enum smtp_next { SMTP_GO_ON, SMTP_CLOSE };

/* Who speaks: host names. */
struct smtp_who {
	const char *name;      /* the decoy */
	const char *cause;     /* the host whose error the client should see */
	uint32_t commands_max; /* then 421 */
};

struct smtp {
	enum depth depth; /* DEPTH_KNOCK until asked: see smtp_depth() */
	uint8_t errors;
	bool has_helo, has_mail, has_rcpt; /* of the transaction */
	bool is_skipping;                  /* within a line that is too long */
	bool is_over_commands;
	uint16_t line_len, line_cap;
	uint32_t commands;
	char *line;                                /* the beginning of one; may be NULL */
	char *helo, *mail_from, *recipient_domain; /* the first; NULL: none yet */
	char *sender;                              /* of the transaction */
	uint8_t envelope_count; /* told, of all transactions; each once */
	uint64_t envelopes[VISIT_ENVELOPES + 1];
};

void smtp_greet(const struct smtp_who *who, struct buf *out);  /* 220 */
void smtp_refuse(const struct smtp_who *who, struct buf *out); /* 421 as a greeting */
/* After SMTP_CLOSE the rest of the bytes was not looked at. */
enum smtp_next smtp_feed(struct smtp *s, const struct smtp_who *who, const char *bytes,
			 size_t len, struct buf *out);
/* We end the session: 421 with a clause why. */
void smtp_close(const struct smtp_who *who, const char *why, struct buf *out);
enum depth smtp_depth(const struct smtp *s); /* at least DEPTH_CONNECT */
void smtp_release(struct smtp *s);

#endif
