/*
 * frame - what stands in front of a mail program's words, taken off line by line
 *
 * One file may hold lines of several kinds, one within the other; each line is
 * found out by itself:
 *
 *	syslog		stamp, host, tag: "Nov 23 14:05:09 mx postfix/smtpd[7]: ..."
 *	RFC 5424	"<22>1 STAMP mx postfix/smtpd 7 - - ...", with or without count
 *	priority	"<22>Nov 23 ...", "... mx mail.info postfix/...", "<mail.info>"
 *	containers	"STAMP ", "STAMP stdout F ", "name-1  | ", {"log": ...}, each in
 *			front of a line as above, or of "postfix/smtpd[7]: ..."
 *	journalctl	-o json, short-iso, short-precise, short-full, short-unix
 *	Exim's own	stamp and words; its tag is "exim" then, rspamd's own likewise
 *
 * The innermost stamp is the mail program's. Where it has no zone, the outer one
 * tells it, and how much later at most it was written. CR at the end and colours
 * in front are no part of a line. Parts of a line that a container's engine split
 * are put together again.
 *
 * Use:
 *	struct frame *f = frame_new();
 *	switch (frame_read(f, line, len, now, &l)) {
 *	case FRAME_LINE: ...	// l.time, l.host, l.text
 *
 * Ownership: a line's slices are good until the next call.
 *
 * Limits: what a client said comes only in the text; a line is taken apart strictly
 * from the left. Parts wait for their end up to FRAME_MAX bytes, of FRAME_SOURCES
 * containers at once.
 */
#ifndef FMX_SOURCE_MAILLOG_FRAME_H
#define FMX_SOURCE_MAILLOG_FRAME_H

#include "base/attr.h"
#include "source/maillog/logline.h"

enum { FRAME_MAX = 64 * 1024, FRAME_SOURCES = 8, FRAME_DEPTH = 4 };

enum frame_kind {
	FRAME_NONE, /* no stamp */
	FRAME_LINE,
	FRAME_PART, /* more of it follows */
	FRAME_MARK, /* of journalctl and others about the log itself */
};

struct frame;
struct frame *frame_new(void);
/* Of stamps that have none; NULL: this process's. Borrowed. */
void frame_zone(struct frame *f, const char *zone);
FMX_MUST_CHECK enum frame_kind frame_read(struct frame *f, const char *line, size_t len,
					  int64_t now, struct logline *ret_line);
void frame_free(struct frame *f);

#endif
