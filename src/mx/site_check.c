#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mx/layout.h"

/* What is needed before anything can be said about danger. */
static int check_basics(const struct site *s, struct error *e)
{
	bool has_real = false;
	if (s->name[0] == '\0')
		return error_set(e, FMX_EUSAGE, "a site has no name; give it one");
	if (s->host_count > SITE_MAX_HOSTS)
		return error_set(e, FMX_EUSAGE,
				 "site %s has more than %d hosts; make it two sites",
				 s->name, SITE_MAX_HOSTS);
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *h = &s->hosts[i];
		has_real |= h->role == ROLE_REAL;
		if (h->name[0] == '\0')
			return error_set(e, FMX_EUSAGE,
					 "site %s: a %s has no name; give it one",
					 s->name, role_name(h->role));
		if (h->address_count == 0)
			return error_set(e, FMX_EUSAGE,
					 "site %s: %s has no address; give it one",
					 s->name, h->name);
	}
	if (!has_real)
		return error_set(e, FMX_EUSAGE,
				 "site %s has no real host; a decoy alone loses all "
				 "mail, so name the hosts that take it",
				 s->name);
	return 0;
}

static unsigned worst_real(const struct site *s)
{
	unsigned worst = 0;
	for (size_t i = 0; i < s->host_count; i++)
		if (s->hosts[i].role == ROLE_REAL && s->hosts[i].preference > worst)
			worst = s->hosts[i].preference;
	return worst;
}

/* A preference for who is tried after it. */
static unsigned above(unsigned worst)
{
	return worst + 10 <= UINT16_MAX ? worst + 10 : UINT16_MAX;
}

/* A low decoy that does more than refuse one address at once loses mail of
 * programs that do not walk on (risks.md rows 2 to 4). */
static int check_low(const struct site *s, const struct host *h, struct error *e)
{
	bool is_meant = s->layout == LAYOUT_LOW || s->layout == LAYOUT_BOTH;
	if (!is_meant && h->posture != POSTURE_CLOSED && h->posture != POSTURE_RESET)
		return error_set(e, FMX_EREFUSED,
				 "site %s: layout = %s, but the decoy %s (preference %u) "
				 "stands before the real hosts and would be tried first: "
				 "give it a preference above theirs, such as %u",
				 s->name, layout_name(s->layout), h->name, h->preference,
				 above(worst_real(s)));
	if (h->posture != POSTURE_CLOSED && h->posture != POSTURE_RESET)
		return error_set(e, FMX_EREFUSED,
				 "site %s: the low decoy %s answers (%s); some senders "
				 "then never come to the real hosts: use closed or reset",
				 s->name, h->name, posture_name(h->posture));
	for (size_t i = 0; i < h->address_count; i++)
		if (!addr_is_v4(h->addresses[i].addr))
			return error_set(e, FMX_EREFUSED,
					 "site %s: the low decoy %s has an IPv6 address; "
					 "senders try few addresses: leave it one IPv4 "
					 "address",
					 s->name, h->name);
	if (h->address_count > 1)
		return error_set(e, FMX_EREFUSED,
				 "site %s: the low decoy %s has %u addresses; senders "
				 "try few addresses: leave it one",
				 s->name, h->name, h->address_count);
	return 0;
}

static int check_lows(const struct site *s, struct error *e)
{
	const struct host *first = NULL;
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *h = &s->hosts[i];
		if (h->place != PLACE_LOW)
			continue;
		if (first)
			return error_set(e, FMX_EREFUSED,
					 "site %s: %s and %s are two low decoys; some "
					 "senders try two hosts only: keep one",
					 s->name, first->name, h->name);
		first = h;
		int rc = check_low(s, h, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int check_public(const struct site *s, const struct host *h, struct error *e)
{
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < h->address_count; i++) {
		enum addr_kind kind = addr_kind(h->addresses[i].addr);
		if (kind != ADDR_PUBLIC)
			return error_set(e, FMX_EREFUSED,
					 "site %s: address %s of %s is not public (%s); "
					 "use an address of your own that is, or --lab "
					 "for a trial",
					 s->name, addr_text(h->addresses[i].addr, text),
					 h->name, addr_kind_name(kind));
	}
	return 0;
}

/* One address of one host, with where it came from, for sorting. */
struct place_of {
	struct endpoint endpoint;
	const struct site *site;
	const struct host *host;
};

static int compare_places(const void *a, const void *b)
{
	const struct place_of *x = a, *y = b;
	int by_addr = addr_compare(x->endpoint.addr, y->endpoint.addr);
	if (by_addr != 0)
		return by_addr;
	bool x_is_real = x->host->role == ROLE_REAL,
	     y_is_real = y->host->role == ROLE_REAL;
	if (x_is_real != y_is_real)
		return x_is_real ? -1 : 1;
	return (int)x->endpoint.port - (int)y->endpoint.port;
}

static size_t count_addresses(const struct site *sites, size_t count)
{
	size_t total = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < sites[i].host_count; k++)
			total += sites[i].hosts[k].address_count;
	return total;
}

