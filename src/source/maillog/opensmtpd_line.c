#include "source/maillog/opensmtpd_line.h"

#include <strings.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool opensmtpd_is_program(const struct logline *l)
{
	return slice_is(l->tag, "smtpd");
}

static bool read_session(struct slice *in, struct slice *ret_session)
{
	enum { DIGITS = 16 };
	struct slice rest = *in;
	while (rest.at < rest.end &&
	       (is_digit(*rest.at) || (*rest.at >= 'a' && *rest.at <= 'f')))
		rest.at++;
	struct slice session = { in->at, rest.at };
	if (slice_len(session) != DIGITS || !slice_take(&rest, ' '))
		return false;
	*ret_session = session;
	*in = rest;
	return true;
}

/* "192.0.2.1 host=" or "[2001:db8::1] host="; "local" is no address. */
static enum opensmtpd_says read_connect(struct slice in, struct opensmtpd_line *l)
{
	struct slice address;
	if (!slice_take_text(&in, "address=") || !slice_take_until(&in, ' ', &address) ||
	    !slice_take_text(&in, "host="))
		return OPENSMTPD_GARBLED;
	if (slice_is(address, "local"))
		return OPENSMTPD_LOCAL;
	if (slice_take(&address, '[')) {
		struct slice v6;
		if (!slice_take_until(&address, ']', &v6) || slice_len(address))
			return OPENSMTPD_GARBLED;
		address = v6;
	}
	return addr_parse_n(address.at, slice_len(address), &l->client)
		   ? OPENSMTPD_CONNECT
		   : OPENSMTPD_GARBLED;
}

/* Behind the first such text; false leaves the slice. */
static bool skip_to(struct slice *in, const char *text)
{
	const char *at =
	    slice_len(*in) ? memmem(in->at, slice_len(*in), text, strlen(text)) : NULL;
	if (!at)
		return false;
	in->at = at + strlen(text);
	return true;
}

/* Old versions' lines of a session begin with "address=A host=H " again. */
static bool skip_to_key(struct slice *in, const char *key)
{
	return slice_take_text(in, key) ||
	       (slice_take_text(in, "address=") && skip_to(in, key));
}

static enum opensmtpd_says read_disconnect(struct slice in, struct opensmtpd_line *l)
{
	while (slice_take(&in, ' '))
		; /* the log has two here at times */
	if (!skip_to_key(&in, "reason="))
		return OPENSMTPD_GARBLED;
	l->has_quit = slice_is(in, "quit");
	return OPENSMTPD_DISCONNECT;
}

static enum opensmtpd_says read_tls(struct slice in, struct opensmtpd_line *l)
{
	(void)in;
	(void)l;
	return OPENSMTPD_TLS;
}

/* "user=NAME result=ok"; blanks in the name are escaped. */
static enum opensmtpd_says read_user(struct slice in, struct opensmtpd_line *l)
{
	static const char ok[] = " result=ok";
	size_t len = sizeof(ok) - 1;
	(void)l;
	return slice_len(in) >= len && memcmp(in.end - len, ok, len) == 0
		   ? OPENSMTPD_USER
		   : OPENSMTPD_NOTHING;
}

/* "Pipelining not supported", "Line too long": the session ends with it. */
static enum opensmtpd_says read_bad_input(struct slice in, struct opensmtpd_line *l)
{
	(void)in;
	(void)l;
	return OPENSMTPD_BROKEN;
}

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

static enum opensmtpd_says read_queued(struct slice in, struct opensmtpd_line *l)
{
	if (!skip_to_key(&in, "msgid="))
		return OPENSMTPD_GARBLED;
	/* old versions: the envelope too */
	if (skip_to(&in, " from=") && read_path(&in, &l->from) &&
	    slice_take_text(&in, " to="))
		(void)read_path(&in, &l->to);
	return OPENSMTPD_QUEUED;
}

