#include "source/maillog/sendmail_line.h"

#include <strings.h>

#include "base/stamp.h"
#include "source/maillog/sendmail_parts.h"

/* How long before a line its process may have begun: Timeout.command. */
#define BEGAN_MAX STAMP_HOUR

bool sendmail_is_program(const struct logline *l)
{
	return slice_is(l->tag, "sm-mta") || slice_is(l->tag, "sendmail");
}

static const char *find(struct slice in, const char *text)
{
	return slice_len(in) ? memmem(in.at, slice_len(in), text, strlen(text)) : NULL;
}

static const char *find_last(struct slice in, const char *text)
{
	size_t len = strlen(text);
	if (slice_len(in) < len)
		return NULL;
	for (const char *p = in.end - len; p >= in.at; p--)
		if (memcmp(p, text, len) == 0)
			return p;
	return NULL;
}

/* Splits at the last `text`. */
static bool split_last(struct slice in, const char *text, struct slice *ret_before,
		       struct slice *ret_behind)
{
	const char *at = find_last(in, text);
	if (!at)
		return false;
	*ret_before = (struct slice){ in.at, at };
	*ret_behind = (struct slice){ at + strlen(text), in.end };
	return true;
}

/* The same where there is one reading only. */
static bool split_once(struct slice in, const char *text, struct slice *ret_before,
		       struct slice *ret_behind)
{
	return find(in, text) == find_last(in, text) &&
	       split_last(in, text, ret_before, ret_behind);
}

static bool is_number(struct slice in)
{
	for (const char *p = in.at; p < in.end; p++)
		if (*p < '0' || *p > '9')
			return false;
	return slice_len(in) > 0;
}

static bool is_word(struct slice in)
{
	return slice_len(in) && !memchr(in.at, ' ', slice_len(in));
}

static void take_client(struct sendmail_line *l, const struct sendmail_client *c)
{
	l->has_client = true;
	l->client = c->address;
	l->name = c->name;
}

/* Sendmail's own sendmail command hands its messages to the MTA over loopback. */
static bool is_loopback(const struct sendmail_client *c)
{
	return addr_kind(c->address) == ADDR_LOOPBACK;
}

/* Daemons that take mail of users, by the names that Sendmail's manual and its
 * packagers give them. */
