/*
 * Whatever a client says: no reply is 5xx or 354, RCPT and DATA never get 2xx,
 * each line gets at most one bounded reply, and how the bytes were cut into
 * packets changes nothing.
 */
#include <assert.h>
#include <string.h>

#include "source/decoy/smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct smtp_who who = { "fake1.mx.example.com", "mail.example.com", 200 };

static void check_replies(const struct buf *out)
{
	assert(!buf_failed(out));
	for (const char *p = buf_text(out); *p;) {
		const char *end = strstr(p, "\r\n");
		assert(end && end - p > 4 && end - p <= 510);
		assert(*p == '2' || *p == '4');
		assert(p[3] == ' ' || p[3] == '-');
		for (; p < end; p++)
			assert((unsigned char)*p >= ' ' && *p != 0x7f);
		p = end + 2;
	}
}

static bool is_verb(const uint8_t *line, size_t len, const char *verb)
{
	return len >= 4 && strncasecmp((const char *)line, verb, 4) == 0;
}

/* One line at a time; adds all replies to whole. */
static void run_lines(struct smtp *s, const uint8_t *data, size_t size, struct buf *whole)
{
	enum smtp_next next = SMTP_GO_ON;
	while (size && next == SMTP_GO_ON) {
		const uint8_t *lf = memchr(data, '\n', size);
		size_t len = lf ? (size_t)(lf - data) + 1 : size;
		struct buf out = BUF_INIT(SMTP_REPLY_MAX);
		next = smtp_feed(s, &who, (const char *)data, len, &out);
		check_replies(&out);
		if (is_verb(data, len, "DATA") || is_verb(data, len, "RCPT"))
			assert(out.len == 0 || out.data[0] == '4');
		if (!lf)
			assert(out.len == 0);
		buf_add(whole, buf_text(&out), out.len);
		buf_release(&out);
		data += len;
		size -= len;
	}
}

static void run_pieces(struct smtp *s, const uint8_t *data, size_t size, size_t piece,
		       struct buf *whole)
{
	enum smtp_next next = SMTP_GO_ON;
	for (size_t at = 0; at < size && next == SMTP_GO_ON; at += piece)
		next = smtp_feed(s, &who, (const char *)data + at,
				 size - at < piece ? size - at : piece, whole);
}

static bool same_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t piece = 1 + data[0];
	struct smtp a = { 0 }, b = { 0 };
	struct buf said = BUF_INIT(1 << 20), same = BUF_INIT(1 << 20);
	run_lines(&a, data + 1, size - 1, &said);
	run_pieces(&b, data + 1, size - 1, piece, &same);
	assert(strcmp(buf_text(&said), buf_text(&same)) == 0);
	assert(smtp_depth(&a) == smtp_depth(&b));
	assert(same_text(a.helo, b.helo) && same_text(a.mail_from, b.mail_from));
	assert((smtp_depth(&a) >= DEPTH_HELO) == !!a.helo);
	assert((smtp_depth(&a) >= DEPTH_MAIL) == !!a.mail_from);
	/* "<Postmaster>" has none */
	assert(smtp_depth(&a) >= DEPTH_RCPT || !a.recipient_domain);
	assert(same_text(a.recipient_domain, b.recipient_domain));
	buf_release(&said);
	buf_release(&same);
	smtp_release(&a);
	smtp_release(&b);
	return 0;
}
