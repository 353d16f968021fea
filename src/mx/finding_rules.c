/*
 * The rules: what was seen, to findings. Each speaks only of what is known: a
 * host nobody probed has no state, a policy nobody fetched has no mode.
 */
#include "mx/finding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stamp.h"
#include "mx/hoster.h"

enum {
	POSTFIX_ADDRESS_LIMIT = 5,
	SMALLEST_HOST_LIMIT = 2, /* MX hosts: Stalwart */
	SPF_MX_LIMIT = 10,       /* RFC 7208 4.6.4 */
	LONG_TTL = 3600,
};

#define WORDS(...) (&(struct finding_words){ __VA_ARGS__ })
#define NO_WORDS WORDS(.host = NULL)

static bool has_decoy(const struct seen *s)
{
	return s->layout != LAYOUT_NONE;
}

static bool in_state(const struct seen_address *a, enum state state)
{
	return a->is_known && a->state == state;
}

/* ---- one real host ---------------------------------------------------- */

/* "192.0.2.1 (dead), 2001:db8::1 (closed)" of the addresses that are not open. */
static size_t down_addresses(const struct seen_host *h, char text[SEEN_TEXT_MAX])
{
	size_t count = 0, n = 0;
	text[0] = '\0';
	for (size_t i = 0; i < h->address_count; i++) {
		const struct seen_address *a = &h->addresses[i];
		char address[ADDR_TEXT_MAX];
		if (!a->is_known || a->state == STATE_OPEN)
			continue;
		int w =
		    snprintf(text + n, SEEN_TEXT_MAX - n, "%s%s (%s)", count ? ", " : "",
			     addr_text(a->addr, address), state_name(a->state));
		n = (size_t)w < SEEN_TEXT_MAX - n ? n + (size_t)w : SEEN_TEXT_MAX - 1;
		count++;
	}
	return count;
}

static const char *panel_of(const struct seen_address *a)
{
	static const struct {
		const char *greeting, *panel;
	} panels[] = {
		{ "Mail-in-a-Box", "Mail-in-a-Box" },
		{ "YunoHost", "YunoHost" },
		{ "We do not authorize the use of this system to transport unsolicited",
		  "cPanel" },
		{ "cPanel", "cPanel" },
	};
	for (size_t i = 0; i < sizeof(panels) / sizeof(panels[0]); i++)
		if (in_state(a, STATE_OPEN) && strstr(a->reply, panels[i].greeting))
			return panels[i].panel;
	return NULL;
}

static void rule_hosted(const struct seen *s, const struct seen_host *h,
			struct findings *f)
{
	const struct hoster *hoster = hoster_of(h->name);
	if (hoster)
		findings_add(f, s, FINDING_HOSTED,
			     WORDS(.host = h->name, .detail = hoster->name,
				   .address = hoster->meaning));
}

static void rule_tls(const struct seen *s, const struct seen_host *h, struct findings *f)
{
	const char *who = s->sts == STS_ENFORCE    ? "the MTA-STS policy"
			  : h->has_tlsa == TRI_YES ? "its TLSA record"
						   : NULL;
	for (size_t i = 0; who && i < h->address_count; i++) {
		const struct seen_address *a = &h->addresses[i];
		char address[ADDR_TEXT_MAX];
		if (in_state(a, STATE_OPEN) && a->has_starttls == TRI_NO)
			findings_add(f, s, FINDING_TLS_MISSING,
				     WORDS(.host = h->name, .detail = who,
					   .address = addr_text(a->addr, address)));
	}
}

static bool is_first_alone(const struct seen *s, const struct seen_host *h)
{
	for (size_t i = 0; i < s->host_count; i++)
		if (&s->hosts[i] != h && s->hosts[i].preference <= h->preference)
			return false;
	return true;
}

/* In front of all others and down: it may be meant so. */
static const char *other_reading(const struct seen *s, const struct seen_host *h)
{
	if (!is_first_alone(s, h) || !seen_host_is_down(h))
		return "";
	return h->is_down_again ? "; it was so at a second look too: it is down, or a "
				  "decoy that nobody declared"
				: "; it is down, or a decoy that nobody declared";
}