static bool is_submission(struct slice daemon)
{
	static const char *const words[] = { "MSA",   "MSP",   "TLSMTA",     "SSLMTA",
					     "SMTPS", "smtps", "submission", "stdin" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (find(daemon, words[i]))
			return true;
	return false;
}

/* A client, and the daemon it came to. */
static enum sendmail_says read_visitor(struct slice client, struct slice daemon,
				       struct sendmail_line *l, enum sendmail_says says)
{
	struct sendmail_client c;
	if (!sendmail_read_client(client, &c))
		return SENDMAIL_GARBLED;
	take_client(l, &c);
	return is_submission(daemon) || is_loopback(&c) ? SENDMAIL_USER : says;
}

static enum depth stage_of(struct slice word)
{
	static const struct {
		const char *word;
		enum depth depth;
	} rows[] = {
		{ "helo", DEPTH_HELO }, { "ehlo", DEPTH_HELO }, { "mail", DEPTH_MAIL },
		{ "rcpt", DEPTH_RCPT }, { "data", DEPTH_DATA }, { "from", DEPTH_MAIL },
		{ "to", DEPTH_RCPT },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_len(word) == strlen(rows[i].word) &&
		    strncasecmp(word.at, rows[i].word, slice_len(word)) == 0)
			return rows[i].depth;
	return DEPTH_CONNECT; /* startup, rset, noop, ... prove no more */
}

/* The text of "<text>...", or what stands before the comma. */
static struct slice path_of(struct slice in)
{
	const char *end = slice_take(&in, '<') ? find(in, ">") : find(in, ",");
	return (struct slice){ in.at, end ? end : in.end };
}

/* What Sendmail itself writes between the client's message id and the relay. */
struct own_words {
	struct slice daemon;
	bool has_proto, is_user;
	bool is_envelope; /* nrcpts stands right before: no message id, no message */
	bool has_recipient;
};

/* False: not one of them. */
static bool take_own_word(struct own_words *w, struct slice key, struct slice word)
{
	if (slice_is(key, "daemon")) {
		w->daemon = word;
	} else if (slice_is(key, "proto")) {
		w->has_proto = true;
		w->is_user |= slice_len(word) && word.end[-1] == 'A'; /* RFC 3848 */
	} else if (slice_is(key, "auth")) {
		w->is_user |= !slice_is(word, "NONE");
	} else if (!slice_is(key, "bodytype") && !slice_is(key, "tls_verify")) {
		return false;
	}
	return true;
}

/* From the right. */
static struct own_words read_own_words(struct slice in)
{
	struct own_words w = { .daemon = { in.at, in.at } };
	struct slice key, word;
	while (sendmail_take_last_pair(&in, &key, &word)) {
		if (take_own_word(&w, key, word))
			continue;
		w.is_envelope = slice_is(key, "nrcpts") && is_number(word);
		w.has_recipient = !w.is_envelope || !slice_is(word, "0");
		break;
	}
	return w;
}

/* "<a@b.example>, size=18, class=0, nrcpts=1, msgid=<...>, proto=ESMTP,
 * daemon=MTA-v4, relay=mail.example [192.0.2.1]": a message has a msgid, be it
 * one that Sendmail made. */
static enum sendmail_says read_from(struct slice in, struct sendmail_line *l)
{
	struct slice left, relay;
	if (!split_last(in, ", relay=", &left, &relay) ||
	    !sendmail_read_client(relay, &(struct sendmail_client){ 0 }))
		return SENDMAIL_FOREIGN; /* "root@localhost": no session */
	struct own_words w = read_own_words(left);
	if (!w.has_proto || (!w.is_envelope && !find(in, ", msgid=")))
		return SENDMAIL_GARBLED;
	l->from = path_of(in);
	l->stage = !w.is_envelope    ? DEPTH_DATA
		   : w.has_recipient ? DEPTH_RCPT
				     : DEPTH_MAIL;
	return read_visitor(relay, w.daemon, l,
			    w.is_user       ? SENDMAIL_USER
			    : w.is_envelope ? SENDMAIL_ENVELOPE
					    : SENDMAIL_MESSAGE);
}

/* "<bob@example.com>, delay=..."; an alias tells in ctladdr what it was. */
static enum sendmail_says read_to(struct slice in, struct sendmail_line *l)
{
	static const char key[] = ", ctladdr=";
	const char *alias = find(in, key);
	if (alias && *in.at != '<')
		in.at = alias + sizeof(key) - 1;
	l->to = path_of(in);
	return SENDMAIL_DELIVERY;
}

/* 4 or 5, from "451 4.7.1 ...". */
static bool read_code(struct slice in, struct sendmail_line *l)
{
	if (slice_len(in) == 0 || (*in.at != '4' && *in.at != '5'))
		return false;
	l->code = *in.at - '0';
	return true;
}

/* What is asked of a server we send to, or of things that are no mail. */
static bool is_other_ruleset(struct slice name)
{
	static const char *const names[] = { "tls_server", "try_tls",     "tls_rcpt",
					     "authinfo",   "check_vrfy",  "check_expn",
					     "check_etrn", "check_compat" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_is(name, names[i]))
			return true;
	return false;
}

/* Rulesets that are not named here check headers. */
static enum depth stage_of_ruleset(struct slice name)
{
	return slice_is(name, "check_relay")  ? DEPTH_CONNECT
	       : slice_is(name, "check_mail") ? DEPTH_MAIL
	       : slice_is(name, "tls_client") ? DEPTH_MAIL
	       : slice_is(name, "check_rcpt") ? DEPTH_RCPT
					      : DEPTH_DATA;
}

/* "check_rcpt, arg1=<c@d.example>, relay=mail.example [192.0.2.1], reject=451
 * 4.7.1 <c@d.example>... Later": who writes such words into a recipient leaves
 * us without address and code, and only soft. */
static enum sendmail_says read_ruleset(struct slice in, struct sendmail_line *l)
{
	struct slice name, left, answer, argument, relay;
	struct sendmail_client c;
	if (!slice_take_until(&in, ',', &name) || !slice_take_text(&in, " arg1="))
		return SENDMAIL_GARBLED;
	if (is_other_ruleset(name))
		return SENDMAIL_NOTHING;
	l->stage = stage_of_ruleset(name);
	if (!find(in, ", reject="))
		return find(in, ", discard") ? SENDMAIL_DISCARDED : SENDMAIL_NOTHING;
	l->code = 4;
	if (!split_once(in, ", relay=", &argument, &relay) ||
	    !split_once(relay, ", reject=", &left, &answer))
		return SENDMAIL_REFUSED;
	if (!read_code(answer, l) || !sendmail_read_client(left, &c))
		return SENDMAIL_GARBLED;
	if (l->stage == DEPTH_RCPT)
		l->to = path_of(argument);
	if (!sendmail_has_only(in, c.address))
		return SENDMAIL_REFUSED;
	take_client(l, &c);
	return is_loopback(&c) ? SENDMAIL_USER : SENDMAIL_REFUSED;
}

/* "host=mail.example, addr=192.0.2.1, rejecting commands": the only line of such
 * a session. Whether the name was confirmed it does not say. */
static enum sendmail_says read_milter_connect(struct slice in, struct sendmail_line *l)
{
	static const struct {
		const char *words;
		int code;
	} rows[] = {
		{ " rejecting commands", 5 },
		{ " temp failing commands", 4 },
		{ " shutdown", 4 },
	};
	struct slice host, rest, address;
	struct addr client;
	if (!split_last(in, ", addr=", &host, &rest) ||
	    !slice_take_until(&rest, ',', &address) ||
	    !sendmail_read_address(address, &client) || !sendmail_has_only(in, client))
		return SENDMAIL_NOTHING;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!slice_is(rest, rows[i].words))
			continue;
		l->has_client = true;
		l->client = client;
		l->code = rows[i].code;
		return SENDMAIL_REFUSED;
	}
	return SENDMAIL_NOTHING;
}

