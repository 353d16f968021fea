#include "cli/visits_log_why.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { NAME_MAX_BYTES = 40, EXAMPLE_MAX = 160 };

/* Why lines were of no use. */
enum reason { NO_STAMP, PART, NOT_NEEDED, NOT_THE_MX, NOT_UNDERSTOOD, LEFT_OUT, OTHER };

struct kind {
	enum reason reason;
	char program[NAME_MAX_BYTES]; /* or the reader's name */
	uint64_t count;
	char example[EXAMPLE_MAX];
};

struct why {
	uint64_t lines, used;
	size_t count;
	struct kind kinds[WHY_KINDS];
};

/* Mail servers that are not read yet, by what their lines have in them. */
static const struct {
	const char *name, *mark;
} unread[] = {
	{ "Haraka", "haraka" },        { "Haraka", "] [core] " },
	{ "Courier", "courieresmtp" }, { "Courier", "courierd" },
	{ "Stalwart", "stalwart" },    { "Stalwart", "(smtp." },
	{ "maddy", "maddy" },          { "maddy", " smtp: incoming message" },
	{ "chasquid", "chasquid" },    { "qmail", "qmail-smtpd" },
	{ "qmail", "tcpserver: " },    { "Exchange", "Microsoft Exchange" },
	{ "MailEnable", "SMTP-IN" },
};

/* What others sent is shown without control characters. */
static void keep(char *to, size_t size, const char *text, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len && n + 1 < size; i++) {
		unsigned char c = (unsigned char)text[i];
		to[n++] = c < ' ' || c >= 0x7f ? '?' : (char)c;
	}
	to[n] = '\0';
}

static enum reason reason_of(const struct maillog_made *made)
{
	if (made->is_part)
		return PART;
	if (!made->has_stamp)
		return NO_STAMP;
	if (made->is_loss)
		return LEFT_OUT;
	if (!made->reader)
		return OTHER;
	return made->says == MAILLOG_USELESS   ? NOT_NEEDED
	       : made->says == MAILLOG_FOREIGN ? NOT_THE_MX
					       : NOT_UNDERSTOOD;
}

static struct kind *kind_of(struct why *w, enum reason reason, const char *program)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->kinds[i].reason == reason &&
		    strcmp(w->kinds[i].program, program) == 0)
			return &w->kinds[i];
	if (w->count == WHY_KINDS)
		return &w->kinds[WHY_KINDS - 1];
	struct kind *k = &w->kinds[w->count++];
	k->reason = reason;
	(void)str_copy(k->program, sizeof(k->program), program);
	return k;
}

void why_line(struct why *w, const struct maillog_made *made, const char *line,
	      size_t len)
{
	w->lines++;
	if (made->says == MAILLOG_USED || made->says == MAILLOG_STARTED) {
		char text[4096];
		w->used++;
		keep(text, sizeof(text), line, len);
		(void)printf("%s%s: %s\n", made->reader,
			     made->says == MAILLOG_STARTED ? " started" : "", text);
		return;
	}
	char program[NAME_MAX_BYTES];
	enum reason reason = reason_of(made);
	if (reason == OTHER || reason == LEFT_OUT)
		keep(program, sizeof(program), made->program.at,
		     slice_len(made->program));
	else
		(void)str_copy(program, sizeof(program),
			       made->reader ? made->reader : "");
	struct kind *k = kind_of(w, reason, program);
	if (k->count++ == 0)
		keep(k->example, sizeof(k->example), line, len);
}

const char *why_unread_server(const char *line)
{
	for (size_t i = 0; i < sizeof(unread) / sizeof(unread[0]); i++)
		if (strcasestr(line, unread[i].mark))
			return unread[i].name;
	return NULL;
}

static void tell(const struct kind *k)
{
	const char *lines = k->count == 1 ? "line" : "lines";
	bool may_be = k->reason == OTHER || k->reason == NO_STAMP;
	const char *server = may_be ? why_unread_server(k->program) : NULL;
	if (may_be && !server)
		server = why_unread_server(k->example);
	(void)printf("%" PRIu64 " %s", k->count, lines);
	if (server)
		(void)printf(" of %s, " WHY_UNREAD, server);
	else if (k->reason == LEFT_OUT)
		(void)printf(" of %s, which left out lines of others by its rate limit: "
			     "of that time nothing is known",
			     k->program);
	else if (k->reason == OTHER)
		(void)printf(" of %s: not a mail server's sessions",
			     *k->program ? k->program : "no named program");
	else if (k->reason == NO_STAMP)
		(void)printf(" without a time that fakemx knows");
	else if (k->reason == PART)
		(void)printf(" that go on in the next one");
	else if (k->reason == NOT_NEEDED)
		(void)printf(" of %s that tell nothing of a session that came to it",
			     k->program);
	else if (k->reason == NOT_THE_MX)
		(void)printf(" of %s for users' mail, or of what it does besides",
			     k->program);
	else
		(void)printf(" of %s that are not as fakemx knows them: please report it",
			     k->program);
	(void)printf(", e.g.\n  %s\n", k->example);
}

static int by_count(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;
	return (x->count < y->count) - (x->count > y->count);
}

struct why *why_new(void)
{
	return xcalloc(1, sizeof(struct why));
}

void why_end(struct why *w)
{
	(void)printf("%s%" PRIu64 " of %" PRIu64
		     " lines told of sessions at the mail server.\n",
		     w->used ? "\n" : "", w->used, w->lines);
	qsort(w->kinds, w->count, sizeof(w->kinds[0]), by_count);
	for (size_t i = 0; i < w->count; i++)
		tell(&w->kinds[i]);
	free(w);
}