static void rules_of_real(const struct seen *s, const struct seen_host *h, bool any_open,
			  struct findings *f)
{
	char detail[SEEN_TEXT_MAX];
	if (any_open && down_addresses(h, detail) > 0)
		findings_add(f, s, FINDING_REAL_DOWN,
			     WORDS(.host = h->name, .detail = detail,
				   .address = other_reading(s, h)));
	if (s->sts == STS_ENFORCE && !seen_sts_lists(s, h->name))
		findings_add(f, s, FINDING_STS_REAL, WORDS(.host = h->name));
	rule_tls(s, h, f);
	if (!has_decoy(s))
		return;
	rule_hosted(s, h, f);
	for (size_t i = 0; i < h->address_count; i++)
		if (panel_of(&h->addresses[i])) {
			findings_add(
			    f, s, FINDING_PANEL,
			    WORDS(.host = h->name, .detail = panel_of(&h->addresses[i])));
			break;
		}
}

/* ---- any host --------------------------------------------------------- */

/* What a file lacks, its name server may have all the same. */
static void rule_missing(const struct seen *s, const struct seen_host *h,
			 struct findings *f)
{
	size_t before = f->count;
	findings_add(f, s, FINDING_MX_MISSING, WORDS(.host = h->name));
	if (h->lookup != HOST_MISSING && f->count > before)
		f->items[before].severity = SEVERITY_WARNING;
}

static void rules_of_any(const struct seen *s, const struct seen_host *h,
			 struct findings *f)
{
	struct addr literal;
	if (addr_parse(h->name, &literal))
		findings_add(f, s, FINDING_MX_LITERAL, WORDS(.host = h->name));
	else if (h->lookup == HOST_MISSING || h->lacks_address)
		rule_missing(s, h, f);
	if (h->lookup == HOST_FAILED)
		findings_add(f, s, FINDING_LOOKUP_FAILED,
			     WORDS(.host = h->name, .detail = h->failure));
	if (h->is_alias && s->mx != MX_IMPLICIT)
		findings_add(f, s, FINDING_MX_CNAME, WORDS(.host = h->name));
	for (size_t i = 0; i < h->address_count; i++) {
		char address[ADDR_TEXT_MAX], detail[64];
		enum addr_kind kind = addr_kind(h->addresses[i].addr);
		if (kind == ADDR_PUBLIC)
			continue;
		(void)snprintf(detail, sizeof(detail), "%s%s",
			       kind == ADDR_DOCUMENTATION ? "for " : "",
			       addr_kind_name(kind));
		findings_add(f, s, FINDING_ADDRESS_BOGUS,
			     WORDS(.host = h->name, .detail = detail,
				   .address = addr_text(h->addresses[i].addr, address)));
	}
}

static bool is_addressed(const struct site *site, struct addr a)
{
	for (size_t i = 0; i < site->host_count; i++)
		if (host_has_address(&site->hosts[i], a))
			return true;
	return false;
}

/* By its name, or by another one for addresses that are all the site's. */
static bool is_named(const struct site *site, const struct seen_host *h)
{
	for (size_t i = 0; i < site->host_count; i++)
		if (strcasecmp(site->hosts[i].name, h->name) == 0)
			return true;
	for (size_t i = 0; i < h->address_count; i++)
		if (!is_addressed(site, h->addresses[i].addr))
			return false;
	return h->address_count > 0 && h->left_out == 0;
}

/* A backup that is down now may be guessed to be a decoy, and takes mail again
 * tomorrow; a name without address never does. */
static void rule_unnamed(const struct seen *s, const struct seen_host *h,
			 struct findings *f)
{
	bool may_take_mail = h->role == ROLE_REAL || h->is_guessed;
	if (s->site && may_take_mail && h->lookup != HOST_MISSING &&
	    !is_named(s->site, h))
		findings_add(f, s, FINDING_HOST_UNNAMED,
			     WORDS(.host = h->name, .detail = s->site->name));
}

/* ---- the list as a whole ---------------------------------------------- */

