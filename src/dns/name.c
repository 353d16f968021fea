#include "dns/name.h"

#include <assert.h>
#include <ctype.h>
#include <idn2.h>
#include <libknot/dname.h>
#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/mem.h"

/* A piece of the input: where it starts, and how long it is. */
struct span {
	const char *at;
	size_t len;
};

static struct span trimmed(const char *text)
{
	struct span s = { text, strlen(text) };
	while (s.len > 0 && isspace((unsigned char)s.at[s.len - 1]))
		s.len--;
	while (s.len > 0 && isspace((unsigned char)*s.at)) {
		s.at++;
		s.len--;
	}
	return s;
}

static void take_note(struct name_note *note, const char *text)
{
	if (note)
		(void)str_copy(note->text, sizeof(note->text), text);
}

static const char *find(struct span s, const char *what)
{
	return memmem(s.at, s.len, what, strlen(what));
}

static struct span from(struct span s, const char *at)
{
	return (struct span){ at, s.len - (size_t)(at - s.at) };
}

static struct span until_any(struct span s, const char *stops)
{
	size_t n = 0;
	while (n < s.len && !strchr(stops, s.at[n]))
		n++;
	return (struct span){ s.at, n };
}

/* https://user@www.example.com:443/path, postmaster@example.com, mailto:... */
static struct span domain_inside(struct span s, struct name_note *note)
{
	const char *scheme = find(s, "://");
	if (scheme) {
		s = until_any(from(s, scheme + 3), "/?#");
		const char *at = memrchr(s.at, '@', s.len);
		if (at)
			s = from(s, at + 1);
		/* [IPv6] keeps its colons: it is refused as an address later. */
		if (s.len > 0 && *s.at != '[')
			s = until_any(s, ":");
		take_note(note, "took the host name of a URL");
		return s;
	}
	const char *at = memrchr(s.at, '@', s.len);
	if (at) {
		s = until_any(from(s, at + 1), ">?");
		take_note(note, "took the domain of an e-mail address");
	}
	return s;
}

static bool is_address(struct span s)
{
	struct addr a;
	if (s.len >= 2 && s.at[0] == '[' && s.at[s.len - 1] == ']')
		s = (struct span){ s.at + 1, s.len - 2 };
	return addr_parse_n(s.at, s.len, &a);
}

/* Each label 1 to 63 bytes, together at most 253: libidn2 lets empty ones by. */
static int check_labels(const char *name, struct error *e)
{
	if (strlen(name) > 253)
		return error_set(e, FMX_EUSAGE,
				 "'%.40s...' is longer than 253 bytes, the most a "
				 "domain name may have",
				 name);
	for (const char *l = name;; l++) {
		size_t n = strcspn(l, ".");
		if (n == 0)
			return error_set(e, FMX_EUSAGE,
					 "'%.200s' has an empty label: two dots in "
					 "a row, or one in front",
					 name);
		if (n > 63)
			return error_set(e, FMX_EUSAGE,
					 "'%.200s' has a label longer than 63 bytes",
					 name);
		l += n;
		if (!*l)
			return 0;
	}
}

static int check_bytes(const char *text, const char *input, struct error *e)
{
	for (const char *c = text; *c; c++) {
		if (isspace((unsigned char)*c))
			return error_set(e, FMX_EUSAGE, "'%.200s' has a space inside",
					 input);
		if (iscntrl((unsigned char)*c) ||
		    strchr("/\\:,;<>()[]{}\"'|?*&%$#!=+^~`", *c))
			return error_set(e, FMX_EUSAGE,
					 "'%.200s' is not a domain name: '%c' "
					 "may not be in one",
					 input, iscntrl((unsigned char)*c) ? '?' : *c);
	}
	return 0;
}

