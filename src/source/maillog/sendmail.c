/*
 * sendmail - Sendmail's log
 *
 * Sendmail serves each client with a process of its own, so a session is known
 * by host and process id, and by the second that the queue ids of one process
 * begin with. Nothing says that it is over, but for a client that was lost or
 * sent no mail: live it is given WAIT after its last line, and its later lines
 * make it come again where they say something else.
 *
 * A visit's time is when the process began, in whole seconds, by its queue id; that
 * of a client refused at once (no queue id) is the line's.
 *
 * Really queued: a message was received and nobody (a milter, a ruleset, the
 * size) refused or discarded it afterwards. Daemons named as submission is (MSA,
 * MSP-v4, TLSMTA, ...), sessions in which somebody logs in, and what comes over
 * loopback, as Sendmail's own sendmail command does, are no visits.
 *
 * The client stands last in a line, behind what it said itself (sender, message
 * id, recipients), so it is read from the right, and where a client's words could
 * look like it, not at all.
 *
 * Limits: below LogLevel 11 a session has its first line at its first refusal,
 * message, or end; so watermarks stay BLIND behind. HELO is not logged: a session
 * without MAIL has depth `connect` (`helo` if TLS began). A MAIL that is refused
 * for its SIZE or syntax has no line of its own, so the visit looks `aborted`.
 * `ended` is the last line's time. Queue ids are by the mail server's clock.
 */
#include "source/maillog/filter.h"
#include "source/maillog/reader.h"
#include "source/maillog/sendmail_parts.h"
#include "source/maillog/words.h"

#define WAIT STAMP_MINUTE
#define BLIND (10 * STAMP_MINUTE)
/* How long before a line its process may have begun: Timeout.command. */
#define BEGAN_MAX STAMP_HOUR

static const struct addr none;

/* Sessions */

static uint64_t session_key(const struct said *d)
{
	return logsession_key(d->front->host, d->front->pid);
}

/* When the process began, by its queue id; 0: it does not tell. */
static int64_t began(const struct said *d)
{
	int64_t latest = d->front->time + d->front->precision_us;
	int64_t t = sendmail_id_time(d->id, d->front->time);
	/* else of another clock, or of a message that waits long */
	return t < latest && latest - t <= BEGAN_MAX ? t : 0;
}

/* What the first line with a queue id tells of the session. */
static void sign(struct logsession *s, const struct said *d)
{
	uint64_t own = sendmail_id_process(d->id);
	if (s->sign || !own)
		return;
	s->sign = own;
	if (!began(d))
		return;
	s->v.time = began(d);
	s->v.precision_us = (uint32_t)STAMP_SECOND;
}

/* Process ids come again: another process' queue ids, or another client, show
 * that the last session is over. */
static bool is_same(const struct logsession *s, const struct said *d)
{
	uint64_t own = sendmail_id_process(d->id);
	if (own && s->sign && s->sign != own)
		return false;
	return addr_equal(d->client, none) || addr_equal(s->v.client, none) ||
	       addr_equal(s->v.client, d->client);
}

/* Refusals can come before the line that tells who the client is: a hint, until
 * somebody says so. */
static struct logsession *session_of(const struct said *d)
{
	struct logsession *s = logsession_find(d->t, session_key(d));
	if (s && !is_same(s, d)) {
		logsession_finish(d->t, s);
		s = NULL;
	}
	if (!s) {
		s = logsession_begin(d->t, session_key(d), d->front, d->client);
		s->is_hint = true;
	}
	if (!addr_equal(d->client, none))
		s->v.client = d->client;
	sign(s, d);
	logsession_text(&s->name, d->name);
	s->v.ended = d->front->time;
	s->ripe = d->front->time + WAIT;
	s->due = d->front->time + LOGSESSION_OPEN_MAX;
	return s;
}

static struct logsession *known_session_of(const struct said *d)
{
	struct logsession *s = session_of(d);
	if (!addr_equal(s->v.client, none))
		s->is_hint = false;
	return s;
}

static struct logtie *tie_of(const struct said *d, struct logsession *s)
{
	struct logtie *tie = said_tied(d);
	return tie || slice_len(d->id) == 0 ? tie : said_tie(d, s, d->id);
}

/* Its sender is told later, by the line of its queue id. */
static void keep_recipient(const struct said *d, struct logsession *s)
{
	struct logtie *tie = slice_len(d->to) ? tie_of(d, s) : NULL;
	if (tie)
		logsession_recipient(tie, d->to);
	logsession_domain(&s->recipient_domain, d->to);
}