/* "to=<c@d.example>, reject=451 4.7.1 Greylisting in action", "data,
 * reject=554 5.7.1 Command rejected", "data, discard" */
static enum sendmail_says read_milter(struct slice in, struct sendmail_line *l)
{
	struct slice stage = in, argument, answer;
	if (slice_take_text(&in, "connect: host="))
		return read_milter_connect(in, l);
	(void)slice_take_text(&stage, "cmd=");
	const char *end = stage.at;
	while (end < stage.end && *end != '=' && *end != ',' && *end != ':')
		end++;
	l->stage = stage_of((struct slice){ stage.at, end });
	if (find(in, ", discard") && !find(in, ", reject="))
		return SENDMAIL_DISCARDED;
	if (!find(in, ", reject="))
		return SENDMAIL_NOTHING;
	l->code = 4;
	if (split_once(in, ", reject=", &argument, &answer)) {
		if (!read_code(answer, l))
			return SENDMAIL_NOTHING;
		if (l->stage == DEPTH_RCPT && slice_take_text(&argument, "to="))
			l->to = path_of(argument);
	}
	return SENDMAIL_REFUSED;
}

/* "header: X-Spam-Flag: YES": as SpamAssassin's and Rspamd's milters say it. */
static enum sendmail_says read_header(struct slice in, struct sendmail_line *l)
{
	static const char *const marks[] = { "X-Spam-Flag: YES", "X-Spam-Status: Yes",
					     "X-Spam: Yes" };
	(void)l;
	const char *header = find(in, "header: "); /* "insert (1): header: " */
	if (!header)
		return SENDMAIL_NOTHING;
	in.at = header + strlen("header: ");
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (slice_len(in) >= strlen(marks[i]) &&
		    strncasecmp(in.at, marks[i], strlen(marks[i])) == 0)
			return SENDMAIL_SPAM;
	return SENDMAIL_NOTHING;
}

