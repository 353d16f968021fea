#include "source/maillog/postfix_line.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* name[address] or name[address]:port. Postfix writes only names that are
 * valid as such, hence without "[". */
static bool read_client(struct slice *in, struct postfix_line *l)
{
	struct slice rest = *in, name, address;
	if (!slice_take_until(&rest, '[', &name) ||
	    !slice_take_until(&rest, ']', &address) || slice_len(name) == 0 ||
	    memchr(name.at, ' ', slice_len(name)) ||
	    !addr_parse_n(address.at, slice_len(address), &l->client))
		return false;
	if (slice_len(rest) > 1 && rest.at[0] == ':' && is_digit(rest.at[1]))
		for (rest.at++; rest.at < rest.end && is_digit(*rest.at);)
			rest.at++;
	l->name = slice_is(name, "unknown") ? (struct slice){ name.at, name.at } : name;
	*in = rest;
	return true;
}

static enum depth stage_of(struct slice word)
{
	static const struct {
		const char *word;
		enum depth depth;
	} rows[] = {
		{ "EHLO", DEPTH_HELO },           { "HELO", DEPTH_HELO },
		{ "MAIL", DEPTH_MAIL },           { "RCPT", DEPTH_RCPT },
		{ "DATA", DEPTH_DATA },           { "BDAT", DEPTH_DATA },
		{ "END-OF-MESSAGE", DEPTH_DATA },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_is(word, rows[i].word))
			return rows[i].depth;
	return DEPTH_CONNECT; /* CONNECT, AUTH, RSET, UNKNOWN, ... prove no more */
}

static bool is_text_end(struct slice s)
{
	return slice_take(&s, '>') &&
	       (s.at == s.end || *s.at == ' ' || slice_take_text(&s, ", "));
}

/* "key=<text>" anywhere behind `in`, the last one of its kind; text ends at
 * "> ", at ">, " (postscreen) or at the end. What the client wrote may look the same; it
 * is its own text that it then forges. */
static struct slice find_text(struct slice in, const char *key)
{
	size_t len = strlen(key);
	struct slice none = { in.at, in.at };
	if (slice_len(in) < len)
		return none;
	const char *lt = in.end; /* the key's last byte */
	while ((lt = memrchr(in.at, '<', (size_t)(lt - in.at))) != NULL) {
		struct slice text = { lt + 1, lt + 1 };
		if ((size_t)(text.at - in.at) < len ||
		    memcmp(text.at - len, key, len) != 0)
			continue;
		const char *end = text.at;
		while (end < in.end && (end = memchr(end, '>', (size_t)(in.end - end)))) {
			if (is_text_end((struct slice){ end, in.end })) {
				text.end = end;
				break;
			}
			end++;
		}
		return text;
	}
	return none;
}

static void read_envelope(struct slice in, struct postfix_line *l)
{
	l->helo = find_text(in, " helo=<");
	l->to = find_text(in, " to=<");
	l->from = find_text(in, "; from=<");
	l->has_from = l->from.at != in.at;
}

static uint32_t read_number(struct slice *in)
{
	uint32_t n = 0;
	while (in->at < in->end && is_digit(*in->at))
		n = n * 10 + (uint32_t)(*in->at++ - '0');
	return n;
}

static void count(struct postfix_counts *c, struct slice key, uint32_t ok, uint32_t tried)
{
	if (slice_is(key, "ehlo") || slice_is(key, "helo")) {
		c->helo += tried;
	} else if (slice_is(key, "mail")) {
		c->mail = tried;
	} else if (slice_is(key, "rcpt")) {
		c->rcpt = tried;
	} else if (slice_is(key, "data")) {
		c->data += tried;
		c->data_ok = ok;
	} else if (slice_is(key, "bdat")) {
		c->data += tried;
		c->bdat_ok = ok;
	} else if (slice_is(key, "quit")) {
		c->quit = ok;
	}
}

/* "ehlo=1 mail=1 rcpt=0/2 commands=3": accepted, or accepted/tried. */
static bool read_counts(struct slice in, struct postfix_counts *c)
{
	struct slice key;
	while (slice_take(&in, ' ') && slice_take_until(&in, '=', &key)) {
		uint32_t ok = read_number(&in);
		uint32_t tried = slice_take(&in, '/') ? read_number(&in) : ok;
		count(c, key, ok, tried);
		c->has_any = true;
	}
	return in.at == in.end;
}

