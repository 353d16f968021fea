/*
 * The text of a site: lines of fields with tabs between them.
 *
 *	site	1	ID	LAYOUT	NAME
 *	host	ID	ROLE	POSTURE	PREFERENCE	NAME	WATCH
 *	address	ADDRESS	PORT			(of the host above)
 *	domain	NAME				(sorted)
 *
 * The 1 is the version of the form. Control characters and % are written %XX.
 * What does not matter is written the same always (a real host has posture
 * "-"), so equal definitions have equal texts.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "mx/layout.h"

enum { FIELDS_MAX = 7, DOMAINS_MAX = 1000000 };

static void add_escaped(struct buf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c < 0x20 || c == '%' || c == 0x7f)
			buf_addf(out, "%%%02X", c);
		else
			buf_add(out, p, 1);
	}
}

static void add_host(const struct host *h, struct buf *out)
{
	bool is_real = h->role == ROLE_REAL;
	buf_addf(out, "host\t%u\t%s\t%s\t%u\t", h->id, role_name(h->role),
		 is_real ? "-" : posture_name(h->posture),
		 h->role == ROLE_CONTROL ? 0u : h->preference);
	add_escaped(out, h->name);
	buf_adds(out, "\t");
	add_escaped(out, is_real ? h->watch : "");
	buf_adds(out, "\n");
	for (size_t i = 0; i < h->address_count; i++) {
		char text[ADDR_TEXT_MAX];
		buf_addf(out, "address\t%s\t%u\n", addr_text(h->addresses[i].addr, text),
			 h->addresses[i].port);
	}
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void site_text(const struct site *s, struct buf *out)
{
	buf_addf(out, "site\t1\t%u\t%s\t", s->id, layout_name(s->layout));
	add_escaped(out, s->name);
	buf_adds(out, "\n");
	for (size_t i = 0; i < s->host_count; i++)
		add_host(&s->hosts[i], out);

	const char **sorted = xcalloc(s->domain_count, sizeof(*sorted));
	for (size_t i = 0; i < s->domain_count; i++)
		sorted[i] = s->domains[i];
	if (s->domain_count)
		qsort(sorted, s->domain_count, sizeof(*sorted), compare_texts);
	for (size_t i = 0; i < s->domain_count; i++) {
		buf_adds(out, "domain\t");
		add_escaped(out, sorted[i]);
		buf_adds(out, "\n");
	}
	free(sorted);
}

/* One line, cut into its fields: they are copied, unescaped, into text. */
struct line {
	char text[2 * WATCH_MAX + 2 * NAME_MAX_TEXT];
	const char *fields[FIELDS_MAX];
	size_t count;
};

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool line_cut(struct line *l, const char *from, size_t len)
{
	size_t n = 0;
	l->count = 1;
	l->fields[0] = l->text;
	for (size_t i = 0; i < len; i++) {
		if (n + 2 > sizeof(l->text))
			return false;
		if (from[i] == '\t') {
			if (l->count == FIELDS_MAX)
				return false;
			l->text[n++] = '\0';
			l->fields[l->count++] = l->text + n;
		} else if (from[i] != '%') {
			l->text[n++] = from[i];
		} else {
			int hi = i + 2 < len ? hex_digit(from[i + 1]) : -1;
			int lo = hi >= 0 ? hex_digit(from[i + 2]) : -1;
			if (lo < 0 || hi + lo == 0)
				return false;
			l->text[n++] = (char)(hi * 16 + lo);
			i += 2;
		}
	}
	l->text[n] = '\0';
	return true;
}

static bool short_parse(const char *text, uint16_t *ret_number)
{
	uint64_t n;
	bool is_number = number_parse(text, strlen(text), UINT16_MAX, &n);
	if (is_number)
		*ret_number = (uint16_t)n;
	return is_number;
}