/* "mail.example [192.0.2.1] to MTA-v4 after rcpt" */
static enum sendmail_says read_lost(struct slice in, struct sendmail_line *l)
{
	struct slice left, word, client, daemon;
	if (!split_last(in, " after ", &left, &word) || !is_word(word) ||
	    !split_last(left, " to ", &client, &daemon) || !is_word(daemon))
		return SENDMAIL_GARBLED;
	l->stage = stage_of(word);
	return read_visitor(client, daemon, l, SENDMAIL_LOST);
}

/* While it read a message: "premature EOM: ...", "relay=..., info=...". */
static enum sendmail_says read_collect(struct slice in, struct sendmail_line *l)
{
	(void)in;
	l->stage = DEPTH_DATA;
	return SENDMAIL_LOST;
}

static enum sendmail_says read_timeout(struct slice in, struct sendmail_line *l)
{
	(void)in;
	(void)l;
	return SENDMAIL_LOST;
}

static bool is_early_traffic(struct slice cause)
{
	struct slice seconds;
	return slice_is(cause, "traffic before response") ||
	       (slice_take_text(&cause, "pre-greeting traffic after ") &&
		slice_take_until(&cause, ' ', &seconds) && is_number(seconds) &&
		slice_is(cause, "seconds"));
}

/* "server EHLO from mail.example [192.0.2.1] due to traffic before response",
 * "commands from ... due to pre-greeting traffic after 2 seconds". Whether the
 * name was confirmed it does not say. */
static enum sendmail_says read_rejecting(struct slice in, struct sendmail_line *l)
{
	struct slice left, cause, stage;
	if (slice_take_text(&in, "server ") && slice_take_until(&in, ' ', &stage))
		l->stage = stage_of(stage);
	else if (!slice_take_text(&in, "commands "))
		return SENDMAIL_NOTHING; /* for its load, of no client */
	if (!slice_take_text(&in, "from ") ||
	    !split_last(in, " due to ", &left, &cause) || !is_early_traffic(cause))
		return SENDMAIL_GARBLED;
	l->code = 5;
	enum sendmail_says says = read_visitor(left, cause, l, SENDMAIL_REFUSED);
	l->name.end = l->name.at;
	return says;
}

static enum sendmail_says read_connect(struct slice in, struct sendmail_line *l)
{
	return read_visitor(in, (struct slice){ in.at, in.at }, l, SENDMAIL_CONNECT);
}

/* "mail.example [192.0.2.1], version=TLSv1.3, ..." */
static enum sendmail_says read_tls(struct slice in, struct sendmail_line *l)
{
	struct slice client, version;
	struct sendmail_client c;
	if (split_last(in, ", version=", &client, &version) &&
	    sendmail_read_client(client, &c)) /* it may be cut */
		take_client(l, &c);
	return SENDMAIL_TLS;
}

static enum sendmail_says read_user(struct slice in, struct sendmail_line *l)
{
	(void)in;
	(void)l;
	return SENDMAIL_USER;
}

/* "(142012) exceeds maximum (100000)", "too large (32768 max) from ..." */
static enum sendmail_says read_too_big(struct slice in, struct sendmail_line *l)
{
	(void)in;
	l->stage = DEPTH_DATA;
	l->code = 5;
	return SENDMAIL_REFUSED;
}