/* The hosts at that place, in a list. Returns how many. */
static size_t names_at(const struct seen *s, bool only_low, char names[SEEN_TEXT_MAX])
{
	size_t count = 0, n = 0;
	names[0] = '\0';
	for (size_t i = 0; i < s->host_count; i++)
		if (!only_low || s->hosts[i].place == PLACE_LOW) {
			int w = snprintf(names + n, SEEN_TEXT_MAX - n, "%s%s",
					 count ? ", " : "", s->hosts[i].name);
			n = (size_t)w < SEEN_TEXT_MAX - n ? n + (size_t)w
							  : SEEN_TEXT_MAX - 1;
			count++;
		}
	return count;
}

static void rule_low_several(const struct seen *s, struct findings *f)
{
	char names[SEEN_TEXT_MAX];
	if (names_at(s, true, names) > 1)
		findings_add(f, s, FINDING_LOW_SEVERAL, WORDS(.detail = names));
}

static void rule_limits(const struct seen *s, struct findings *f)
{
	size_t addresses = 0, hosts = 0;
	for (size_t i = 0; i < s->host_count && s->hosts[i].role != ROLE_REAL; i++) {
		addresses += s->hosts[i].address_count;
		hosts++;
	}
	if (hosts == s->host_count || hosts == 0)
		return;
	char detail[32];
	if (addresses >= POSTFIX_ADDRESS_LIMIT) {
		(void)snprintf(detail, sizeof(detail), "%zu", addresses);
		findings_add(f, s, FINDING_REAL_LIMIT,
			     WORDS(.host = s->hosts[hosts].name, .detail = detail));
	}
	if (hosts >= SMALLEST_HOST_LIMIT) {
		(void)snprintf(detail, sizeof(detail), "%zu", hosts + 1);
		findings_add(f, s, FINDING_REAL_THIRD,
			     WORDS(.host = s->hosts[hosts].name, .detail = detail));
	}
}

/* Would a list sorted as text begin or end with another preference? */
static void rule_text_order(const struct seen *s, struct findings *f)
{
	if (!has_decoy(s) || s->host_count < 2)
		return;
	char first[8], last[8], text[8];
	(void)snprintf(first, sizeof(first), "%u", s->hosts[0].preference);
	(void)snprintf(last, sizeof(last), "%u", s->hosts[s->host_count - 1].preference);
	for (size_t i = 0; i < s->host_count; i++) {
		(void)snprintf(text, sizeof(text), "%u", s->hosts[i].preference);
		if (strcmp(text, first) >= 0 && strcmp(text, last) <= 0)
			continue;
		char detail[64];
		(void)snprintf(detail, sizeof(detail), "%s sorts %s as text", text,
			       strcmp(text, first) < 0 ? "first" : "last");
		findings_add(f, s, FINDING_MX_ORDER, WORDS(.detail = detail));
		return;
	}
	/* "100" sorts before "20" though neither end moved beyond the other. */
	if (strcmp(first, last) > 0)
		findings_add(f, s, FINDING_MX_ORDER,
			     WORDS(.detail = "the last sorts first"));
}

static void rule_mx_kind(const struct seen *s, struct findings *f)
{
	if (s->has_null_beside)
		findings_add(f, s, FINDING_MX_NULL, NO_WORDS);
	if (s->mx == MX_NULL)
		findings_add(f, s, FINDING_NO_MAIL, NO_WORDS);
	if (s->mx == MX_NOTHING)
		findings_add(f, s, FINDING_NO_HOST, NO_WORDS);
	if (s->mx == MX_IMPLICIT)
		findings_add(f, s, FINDING_MX_IMPLICIT, NO_WORDS);
	size_t left_out = s->left_out;
	for (size_t i = 0; i < s->host_count; i++)
		left_out += s->hosts[i].left_out;
	if (left_out > 0) {
		char detail[32];
		(void)snprintf(detail, sizeof(detail), "%zu", left_out);
		findings_add(f, s, FINDING_MX_MANY, WORDS(.detail = detail));
	}
	if (s->ttl_least < s->ttl_most) {
		char detail[64];
		(void)snprintf(detail, sizeof(detail), "%u to %u seconds", s->ttl_least,
			       s->ttl_most);
		findings_add(f, s, FINDING_TTL_DIFFERS, WORDS(.detail = detail));
	}
	if (has_decoy(s) && s->mx == MX_PRESENT && s->ttl > LONG_TTL) {
		char detail[STAMP_TEXT_MAX];
		findings_add(
		    f, s, FINDING_TTL_LONG,
		    WORDS(.detail = stamp_duration_text(s->ttl * STAMP_SECOND, detail)));
	}
}