static enum maillog_says user(struct said *d)
{
	session_of(d)->is_user = true;
	return MAILLOG_FOREIGN;
}

static void unqueue(const struct said *d)
{
	struct logtie *tie = said_tied(d);
	if (tie)
		tie->is_awaited = false;
}

static enum maillog_says refused(struct said *d)
{
	struct logsession *s = known_session_of(d);
	if (d->stage == DEPTH_DATA)
		unqueue(d);
	logsession_refuse(s, d->stage, d->code);
	logsession_worded(s, d->answer);
	keep_recipient(d, s);
	return MAILLOG_USED;
}

static enum maillog_says discarded(struct said *d)
{
	(void)known_session_of(d);
	unqueue(d);
	return MAILLOG_USED;
}

static enum maillog_says lost(struct said *d)
{
	struct logsession *s = known_session_of(d);
	s->is_lost = true;
	logsession_reach(s, d->stage);
	return MAILLOG_USED;
}

/* MAIL, perhaps RCPT, no message; it is over, or reset. */
static enum maillog_says envelope(struct said *d)
{
	struct logsession *s = known_session_of(d);
	struct logtie *tie = tie_of(d, s);
	logsession_reach(s, d->stage);
	if (d->stage >= DEPTH_RCPT)
		s->is_rcpt_answered = s->is_rcpt_taken = true;
	s->has_quit = true; /* unless it was lost */
	logsession_text(&s->mail_from, d->from);
	if (tie)
		logsession_sender(tie, d->from);
	if (s->is_lost)
		logsession_finish(d->t, s);
	return MAILLOG_USED;
}

/* Received; it counts as long as its queue id is awaited: what refuses it comes
 * with the same id. */
static enum maillog_says message(struct said *d)
{
	struct logsession *s = known_session_of(d);
	if (logsession_is_awaited(s) || slice_len(d->id) == 0)
		s->is_queued = true; /* the one before was not refused */
	struct logtie *tie = tie_of(d, s);
	s->is_data_ok = s->is_rcpt_answered = s->has_quit = true;
	logsession_reach(s, DEPTH_DATA);
	logsession_text(&s->mail_from, d->from);
	if (!tie)
		return MAILLOG_USED;
	tie->is_awaited = !tie->from;
	logsession_sender(tie, d->from);
	if (slice_len(d->message_id) && logsessions_may_have_filter(d->t))
		(void)said_tie(d, s, d->message_id);
	return MAILLOG_USED;
}

/* Who it is */

/* Sendmail's own sendmail command hands its messages to the MTA over loopback. */
static bool is_own(const struct said *d)
{
	return addr_kind(d->client) == ADDR_LOOPBACK;
}

static bool take_client(struct slice in, struct said *d)
{
	struct sendmail_client c;
	if (!sendmail_read_client(in, &c))
		return false;
	d->client = c.address;
	d->name = c.name;
	return true;
}

/* A client, and the daemon it came to; and what is done with it unless that takes
 * users' mail. */
static enum maillog_says visitor(struct said *d, struct slice client, struct slice daemon,
				 enum maillog_says (*then)(struct said *d))
{
	if (!take_client(client, d))
		return MAILLOG_GARBLED;
	return sendmail_is_submission(daemon) || is_own(d) ? user(d) : then(d);
}

/* The text of "<text>...", or what stands before the comma. */
static struct slice path_of(struct slice in)
{
	const char *end =
	    slice_take(&in, '<') ? words_find(in, ">") : words_find(in, ",");
	return (struct slice){ in.at, end ? end : in.end };
}

/* "<a@b.example>, size=18, class=0, nrcpts=1, msgid=<...>, proto=ESMTP,
 * daemon=MTA-v4, relay=mail.example [192.0.2.1]": a message has a msgid, be it
 * one that Sendmail made. */
