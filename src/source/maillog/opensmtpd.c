/*
 * opensmtpd - OpenSMTPD's log: "31925b3c5d7750e1 smtp connected address=192.0.2.1 ..."
 *
 * A session is known by its 16 digits from its connect to its disconnect line.
 * The address stands before all that the client may have a say in, its reverse
 * name included, so nobody can forge one. Versions 5.9 to 6.3 write "smtp
 * event=connected", "event=closed" and repeat address and host in each line.
 *
 * Really queued: it has a line of a message. A session in which somebody logs in,
 * or is told to, is a submission and no visit; nor are the machine's own messages
 * (address=local).
 *
 * Limits: OpenSMTPD does not log commands that it accepts. So a session that
 * ends before a message, and without a refusal, has depth `connect` (`helo` if
 * TLS began) and outcome `aborted`, whether or not it said MAIL or RCPT; HELO
 * and envelope sender are seldom known, so refused recipients make no envelope;
 * and a session at the submission port that neither logs in nor sends MAIL looks
 * like one at the MX. In a line of a failed command the client's words stand
 * before the answer, and a filter's answer may repeat them: who plays with that
 * tells lies about its own command alone. The name (host=) is what the address
 * claims, not confirmed, so it is not read. A session whose connect line was not
 * read is lost: no other line has its address.
 */
#include <strings.h>

#include "source/maillog/reader.h"
#include "source/maillog/words.h"

/* Connections */

static struct logsession *session_of(const struct said *d)
{
	return logsession_find(d->t, logsession_key(d->front->host, d->id));
}

static bool read_address(struct slice *in, struct said *d)
{
	struct slice address;
	if (*in->at == '[')
		return words_address(in, &d->client, NULL) && slice_take(in, ' ');
	return slice_take_until(in, ' ', &address) &&
	       addr_parse_n(address.at, slice_len(address), &d->client);
}

/* "192.0.2.1 host=" or "[2001:db8::1] host="; "local" is no address. */
static enum maillog_says on_connect(struct said *d, struct slice in)
{
	if (slice_take_text(&in, "address=local "))
		return MAILLOG_FOREIGN;
	if (!slice_take_text(&in, "address=") || in.at == in.end ||
	    !read_address(&in, d) || !slice_take_text(&in, "host="))
		return MAILLOG_GARBLED;
	struct logsession *s = session_of(d);
	if (s) /* the same digits twice: not OpenSMTPD's doing */
		logsession_finish(d->t, s);
	(void)logsession_begin(d->t, logsession_key(d->front->host, d->id), d->front,
			       d->client);
	return MAILLOG_USED;
}

/* A proxy in front says who its client is. */
static enum maillog_says on_proxy(struct said *d, struct slice in)
{
	struct logsession *s = session_of(d);
	if (!s)
		return MAILLOG_USELESS;
	struct slice line = { in.at, in.end };
	if (!addr_parse_n(line.at, slice_len(line), &d->client) &&
	    !words_address(&line, &d->client, NULL))
		return MAILLOG_GARBLED;
	s->v.client = d->client;
	return MAILLOG_USED;
}

/* Old versions' lines of a session begin with "address=A host=H " again. */
static bool skip_to_key(struct slice *in, const char *key)
{
	return slice_take_text(in, key) ||
	       (slice_take_text(in, "address=") && words_skip_to(in, key));
}

static enum maillog_says on_disconnect(struct said *d, struct slice in)
{
	while (slice_take(&in, ' '))
		; /* the log has two here at times */
	if (!skip_to_key(&in, "reason="))
		return MAILLOG_GARBLED;
	struct logsession *s = session_of(d);
	if (!s)
		return MAILLOG_USELESS; /* from before the log's begin */
	s->has_quit = slice_is(in, "quit");
	s->v.ended = d->front->time;
	logsession_settle(d->t, s);
	return MAILLOG_USED;
}

static enum maillog_says on_tls(struct said *d, struct slice in)
{
	struct logsession *s = session_of(d);
	(void)in;
	if (!s)
		return MAILLOG_USELESS;
	logsession_reach(s, DEPTH_HELO);
	return MAILLOG_USED;
}

/* A submission: no visit, whatever comes. */
static enum maillog_says drop(struct said *d)
{
	struct logsession *s = session_of(d);
	if (!s)
		return MAILLOG_USELESS;
	logsession_drop(d->t, s);
	return MAILLOG_USED;
}