static bool take_site(struct site *s, const struct line *l)
{
	return l->count == 5 && strcmp(l->fields[1], "1") == 0 &&
	       short_parse(l->fields[2], &s->id) &&
	       layout_parse(l->fields[3], &s->layout) &&
	       str_copy(s->name, sizeof(s->name), l->fields[4]);
}

static bool take_host(struct site *s, const struct line *l)
{
	if (l->count != 7 || s->host_count == SITE_MAX_HOSTS)
		return false;
	struct host *h = &s->hosts[s->host_count];
	*h = (struct host){ 0 };
	if (!short_parse(l->fields[1], &h->id) || !role_parse(l->fields[2], &h->role) ||
	    !short_parse(l->fields[4], &h->preference) ||
	    !str_copy(h->name, sizeof(h->name), l->fields[5]) ||
	    !str_copy(h->watch, sizeof(h->watch), l->fields[6]))
		return false;
	if (h->role == ROLE_REAL ? strcmp(l->fields[3], "-") != 0
				 : !posture_parse(l->fields[3], &h->posture))
		return false;
	s->host_count++;
	return true;
}

static bool take_address(struct site *s, const struct line *l)
{
	if (l->count != 3 || s->host_count == 0)
		return false;
	struct host *h = &s->hosts[s->host_count - 1];
	if (h->address_count == HOST_MAX_ADDRESSES)
		return false;
	struct endpoint *at = &h->addresses[h->address_count];
	if (!addr_parse(l->fields[1], &at->addr) || !short_parse(l->fields[2], &at->port))
		return false;
	h->address_count++;
	return true;
}

static bool take_domain(struct site *s, const struct line *l)
{
	if (l->count != 2 || s->domain_count == DOMAINS_MAX)
		return false;
	size_t n = s->domain_count;
	if ((n & (n - 1)) == 0) /* room for the next power of two */
		s->domains = xrealloc(s->domains, n ? 2 * n : 1, sizeof(*s->domains));
	s->domains[s->domain_count++] = xstrdup(l->fields[1]);
	return true;
}

static const struct {
	const char *word;
	bool (*take)(struct site *s, const struct line *l);
} lines[] = {
	{ "site", take_site },
	{ "host", take_host },
	{ "address", take_address },
	{ "domain", take_domain },
};

static bool take_line(struct site *s, const char *from, size_t len, bool is_first)
{
	struct line l;
	if (!line_cut(&l, from, len))
		return false;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (strcmp(lines[i].word, l.fields[0]) == 0)
			return (i == 0) == is_first && lines[i].take(s, &l);
	return false;
}

/* A text that we did not write ourselves, say with a host after a domain, does
 * not come back as it was. */
static bool is_canonical(const struct site *s, const char *text)
{
	size_t len = strlen(text);
	struct buf again = BUF_INIT(len);
	site_text(s, &again);
	bool same = !buf_failed(&again) && strcmp(buf_text(&again), text) == 0;
	buf_release(&again);
	return same;
}

int site_parse(const char *text, struct site *ret_site, struct error *e)
{
	struct site s = { .hosts = xcalloc(SITE_MAX_HOSTS, sizeof(struct host)) };
	unsigned number = 0;
	bool ok = *text != '\0';
	for (const char *p = text; ok && *p;) {
		const char *end = strchr(p, '\n');
		number++;
		ok = end && take_line(&s, p, (size_t)(end - p), p == text);
		p = ok ? end + 1 : p;
	}
	if (!ok)
		(void)error_set(e, FMX_EMALFORMED, "line %u of a site's text is damaged",
				number);
	else if (!is_canonical(&s, text) || site_set_places(&s))
		ok = error_set(e, FMX_EMALFORMED, "a site's text is not as written") == 0;
	if (!ok) {
		site_release(&s);
		return FMX_EMALFORMED;
	}
	s.hosts = xrealloc(s.hosts, s.host_count, sizeof(*s.hosts));
	*ret_site = s;
	return 0;
}