static enum postfix_says read_connect(struct slice in, struct postfix_line *l)
{
	return read_client(&in, l) && in.at == in.end ? POSTFIX_CONNECT : POSTFIX_GARBLED;
}

static enum postfix_says read_disconnect(struct slice in, struct postfix_line *l)
{
	return read_client(&in, l) && read_counts(in, &l->counts) ? POSTFIX_DISCONNECT
								  : POSTFIX_GARBLED;
}

/* "RCPT (12 bytes) from name[address]" */
static enum postfix_says read_lost(struct slice in, struct postfix_line *l)
{
	struct slice stage, size;
	if (!slice_take_until(&in, ' ', &stage))
		return POSTFIX_GARBLED;
	l->stage = stage_of(stage);
	if (slice_take(&in, '(') && !slice_take_until(&in, ' ', &size))
		return POSTFIX_GARBLED;
	(void)slice_take_text(&in, "bytes) ");
	return slice_take_text(&in, "from ") && read_client(&in, l) ? POSTFIX_LOST
								    : POSTFIX_GARBLED;
}

/* "RCPT from name[address]: 450 4.2.0 <to>: text; from=<> to=<> proto= helo=<>";
 * a milter's has no 450 before the 4.2.0. */
static enum postfix_says read_refused(struct slice in, struct postfix_line *l)
{
	struct slice stage;
	if (!slice_take_until(&in, ' ', &stage) || !slice_take_text(&in, "from ") ||
	    !read_client(&in, l) || !slice_take_text(&in, ": ") || in.at == in.end)
		return POSTFIX_GARBLED;
	l->stage = stage_of(stage);
	l->code = *in.at - '0';
	if (l->code != 4 && l->code != 5)
		return POSTFIX_GARBLED;
	read_envelope(in, l);
	return POSTFIX_REFUSED;
}

/* "END-OF-MESSAGE from name[address]: 250 2.0.0 Ok: queued as X; from=..." */
static enum postfix_says read_relayed(struct slice in, struct postfix_line *l)
{
	if (!slice_take_text(&in, "END-OF-MESSAGE from ") || !read_client(&in, l))
		return POSTFIX_GARBLED;
	read_envelope(in, l);
	return POSTFIX_RELAYED;
}

/* "name[address], sasl_method=PLAIN, sasl_username=me"; or ", orig_queue_id=...,
 * orig_client=...", mail that a content filter gives back. */
static enum postfix_says read_client_line(struct slice in, struct postfix_line *l)
{
	if (!read_client(&in, l))
		return POSTFIX_GARBLED;
	l->is_user =
	    slice_take_text(&in, ", sasl_method=") || slice_take_text(&in, ", orig_");
	return POSTFIX_CLIENT;
}

/* "Connection rate limit exceeded: 31 from name[address] for service smtp":
 * it was told 421. */
static enum postfix_says read_limit(struct slice in, struct postfix_line *l)
{
	struct slice count;
	if (!slice_take_until(&in, ' ', &count) || !slice_take_text(&in, "from ") ||
	    !read_client(&in, l))
		return POSTFIX_GARBLED;
	l->stage = DEPTH_CONNECT;
	l->code = 4;
	return POSTFIX_REFUSED;
}

/* What a program's line begins with, and who reads the rest. */
struct words {
	const char *words;
	enum postfix_says (*read)(struct slice in, struct postfix_line *l);
};

static enum postfix_says read_words(const struct words *rows, size_t count,
				    struct slice in, struct postfix_line *l)
{
	for (size_t i = 0; in.at < in.end && i < count; i++)
		if (*rows[i].words == *in.at && slice_take_text(&in, rows[i].words))
			return rows[i].read(in, l);
	return POSTFIX_NOTHING;
}

/* "[address]:port" */
static bool read_address(struct slice *in, struct addr *ret_addr)
{
	struct slice rest = *in, address;
	if (!slice_take(&rest, '[') || !slice_take_until(&rest, ']', &address) ||
	    !addr_parse_n(address.at, slice_len(address), ret_addr) ||
	    !slice_take(&rest, ':'))
		return false;
	(void)read_number(&rest);
	*in = rest;
	return true;
}

/* postscreen knows a client by "[address]:port", and so do we: its sessions are
 * many in one process. */
static bool read_endpoint(struct slice *in, struct postfix_line *l)
{
	const char *at = in->at;
	if (!read_address(in, &l->client))
		return false;
	l->process = (struct slice){ at, in->at };
	return true;
}

