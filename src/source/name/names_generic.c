#include "source/name/names_generic.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 128, FORM_MAX = 80, MANY_DIGITS = 4 };

/* A row of digits in the name. */
struct run {
	size_t at, len;
	uint32_t value; /* UINT32_MAX: too long for an octet */
};

struct runs {
	const char *name;
	struct run all[RUNS_MAX];
	size_t count;
};

static void find_runs(const char *name, struct runs *r)
{
	r->name = name;
	r->count = 0;
	for (size_t i = 0; name[i] && r->count < RUNS_MAX;) {
		size_t len = strspn(name + i, "0123456789");
		if (len == 0) {
			i++;
			continue;
		}
		uint32_t value =
		    len > 3 ? UINT32_MAX : (uint32_t)strtoul(name + i, NULL, 10);
		r->all[r->count++] = (struct run){ i, len, value };
		i += len;
	}
}

/* How many of the octets, beginning with the first given, stand in a row from
 * run i on. What stands between two numbers of an address is short. */
static unsigned row_length(const struct runs *r, size_t i, const uint8_t *octets,
			   unsigned count, int step)
{
	enum { BETWEEN_MAX = 8 };
	unsigned n = 0;
	for (; n < count && i + n < r->count; n++) {
		const struct run *run = &r->all[i + n];
		size_t end = n > 0 ? run[-1].at + run[-1].len : run->at;
		if (run->value != octets[(int)n * step] || run->at - end > BETWEEN_MAX)
			break;
	}
	return n;
}

/* The longest row of the address's numbers, forwards or backwards: 0 to 4. */
static unsigned octets_in_row(const struct runs *r, const uint8_t octets[4])
{
	unsigned best = 0;
	for (size_t i = 0; i < r->count; i++) {
		for (unsigned first = 0; first < 4; first++) {
			unsigned up = row_length(r, i, octets + first, 4 - first, 1);
			unsigned down = row_length(r, i, octets + first, first + 1, -1);
			best = up > best ? up : best;
			best = down > best ? down : best;
		}
	}
	return best;
}

static bool has_octet(const struct runs *r, uint8_t octet)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->all[i].value == octet)
			return true;
	return false;
}

static bool has_many_digits(const struct runs *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->all[i].len >= MANY_DIGITS)
			return true;
	return false;
}

/* form, with nothing before and after that would make it part of a longer
 * number of the same kind. */
static bool has_form(const char *name, const char *form, bool is_hex)
{
	size_t len = strlen(form);
	for (const char *at = name; (at = strstr(at, form)); at++) {
		unsigned char before = at == name ? '.' : (unsigned char)at[-1];
		unsigned char after = (unsigned char)at[len];
		if (is_hex ? !isxdigit(before) && !isxdigit(after)
			   : !isdigit(before) && !isdigit(after))
			return true;
	}
	return false;
}