static enum maillog_says on_from(struct said *d, struct slice in)
{
	struct slice left, relay, id = in;
	if (!words_split_last(in, ", relay=", &left, &relay) || !take_client(relay, d))
		return MAILLOG_FOREIGN; /* "root@localhost": no session */
	struct sendmail_own_words w = sendmail_read_own_words(left);
	bool has_id = words_skip_to(&id, ", msgid=");
	if (!w.has_proto || (!w.is_envelope && !has_id))
		return MAILLOG_GARBLED;
	if (has_id && !slice_take_until(&id, ',', &d->message_id))
		d->message_id.end = d->message_id.at;
	d->from = path_of(in);
	d->stage = !w.is_envelope    ? DEPTH_DATA
		   : w.has_recipient ? DEPTH_RCPT
				     : DEPTH_MAIL;
	if (w.is_user || sendmail_is_submission(w.daemon) || is_own(d))
		return user(d);
	return w.is_envelope ? envelope(d) : message(d);
}

/* ", relay=mx.example. [192.0.2.1], dsn=2.0.0, stat=Sent (...)": to somebody else's
 * server. */
static bool is_sent_away(struct slice in)
{
	struct slice relay;
	struct addr address;
	return words_find(in, ", mailer=esmtp,") && words_find(in, ", stat=Sent") &&
	       words_skip_to(&in, ", relay=") && words_skip_to(&in, "[") &&
	       slice_take_until(&in, ']', &relay) &&
	       sendmail_read_address(relay, &address) &&
	       addr_kind(address) == ADDR_PUBLIC;
}

/* "<bob@example.com>,<carol@example.com>, delay=..." */
static enum maillog_says keep_recipients(struct said *d, struct slice in)
{
	struct logtie *tie = said_tied(d);
	bool is_away = !tie && is_sent_away(in);
	if (!tie && !is_away)
		return MAILLOG_USELESS;
	for (bool is_more = true; is_more;) {
		struct slice to = path_of(in);
		if (tie)
			logsession_recipient(tie, to);
		else
			logsessions_delivered(d->t, to, d->front->time);
		in.at = to.end;
		is_more = slice_take_text(&in, ">,<");
		in.at -= is_more; /* the next one's bracket */
	}
	return MAILLOG_USED;
}

/* By another process, as a rule. An alias tells in ctladdr what it was. */
static enum maillog_says on_to(struct said *d, struct slice in)
{
	struct slice alias = in;
	if (in.at < in.end && *in.at != '<' && words_skip_to(&alias, ", ctladdr=") &&
	    alias.at < alias.end && *alias.at == '<' && said_tied(d))
		in = alias;
	return keep_recipients(d, in);
}

/* Refusals */

/* "check_rcpt, arg1=<c@d.example>, relay=mail.example [192.0.2.1], reject=451
 * 4.7.1 <c@d.example>... Later": who writes such words into a recipient leaves
 * us without address and code, and only soft. */
static enum maillog_says on_ruleset(struct said *d, struct slice in)
{
	struct slice name, left, answer, argument, relay;
	if (!slice_take_until(&in, ',', &name) || !slice_take_text(&in, " arg1="))
		return MAILLOG_GARBLED;
	if (sendmail_is_other_ruleset(name))
		return MAILLOG_USELESS;
	d->stage = sendmail_stage_of_ruleset(name);
	if (!words_find(in, ", reject="))
		return words_find(in, ", discard") ? discarded(d) : MAILLOG_USELESS;
	d->code = 4;
	if (!words_split_once(in, ", relay=", &argument, &relay) ||
	    !words_split_once(relay, ", reject=", &left, &answer))
		return refused(d);
	struct sendmail_client c;
	if (!said_answer(d, answer) || !sendmail_read_client(left, &c))
		return MAILLOG_GARBLED;
	if (d->stage == DEPTH_RCPT)
		d->to = path_of(argument);
	if (!sendmail_has_only(in, c.address))
		return refused(d);
	return take_client(left, d) && is_own(d) ? user(d) : refused(d);
}

/* "host=mail.example, addr=192.0.2.1, rejecting commands": the only line of such
 * a session. Whether the name was confirmed it does not say. */
static enum maillog_says on_milter_connect(struct said *d, struct slice in)
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
	if (!words_split_last(in, ", addr=", &host, &rest) ||
	    !slice_take_until(&rest, ',', &address) ||
	    !sendmail_read_address(address, &client) || !sendmail_has_only(in, client))
		return MAILLOG_USELESS;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!slice_is(rest, rows[i].words))
			continue;
		d->client = client;
		d->code = rows[i].code;
		return refused(d);
	}
	return MAILLOG_USELESS;
}

/* "to=<c@d.example>, reject=451 4.7.1 Greylisting in action", "data,
 * reject=554 5.7.1 Command rejected", "data, discard" */
