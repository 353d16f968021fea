#include "source/decoy/smtp.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/decoy/smtp_grammar.h"

/* What a command is done with: everything but the bytes of the line. */
struct talk {
	struct smtp *s;
	const struct smtp_who *who;
	struct buf *out;
};

static void reply_no_mail(const struct talk *t, const char *code)
{
	buf_addf(t->out, "%s %s takes no mail; please see the error of %s\r\n", code,
		 t->who->name, t->who->cause);
}

void smtp_greet(const struct smtp_who *who, struct buf *out)
{
	buf_addf(out, "220 %s ESMTP\r\n", who->name);
}

/* No enhanced code: greetings have none (RFC 2034 4). */
void smtp_refuse(const struct smtp_who *who, struct buf *out)
{
	reply_no_mail(&(struct talk){ NULL, who, out }, "421");
}

void smtp_close(const struct smtp_who *who, const char *why, struct buf *out)
{
	buf_addf(out, "421 4.3.2 %s %s, closing\r\n", who->name, why);
}

static enum smtp_next reply_error(const struct talk *t, const char *text)
{
	if (++t->s->errors > SMTP_ERRORS_MAX) {
		smtp_close(t->who, "has seen too many errors", t->out);
		return SMTP_CLOSE;
	}
	buf_addf(t->out, "451 %s\r\n", text);
	return SMTP_GO_ON;
}

static void reach(struct smtp *s, enum depth d)
{
	if (s->depth < d)
		s->depth = d;
}

/* Keeps the first text of its kind, cut at VISIT_TEXT_MAX. */
static void keep_first(char **to, struct slice text)
{
	if (*to)
		return;
	size_t len = (size_t)(text.end - text.at);
	if (len > VISIT_TEXT_MAX - 1)
		len = VISIT_TEXT_MAX - 1;
	*to = xcalloc(len + 1, 1);
	if (len)
		memcpy(*to, text.at, len);
}

/* One more than a visit names says that there were more. */
static void note_envelope(struct smtp *s, struct slice recipient)
{
	char *to = NULL;
	keep_first(&to, recipient);
	uint64_t hash = envelope_hash(s->sender, to);
	free(to);
	for (size_t i = 0; i < s->envelope_count; i++)
		if (s->envelopes[i] == hash)
			return;
	if (s->envelope_count <= VISIT_ENVELOPES)
		s->envelopes[s->envelope_count++] = hash;
}

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

static void end_transaction(struct smtp *s)
{
	s->has_mail = s->has_rcpt = false;
}

static enum smtp_next do_hello(const struct talk *t, struct slice in, bool is_extended)
{
	struct slice host;
	while (in.end > in.at && in.end[-1] == ' ')
		in.end--;
	if (!smtp_read_host(&in, &host) || in.at != in.end)
		return reply_error(t, "4.5.4 a host name or address literal is missing");
	end_transaction(t->s);
	t->s->has_helo = true;
	keep_first(&t->s->helo, host);
	reach(t->s, DEPTH_HELO);
	buf_addf(t->out, is_extended ? "250-%s\r\n" : "250 %s\r\n", t->who->name);
	if (is_extended)
		buf_adds(t->out, "250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
				 "250-8BITMIME\r\n250 SMTPUTF8\r\n");
	return SMTP_GO_ON;
}

static enum smtp_next do_helo(const struct talk *t, struct slice in)
{
	return do_hello(t, in, false);
}

static enum smtp_next do_ehlo(const struct talk *t, struct slice in)
{
	return do_hello(t, in, true);
}

/* "FROM:" or "TO:", a path, parameters, and nothing else. */
static bool read_argument(struct slice *in, const char *word, struct smtp_path *ret_path)
{
	size_t len = strlen(word);
	if ((size_t)(in->end - in->at) < len || strncasecmp(in->at, word, len) != 0)
		return false;
	in->at += len;
	while (in->at < in->end && *in->at == ' ')
		in->at++;
	return smtp_read_path(in, ret_path) && smtp_read_parameters(in);
}