/* "[address]:port to [address]:port" */
static enum postfix_says read_screen_connect(struct slice in, struct postfix_line *l)
{
	return read_endpoint(&in, l) && slice_take_text(&in, " to ") &&
		       read_address(&in, &l->local)
		   ? POSTFIX_CONNECT
		   : POSTFIX_GARBLED;
}

static enum postfix_says read_screen_passed(struct slice in, struct postfix_line *l)
{
	return read_endpoint(&in, l) ? POSTFIX_PASSED : POSTFIX_GARBLED;
}

static enum postfix_says read_screen_end(struct slice in, struct postfix_line *l)
{
	return read_endpoint(&in, l) ? POSTFIX_DISCONNECT : POSTFIX_GARBLED;
}

/* It is told 5xx, unless the administrator only tries that out: then it passes
 * later, which makes this void. */
static enum postfix_says read_screen_denied(struct slice in, struct postfix_line *l)
{
	l->code = 5;
	return read_endpoint(&in, l) ? POSTFIX_REFUSED : POSTFIX_GARBLED;
}

/* "0.5 from [address]:port in tests before SMTP handshake" */
static enum postfix_says read_screen_lost(struct slice in, struct postfix_line *l)
{
	struct slice seconds;
	return slice_take_until(&in, ' ', &seconds) && slice_take_text(&in, "from ") &&
		       read_endpoint(&in, l)
		   ? POSTFIX_LOST
		   : POSTFIX_GARBLED;
}

/* "RCPT from [address]:port: 450 ...; from=<>, to=<>, proto=, helo=<>", or
 * "CONNECT from [address]:port: too many connections", which is told 421. */
static enum postfix_says read_screen_refused(struct slice in, struct postfix_line *l)
{
	struct slice stage;
	if (!slice_take_until(&in, ' ', &stage) || !slice_take_text(&in, "from ") ||
	    !read_endpoint(&in, l) || !slice_take_text(&in, ": ") || in.at == in.end)
		return POSTFIX_GARBLED;
	l->stage = stage_of(stage);
	l->code = *in.at == '5' ? 5 : 4;
	read_envelope(in, l);
	return POSTFIX_REFUSED;
}

static enum postfix_says read_screen(struct slice in, struct postfix_line *l)
{
	static const struct words rows[] = {
		{ "CONNECT from ", read_screen_connect },
		{ "PASS NEW ", read_screen_passed },
		{ "PASS OLD ", read_screen_passed },
		{ "ALLOWLISTED ", read_screen_passed },
		{ "WHITELISTED ", read_screen_passed },
		{ "DENYLISTED ", read_screen_denied },
		{ "BLACKLISTED ", read_screen_denied },
		{ "DISCONNECT ", read_screen_end },
		{ "HANGUP after ", read_screen_lost },
		{ "reject: ", read_screen_refused },
	};
	return read_words(rows, sizeof(rows) / sizeof(rows[0]), in, l);
}

static enum postfix_says read_smtpd(struct slice in, struct postfix_line *l)
{
	static const struct words rows[] = {
		{ "connect from ", read_connect },
		{ "disconnect from ", read_disconnect },
		{ "client=", read_client_line },
		{ "reject: ", read_refused },
		{ "milter-reject: ", read_refused },
		{ "proxy-reject: ", read_refused },
		{ "proxy-accept: ", read_relayed },
		{ "lost connection after ", read_lost },
		{ "timeout after ", read_lost },
		{ "too many errors after ", read_lost },
		{ "warning: Connection rate limit exceeded: ", read_limit },
		{ "warning: Connection concurrency limit exceeded: ", read_limit },
	};
	return read_words(rows, sizeof(rows) / sizeof(rows[0]), in, l);
}

/* Hexadecimal, or base 52 without vowels (enable_long_queue_ids): what has a
 * small vowel is a word, as "warning". */
static bool is_queue_id_byte(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z' && !strchr("aeiou", c));
}

/* "NOQUEUE: " or "4XYZ123: " in front. */
static void read_queue_id(struct slice *in, struct postfix_line *l)
{
	struct slice rest = *in, id;
	l->queue_id = (struct slice){ in->at, in->at };
	if (!slice_take_until(&rest, ':', &id) || slice_len(id) < 5 ||
	    slice_len(id) > 32 || !slice_take(&rest, ' '))
		return;
	for (const char *p = id.at; p < id.end; p++)
		if (!is_queue_id_byte(*p))
			return;
	*in = rest;
	if (!slice_is(id, "NOQUEUE"))
		l->queue_id = id;
}