static enum maillog_says on_milter(struct said *d, struct slice in)
{
	struct slice stage = in, argument, answer;
	if (slice_take_text(&in, "connect: host="))
		return on_milter_connect(d, in);
	(void)slice_take_text(&stage, "cmd=");
	const char *end = stage.at;
	while (end < stage.end && *end != '=' && *end != ',' && *end != ':')
		end++;
	d->stage = said_stage((struct slice){ stage.at, end });
	if (!words_find(in, ", reject="))
		return words_find(in, ", discard") ? discarded(d) : MAILLOG_USELESS;
	d->code = 4;
	if (words_split_once(in, ", reject=", &argument, &answer)) {
		if (!said_answer(d, answer))
			return MAILLOG_USELESS;
		if (d->stage == DEPTH_RCPT && slice_take_text(&argument, "to="))
			d->to = path_of(argument);
	}
	return refused(d);
}

/* "spamass) add: header: X-Spam-Flag: YES", "rspamd) insert (1): header: ...": as
 * SpamAssassin's and Rspamd's milters say it. */
static enum maillog_says on_header(struct said *d, struct slice in)
{
	enum spam spam =
	    words_skip_to(&in, "header: ") ? filter_header(in) : SPAM_UNKNOWN;
	if (spam == SPAM_UNKNOWN)
		return MAILLOG_USELESS;
	struct logsession *s = known_session_of(d);
	*(spam == SPAM_YES ? &s->has_spam : &s->has_clean) = true;
	return MAILLOG_USED;
}

/* "(142012) exceeds maximum (100000)", "too large (32768 max) from ..." */
static enum maillog_says on_too_big(struct said *d, struct slice in)
{
	(void)in;
	d->stage = DEPTH_DATA;
	d->code = 5;
	return refused(d);
}

/* "server EHLO from mail.example [192.0.2.1] due to traffic before response",
 * "commands from ... due to pre-greeting traffic after 2 seconds". Whether the
 * name was confirmed it does not say. */
static enum maillog_says on_rejecting(struct said *d, struct slice in)
{
	struct slice left, cause, stage;
	if (slice_take_text(&in, "server ") && slice_take_until(&in, ' ', &stage))
		d->stage = said_stage(stage);
	else if (!slice_take_text(&in, "commands "))
		return MAILLOG_USELESS; /* for its load, of no client */
	if (!slice_take_text(&in, "from ") ||
	    !words_split_last(in, " due to ", &left, &cause) ||
	    !sendmail_is_early_traffic(cause) || !take_client(left, d))
		return MAILLOG_GARBLED;
	d->code = 5;
	d->name.end = d->name.at;
	return is_own(d) ? user(d) : refused(d);
}

/* Connections */

static bool is_word(struct slice in)
{
	return slice_len(in) && !memchr(in.at, ' ', slice_len(in));
}

/* A high LogLevel only; its end has a line then. */
static enum maillog_says connected(struct said *d)
{
	struct logsession *s = logsession_find(d->t, session_key(d));
	if (s)
		logsession_finish(d->t, s);
	s = known_session_of(d);
	s->ripe = s->due = STAMP_NEVER;
	return MAILLOG_USED;
}

static enum maillog_says on_connect(struct said *d, struct slice in)
{
	return visitor(d, in, (struct slice){ in.at, in.at }, connected);
}

/* "mail.example [192.0.2.1] to MTA-v4 after rcpt" */
static enum maillog_says on_lost(struct said *d, struct slice in)
{
	struct slice left, word, client, daemon;
	if (!words_split_last(in, " after ", &left, &word) || !is_word(word) ||
	    !words_split_last(left, " to ", &client, &daemon) || !is_word(daemon))
		return MAILLOG_GARBLED;
	d->stage = said_stage(word);
	return visitor(d, client, daemon, lost);
}

static enum maillog_says on_silent(struct said *d, struct slice in)
{
	(void)in;
	return lost(d);
}

/* While it read a message: "premature EOM: ...", "relay=..., info=...". */
static enum maillog_says on_collect(struct said *d, struct slice in)
{
	d->stage = DEPTH_DATA;
	return on_silent(d, in);
}

/* "mail.example [192.0.2.1], version=TLSv1.3, ...". That TLS began is not enough
 * for a visit: at the submission port it is all that is logged of who then fails to
 * log in. */