/* "evpid=8d3dca453a0e9b69 from=<a@b.example> to=<c@d.example>" */
static enum opensmtpd_says read_envelope(struct slice in, struct opensmtpd_line *l)
{
	struct slice id;
	return slice_take_text(&in, "evpid=") && slice_take_until(&in, ' ', &id) &&
		       slice_take_text(&in, "from=") && read_path(&in, &l->from) &&
		       slice_take_text(&in, " to=") && read_path(&in, &l->to)
		   ? OPENSMTPD_ENVELOPE
		   : OPENSMTPD_GARBLED;
}

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
static bool read_command(struct slice in, struct opensmtpd_line *l)
{
	if (slice_len(in) == 0) {
		l->stage = DEPTH_CONNECT;
	} else if (take_word(&in, "EHLO ") || take_word(&in, "HELO ")) {
		l->stage = DEPTH_HELO;
		l->helo = in;
	} else if (take_word(&in, "MAIL FROM:")) {
		l->stage = DEPTH_MAIL;
		(void)read_path(&in, &l->from);
	} else if (take_word(&in, "RCPT TO:")) {
		l->stage = DEPTH_RCPT;
		(void)read_path(&in, &l->to);
	} else if (take_word(&in, "DATA") && slice_len(in) == 0) {
		l->stage = DEPTH_DATA;
	} else {
		return false;
	}
	return true;
}

/* "451 " */
static bool is_answer(const char *p)
{
	return (p[0] == '4' || p[0] == '5') && is_digit(p[1]) && is_digit(p[2]) &&
	       p[3] == ' ';
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

static enum opensmtpd_says read_failed(struct slice in, struct opensmtpd_line *l)
{
	static const char log_in[] = "Must issue an AUTH command first";
	struct slice command, answer;
	if (!skip_to_key(&in, "command=\"") || !split_answer(in, &command, &answer))
		return OPENSMTPD_GARBLED;
	if (is_misunderstood(answer))
		return OPENSMTPD_NOTHING;
	if (slice_take_text(&answer, "530 ") &&
	    memmem(answer.at, slice_len(answer), log_in, sizeof(log_in) - 1))
		return OPENSMTPD_USER;
	if (!read_command(command, l))
		return OPENSMTPD_NOTHING;
	l->code = answer.at[0] - '0';
	return OPENSMTPD_REFUSED;
}

/* "31925b3c5d7750e1 smtp connected address=...", behind "smtp ". */
static enum opensmtpd_says read_smtp(struct slice in, struct opensmtpd_line *l)
{
	static const struct {
		const char *words;
		enum opensmtpd_says (*read)(struct slice in, struct opensmtpd_line *l);
	} rows[] = {
		{ "connected ", read_connect },   { "disconnected ", read_disconnect },
		{ "closed ", read_disconnect },   { "message ", read_queued },
		{ "envelope ", read_envelope },   { "failed-command ", read_failed },
		{ "bad-input ", read_bad_input }, { "tls ", read_tls },
		{ "starttls ", read_tls },        { "authentication ", read_user },
	};
	(void)slice_take_text(&in, "event=");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_take_text(&in, rows[i].words))
			return rows[i].read(in, l);
	return OPENSMTPD_NOTHING;
}

/* "info: OpenSMTPD 6.8.0p2 starting" */
static bool is_start(struct slice in)
{
	static const char end[] = " starting";
	size_t len = sizeof(end) - 1;
	return slice_take_text(&in, "info: OpenSMTPD ") && slice_len(in) > len &&
	       memcmp(in.end - len, end, len) == 0;
}

enum opensmtpd_says opensmtpd_read_line(const struct logline *line,
					struct opensmtpd_line *ret_line)
{
	struct opensmtpd_line *l = ret_line;
	struct slice in = line->text;
	memset(l, 0, sizeof(*l));
	l->stage = DEPTH_CONNECT;
	l->session = l->from = l->to = l->helo = (struct slice){ in.at, in.at };
	if (is_start(in))
		return OPENSMTPD_STARTED;
	if (!read_session(&in, &l->session) || !slice_take_text(&in, "smtp "))
		return OPENSMTPD_FOREIGN; /* deliveries, warnings */
	return read_smtp(in, l);
}