static enum smtp_next do_mail(const struct talk *t, struct slice in)
{
	struct smtp_path from;
	if (!t->s->has_helo)
		return reply_error(t, "4.5.1 send EHLO first");
	if (t->s->has_mail)
		return reply_error(t, "4.5.1 a transaction is open; send RSET first");
	if (!read_argument(&in, "FROM:", &from))
		return reply_error(t, "4.5.4 MAIL FROM:<address> is not well-formed");
	t->s->has_mail = true;
	keep_first(&t->s->mail_from, from.mailbox);
	free(t->s->sender);
	t->s->sender = NULL;
	keep_first(&t->s->sender, from.mailbox);
	reach(t->s, DEPTH_MAIL);
	buf_adds(t->out, "250 2.1.0 Ok\r\n");
	return SMTP_GO_ON;
}

static enum smtp_next do_rcpt(const struct talk *t, struct slice in)
{
	struct smtp_path to;
	if (!t->s->has_mail)
		return reply_error(t, "4.5.1 send MAIL first");
	if (!read_argument(&in, "TO:", &to) || to.mailbox.at == to.mailbox.end)
		return reply_error(t, "4.5.4 RCPT TO:<address> is not well-formed");
	t->s->has_rcpt = true;
	if (to.domain.at < to.domain.end) { /* not of "<Postmaster>" */
		keep_first(&t->s->recipient_domain, to.domain);
		lower(t->s->recipient_domain);
	}
	reach(t->s, DEPTH_RCPT);
	note_envelope(t->s, to.mailbox);
	reply_no_mail(t, "451 4.3.2");
	return SMTP_GO_ON;
}

/* In order after any RCPT: a client that pipelines sends it before it reads
 * that the RCPT was deferred. Never 354, so what follows are commands. */
static enum smtp_next do_data(const struct talk *t, struct slice in)
{
	if (!t->s->has_rcpt)
		return reply_error(t, "4.5.1 send RCPT first");
	if (in.at != in.end)
		return reply_error(t, "4.5.4 DATA takes no argument");
	end_transaction(t->s);
	reach(t->s, DEPTH_DATA);
	reply_no_mail(t, "451 4.3.2");
	return SMTP_GO_ON;
}

/* Not offered. What follows it are no commands but a message; stop here. */
static enum smtp_next do_bdat(const struct talk *t, struct slice in)
{
	(void)in;
	reply_no_mail(t, "421 4.3.2");
	return SMTP_CLOSE;
}

static enum smtp_next do_rset(const struct talk *t, struct slice in)
{
	if (in.at != in.end)
		return reply_error(t, "4.5.4 RSET takes no argument");
	end_transaction(t->s);
	buf_adds(t->out, "250 2.0.0 Ok\r\n");
	return SMTP_GO_ON;
}

static enum smtp_next do_noop(const struct talk *t, struct slice in)
{
	(void)in; /* an optional string, to be ignored (4.1.1.9) */
	buf_adds(t->out, "250 2.0.0 Ok\r\n");
	return SMTP_GO_ON;
}

static enum smtp_next do_vrfy(const struct talk *t, struct slice in)
{
	if (in.at == in.end)
		return reply_error(t, "4.5.4 VRFY of whom?");
	buf_adds(t->out, "252 2.5.0 cannot say; try RCPT\r\n");
	return SMTP_GO_ON;
}

static enum smtp_next do_help(const struct talk *t, struct slice in)
{
	(void)in;
	reply_no_mail(t, "214 2.0.0");
	return SMTP_GO_ON;
}

static enum smtp_next do_quit(const struct talk *t, struct slice in)
{
	(void)in; /* an argument is wrong, but who wants to go may go */
	buf_addf(t->out, "221 2.0.0 %s closing\r\n", t->who->name);
	return SMTP_CLOSE;
}

static enum smtp_next do_starttls(const struct talk *t, struct slice in)
{
	(void)in;
	return reply_error(t, "4.7.0 TLS is not available");
}