static enum maillog_says on_tls(struct said *d, struct slice in)
{
	struct slice client, version;
	struct said named = *d;
	if (words_split_last(in, ", version=", &client, &version) &&
	    take_client(client, &named)) /* it may be cut */
		*d = named;
	logsession_reach(session_of(d), DEPTH_HELO);
	return MAILLOG_USED;
}

static enum maillog_says on_user(struct said *d, struct slice in)
{
	(void)in;
	return user(d);
}

static enum maillog_says seen(struct said *d)
{
	return known_session_of(d) ? MAILLOG_USED : MAILLOG_USELESS;
}

static enum maillog_says idle(struct said *d)
{
	logsession_finish(d->t, known_session_of(d));
	return MAILLOG_USED;
}

/* "mail.example [192.0.2.1]: VRFY bob": the client's words stand behind. */
static enum maillog_says on_seen(struct said *d, struct slice in)
{
	struct slice before, inside, client = in;
	struct sendmail_client c;
	if (words_find(in, "[") != words_find_last(in, "[") ||
	    !slice_take_until(&in, '[', &before) || !slice_take_until(&in, ']', &inside))
		return MAILLOG_USELESS;
	(void)slice_take_text(&in, " (may be forged)");
	client.end = in.at;
	if (!slice_take_text(&in, ": ") || !sendmail_read_client(client, &c))
		return MAILLOG_USELESS;
	return visitor(d, client, (struct slice){ in.at, in.at }, seen);
}

/* Lines that begin with what the client is or said. */
static enum maillog_says on_other(struct said *d, struct slice in)
{
	static const char rejected[] = " [rejected]";
	struct slice client, daemon;
	if (words_split_last(in,
			     " did not issue MAIL/EXPN/VRFY/ETRN during connection to ",
			     &client, &daemon) &&
	    is_word(daemon))
		return visitor(d, client, daemon, idle);
	if (*in.at == '<' &&
	    words_split_last(in, ">... User unknown", &client, &daemon) &&
	    slice_len(daemon) == 0) {
		d->stage = DEPTH_RCPT;
		d->code = 5;
		d->to = path_of(in);
		d->answer = in;
		return refused(d);
	}
	if (words_ends_with(in, rejected)) /* "EXPN bob [rejected]" */
		in.end -= sizeof(rejected) - 1;
	return on_seen(d, in);
}

/* "sm-mta", "sendmail"; "sm-acceptingconnections" is its name while it waits. */
static bool is_program(const struct logline *l)
{
	struct slice tag = l->tag;
	return slice_is(tag, "sendmail") ||
	       (slice_take_text(&tag, "sm-") && !slice_take_text(&tag, "msp"));
}

static enum maillog_says read_line(struct logsessions *t, const struct logline *front)
{
	static const struct said_words rows[] = {
		{ "from=", on_from },
		{ "to=", on_to },
		{ "ruleset=", on_ruleset },
		{ "Milter: ", on_milter },
		{ "Milter (", on_header },
		{ "Milter add: ", on_header },
		{ "Milter insert ", on_header },
		{ "STARTTLS=server, relay=", on_tls },
		{ "AUTH=server, relay=", on_user },
		{ "connect from ", on_connect },
		{ "lost input channel from ", on_lost },
		{ "collect: ", on_collect },
		{ "SYSERR(root): collect: ", on_collect },
		{ "timeout waiting for input from ", on_silent },
		{ "rejecting ", on_rejecting },
		{ "message size ", on_too_big },
		{ "headers too large ", on_too_big },
	};
	struct said d = said_of(t, front);
	struct slice in = front->text;
	/* "starting daemon (8.17.1.9): SMTP+queueing@00:10:00"; without SMTP it
	 * only runs a queue. */
	if (slice_take_text(&in, "starting daemon (") && words_find(in, "): SMTP"))
		return MAILLOG_STARTED;
	if (slice_len(front->pid) == 0)
		return MAILLOG_FOREIGN;
	if (!slice_take_text(&in, "NOQUEUE: ") && !sendmail_take_queue_id(&in, &d.id))
		d.id.end = d.id.at; /* not every line has one */
	while (slice_take(&in, ' '))
		; /* some write two blanks there */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_take_text(&in, rows[i].words))
			return rows[i].read(&d, in);
	return slice_len(in) ? on_other(&d, in) : MAILLOG_USELESS;
}

const struct maillog_reader reader_sendmail = {
	.name = "sendmail", .is_program = is_program, .line = read_line, .blind = BLIND
};
