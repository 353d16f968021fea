#include "source/maillog/exim_line.h"

#include "base/stamp.h"

enum {
	NUMBER_MAX = 9, /* digits: fits 32 bits */
	LASTED_PART_MAX = 100000,
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool read_number(struct slice *in, uint32_t *ret_value)
{
	uint32_t n = 0;
	const char *p = in->at;
	while (p < in->end && is_digit(*p) && p - in->at < NUMBER_MAX)
		n = n * 10 + (uint32_t)(*p++ - '0');
	if (p == in->at || (p < in->end && is_digit(*p)))
		return false;
	*ret_value = n;
	in->at = p;
	return true;
}

/* "[192.0.2.1]" or "[192.0.2.1]:4711" */
static bool read_address(struct slice *in, struct addr *ret_addr, uint32_t *ret_port)
{
	struct slice rest = *in, address;
	if (!slice_take(&rest, '[') || !slice_take_until(&rest, ']', &address) ||
	    !addr_parse_n(address.at, slice_len(address), ret_addr))
		return false;
	struct slice port = rest;
	if (slice_take(&port, ':') && read_number(&port, ret_port))
		rest = port;
	*in = rest;
	return true;
}

/* Is there a second place where a HELO might end? */
static bool has_another_host(struct slice in)
{
	const char *p;
	while ((p = memmem(in.at, slice_len(in), ") [", 3)) != NULL) {
		struct slice rest = { p + 2, in.end };
		struct addr a;
		uint32_t port;
		if (read_address(&rest, &a, &port))
			return true;
		in.at = p + 1;
	}
	return false;
}

/* "(helo) " */
static bool read_helo(struct slice *in, struct exim_line *l)
{
	const char *end;
	if (!slice_take(in, '(') || !(end = memmem(in->at, slice_len(*in), ") [", 3)))
		return false;
	l->helo = (struct slice){ in->at, end };
	in->at = end + 2;
	return true;
}

/* "name (helo) [address]:port I=[address]:port", of which only the address must
 * be there. */
static bool read_host(struct slice *in, struct exim_line *l)
{
	struct slice rest = *in, name;
	if (rest.at < rest.end && *rest.at != '[' && *rest.at != '(') {
		if (!slice_take_until(&rest, ' ', &name) ||
		    memchr(name.at, '[', slice_len(name)) ||
		    memchr(name.at, '(', slice_len(name)))
			return false;
		l->name = name;
	}
	bool has_helo = rest.at < rest.end && *rest.at == '(';
	if ((has_helo && !read_helo(&rest, l)) ||
	    !read_address(&rest, &l->client, &l->port) ||
	    (has_helo && has_another_host(rest)))
		return false;
	struct slice local = rest;
	if (slice_take_text(&local, " I=") &&
	    read_address(&local, &l->local, &l->local_port))
		rest = local;
	*in = rest;
	return true;
}

/* An address as RFC 5321 has it: up to the first `end` that is not quoted. */
static bool read_mailbox(struct slice *in, char end, struct slice *ret_mailbox)
{
	bool is_quoted = false;
	for (const char *p = in->at; p < in->end; p++) {
		if (*p == '\\' && is_quoted && p + 1 < in->end) {
			p++;
		} else if (*p == '"') {
			is_quoted = !is_quoted;
		} else if (*p == end && !is_quoted) {
			*ret_mailbox = (struct slice){ in->at, p };
			in->at = p + 1;
			return true;
		}
	}
	return false;
}

/* "1m", ".008s"; false at the end. */
static bool read_duration_part(struct slice *in, int64_t *sum, int64_t *precision)
{
	static const struct {
		char unit;
		int64_t us;
	} units[] = { { 'd', STAMP_DAY },
		      { 'h', STAMP_HOUR },
		      { 'm', STAMP_MINUTE },
		      { 's', STAMP_SECOND } };
	uint32_t n, fraction = 0;
	if (!read_number(in, &n) || n > LASTED_PART_MAX)
		return false;
	const char *dot = in->at;
	if (slice_take(in, '.')) {
		if (!read_number(in, &fraction) || in->at - dot != 4)
			return false;
		*precision = STAMP_MILLISECOND;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (slice_take(in, units[i].unit)) {
			*sum += n * units[i].us + fraction * STAMP_MILLISECOND;
			return *sum <= STAMP_DAY;
		}
	}
	return false;
}

/* " D=0s", " D=1m20s", " D=0.008s" behind Exim's own words; a client's would be
 * in quotes or angle brackets. */
static void read_lasted(struct slice in, struct exim_line *l)
{
	const char *p = memmem(in.at, slice_len(in), " D=", 3);
	int64_t sum = 0, precision = STAMP_SECOND;
	if (!p || memchr(in.at, '<', (size_t)(p - in.at)) ||
	    memchr(in.at, '"', (size_t)(p - in.at)))
		return;
	in.at = p + 3;
	while (read_duration_part(&in, &sum, &precision)) {
		l->lasted = sum;
		l->lasted_precision = precision;
	}
}

/* What stands between the host and what happened: "X=TLS1.3:... CV=no A=plain:me
 * F=<sender>". */
static bool read_fields(struct slice *in, struct exim_line *l)
{
	while (slice_take(in, ' ')) {
		struct slice field = *in, value;
		while (field.at < field.end && *field.at >= 'A' && *field.at <= 'Z')
			field.at++;
		if (field.at == in->at || !slice_take(&field, '='))
			return true;
		char key = *in->at;
		bool is_short = field.at - in->at == 2;
		if (is_short && key == 'F') {
			if (!slice_take(&field, '<') ||
			    !read_mailbox(&field, '>', &l->from))
				return false;
		} else {
			if (!read_mailbox(&field, ' ', &value))
				return false;
			field.at--; /* the blank is the next one's */
			l->is_user = l->is_user || (is_short && key == 'A');
		}
		*in = field;
	}
	return true;
}

static enum depth stage_of(struct slice *in)
{
	static const struct {
		const char *words;
		enum depth depth;
	} rows[] = {
		{ "RCPT ", DEPTH_RCPT },      { "MAIL", DEPTH_MAIL },
		{ "after DATA", DEPTH_DATA }, { "DATA", DEPTH_DATA },
		{ "EHLO ", DEPTH_HELO },      { "HELO ", DEPTH_HELO },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_take_text(in, rows[i].words))
			return rows[i].depth;
	return DEPTH_CONNECT;
}

/* "temporarily rejected RCPT <bob@example.com>: greylisted", "incomplete
 * transaction (QUIT) from <a@b.example> for bob@example.com" */
static enum exim_says read_happened(struct slice in, struct exim_line *l)
{
	l->code = slice_take_text(&in, "temporarily ") ? 4 : 5;
	if (slice_take_text(&in, "rejected ")) {
		l->stage = stage_of(&in);
		if (l->stage == DEPTH_RCPT && slice_take(&in, '<'))
			(void)read_mailbox(&in, '>', &l->to); /* may be cut */
		return EXIM_REFUSED;
	}
	struct slice why;
	if (slice_take_text(&in, "incomplete transaction (") &&
	    slice_take_until(&in, ')', &why)) {
		l->stage = DEPTH_MAIL;
		if (slice_take_text(&in, " from <") && read_mailbox(&in, '>', &l->from) &&
		    slice_take_text(&in, " for ")) {
			l->stage = DEPTH_RCPT;
			if (!read_mailbox(&in, ' ', &l->to))
				l->to = in;
		}
	}
	return EXIM_SEEN;
}

/* Behind "H=" at a line's beginning. */
static enum exim_says read_event(struct slice in, struct exim_line *l)
{
	return read_host(&in, l) && read_fields(&in, l) ? read_happened(in, l)
							: EXIM_GARBLED;
}

/* " for bob@example.com carol@example.com" at the end (+received_recipients).
 * A subject is quoted and stands before; what else ends like this is the
 * client's own words about itself. */
static void read_recipients(struct slice in, struct exim_line *l)
{
	struct slice found = { in.at, in.at };
	const char *p;
	while ((p = memmem(in.at, slice_len(in), " for ", 5)) != NULL) {
		in.at = p + 5;
		found = in;
	}
	if (slice_len(found) && !memchr(found.at, '"', slice_len(found)) &&
	    !read_mailbox(&found, ' ', &l->to))
		l->to = found;
}

/* Behind "<= ": "alice@b.example H=(helo) [192.0.2.1] P=esmtps X=... S=262".
 * Authentication shows in the protocol, "esmtpa". */
static enum exim_says read_arrived(struct slice in, struct exim_line *l)
{
	struct slice bounced, fields, protocol;
	if (!read_mailbox(&in, ' ', &l->from))
		return EXIM_GARBLED;
	if (slice_is(l->from, "<>"))
		l->from.at = l->from.end;
	if (slice_take_text(&in, "R=") && !slice_take_until(&in, ' ', &bounced))
		return EXIM_GARBLED;
	if (!slice_take_text(&in, "H="))
		return EXIM_NOTHING; /* of a local user */
	if (!read_host(&in, l))
		return EXIM_GARBLED;
	const char *p = memmem(in.at, slice_len(in), " P=", 3);
	fields = (struct slice){ p ? p + 3 : in.end, in.end };
	if (!slice_take_until(&fields, ' ', &protocol))
		return EXIM_GARBLED;
	l->is_user = slice_len(protocol) > 0 && protocol.end[-1] == 'a';
	l->stage = DEPTH_DATA;
	read_recipients(fields, l);
	return EXIM_ARRIVED;
}

/* Behind "=> ": "bob <bob@example.com> R=...", "bob@example.com R=..." */
static enum exim_says read_delivery(struct slice in, struct exim_line *l)
{
	struct slice word, original;
	if (!read_mailbox(&in, ' ', &word))
		return EXIM_GARBLED;
	l->to = word;
	if (slice_take(&in, '<') && read_mailbox(&in, '>', &original))
		l->to = original;
	return EXIM_DELIVERY;
}

/* Behind "SMTP connection from ": it begins or ends. */
static enum exim_says read_connection(struct slice in, struct exim_line *l)
{
	if (!read_host(&in, l))
		return EXIM_GARBLED;
	if (slice_take_text(&in, " (TCP/IP connection count = ") ||
	    slice_take_text(&in, " (via inetd)"))
		return EXIM_CONNECT;
	read_lasted(in, l);
	if (slice_take_text(&in, " closed by QUIT"))
		return EXIM_QUIT;
	if (slice_take_text(&in, " lost while reading message data"))
		l->stage = DEPTH_DATA;
	return EXIM_LOST;
}

static enum exim_says read_lost(struct slice in, struct exim_line *l)
{
	if (!read_host(&in, l))
		return EXIM_GARBLED;
	read_lasted(in, l);
	return EXIM_LOST;
}

/* Logged when MAIL had come. */
static enum exim_says read_disconnected(struct slice in, struct exim_line *l)
{
	l->stage = DEPTH_MAIL;
	return read_lost(in, l);
}

static enum exim_says read_data_lost(struct slice in, struct exim_line *l)
{
	l->stage = DEPTH_DATA;
	(void)slice_take_text(&in, "H=");
	return read_lost(in, l);
}

/* "[192.0.2.1] D=0.2s C=EHLO,QUIT" */
static enum exim_says read_no_mail(struct slice in, struct exim_line *l)
{
	if (!read_host(&in, l))
		return EXIM_GARBLED;
	read_lasted(in, l);
	const char *p = memmem(in.at, slice_len(in), " C=", 3);
	in.at = p ? p : in.end;
	if (memmem(in.at, slice_len(in), "EHLO", 4) ||
	    memmem(in.at, slice_len(in), "HELO", 4))
		l->stage = DEPTH_HELO;
	return EXIM_NO_MAIL;
}

static enum exim_says read_hint(struct slice in, struct exim_line *l)
{
	return addr_parse_n(in.at, slice_len(in), &l->client) ? EXIM_HINT : EXIM_GARBLED;
}

static enum exim_says read_seen(struct slice in, struct exim_line *l)
{
	return read_host(&in, l) ? EXIM_SEEN : EXIM_GARBLED;
}

static enum exim_says read_refused(struct slice in, struct exim_line *l)
{
	(void)slice_take_text(&in, "H=");
	l->code = 5;
	return read_host(&in, l) ? EXIM_REFUSED : EXIM_GARBLED;
}

/* It is told 421. */
static enum exim_says read_busy(struct slice in, struct exim_line *l)
{
	enum exim_says says = read_refused(in, l);
	l->code = 4;
	return says;
}

/* "rejected from <a@b.example> H=(helo) [192.0.2.1]: message too big" */
static enum exim_says read_too_big(struct slice in, struct exim_line *l)
{
	l->stage = DEPTH_DATA;
	return read_mailbox(&in, '>', &l->from) && slice_take(&in, ' ')
		   ? read_refused(in, l)
		   : EXIM_GARBLED;
}

/* The same at MAIL, by SIZE. */
static enum exim_says read_mail_too_big(struct slice in, struct exim_line *l)
{
	enum exim_says says = read_too_big(in, l);
	l->stage = DEPTH_MAIL;
	return says;
}

/* "exim 4.96 daemon started: pid=42, -q30m, listening for SMTP on port 25" */
static enum exim_says read_exim(struct slice in, struct exim_line *l)
{
	(void)l;
	return memmem(in.at, slice_len(in), " daemon started: pid=", 21) &&
		       memmem(in.at, slice_len(in), ", listening for SMTP", 20)
		   ? EXIM_STARTED
		   : EXIM_NOTHING;
}

static const struct words {
	const char *words;
	enum exim_says (*read)(struct slice in, struct exim_line *l);
} rows[] = {
	{ "<= ", read_arrived },
	{ "H=", read_event },
	{ "=> ", read_delivery },
	{ "-> ", read_delivery },
	{ "== ", read_delivery },
	{ "SMTP connection from ", read_connection },
	{ "no host name found for IP address ", read_hint },
	{ "unexpected disconnection while reading SMTP command from ",
	  read_disconnected },
	{ "unexpected EOF while reading SMTP command from ", read_disconnected },
	{ "no MAIL in SMTP connection from ", read_no_mail },
	{ "no MAIL in TLS SMTP connection from ", read_no_mail },
	{ "SMTP command timeout on connection from ", read_lost },
	{ "SMTP command timeout on TLS connection from ", read_lost },
	{ "SMTP data timeout (message abandoned) on connection from ", read_data_lost },
	{ "SMTP connection lost after final dot ", read_data_lost },
	{ "SMTP call from ", read_lost }, /* dropped: too many errors */
	{ "TLS error on connection from ", read_seen },
	{ "SMTP protocol synchronization error (input sent without waiting for "
	  "greeting): rejected connection from ",
	  read_refused },
	{ "rejected EHLO from ", read_refused },
	{ "rejected HELO from ", read_refused },
	{ "rejected MAIL from ", read_refused },
	{ "rejected MAIL FROM:<", read_mail_too_big },
	{ "rejected from <", read_too_big },
	{ "rejected connection from ", read_refused },
	{ "refused connection from ", read_refused },
	{ "temporarily refused connection from ", read_busy },
	{ "Connection from ", read_busy },
	{ "exim ", read_exim },
};

/* A split line's first part goes on, the others do not. */
static bool read_part(struct slice *in)
{
	struct slice rest = *in;
	uint32_t part, parts;
	if (!slice_take(&rest, '[') || !read_number(&rest, &part) ||
	    !(slice_take(&rest, '/') || slice_take(&rest, '\\')) ||
	    !read_number(&rest, &parts) || !slice_take_text(&rest, "] "))
		return true;
	*in = rest;
	return part == 1;
}

static bool is_like(const char *p, const char *form)
{
	for (; *form; p++, form++)
		if (*form == '0' ? !is_digit(*p) : *p != *form)
			return false;
	return true;
}

/* The stamp in the line of syslog's; its own is as good. */
static void skip_stamp(struct slice *in)
{
	static const char *const forms[] = { "0000-00-00 00:00:00", ".000", " +0000",
					     " -0000", " " };
	if (slice_len(*in) < strlen(forms[0]) || !is_like(in->at, forms[0]))
		return;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (slice_len(*in) >= strlen(forms[i]) && is_like(in->at, forms[i]))
			in->at += strlen(forms[i]);
}

/* "1xVYFs-00000i-1c ", since Exim 4.97 "1xVYFs-000000001yz-1cAb " */
static void read_id(struct slice *in, struct exim_line *l)
{
	struct slice rest = *in, id;
	int dashes = 0;
	if (!slice_take_until(&rest, ' ', &id) ||
	    (slice_len(id) != 16 && slice_len(id) != 23))
		return;
	for (const char *p = id.at; p < id.end; p++) {
		if (*p == '-')
			dashes++;
		else if (!is_alnum(*p))
			return;
	}
	if (dashes != 2 || id.at[6] != '-')
		return;
	l->id = id;
	*in = rest;
}

static void read_pid(const struct logline *front, struct slice *in, struct exim_line *l)
{
	struct slice rest = *in, pid = front->pid;
	uint32_t n = 0;
	if (slice_take(&rest, '[') && read_number(&rest, &n) &&
	    slice_take_text(&rest, "] ")) {
		l->pid = n;
		*in = rest;
	} else if (read_number(&pid, &n)) {
		l->pid = n;
	}
}

bool exim_is_program(const struct logline *l)
{
	return slice_is(l->program, LOGLINE_EXIM) || slice_is(l->program, "exim4");
}

enum exim_says exim_read_line(const struct logline *front, struct exim_line *ret_line)
{
	struct exim_line *l = ret_line;
	struct slice in = front->text;
	memset(l, 0, sizeof(*l));
	l->id = l->name = l->helo = l->from = l->to = (struct slice){ in.at, in.at };
	l->stage = DEPTH_CONNECT;
	l->lasted = -1;
	if (!read_part(&in))
		return EXIM_NOTHING;
	skip_stamp(&in);
	read_pid(front, &in, l);
	read_id(&in, l);
	l->text = in;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_take_text(&in, rows[i].words))
			return rows[i].read(in, l);
	return EXIM_NOTHING;
}