/* "user=NAME result=ok"; blanks in the name are escaped. */
static enum maillog_says on_user(struct said *d, struct slice in)
{
	return words_ends_with(in, " result=ok") ? drop(d) : MAILLOG_USELESS;
}

/* "Pipelining not supported", "Line too long": the session ends with it. */
static enum maillog_says on_bad_input(struct said *d, struct slice in)
{
	struct logsession *s = session_of(d);
	(void)in;
	if (!s)
		return MAILLOG_USELESS;
	s->is_lost = true;
	return MAILLOG_USED;
}

/* Messages */

/* "<text>": OpenSMTPD itself ends it at the first ">". */
static bool read_path(struct slice *in, struct slice *ret_text)
{
	struct slice rest = *in;
	while (slice_take(&rest, ' '))
		;
	if (!slice_take(&rest, '<') || !slice_take_until(&rest, '>', ret_text))
		return false;
	*in = rest;
	return true;
}

static void keep_envelope(struct logsession *s, const struct said *d)
{
	logsession_text(&s->mail_from, d->from);
	logsession_domain(&s->recipient_domain, d->to);
	logsession_envelope(s, d->from, d->to);
}

static enum maillog_says on_queued(struct said *d, struct slice in)
{
	struct logsession *s = session_of(d);
	if (!skip_to_key(&in, "msgid="))
		return MAILLOG_GARBLED;
	if (!s)
		return MAILLOG_USELESS;
	/* old versions: the envelope too */
	if (words_skip_to(&in, " from=") && read_path(&in, &d->from) &&
	    slice_take_text(&in, " to=") && read_path(&in, &d->to))
		keep_envelope(s, d);
	logsession_reach(s, DEPTH_DATA);
	s->is_rcpt_answered = s->is_queued = true;
	return MAILLOG_USED;
}

/* "evpid=8d3dca453a0e9b69 from=<a@b.example> to=<c@d.example>": of a message that
 * is being queued. */
static enum maillog_says on_envelope(struct said *d, struct slice in)
{
	struct slice id;
	struct logsession *s = session_of(d);
	if (!slice_take_text(&in, "evpid=") || !slice_take_until(&in, ' ', &id) ||
	    !slice_take_text(&in, "from=") || !read_path(&in, &d->from) ||
	    !slice_take_text(&in, " to=") || !read_path(&in, &d->to))
		return MAILLOG_GARBLED;
	if (!s)
		return MAILLOG_USELESS;
	keep_envelope(s, d);
	return MAILLOG_USED;
}

/* Refusals */

static bool take_word(struct slice *in, const char *word)
{
	size_t len = strlen(word);
	if (slice_len(*in) < len || strncasecmp(in->at, word, len) != 0)
		return false;
	in->at += len;
	return true;
}

/* False: not a command of mail, AUTH for instance. Nothing at all is the
 * connection itself. */
static bool read_command(struct slice in, struct said *d)
{
	if (slice_len(in) == 0) {
		d->stage = DEPTH_CONNECT;
	} else if (take_word(&in, "EHLO ") || take_word(&in, "HELO ")) {
		d->stage = DEPTH_HELO;
		d->helo = in;
	} else if (take_word(&in, "MAIL FROM:")) {
		d->stage = DEPTH_MAIL;
		(void)read_path(&in, &d->from); /* may be anything */
	} else if (take_word(&in, "RCPT TO:")) {
		d->stage = DEPTH_RCPT;
		(void)read_path(&in, &d->to);
	} else if (take_word(&in, "DATA") && slice_len(in) == 0) {
		d->stage = DEPTH_DATA;
	} else {
		return false;
	}
	return true;
}

/* "451 " */
static bool is_answer(const char *p)
{
	return (p[0] == '4' || p[0] == '5') && words_is_digit(p[1]) &&
	       words_is_digit(p[2]) && p[3] == ' ';
}

/* Splits `COMMAND" result="451 4.7.1 text"`. The answer is the last thing that
 * looks like one: the command is the client's. */
static bool split_answer(struct slice in, struct slice *ret_command,
			 struct slice *ret_answer)
{
	static const char key[] = "\" result=\"";
	enum { KEY_LEN = sizeof(key) - 1, ANSWER_MIN = 5 };
	if (slice_len(in) < KEY_LEN + ANSWER_MIN || in.end[-1] != '"')
		return false;
	for (const char *p = in.end - KEY_LEN - ANSWER_MIN; p >= in.at; p--) {
		if (memcmp(p, key, KEY_LEN) != 0 || !is_answer(p + KEY_LEN))
			continue;
		*ret_command = (struct slice){ in.at, p };
		*ret_answer = (struct slice){ p + KEY_LEN, in.end - 1 };
		return true;
	}
	return false;
}

