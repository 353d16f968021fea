/*
 * reply - read one SMTP reply from bytes that a stranger sends
 *
 * RFC 5321 4.2: lines of three digits, then "-" for more or a space for the
 * last. The reader is a pure function of the bytes, in whatever pieces they
 * come, and of nothing else.
 *
 * Use:
 *	struct reply r;
 *	reply_init(&r);
 *	size_t used;
 *	while (reply_feed(&r, data, len, &used) == REPLY_MORE)
 *		... read more ...
 *	r.code, r.text			// 220, "220 mail.example.com ESMTP"
 *
 * Ownership: plain data.
 *
 * Limits: a line of more than REPLY_LINE_MAX bytes or a reply of more than
 * REPLY_LINES_MAX lines is REPLY_BAD: who floods us learns that we left.
 */
#ifndef FMX_LOOK_REPLY_H
#define FMX_LOOK_REPLY_H

#include <stdint.h>

#include "base/attr.h"

enum {
	/* RFC 5321 4.5.3.1.5 allows 512 with CRLF; real servers pass it a little. */
	REPLY_LINE_MAX = 1024,
	REPLY_LINES_MAX = 64,
	REPLY_TEXT_MAX = 256,
	REPLY_KEYWORDS_MAX = 512,
};

enum reply_progress {
	REPLY_MORE, /* the reply is not complete yet */
	REPLY_DONE,
	REPLY_BAD, /* not SMTP, or beyond a limit; what came is in text */
};

struct reply {
	unsigned code;  /* 200..599 once done */
	unsigned lines; /* complete lines seen */
	bool ended;     /* the next line begins a new reply */
	bool previous_cr;
	uint16_t line_len;
	char line[REPLY_LINE_MAX];
	/* The first line, printable ASCII only: other bytes are '?'. */
	char text[REPLY_TEXT_MAX];
	/* First word of each line after the first, upper case, separated by one
	 * space: the keywords, when this is the answer to EHLO. Words that no
	 * longer fit are left out. */
	char keywords[REPLY_KEYWORDS_MAX];
};

void reply_init(struct reply *r);

/*
 * Eats bytes up to the end of the reply. *ret_used is how many; what is left
 * belongs to the next reply. After REPLY_DONE or REPLY_BAD, reply_init first.
 */
FMX_MUST_CHECK enum reply_progress reply_feed(struct reply *r, const char *data,
					      size_t len, size_t *ret_used);

/* keyword in upper case, for example "STARTTLS". */
bool reply_has_keyword(const struct reply *r, const char *keyword);

#endif
