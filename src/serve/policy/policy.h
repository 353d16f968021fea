/*
 * policy - Postfix's policy protocol: bytes into requests, requests into actions
 *
 * Postfix asks about a client with lines name=value and an empty line at the
 * end (SMTPD_POLICY_README), many times over one connection, and gets
 * action=... and an empty line. Pure: no socket and no clock.
 *
 * Use:
 *	struct policy_reader r = { 0 };
 *	while (len && (next = policy_read(&r, data, len, &used)) != POLICY_BROKEN) {
 *		data += used, len -= used;
 *		if (next == POLICY_REQUEST)
 *			... policy_answer(&r.request, &quick, &options, action)
 *	}
 *
 * Ownership: plain data. A request lives until the next policy_read().
 *
 * Limits: POLICY_LINE_MAX bytes a line, POLICY_REQUEST_MAX a request,
 * POLICY_ATTRIBUTES_MAX lines; beyond them, and for a NUL byte, a line without
 * `=` or a request without lines, it is no Postfix: POLICY_BROKEN. Texts are cut to
 * VISIT_TEXT_MAX; an instance or a domain that is longer is taken for unknown.
 */
#ifndef FMX_SERVE_POLICY_POLICY_H
#define FMX_SERVE_POLICY_POLICY_H

#include "base/stamp.h"
#include "journal/ask/ask.h"
#include "judge/visit.h"

enum {
	POLICY_LINE_MAX = 4096,
	POLICY_REQUEST_MAX = 32 * 1024,
	POLICY_ATTRIBUTES_MAX = 128,
	POLICY_INSTANCE_MAX = 64, /* with NUL */
	POLICY_ACTION_MAX = 256,
};

/* What is asked. Any byte but NUL and LF may be in the texts. */
struct policy_request {
	bool is_access; /* request=smtpd_access_policy */
	bool has_client, has_server;
	bool is_authenticated; /* SASL: a user of this server, not a sender */
	bool takes_header;     /* PREPEND is allowed: MAIL, RCPT, DATA */
	enum depth depth;      /* by protocol_state */
	struct addr client, server;
	uint16_t client_port;               /* 0: not told */
	char instance[POLICY_INSTANCE_MAX]; /* the same for one message; "" unknown */
	char helo[VISIT_TEXT_MAX], sender[VISIT_TEXT_MAX];
	char recipient_domain[NAME_MAX_TEXT]; /* lower case; "" none or several */
};

struct policy_reader {
	struct policy_request request;
	bool is_done; /* the next byte begins another request */
	size_t bytes, attributes;
	size_t line_len;
	char line[POLICY_LINE_MAX]; /* a line that is not complete yet */
};

enum policy_next {
	POLICY_MORE,    /* everything was used */
	POLICY_REQUEST, /* r->request is complete; *ret_used bytes belong to it */
	POLICY_BROKEN,  /* close; the reader is of no more use */
};
enum policy_next policy_read(struct policy_reader *r, const char *data, size_t len,
			     size_t *ret_used);
/* Is a request begun and not complete? */
bool policy_is_within(const struct policy_reader *r);

struct policy_options {
	bool defers;   /* listed senders are put off: opt-in */
	bool is_first; /* nothing was said of this message yet */
};

enum policy_action { POLICY_DUNNO, POLICY_PREPEND, POLICY_DEFER };

/*
 * What to answer, without "action=" and the line ends: a header for what is
 * known, once a message; DUNNO in doubt; never a rejection. No text of the
 * client's gets into it. q may be NULL: nothing can be said.
 */
enum policy_action policy_answer(const struct policy_request *r,
				 const struct ask_quick *q,
				 const struct policy_options *options,
				 char ret_action[POLICY_ACTION_MAX]);

#endif