static int to_ascii(const char *text, const char *input, char ret_name[NAME_TEXT_MAX],
		    struct error *e)
{
	char *ascii = NULL;
	int r = idn2_to_ascii_8z(text, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	/* STD3 rules off by default: service names such as _dmarc are allowed. */
	if (r != IDN2_OK)
		return error_set(e, FMX_EUSAGE, "'%.200s' is not a domain name: %s",
				 input, idn2_strerror(r));
	for (char *c = ascii; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	int bad = check_labels(ascii, e);
	if (bad == 0)
		(void)str_copy(ret_name, NAME_TEXT_MAX, ascii);
	idn2_free(ascii);
	return bad;
}

int name_read(const char *input, char ret_name[NAME_TEXT_MAX], struct name_note *note,
	      struct error *e)
{
	take_note(note, "");
	if (strlen(input) > NAME_INPUT_MAX)
		return error_set(e, FMX_EUSAGE,
				 "'%.40s...' is too long for a domain name", input);
	struct span s = domain_inside(trimmed(input), note);
	if (is_address(s))
		return error_set(e, FMX_EUSAGE,
				 "'%.200s' is an address; a domain is needed, such "
				 "as example.com",
				 input);
	if (s.len > 0 && s.at[s.len - 1] == '.')
		s.len--;
	if (s.len == 0)
		return error_set(e, FMX_EUSAGE, "the domain name is empty");

	char text[NAME_INPUT_MAX + 1];
	memcpy(text, s.at, s.len);
	text[s.len] = '\0';
	int bad = check_bytes(text, input, e);
	return bad != 0 ? bad : to_ascii(text, input, ret_name, e);
}

bool name_from_wire(const uint8_t *wire, char ret_name[NAME_TEXT_MAX])
{
	knot_dname_txt_storage_t text;
	if (!knot_dname_to_str(text, wire, sizeof(text)))
		return false;
	size_t n = strlen(text);
	if (n > 0 && text[n - 1] == '.')
		n--;
	if (n >= NAME_TEXT_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		ret_name[i] =
		    (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a'
							    : text[i]);
	ret_name[n] = '\0';
	return true;
}

bool name_to_wire(const char *name, uint8_t ret_wire[NAME_WIRE_MAX], size_t *ret_len)
{
	if (!knot_dname_from_str(ret_wire, *name ? name : ".", NAME_WIRE_MAX))
		return false;
	if (ret_len)
		*ret_len = knot_dname_size(ret_wire);
	return true;
}

bool name_is_host(const char *name)
{
	bool has_dot = false;
	for (const char *c = name; *c; c++) {
		if (*c == '.')
			has_dot = true;
		else if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return false;
	}
	return has_dot;
}

bool name_is_literal(const char *name)
{
	struct addr a;
	return addr_parse(name, &a);
}

bool name_is_below(const char *name, const char *parent)
{
	size_t n = strlen(name), p = strlen(parent);
	if (p == 0)
		return true;
	if (n < p || strcasecmp(name + n - p, parent) != 0)
		return false;
	return n == p || name[n - p - 1] == '.';
}

void name_reverse(struct addr a, char ret_name[NAME_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = a.bytes;
	char *to = ret_name;
	if (addr_is_v4(a)) {
		(void)snprintf(ret_name, NAME_TEXT_MAX, "%u.%u.%u.%u.in-addr.arpa", b[15],
			       b[14], b[13], b[12]);
		return;
	}
	for (int i = 15; i >= 0; i--) {
		*to++ = digits[b[i] & 15];
		*to++ = '.';
		*to++ = digits[b[i] >> 4];
		*to++ = '.';
	}
	memcpy(to, "ip6.arpa", sizeof("ip6.arpa"));
}

void name_registrable(const char *name, char ret_domain[NAME_TEXT_MAX])
{
	/* The list is part of the library: nothing to open, nothing to release. */
	const char *d = psl_registrable_domain(psl_builtin(), name);
	(void)str_copy(ret_domain, NAME_TEXT_MAX, d ? d : name);
}