/* Whatever they answer, no real host is among them. */
static bool rule_decoys_only(const struct seen *s, struct findings *f)
{
	char names[SEEN_TEXT_MAX];
	for (size_t i = 0; i < s->host_count; i++)
		if (!s->hosts[i].is_declared)
			return false;
	if (names_at(s, false, names) == 0)
		return false;
	findings_add(f, s, FINDING_DECOYS_ONLY, WORDS(.detail = names));
	return true;
}

/* Nothing open anywhere: are they down, or are we blind? */
static void rule_all_down(const struct seen *s, struct findings *f)
{
	size_t known = 0, dead = 0;
	char detail[SEEN_TEXT_MAX] = "", one[SEEN_TEXT_MAX];
	for (size_t i = 0; i < s->host_count; i++) {
		if (seen_host_is_open(&s->hosts[i]))
			return;
		for (size_t j = 0; j < s->hosts[i].address_count; j++) {
			known += s->hosts[i].addresses[j].is_known;
			dead += in_state(&s->hosts[i].addresses[j], STATE_DEAD);
		}
		if (!*detail && down_addresses(&s->hosts[i], one) > 0)
			memcpy(detail, one, sizeof(detail));
	}
	if (known == 0)
		return;
	if (s->vantage == TRI_NO || (s->vantage == TRI_UNKNOWN && dead == known))
		findings_add(f, s, FINDING_VANTAGE,
			     WORDS(.detail = s->vantage == TRI_NO
						 ? ", nor did a host known to be open"
						 : ""));
	else
		findings_add(f, s, FINDING_ALL_DOWN, WORDS(.detail = detail));
}

static bool any_host_open(const struct seen *s)
{
	for (size_t i = 0; i < s->host_count; i++)
		if (seen_host_is_open(&s->hosts[i]))
			return true;
	return false;
}

/* ---- name servers, SPF, MTA-STS --------------------------------------- */

/* Names the first server and the first that differs from it. */
static void note_difference(char detail[SEEN_TEXT_MAX], const struct seen_server *x,
			    const struct seen_server *y)
{
	(void)snprintf(detail, SEEN_TEXT_MAX, "%.100s serial %u, %.100s serial %u",
		       x->name, x->serial, y->name, y->serial);
}

static void compare_servers(const struct seen *s, struct findings *f)
{
	const struct seen_server *first = NULL, *other_mx = NULL, *other_serial = NULL;
	for (size_t i = 0; i < s->server_count; i++) {
		const struct seen_server *v = &s->servers[i];
		if (v->state != SERVER_ANSWERS || !v->has_serial || !v->has_mx)
			continue;
		if (!first)
			first = v;
		else if (!other_mx && !seen_same_mx(v, first))
			other_mx = v;
		else if (!other_serial && v->serial != first->serial)
			other_serial = v;
	}
	char detail[SEEN_TEXT_MAX];
	if (other_mx) {
		note_difference(detail, first, other_mx);
		findings_add(f, s, FINDING_NS_DISAGREE, WORDS(.detail = detail));
	} else if (other_serial) {
		note_difference(detail, first, other_serial);
		findings_add(f, s, FINDING_NS_SERIAL, WORDS(.detail = detail));
	}
}

static void rule_servers(const struct seen *s, struct findings *f)
{
	char address[ADDR_TEXT_MAX];
	for (size_t i = 0; i < s->server_count; i++) {
		const struct seen_server *v = &s->servers[i];
		if (v->state == SERVER_LAME || v->state == SERVER_SILENT)
			findings_add(f, s, FINDING_NS_LAME,
				     WORDS(.host = v->name, .detail = v->why,
					   .address = addr_text(v->at.addr, address)));
	}
	compare_servers(s, f);
}

