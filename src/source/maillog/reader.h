/*
 * reader - what every mail server's reader has in common
 *
 * A reader is two functions: is this line's program one of mine, and what does
 * the line say, written into the table of sessions (logsession.h). It has no
 * memory of its own. A line is read strictly from the left, or, where a client's
 * words stand in front, from the right, so that nobody but the mail server
 * itself says who the client is. maillog_lines.c has the table of readers.
 *
 * Ownership: plain data; the line is lent.
 */
#ifndef FMX_SOURCE_MAILLOG_READER_H
#define FMX_SOURCE_MAILLOG_READER_H

#include "source/maillog/logsession.h"

enum maillog_says {
	MAILLOG_USED,    /* told something of a session */
	MAILLOG_STARTED, /* the mail server was started: until then it was down */
	MAILLOG_USELESS, /* of a program we know, but of no use to us */
	MAILLOG_FOREIGN, /* of another program, or of a service that is not the MX's */
	MAILLOG_GARBLED, /* a line we know that is not as we know it */
};

/* One line, and what a reader has taken from it so far. */
struct said {
	struct logsessions *t;
	const struct logline *front;
	struct slice process;      /* who has the session */
	struct slice id;           /* of the message, or of the session; may be empty */
	struct addr client, local; /* all zero: not said */
	uint32_t pid, port, local_port; /* 0: not said */
	struct slice name, helo, from, to, message_id;
	enum depth stage;                 /* at least reached */
	int code;                         /* of a refusal: 4 or 5 */
	struct slice answer;              /* its words; may be empty */
	bool is_user;                     /* authenticated, or on a port for that */
	int64_t lasted, lasted_precision; /* of the connection, at its end; -1 */
};
struct said said_of(struct logsessions *t, const struct logline *front);

/* What a program's line begins with, and who reads the rest. */
struct said_words {
	const char *words;
	enum maillog_says (*read)(struct said *d, struct slice in);
};
/* By the first row that fits; MAILLOG_USELESS if none does. */
enum maillog_says said_read(const struct said_words *rows, size_t count, struct said *d,
			    struct slice in);
/* What a client is known by, with a letter that is in no id; in `bytes`. */
enum { SAID_CLIENT_LEN = 1 + sizeof(((struct addr *)0)->bytes) };
struct slice said_client(const struct said *d, char letter, char bytes[SAID_CLIENT_LEN]);
struct logtie *said_tied(const struct said *d); /* to the id; NULL */
struct logtie *said_tie(const struct said *d, struct logsession *s, struct slice id);
/* "451 4.7.1 ...": its code and its words. */
FMX_MUST_CHECK bool said_answer(struct said *d, struct slice answer);
/* "EHLO", "rcpt", "END-OF-MESSAGE": how far who sends it has come. */
enum depth said_stage(struct slice command);

struct maillog_reader {
	const char *name; /* "postfix" */
	bool (*is_program)(const struct logline *l);
	enum maillog_says (*line)(struct logsessions *t, const struct logline *l);
	/* How long a session may go on before the log has a first line of it:
	 * only so far back is the log complete. */
	int64_t blind;
};

extern const struct maillog_reader reader_postfix, reader_exim, reader_opensmtpd,
    reader_sendmail, reader_filter;

#endif