/* As one number: 192000002025, 192002025 (no zeros), c0000219, 3221226009. */
static bool spells_v4_as_one(const char *name, const uint8_t o[4])
{
	static const struct {
		const char *format;
		bool is_hex, is_long; /* long: only where it is no short number */
	} forms[] = {
		{ "%03u%03u%03u%03u", false, false },
		{ "%u%u%u%u", false, true },
		{ "%02x%02x%02x%02x", true, false },
		{ "%02x-%02x-%02x-%02x", true, false },
		{ "%02x.%02x.%02x.%02x", true, false },
	};
	char text[FORM_MAX];
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		for (int down = 0; down < 2; down++) {
			/* The formats are the table's. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			int n = down ? snprintf(text, sizeof(text), forms[i].format, o[3],
						o[2], o[1], o[0])
				     : snprintf(text, sizeof(text), forms[i].format, o[0],
						o[1], o[2], o[3]);
#pragma GCC diagnostic pop
			if ((!forms[i].is_long || n >= 8) &&
			    has_form(name, text, forms[i].is_hex))
				return true;
		}
	}
	uint32_t whole =
	    (uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 | (uint32_t)o[2] << 8 | o[3];
	(void)snprintf(text, sizeof(text), "%u", whole);
	return whole >= 100000000 && has_form(name, text, false);
}

/* count groups from the first on, joined; wide: each of four digits. */
static void join_groups(const uint8_t *bytes, unsigned first, unsigned count, bool wide,
			const char *between, char ret_text[FORM_MAX])
{
	size_t at = 0;
	ret_text[0] = '\0';
	for (unsigned i = first; i < first + count; i++) {
		unsigned group = (unsigned)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
		const char *gap = i > first ? between : "";
		int n = wide
			    ? snprintf(ret_text + at, FORM_MAX - at, "%s%04x", gap, group)
			    : snprintf(ret_text + at, FORM_MAX - at, "%s%x", gap, group);
		at += (size_t)n;
	}
}

/* All eight groups, or the four that name the machine, if they say something:
 * "0-0-0-1" is in too many names. */
static bool spells_groups(const char *name, struct addr client)
{
	static const char *const between[] = { "", "-", ".", "_" };
	const uint8_t *b = client.bytes;
	bool is_small = b[8] == 0 && b[9] == 0 && b[10] == 0 && b[11] == 0;
	char text[FORM_MAX];
	for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		for (int wide = 0; wide < 2; wide++) {
			if (!wide && !between[i][0])
				continue; /* groups without zeros need a gap */
			join_groups(b, 0, 8, wide, between[i], text);
			if (has_form(name, text, true))
				return true;
			join_groups(b, 4, 4, wide, between[i], text);
			if (!is_small && has_form(name, text, true))
				return true;
		}
	}
	return false;
}

/* 2001-db8--25: as people write it, colons made hyphens. */
static bool spells_short(const char *name, struct addr client, char between)
{
	char text[ADDR_TEXT_MAX];
	(void)addr_text(client, text);
	for (char *c = text; *c; c++)
		*c = *c == ':' ? between : *c;
	return strlen(text) >= 8 && has_form(name, text, true);
}

/* 5.2.0.0. ... .8.b.d.0.1.0.0.2, or without dots: as under ip6.arpa. */
static bool spells_nibbles(const char *name, struct addr client)
{
	char digits[33], squeezed[256];
	size_t n = 0;
	for (int i = 15; i >= 0; i--)
		(void)snprintf(digits + 2 * (15 - i), 3, "%x%x", client.bytes[i] & 15,
			       client.bytes[i] >> 4);
	for (const char *c = name; *c && n < sizeof(squeezed) - 1; c++)
		if (*c != '.' && *c != '-' && *c != '_')
			squeezed[n++] = *c;
	squeezed[n] = '\0';
	return strstr(squeezed, digits) != NULL;
}

static bool spells_v6(const char *name, struct addr client)
{
	return spells_groups(name, client) || spells_short(name, client, '-') ||
	       spells_short(name, client, '.') || spells_nibbles(name, client);
}

/* ---- words ---- */

enum kind { KIND_MAIL = 1, KIND_LINE = 2, KIND_RENTED = 4, KIND_PLACE = 8 };

static const struct {
	const char *word;
	enum kind kind;
} words[] = {
	{ "mail", KIND_MAIL },        { "mails", KIND_MAIL },
	{ "mailer", KIND_MAIL },      { "mailout", KIND_MAIL },
	{ "mailgw", KIND_MAIL },      { "mailserver", KIND_MAIL },
	{ "webmail", KIND_MAIL },     { "email", KIND_MAIL },
	{ "smtp", KIND_MAIL },        { "smtpout", KIND_MAIL },
	{ "esmtp", KIND_MAIL },       { "mx", KIND_MAIL },
	{ "mta", KIND_MAIL },         { "mout", KIND_MAIL },
	{ "relay", KIND_MAIL },       { "mailrelay", KIND_MAIL },
	{ "outbound", KIND_MAIL },    { "newsletter", KIND_MAIL },
	{ "postfix", KIND_MAIL },     { "exim", KIND_MAIL },

	{ "dyn", KIND_LINE },         { "dynamic", KIND_LINE },
	{ "dynip", KIND_LINE },       { "dhcp", KIND_LINE },
	{ "pool", KIND_LINE },        { "pools", KIND_LINE },
	{ "dsl", KIND_LINE },         { "adsl", KIND_LINE },
	{ "vdsl", KIND_LINE },        { "sdsl", KIND_LINE },
	{ "xdsl", KIND_LINE },        { "cable", KIND_LINE },
	{ "cablemodem", KIND_LINE },  { "modem", KIND_LINE },
	{ "catv", KIND_LINE },        { "ppp", KIND_LINE },
	{ "pppoe", KIND_LINE },       { "dial", KIND_LINE },
	{ "dialin", KIND_LINE },      { "dialup", KIND_LINE },
	{ "broadband", KIND_LINE },   { "ftth", KIND_LINE },
	{ "fttx", KIND_LINE },        { "fttb", KIND_LINE },
	{ "wifi", KIND_LINE },        { "wlan", KIND_LINE },
	{ "wireless", KIND_LINE },    { "gprs", KIND_LINE },
	{ "umts", KIND_LINE },        { "lte", KIND_LINE },
	{ "mobile", KIND_LINE },      { "cpe", KIND_LINE },
	{ "cust", KIND_LINE },        { "customer", KIND_LINE },
	{ "customers", KIND_LINE },   { "subscriber", KIND_LINE },
	{ "subscribers", KIND_LINE }, { "residential", KIND_LINE },
	{ "unassigned", KIND_LINE },  { "unallocated", KIND_LINE },
	{ "unused", KIND_LINE },      { "unknown", KIND_LINE },

	{ "vps", KIND_RENTED },       { "vm", KIND_RENTED },
	{ "vmi", KIND_RENTED },       { "kvm", KIND_RENTED },
	{ "vserver", KIND_RENTED },   { "instance", KIND_RENTED },
	{ "compute", KIND_RENTED },   { "ec", KIND_RENTED },

	{ "static", KIND_PLACE },     { "ip", KIND_PLACE },
	{ "ipv", KIND_PLACE },        { "host", KIND_PLACE },
	{ "node", KIND_PLACE },       { "client", KIND_PLACE },
	{ "clients", KIND_PLACE },    { "user", KIND_PLACE },
	{ "ptr", KIND_PLACE },        { "rev", KIND_PLACE },
};

/* The kinds of all words (rows of letters) in the first len bytes. */
static unsigned kinds_of(const char *name, size_t len)
{
	unsigned kinds = 0;
	for (size_t i = 0; i < len;) {
		size_t n = 0;
		while (i + n < len && isalpha((unsigned char)name[i + n]))
			n++;
		for (size_t w = 0; n > 0 && w < sizeof(words) / sizeof(words[0]); w++)
			if (strlen(words[w].word) == n &&
			    memcmp(words[w].word, name + i, n) == 0)
				kinds |= (unsigned)words[w].kind;
		i += n ? n : 1;
	}
	return kinds;
}

/* Left of the registrable domain. A name that is one itself has no such part,
 * unless the list of suffixes reaches into a provider's names. */
static size_t own_part(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);
	return d < n ? n - d : 0;
}

bool names_is_generic(const char *name, const char *domain, struct addr client)
{
	const uint8_t *octets = client.bytes + 12;
	bool is_v4 = addr_is_v4(client);
	unsigned kinds = kinds_of(name, own_part(name, domain));
	struct runs runs;
	find_runs(name, &runs);
	unsigned row = is_v4 ? octets_in_row(&runs, octets) : 0;
	if (row == 4 ||
	    (is_v4 ? spells_v4_as_one(name, octets) : spells_v6(name, client)))
		return true;
	if (kinds & KIND_MAIL)
		return false;
	if (row >= 2 || kinds & KIND_LINE)
		return true;
	if (kinds & KIND_RENTED && has_many_digits(&runs))
		return true;
	return is_v4 && kinds & KIND_PLACE && has_octet(&runs, octets[3]);
}