/* The record with "a:HOST" for each real host instead of "mx". */
static void rewritten_spf(const struct seen *s, char to[SEEN_SPF_MAX])
{
	size_t n = 0;
	bool replaced = false;
	to[0] = '\0';
	for (const char *t = s->spf; *t && n < SEEN_SPF_MAX - 1;) {
		size_t len = strcspn(t, " ");
		bool is_mx = (len == 2 && strncasecmp(t, "mx", 2) == 0) ||
			     (len == 3 && strncasecmp(t, "+mx", 3) == 0);
		const char *gap = n ? " " : "";
		int w = 0;
		if (!is_mx)
			w = snprintf(to + n, SEEN_SPF_MAX - n, "%s%.*s", gap, (int)len,
				     t);
		for (size_t i = 0; is_mx && !replaced && i < s->host_count; i++)
			if (s->hosts[i].role == ROLE_REAL && (size_t)w < SEEN_SPF_MAX - n)
				w += snprintf(to + n + w, SEEN_SPF_MAX - n - (size_t)w,
					      "%sa:%s", gap, s->hosts[i].name);
		replaced = replaced || is_mx;
		n = (size_t)w < SEEN_SPF_MAX - n ? n + (size_t)w : SEEN_SPF_MAX - 1;
		t += len + strspn(t + len, " ");
	}
}

static void rule_spf(const struct seen *s, struct findings *f)
{
	if (!s->has_spf || !s->spf_has_mx)
		return;
	size_t v4 = 0, v6 = 0;
	const struct seen_host *decoy = NULL;
	for (size_t i = 0; i < s->host_count; i++) {
		for (size_t j = 0; j < s->hosts[i].address_count; j++)
			*(addr_is_v4(s->hosts[i].addresses[j].addr) ? &v4 : &v6) += 1;
		if (s->hosts[i].role == ROLE_DECOY && !decoy)
			decoy = &s->hosts[i];
	}
	char detail[SEEN_SPF_MAX];
	if (decoy) {
		rewritten_spf(s, detail);
		findings_add(f, s, FINDING_SPF_DECOY,
			     WORDS(.host = decoy->name, .detail = detail));
	}
	if (v4 > SPF_MX_LIMIT || v6 > SPF_MX_LIMIT) {
		(void)snprintf(detail, sizeof(detail), "%zu %s addresses",
			       v4 > v6 ? v4 : v6, v4 > v6 ? "IPv4" : "IPv6");
		findings_add(f, s, FINDING_SPF_LIMIT, WORDS(.detail = detail));
	}
}

static void rule_sts(const struct seen *s, struct findings *f)
{
	if (s->sts == STS_BROKEN)
		findings_add(f, s, FINDING_STS_BROKEN, WORDS(.detail = s->sts_error));
	if (s->sts != STS_ENFORCE && s->sts != STS_TESTING)
		return;
	for (size_t i = 0; i < s->host_count; i++) {
		const struct seen_host *h = &s->hosts[i];
		if (h->role != ROLE_DECOY)
			continue;
		if (seen_sts_lists(s, h->name))
			findings_add(f, s, FINDING_STS_LISTS_DECOY,
				     WORDS(.host = h->name, .detail = h->name));
		else
			findings_add(
			    f, s, FINDING_STS_DECOY,
			    WORDS(.host = h->name, .detail = s->sts == STS_ENFORCE
								 ? "mode enforce"
								 : "mode testing"));
	}
}

static void all_rules(const struct seen *s, struct findings *f)
{
	rule_mx_kind(s, f);
	rule_low_several(s, f);
	rule_limits(s, f);
	rule_text_order(s, f);
	if (!rule_decoys_only(s, f))
		rule_all_down(s, f);
	bool any_open = any_host_open(s);
	for (size_t i = 0; i < s->host_count; i++) {
		const struct seen_host *h = &s->hosts[i];
		rules_of_any(s, h, f);
		rule_unnamed(s, h, f);
		if (h->role == ROLE_DECOY)
			finding_rules_of_decoy(s, h, f);
		else
			rules_of_real(s, h, any_open, f);
	}
	rule_servers(s, f);
	rule_spf(s, f);
	rule_sts(s, f);
}

static int by_severity(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->text, y->text);
}

void findings_of(const struct seen *s, struct findings *ret_findings)
{
	struct findings f = { NULL, 0 };
	all_rules(s, &f);
	if (f.count > 1)
		qsort(f.items, f.count, sizeof(*f.items), by_severity);
	*ret_findings = f;
}