static const struct {
	const char *verb;
	enum smtp_next (*run)(const struct talk *t, struct slice in);
} commands[] = {
	{ "RCPT", do_rcpt }, { "MAIL", do_mail },         { "EHLO", do_ehlo },
	{ "HELO", do_helo }, { "DATA", do_data },         { "QUIT", do_quit },
	{ "RSET", do_rset }, { "NOOP", do_noop },         { "VRFY", do_vrfy },
	{ "HELP", do_help }, { "STARTTLS", do_starttls }, { "BDAT", do_bdat },
};

static bool has_control_bytes(struct slice line)
{
	for (const char *p = line.at; p < line.end; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return true;
	return false;
}

static enum smtp_next run_line(const struct talk *t, struct slice line)
{
	if (line.end > line.at && line.end[-1] == '\r')
		line.end--;
	if (++t->s->commands > t->who->commands_max) {
		t->s->is_over_commands = true;
		smtp_close(t->who, "has seen too many commands", t->out);
		return SMTP_CLOSE;
	}
	if (has_control_bytes(line))
		return reply_error(t, "4.5.2 control characters are no command");
	struct slice verb = { line.at, line.at };
	while (verb.end < line.end && *verb.end != ' ')
		verb.end++;
	size_t len = (size_t)(verb.end - verb.at);
	struct slice in = { verb.end < line.end ? verb.end + 1 : line.end, line.end };
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strlen(commands[i].verb) == len &&
		    strncasecmp(commands[i].verb, verb.at, len) == 0)
			return commands[i].run(t, in);
	return reply_error(t, "4.5.1 what command is that?");
}

/* Adds to the beginning of a line, or gives the line up. */
static void hold(struct smtp *s, struct slice part)
{
	size_t len = s->line_len + (size_t)(part.end - part.at);
	if (s->is_skipping || len > SMTP_LINE_MAX) {
		s->is_skipping = true;
		return;
	}
	if (part.at == part.end)
		return;
	if (!s->line || len > s->line_cap) {
		s->line_cap = (uint16_t)((len + 63) & ~(size_t)63);
		s->line = xrealloc(s->line, s->line_cap, 1);
	}
	memcpy(s->line + s->line_len, part.at, (size_t)(part.end - part.at));
	s->line_len = (uint16_t)len;
}

static void forget_line(struct smtp *s)
{
	free(s->line);
	s->line = NULL;
	s->line_len = s->line_cap = 0;
	s->is_skipping = false;
}

/* One line: what was held of it, and its rest. */
static enum smtp_next end_line(const struct talk *t, struct slice rest)
{
	struct smtp *s = t->s;
	bool is_whole = s->line_len == 0 && !s->is_skipping;
	if (!is_whole || rest.end - rest.at > SMTP_LINE_MAX)
		hold(s, rest);
	enum smtp_next next;
	if (s->is_skipping)
		next = reply_error(t, "4.5.2 that line is too long");
	else if (is_whole)
		next = run_line(t, rest);
	else
		next = run_line(t, (struct slice){ s->line, s->line + s->line_len });
	forget_line(s);
	return next;
}

enum smtp_next smtp_feed(struct smtp *s, const struct smtp_who *who, const char *bytes,
			 size_t len, struct buf *out)
{
	const struct talk t = { s, who, out };
	const char *end = bytes + len;
	while (bytes < end) {
		const char *lf = memchr(bytes, '\n', (size_t)(end - bytes));
		if (!lf) {
			hold(s, (struct slice){ bytes, end });
			break;
		}
		if (end_line(&t, (struct slice){ bytes, lf }) == SMTP_CLOSE)
			return SMTP_CLOSE;
		bytes = lf + 1;
	}
	return SMTP_GO_ON;
}

enum depth smtp_depth(const struct smtp *s)
{
	return s->depth < DEPTH_CONNECT ? DEPTH_CONNECT : s->depth;
}

void smtp_release(struct smtp *s)
{
	forget_line(s);
	free(s->helo);
	free(s->mail_from);
	free(s->recipient_domain);
	free(s->sender);
	*s = (struct smtp){ 0 };
}