/* All addresses of the sites, sorted, real hosts first; free() it. */
static struct place_of *sorted_places(const struct site *sites, size_t count,
				      size_t *ret_total)
{
	size_t total = count_addresses(sites, count), n = 0;
	struct place_of *all = xcalloc(total, sizeof(*all));
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < sites[i].host_count; k++) {
			const struct host *h = &sites[i].hosts[k];
			for (size_t a = 0; a < h->address_count; a++)
				all[n++] =
				    (struct place_of){ h->addresses[a], &sites[i], h };
		}
	assert(n == total);
	if (total)
		qsort(all, total, sizeof(*all), compare_places);
	*ret_total = total;
	return all;
}

/* The port does not count: to the world an MX is an address at port 25. */
static int check_apart(const struct site *sites, size_t count, struct error *e)
{
	size_t total;
	struct place_of *all = sorted_places(sites, count, &total);
	const struct place_of *first = all;
	int rc = 0;
	for (size_t i = 1; i < total && rc == 0; i++) {
		char text[ADDR_TEXT_MAX];
		if (!addr_equal(all[i].endpoint.addr, first->endpoint.addr)) {
			first = &all[i];
			continue;
		}
		if (first->host->role == ROLE_REAL && all[i].host->role != ROLE_REAL)
			rc = error_set(e, FMX_EREFUSED,
				       "site %s: %s %s has the address %s of the real "
				       "host %s of site %s; give it one of its own",
				       all[i].site->name, role_name(all[i].host->role),
				       all[i].host->name,
				       addr_text(all[i].endpoint.addr, text),
				       first->host->name, first->site->name);
	}
	free(all);
	return rc;
}

static int check_address_twice(const struct site *s, struct error *e)
{
	size_t total;
	struct place_of *all = sorted_places(s, 1, &total);
	int rc = 0;
	for (size_t i = 1; i < total && rc == 0; i++) {
		char text[ADDR_TEXT_MAX];
		if (compare_places(&all[i - 1], &all[i]) == 0)
			rc = error_set(e, FMX_EUSAGE,
				       "site %s: %s and %s both have the address %s; "
				       "remove one",
				       s->name, all[i - 1].host->name, all[i].host->name,
				       addr_text(all[i].endpoint.addr, text));
	}
	free(all);
	return rc;
}

static int check_names_twice(struct site *s, struct error *e)
{
	for (size_t i = 0; i < s->host_count; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(s->hosts[i].name, s->hosts[k].name) == 0)
				return error_set(e, FMX_EUSAGE,
						 "site %s: the name %s is there twice; "
						 "remove one",
						 s->name, s->hosts[i].name);
	site_sort_domains(s);
	for (size_t i = 1; i < s->domain_count; i++)
		if (strcmp(s->domains[i - 1], s->domains[i]) == 0)
			return error_set(e, FMX_EUSAGE,
					 "site %s: the domain %s is there twice; "
					 "remove one",
					 s->name, s->domains[i]);
	return 0;
}

