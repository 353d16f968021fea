#include "source/decoy/smtp_grammar.h"

#include <string.h>

#include "base/addr.h"

enum { DOMAIN_MAX = 255 };

static bool is_letter_or_digit(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c >= 0x80;
}

/* RFC 5322 3.2.3 */
static bool is_atext(unsigned char c)
{
	return is_letter_or_digit(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_printable(unsigned char c)
{
	return c > 0x20 && c != 0x7f;
}

static size_t skip(struct slice *in, bool (*is_member)(unsigned char c))
{
	const char *start = in->at;
	while (in->at < in->end && is_member((unsigned char)*in->at))
		in->at++;
	return (size_t)(in->at - start);
}

static bool is_label_byte(unsigned char c)
{
	return is_letter_or_digit(c) || c == '-' || c == '_';
}

/* sub-domain *("." sub-domain); a label neither begins nor ends with "-". */
static bool read_domain(struct slice *in)
{
	const char *start = in->at;
	do {
		const char *label = in->at;
		if (skip(in, is_label_byte) == 0 || *label == '-' || in->at[-1] == '-')
			return false;
	} while (slice_take(in, '.'));
	return in->at - start <= DOMAIN_MAX;
}

static bool is_literal_byte(unsigned char c)
{
	return is_printable(c) && c != '[' && c != ']' && c != '\\' && c < 0x80;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]", or "[tag:content]". */
static bool read_literal(struct slice *in)
{
	if (!slice_take(in, '['))
		return false;
	const char *text = in->at;
	size_t len = skip(in, is_literal_byte);
	if (len == 0 || len > DOMAIN_MAX || !slice_take(in, ']'))
		return false;
	struct addr a;
	if (len > 5 && strncasecmp(text, "IPv6:", 5) == 0)
		return addr_parse_n(text + 5, len - 5, &a);
	const char *colon = memchr(text, ':', len);
	if (colon)
		return colon > text && (size_t)(colon - text) < len - 1;
	return addr_parse_n(text, len, &a);
}

bool smtp_read_host(struct slice *in, struct slice *ret_host)
{
	ret_host->at = in->at;
	bool is_literal = in->at < in->end && *in->at == '[';
	if (!(is_literal ? read_literal(in) : read_domain(in)))
		return false;
	ret_host->end = in->at;
	return true;
}

/* DQUOTE *( qtext / "\" printable ) DQUOTE */
static bool read_quoted(struct slice *in)
{
	if (!slice_take(in, '"'))
		return false;
	while (in->at < in->end && *in->at != '"') {
		(void)slice_take(in, '\\'); /* the byte it quotes is judged below */
		if (in->at == in->end)
			return false;
		unsigned char c = (unsigned char)*in->at++;
		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return slice_take(in, '"');
}

static bool read_local_part(struct slice *in)
{
	if (in->at < in->end && *in->at == '"')
		return read_quoted(in);
	do {
		if (skip(in, is_atext) == 0)
			return false;
	} while (slice_take(in, '.'));
	return true;
}

/* "@" Domain *( "," "@" Domain ) ":"; obsolete, to be accepted and ignored
 * (RFC 5321, appendix C). */
static bool read_source_route(struct slice *in)
{
	do {
		if (!slice_take(in, '@') || !read_domain(in))
			return false;
	} while (slice_take(in, ','));
	return slice_take(in, ':');
}

bool smtp_read_path(struct slice *in, struct smtp_path *ret_path)
{
	if (!slice_take(in, '<'))
		return false;
	ret_path->mailbox = ret_path->domain = (struct slice){ in->at, in->at };
	if (slice_take(in, '>'))
		return true;
	if (in->at < in->end && *in->at == '@' && !read_source_route(in))
		return false;
	ret_path->mailbox.at = in->at;
	if (!read_local_part(in))
		return false;
	ret_path->domain = (struct slice){ in->at, in->at };
	size_t local = (size_t)(in->at - ret_path->mailbox.at);
	if (slice_take(in, '@')) {
		if (!smtp_read_host(in, &ret_path->domain))
			return false;
	} else if (local != 10 ||
		   strncasecmp(ret_path->mailbox.at, "postmaster", 10) != 0) {
		return false; /* the only mailbox without a domain (4.1.1.3) */
	}
	ret_path->mailbox.end = in->at;
	return slice_take(in, '>');
}

static bool is_keyword_byte(unsigned char c)
{
	return c < 0x80 && (is_letter_or_digit(c) || c == '-');
}

static bool is_value_byte(unsigned char c)
{
	return is_printable(c) && c != '=';
}

bool smtp_read_parameters(struct slice *in)
{
	while (slice_take(in, ' ')) {
		while (slice_take(in, ' ')) {
		} /* more than one space, or one at the end: harmless */
		if (in->at == in->end)
			return true;
		if (*in->at == '-' || skip(in, is_keyword_byte) == 0)
			return false;
		if (slice_take(in, '=') && skip(in, is_value_byte) == 0)
			return false;
	}
	return in->at == in->end;
}