/* "mail.example [192.0.2.1]: VRFY bob": the client's words stand behind. */
static enum sendmail_says read_seen(struct slice in, struct sendmail_line *l)
{
	struct slice before, inside, client = in;
	if (find(in, "[") != find_last(in, "[") || !slice_take_until(&in, '[', &before) ||
	    !slice_take_until(&in, ']', &inside))
		return SENDMAIL_NOTHING;
	(void)slice_take_text(&in, " (may be forged)");
	client.end = in.at;
	if (!slice_take_text(&in, ": "))
		return SENDMAIL_NOTHING;
	enum sendmail_says says =
	    read_visitor(client, (struct slice){ in.at, in.at }, l, SENDMAIL_SEEN);
	return says == SENDMAIL_GARBLED ? SENDMAIL_NOTHING : says;
}

/* Lines that begin with what the client is or said. */
static enum sendmail_says read_other(struct slice in, struct sendmail_line *l)
{
	struct slice client, daemon;
	if (split_last(in, " did not issue MAIL/EXPN/VRFY/ETRN during connection to ",
		       &client, &daemon) &&
	    is_word(daemon))
		return read_visitor(client, daemon, l, SENDMAIL_IDLE);
	if (*in.at == '<' && split_last(in, ">... User unknown", &client, &daemon) &&
	    slice_len(daemon) == 0) {
		l->stage = DEPTH_RCPT;
		l->code = 5;
		l->to = path_of(in);
		return SENDMAIL_REFUSED;
	}
	return read_seen(in, l);
}

static enum sendmail_says read_words(struct slice in, struct sendmail_line *l)
{
	static const struct {
		const char *words;
		enum sendmail_says (*read)(struct slice in, struct sendmail_line *l);
	} rows[] = {
		{ "from=", read_from },
		{ "to=", read_to },
		{ "ruleset=", read_ruleset },
		{ "Milter: ", read_milter },
		{ "Milter add: ", read_header },
		{ "Milter insert ", read_header },
		{ "STARTTLS=server, relay=", read_tls },
		{ "AUTH=server, relay=", read_user },
		{ "connect from ", read_connect },
		{ "lost input channel from ", read_lost },
		{ "collect: ", read_collect },
		{ "SYSERR(root): collect: ", read_collect },
		{ "timeout waiting for input from ", read_timeout },
		{ "rejecting ", read_rejecting },
		{ "message size ", read_too_big },
		{ "headers too large ", read_too_big },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_take_text(&in, rows[i].words))
			return rows[i].read(in, l);
	return slice_len(in) ? read_other(in, l) : SENDMAIL_NOTHING;
}

/* "starting daemon (8.17.1.9): SMTP+queueing@00:10:00"; without SMTP it only
 * runs a queue. */
static bool is_start(struct slice in)
{
	return slice_take_text(&in, "starting daemon (") && find(in, "): SMTP");
}

enum sendmail_says sendmail_read_line(const struct logline *line,
				      struct sendmail_line *ret_line)
{
	struct sendmail_line *l = ret_line;
	struct slice in = line->text;
	memset(l, 0, sizeof(*l));
	l->stage = DEPTH_CONNECT;
	l->queue_id = l->name = l->from = l->to = (struct slice){ in.at, in.at };
	if (is_start(in))
		return SENDMAIL_STARTED;
	if (slice_len(line->pid) == 0)
		return SENDMAIL_FOREIGN;
	if (!slice_take_text(&in, "NOQUEUE: ") &&
	    !sendmail_take_queue_id(&in, &l->queue_id))
		l->queue_id.end = l->queue_id.at; /* not every line has one */
	int64_t latest = line->time + line->precision_us;
	l->began = sendmail_id_time(l->queue_id, line->time);
	if (l->began >= latest || latest - l->began > BEGAN_MAX)
		l->began = 0; /* of another clock, or of a message that waits long */
	return read_words(in, l);
}