/* "from=<a@b>, size=202, nrcpt=1 (queue active)" */
static enum postfix_says read_qmgr(struct slice in, struct postfix_line *l)
{
	const char *end;
	if (!slice_take_text(&in, "from=<"))
		return POSTFIX_NOTHING; /* "removed" and the like */
	end = memmem(in.at, slice_len(in), ">, size=", 8);
	if (!end)
		return POSTFIX_NOTHING; /* ">, status=expired" */
	l->from = (struct slice){ in.at, end };
	l->has_from = true;
	return POSTFIX_QUEUED;
}

/* At the end of a message: checks of the header and body ("reject: header
 * Subject: ... from name[address]; ...") have the client's words before the
 * client, so nothing is read behind "reject: "; the queue id tells enough. */
static enum postfix_says read_cleanup(struct slice in, struct postfix_line *l)
{
	if (slice_take_text(&in, "message-id=")) {
		l->message_id = in;
		return slice_len(in) > 2 ? POSTFIX_MESSAGE_ID : POSTFIX_NOTHING;
	}
	if (slice_take_text(&in, "discard: ") || slice_take_text(&in, "milter-discard: "))
		return POSTFIX_DISCARDED;
	if (slice_take_text(&in, "hold: ") || slice_take_text(&in, "milter-hold: "))
		return POSTFIX_QUEUED; /* it will not come to the queue manager soon */
	if (slice_take_text(&in, "milter-reject: "))
		return read_refused(in, l);
	if (!slice_take_text(&in, "reject: "))
		return POSTFIX_NOTHING;
	l->stage = DEPTH_DATA;
	l->code = 5;
	return POSTFIX_REFUSED;
}

/* "to=<bob@example.com>, orig_to=<info@example.com>, relay=..." */
static enum postfix_says read_delivery(struct slice in, struct postfix_line *l)
{
	const char *end;
	if (!slice_take_text(&in, "to=<") ||
	    !(end = memmem(in.at, slice_len(in), ">, ", 3)))
		return POSTFIX_NOTHING;
	l->to = (struct slice){ in.at, end };
	in.at = end + 3;
	if (slice_take_text(&in, "orig_to=<") &&
	    (end = memmem(in.at, slice_len(in), ">, ", 3)))
		l->to = (struct slice){ in.at, end };
	return POSTFIX_DELIVERY;
}

/* Services that take mail of users, not of the world, by the names that
 * everybody's master.cf gives them. */
static bool is_submission(struct slice tag)
{
	static const char *const words[] = { "submission", "smtps" };
	if (slice_is(tag, "postfix/smtpd"))
		return false; /* most are that */
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(tag.at, slice_len(tag), words[i], strlen(words[i])))
			return true;
	return false;
}

bool postfix_is_program(const struct logline *l)
{
	return l->program.at != l->tag.at;
}

enum postfix_says postfix_read_line(const struct logline *line,
				    struct postfix_line *ret_line)
{
	struct postfix_line *l = ret_line;
	struct slice in = line->text, program = line->program;
	memset(l, 0, sizeof(*l));
	l->stage = DEPTH_CONNECT;
	l->queue_id = l->name = l->from = l->to = l->helo =
	    (struct slice){ in.at, in.at };
	l->process = line->process;
	if (slice_len(program) == 0)
		return POSTFIX_FOREIGN;
	if (slice_is(program, "master"))
		return slice_take_text(&in, "daemon started -- ") ? POSTFIX_STARTED
								  : POSTFIX_NOTHING;
	read_queue_id(&in, l);
	if (slice_is(program, "postscreen"))
		return is_submission(line->tag) ? POSTFIX_FOREIGN : read_screen(in, l);
	if (slice_is(program, "smtpd"))
		return is_submission(line->tag) ? POSTFIX_FOREIGN : read_smtpd(in, l);
	if (slice_len(l->queue_id) == 0)
		return POSTFIX_FOREIGN;
	if (slice_is(program, "qmgr") || slice_is(program, "oqmgr") ||
	    slice_is(program, "nqmgr"))
		return read_qmgr(in, l);
	if (slice_is(program, "cleanup"))
		return read_cleanup(in, l);
	return read_delivery(in, l);
}