static int check_layout(const struct site *s, struct error *e)
{
	bool has_low = false, has_high = false;
	for (size_t i = 0; i < s->host_count; i++) {
		has_low |= s->hosts[i].place == PLACE_LOW;
		has_high |= s->hosts[i].place == PLACE_HIGH;
	}
	enum layout found = has_low && has_high ? LAYOUT_BOTH
			    : has_low           ? LAYOUT_LOW
			    : has_high          ? LAYOUT_HIGH
						: LAYOUT_NONE;
	if (found == LAYOUT_NONE && s->layout != LAYOUT_NONE)
		return error_set(e, FMX_EUSAGE,
				 "site %s: layout = %s, but it has no decoy: add a decoy "
				 "section, or write layout = none",
				 s->name, layout_name(s->layout));
	if (found != s->layout)
		return error_set(
		    e, FMX_EUSAGE,
		    "site %s: layout = %s, but its decoys make it %s; "
		    "change the layout, or the decoys' preferences (tried last: "
		    "above every real host's, which go up to %u)",
		    s->name, layout_name(s->layout), layout_name(found), worst_real(s));
	return 0;
}

/* Danger is told before mere contradictions: it has the graver exit code. */
int site_check(struct site *s, bool lab, struct error *e)
{
	int rc = check_basics(s, e);
	if (rc != 0)
		return rc;
	const struct host *misfit = site_set_places(s);
	if (misfit)
		return error_set(e, FMX_EREFUSED,
				 "site %s: the decoy %s (preference %u) stands at or "
				 "between the real hosts: give it a preference above all "
				 "of theirs, such as %u (tried last), or below all",
				 s->name, misfit->name, misfit->preference,
				 above(worst_real(s)));
	rc = check_lows(s, e);
	if (rc == 0)
		rc = check_apart(s, 1, e);
	for (size_t i = 0; i < s->host_count && rc == 0 && !lab; i++)
		if (s->hosts[i].role == ROLE_DECOY)
			rc = check_public(s, &s->hosts[i], e);
	if (rc == 0)
		rc = check_address_twice(s, e);
	if (rc == 0)
		rc = check_names_twice(s, e);
	return rc == 0 ? check_layout(s, e) : rc;
}

static int compare_site_names(const void *a, const void *b)
{
	const struct site *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

static int check_site_names(const struct site *sites, size_t count, struct error *e)
{
	const struct site **sorted = xcalloc(
	    count, sizeof(struct site *)); /* NOLINT(bugprone-sizeof-expression) */
	for (size_t i = 0; i < count; i++)
		sorted[i] = &sites[i];
	if (count)
		qsort(sorted, count, sizeof(struct site *),
		      compare_site_names); /* NOLINT(bugprone-sizeof-expression) */
	int rc = 0;
	for (size_t i = 1; i < count && rc == 0; i++)
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
			rc = error_set(e, FMX_EUSAGE,
				       "two sites have the name %s; rename one",
				       sorted[i]->name);
	free(sorted);
	return rc;
}

struct domain_of {
	const char *domain;
	const struct site *site;
};

static int compare_domains(const void *a, const void *b)
{
	const struct domain_of *x = a, *y = b;
	return strcmp(x->domain, y->domain);
}

/* A domain has one MX set: in two sites it would be planned in two ways. */
static int check_domains_apart(const struct site *sites, size_t count, struct error *e)
{
	size_t total = 0, n = 0;
	for (size_t i = 0; i < count; i++)
		total += sites[i].domain_count;
	struct domain_of *all = xcalloc(total + 1, sizeof(*all));
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < sites[i].domain_count; k++)
			all[n++] = (struct domain_of){ sites[i].domains[k], &sites[i] };
	qsort(all, total, sizeof(*all), compare_domains);
	int rc = 0;
	for (size_t i = 1; i < total && rc == 0; i++)
		if (strcmp(all[i - 1].domain, all[i].domain) == 0)
			rc = error_set(
			    e, FMX_EUSAGE,
			    "the domain %s is in the sites %s and %s; leave it in "
			    "the one whose MX hosts it has",
			    all[i].domain, all[i - 1].site->name, all[i].site->name);
	free(all);
	return rc;
}

int site_check_all(struct site *sites, size_t count, bool lab, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		int rc = site_check(&sites[i], lab, e);
		if (rc != 0)
			return rc;
	}
	int rc = check_apart(sites, count, e);
	if (rc == 0)
		rc = check_site_names(sites, count, e);
	return rc == 0 ? check_domains_apart(sites, count, e) : rc;
}