/* 500 to 504 is what it says to commands it does not understand or that come
 * out of order: nothing was refused. */
static bool is_misunderstood(struct slice answer)
{
	return answer.at[0] == '5' && answer.at[1] == '0' && answer.at[2] <= '4';
}

static enum maillog_says on_failed(struct said *d, struct slice in)
{
	struct slice command, answer;
	if (!skip_to_key(&in, "command=\"") || !split_answer(in, &command, &answer))
		return MAILLOG_GARBLED;
	if (is_misunderstood(answer))
		return MAILLOG_USELESS;
	d->code = answer.at[0] - '0';
	if (slice_take_text(&answer, "530 ") &&
	    words_find(answer, "Must issue an AUTH command first"))
		return drop(d);
	struct logsession *s = session_of(d);
	if (!read_command(command, d) || !s)
		return MAILLOG_USELESS;
	logsession_text(&s->helo, d->helo);
	logsession_text(&s->mail_from, d->from);
	logsession_domain(&s->recipient_domain, d->to);
	logsession_refuse(s, d->stage, d->code);
	logsession_worded(s, answer);
	return MAILLOG_USED;
}

/* "smtp connected address=...", behind the session's digits */
static enum maillog_says on_smtp(struct said *d, struct slice in)
{
	static const struct said_words rows[] = {
		{ "connected ", on_connect },   { "disconnected ", on_disconnect },
		{ "closed ", on_disconnect },   { "message ", on_queued },
		{ "envelope ", on_envelope },   { "failed-command ", on_failed },
		{ "bad-input ", on_bad_input }, { "tls ", on_tls },
		{ "starttls ", on_tls },        { "authentication ", on_user },
		{ "proxy address=", on_proxy },
	};
	(void)slice_take_text(&in, "event=");
	return said_read(rows, sizeof(rows) / sizeof(rows[0]), d, in);
}

/* "evpid=... from=<> to=<c@d.example> rcpt=<-> source=... relay="192.0.2.1
 * (mx.d.example)" delay=0s result="Ok" stat=...": of a message that went away. */
static enum maillog_says on_away(struct said *d, struct slice in)
{
	struct slice left, result;
	if (!words_split_last(in, " result=\"", &left, &result) ||
	    !slice_take_text(&result, "Ok\"") || !words_skip_to(&left, " to=") ||
	    !read_path(&left, &d->to))
		return MAILLOG_USELESS;
	logsessions_delivered(d->t, d->to, d->front->time);
	return MAILLOG_USED;
}

static bool read_session(struct slice *in, struct slice *ret_session)
{
	enum { DIGITS = 16 };
	struct slice rest = *in;
	while (rest.at < rest.end &&
	       (words_is_digit(*rest.at) || (*rest.at >= 'a' && *rest.at <= 'f')))
		rest.at++;
	struct slice session = { in->at, rest.at };
	if (slice_len(session) != DIGITS || !slice_take(&rest, ' '))
		return false;
	*ret_session = session;
	*in = rest;
	return true;
}

static bool is_program(const struct logline *l)
{
	return slice_is(l->tag, "smtpd");
}

static enum maillog_says read_line(struct logsessions *t, const struct logline *front)
{
	static const struct said_words rows[] = {
		{ "smtp ", on_smtp },
		{ "mta delivery ", on_away },
		{ "mta event=delivery ", on_away },
	};
	struct said d = said_of(t, front);
	struct slice in = front->text;
	/* "info: OpenSMTPD 6.8.0p2 starting" */
	if (slice_take_text(&in, "info: OpenSMTPD ") && words_ends_with(in, " starting"))
		return MAILLOG_STARTED;
	if (!read_session(&in, &d.id))
		return MAILLOG_FOREIGN; /* warnings */
	enum maillog_says says = said_read(rows, sizeof(rows) / sizeof(rows[0]), &d, in);
	bool is_smtps = slice_take_text(&in, "smtp ");
	return says == MAILLOG_USELESS && !is_smtps ? MAILLOG_FOREIGN : says;
}

const struct maillog_reader reader_opensmtpd = { .name = "opensmtpd",
						 .is_program = is_program,
						 .line = read_line };
