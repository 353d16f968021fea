#include "mx/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * A domain in a line: "PREFERENCE NAME STATE[,STATE]..." per host, "; " between.
 * "!" before the name declares a decoy; the state "-" is no address, "?" one
 * nobody probed; "/6" after a state makes it an IPv6 address.
 */
static void add_state(struct seen_host *h, char *word, unsigned serial)
{
	if (strcmp(word, "-") == 0) {
		h->lookup = HOST_MISSING;
		return;
	}
	char *six = strstr(word, "/6"), text[64];
	if (six)
		*six = '\0';
	(void)snprintf(text, sizeof(text), six ? "2a00::%x" : "5.0.0.%u", serial);
	struct addr a;
	assert_true(addr_parse(text, &a));
	struct seen_address *to = seen_add_address(h, a);
	to->is_known = strcmp(word, "?") != 0;
	to->has_starttls = TRI_YES;
	if (to->is_known)
		assert_true(state_parse(word, &to->state));
}

static void build(struct seen *s, const char *hosts)
{
	unsigned serial = 1;
	char line[512], *rest = line, *host;
	seen_init(s, "example.com");
	(void)snprintf(s->owner, sizeof(s->owner), "example.com");
	s->mx = *hosts ? MX_PRESENT : MX_UNKNOWN;
	s->ttl = 300;
	(void)snprintf(line, sizeof(line), "%s", hosts);
	while ((host = strsep(&rest, ";"))) {
		unsigned preference;
		char name[64], states[128], *states_rest = states, *word;
		if (sscanf(host, " %u %63s %127s", &preference, name, states) != 3)
			continue;
		bool declared = *name == '!';
		struct seen_host *h =
		    seen_add_host(s, (uint16_t)preference, name + declared);
		h->is_declared = declared;
		(void)snprintf(h->owner, sizeof(h->owner), "%s",
			       strstr(name, "example.com") ? "example.com"
							   : name + declared);
		while ((word = strsep(&states_rest, ",")))
			add_state(h, word, serial++);
	}
}

#define M "mail.example.com"
#define B "backup.example.com"
#define F0 "fake0.example.com"
#define F1 "fake1.example.com"
#define LOW_COST "FMX-LOW-DIRECT FMX-LOW-REPUTATION"

static struct seen_host *host(struct seen *s, const char *name)
{
	for (size_t i = 0; i < s->host_count; i++)
		if (strcmp(s->hosts[i].name, name) == 0)
			return &s->hosts[i];
	fail_msg("no host %s", name);
	return NULL;
}

/* mail is 5.0.0.1, as the first address of every domain here. */
static void in_site(struct seen *s)
{
	static struct host hosts[] = {
		{ .role = ROLE_REAL, .name = M },
		{ .role = ROLE_DECOY, .name = F1 },
	};
	static const struct site site = { .name = "s", .hosts = hosts, .host_count = 2 };
	assert_true(addr_parse("5.0.0.1", &hosts[0].addresses[0].addr));
	hosts[0].address_count = 1;
	s->site = &site;
}

static void long_ttl(struct seen *s)
{
	s->ttl = 86400;
}
static void two_ttls(struct seen *s)
{
	s->ttl_least = 300;
	s->ttl_most = 600;
}
static void null_beside(struct seen *s)
{
	s->has_null_beside = true;
}
static void null_mx(struct seen *s)
{
	s->mx = MX_NULL;
}
static void implicit(struct seen *s)
{
	s->mx = MX_IMPLICIT;
}
static void nothing(struct seen *s)
{
	s->mx = MX_NOTHING;
}
static void failed(struct seen *s)
{
	host(s, M)->lookup = HOST_FAILED;
}
static void alias(struct seen *s)
{
	host(s, M)->is_alias = true;
}
static void own(struct seen *s)
{
	host(s, F1)->addresses[0].is_own = true;
}
static void own_decoy(struct seen *s)
{
	own(s);
	(void)snprintf(host(s, F1)->addresses[0].reply, SEEN_TEXT_MAX, "220 %s ESMTP",
		       F1);
}
static void own_server(struct seen *s)
{
	own(s);
	(void)snprintf(host(s, F1)->addresses[0].reply, SEEN_TEXT_MAX,
		       "220 mail.example.com ESMTP Postfix");
}
static void too_many(struct seen *s)
{
	s->left_out = 3;
}
static void blind(struct seen *s)
{
	s->vantage = TRI_NO;
}

static void shared(struct seen *s)
{
	host(s, F1)->addresses[0].addr = host(s, F0)->addresses[0].addr;
}

static void stolen(struct seen *s)
{
	host(s, F1)->addresses[0].addr = host(s, M)->addresses[0].addr;
}

static void private(struct seen *s)
{
	assert_true(addr_parse("10.1.2.3", &host(s, F1)->addresses[0].addr));
}

static void elsewhere(struct seen *s)
{
	host(s, F1)->is_elsewhere = true;
}

static void spf(struct seen *s)
{
	s->has_spf = s->spf_has_mx = true;
	(void)snprintf(s->spf, sizeof(s->spf), "v=spf1 mx ip4:5.0.0.9 -all");
}

static void policy(struct seen *s, enum sts_mode mode, const char *pattern)
{
	s->sts = mode;
	seen_add_pattern(s, pattern);
}

static void sts_enforce(struct seen *s)
{
	policy(s, STS_ENFORCE, M);
}
static void sts_testing(struct seen *s)
{
	policy(s, STS_TESTING, M);
}
static void sts_wild(struct seen *s)
{
	policy(s, STS_ENFORCE, "*.example.com");
}
static void sts_other(struct seen *s)
{
	policy(s, STS_ENFORCE, "other.example.com");
}
static void sts_broken(struct seen *s)
{
	s->sts = STS_BROKEN;
}

static void sts_no_tls(struct seen *s)
{
	sts_enforce(s);
	host(s, M)->addresses[0].has_starttls = TRI_NO;
}

static void dane(struct seen *s)
{
	host(s, M)->is_secure = host(s, F1)->is_secure = TRI_YES;
	host(s, M)->has_tlsa = TRI_YES;
	host(s, F1)->has_tlsa = TRI_NO;
}

static void dane_whole(struct seen *s)
{
	dane(s);
	host(s, F1)->has_tlsa = TRI_YES;
}

static void dane_unsigned(struct seen *s)
{
	dane(s);
	host(s, F1)->is_secure = TRI_NO;
}

static void panel(struct seen *s)
{
	(void)snprintf(host(s, M)->addresses[0].reply, SEEN_TEXT_MAX,
		       "220 m ESMTP Hi, I'm a Mail-in-a-Box");
}

static void servers(struct seen *s, uint32_t serial, uint16_t preference,
		    enum server_state state)
{
	for (int i = 0; i < 2; i++) {
		struct endpoint at = { .port = 53 };
		struct seen_mx mx = { .preference = i ? preference : 7, .host = "mail" };
		assert_true(addr_parse(i ? "5.0.1.2" : "5.0.1.1", &at.addr));
		struct seen_server *v = seen_add_server(s, i ? "ns2" : "ns1", at);
		v->state = i ? state : SERVER_ANSWERS;
		v->has_serial = v->has_mx = true;
		v->serial = i ? serial : 7;
		seen_add_mx(v, &mx);
	}
}

static void ns_agree(struct seen *s)
{
	servers(s, 7, 7, SERVER_ANSWERS);
}
static void ns_serial(struct seen *s)
{
	servers(s, 8, 7, SERVER_ANSWERS);
}
static void ns_mx(struct seen *s)
{
	servers(s, 8, 8, SERVER_ANSWERS);
}
static void ns_lame(struct seen *s)
{
	servers(s, 7, 7, SERVER_LAME);
}
static void ns_silent(struct seen *s)
{
	servers(s, 9, 9, SERVER_SILENT);
}

/* One row, one domain: what is there, and exactly the findings it has. */
/* clang-format off */
static const struct {
	const char *story;
	const char *hosts;
	void (*change)(struct seen *s);
	const char *want;
} cases[] = {
	{ "a plain domain",            "10 " M " open; 20 " B " open", NULL, "" },
	{ "article part one",          "10 " M " open; 20 " F1 " closed", NULL, "" },
	{ "a high decoy that resets",  "10 " M " open; 20 " F1 " reset", NULL, "" },
	{ "a busy high decoy",         "10 " M " open; 20 " F1 " busy", NULL, "" },
	{ "classic nolisting",         "10 " F0 " closed; 20 " M " open", NULL, LOW_COST },
	{ "article part two",          "10 " F0 " reset; 20 " M " open; 30 " F1 " closed", NULL, LOW_COST },
	{ "low decoy drops",           "10 " F0 " dead; 20 " M " open", NULL, "FMX-LOW-DROPS " LOW_COST },
	{ "low decoy is silent",       "10 " F0 " silent; 20 " M " open", NULL, "FMX-LOW-DROPS " LOW_COST },
	{ "low decoy greets 421",      "10 " F0 " busy; 20 " M " open", NULL, "FMX-LOW-ANSWERS " LOW_COST },
	{ "low decoy greets 554",      "10 " F0 " reject; 20 " M " open", NULL, "FMX-LOW-ANSWERS " LOW_COST },
	{ "declared low decoy open",   "10 !" F0 " open; 20 " M " open", NULL, "FMX-LOW-ANSWERS " LOW_COST },
	{ "low decoy by ICMP",         "10 " F0 " unreachable; 20 " M " open", NULL, "FMX-LOW-UNREACHABLE " LOW_COST },
	{ "low decoy, two addresses",  "10 " F0 " closed,closed; 20 " M " open", NULL, "FMX-LOW-ADDRESSES " LOW_COST },
	{ "low decoy with IPv6",       "10 " F0 " closed,closed/6; 20 " M " open", NULL, "FMX-LOW-ADDRESSES " LOW_COST },
	{ "two low decoys",            "10 !" F0 " closed; 11 !" F1 " closed; 20 " M " open", NULL,
	  "FMX-LOW-SEVERAL FMX-REAL-THIRD " LOW_COST " " LOW_COST },
	{ "two low decoys, not declared", "10 " F0 " closed; 11 " F1 " closed; 20 " M " open", NULL,
	  "FMX-LOW-SEVERAL FMX-REAL-THIRD " LOW_COST " " LOW_COST },
	{ "two high decoys, not declared", "10 " M " open; 20 " F0 " closed; 30 " F1 " busy", NULL, "" },
	{ "five low addresses",        "10 " F0 " closed,closed,closed,closed,closed; 20 " M " open", NULL,
	  "FMX-LOW-ADDRESSES FMX-REAL-LIMIT " LOW_COST },
	{ "high decoy says 554",       "10 " M " open; 20 " F1 " reject", NULL, "FMX-HIGH-REJECTS" },
	{ "high decoy defers EHLO",    "10 " M " open; 20 " F1 " defer-helo", NULL, "FMX-HIGH-HELO" },
	{ "high decoy hangs up",       "10 " M " open; 20 " F1 " banner-close", NULL, "FMX-HIGH-CLOSES" },
	{ "high decoy drops",          "10 " M " open; 20 " F1 " dead", NULL, "FMX-HIGH-DROPS" },
	{ "high decoy greets",         "10 " M " open; 20 !" F1 " open", NULL, "FMX-HIGH-OPEN" },
	{ "high decoy by ICMP",        "10 " M " open; 20 " F1 " unreachable", NULL, "" },
	{ "several high addresses",    "10 " M " open; 20 " F1 " closed,closed,closed/6", NULL, "" },
	{ "decoy between",             "10 " M " open; 20 !" F1 " closed; 30 " B " open", NULL, "FMX-DECOY-BETWEEN" },
	{ "decoy at a real one's",     "10 " M " open; 10 !" F1 " closed", NULL, "FMX-DECOY-EQUAL" },
	{ "decoy at a real address",   "10 " M " open; 20 " F1 " closed", stolen, "FMX-DECOY-IS-REAL" },
	{ "decoy at our own address, closed",  "10 " M " open; 20 " F1 " closed", own, "" },
	{ "decoy at our own address, of our own making", "10 " M " open; 20 " F1 " open", own_decoy, "FMX-HIGH-OPEN" },
	{ "our mail server at the decoy's address", "10 " M " open; 20 " F1 " open", own_server,
	  "FMX-DECOY-OWN FMX-HIGH-OPEN" },
	{ "a primary that is down",    "10 " M " closed; 20 " B " open", NULL, "FMX-REAL-DOWN" },
	{ "a primary that drops",      "10 " M " dead; 20 " B " open", NULL, "FMX-REAL-DOWN" },
	{ "the article's deferring decoy, not declared", "10 " M " open; 20 " B " open; 30 " F1 " open", spf,
	  "FMX-HIGH-OPEN FMX-SPF-DECOY" },
	{ "decoys share an address",   "10 " F0 " closed; 20 " M " open; 30 " F1 " closed", shared,
	  "FMX-DECOYS-SHARED " LOW_COST },
	{ "somebody else's decoy",     "10 " M " open; 20 tarbaby.example.net closed", NULL, "FMX-DECOY-FOREIGN" },
	{ "a decoy of another zone, planned", "10 " M " open; 20 " F1 " closed", elsewhere,
	  "FMX-DECOY-FOREIGN" },
	{ "the hoster's decoy",        "10 mx.host.example open; 20 mx.host.example closed", NULL, "" },
	{ "a private decoy",           "10 " M " open; 20 " F1 " closed", private, "FMX-ADDRESS-BOGUS" },
	{ "an alias",                  "10 " M " open; 20 " F1 " closed", alias, "FMX-MX-CNAME" },
	{ "a literal",                 "10 5.0.0.7 -", NULL, "FMX-MX-LITERAL" },
	{ "a decoy without address",   "10 " M " open; 20 " F1 " -", NULL, "FMX-MX-MISSING" },
	{ "a null MX beside others",   "10 " M " open", null_beside, "FMX-MX-NULL" },
	{ "a null MX alone",           "", null_mx, "FMX-NO-MAIL" },
	{ "no MX but an address",      "0 example.com open", implicit, "FMX-MX-IMPLICIT" },
	{ "nothing at all",            "", nothing, "FMX-NO-HOST" },
	{ "nobody looked",             "", NULL, "" },
	{ "text sorts otherwise",      "5 " M " open; 10 " B " open; 100 " F1 " closed", NULL, "FMX-MX-ORDER" },
	{ "text sorts alike",          "10 " M " open; 20 " B " open; 90 " F1 " closed", NULL, "" },
	{ "hosts beyond the limit",    "10 " M " open", too_many, "FMX-MX-MANY" },
	{ "a real host in the middle", "10 " M " open; 20 " B " dead; 30 www.example.com closed; 40 " F1 " closed", NULL,
	  "FMX-REAL-DOWN FMX-REAL-DOWN" },
	{ "half a real host",          "10 " M " open,dead/6; 20 " B " open", NULL, "FMX-REAL-DOWN" },
	{ "all refuse",                "10 " M " closed; 20 " B " closed", NULL, "FMX-ALL-DOWN" },
	{ "all are declared decoys",   "10 !" F0 " closed; 20 !" F1 " defer-rcpt", NULL, "FMX-DECOYS-ONLY" },
	{ "the only host is declared", "10 !" F1 " ?", NULL, "FMX-DECOYS-ONLY" },
	{ "all are called decoys",     "10 " F0 " closed; 20 " F1 " closed", NULL, "FMX-ALL-DOWN" },
	{ "all drop",                  "10 " M " dead; 20 " B " dead", NULL, "FMX-VANTAGE" },
	{ "all drop, vantage proven",  "10 " M " dead; 20 " B " closed", blind, "FMX-VANTAGE" },
	{ "not probed",                "10 " M " ?; 20 " B " ?", NULL, "" },
	{ "not probed but declared",   "10 " M " ?; 20 !" F1 " ?", NULL, "" },
	{ "a failed lookup",           "10 " M " ?", failed, "FMX-LOOKUP-FAILED" },
	{ "a long TTL with a decoy",   "10 " M " open; 20 " F1 " closed", long_ttl, "FMX-TTL-LONG" },
	{ "a long TTL without",        "10 " M " open", long_ttl, "" },
	{ "MX records of two TTLs",    "10 " M " open", two_ttls, "FMX-TTL-DIFFERS" },
	{ "name servers agree",        "10 " M " open", ns_agree, "" },
	{ "another serial",            "10 " M " open", ns_serial, "FMX-NS-SERIAL" },
	{ "another MX",                "10 " M " open", ns_mx, "FMX-NS-DISAGREE" },
	{ "a lame name server",        "10 " M " open", ns_lame, "FMX-NS-LAME" },
	{ "a silent name server",      "10 " M " open", ns_silent, "FMX-NS-LAME" },
	{ "SPF names the decoy",       "10 " M " open; 20 " F1 " closed", spf, "FMX-SPF-DECOY" },
	{ "SPF without decoy",         "10 " M " open", spf, "" },
	{ "SPF of eleven addresses",
	  "10 " M " open,open,open,open,open,open,open,open,open,open,open", spf, "FMX-SPF-LIMIT" },
	{ "SPF of ten and an IPv6",
	  "10 " M " open,open,open,open,open,open,open,open,open,open,open/6", spf, "" },
	{ "MTA-STS spares the decoy",  "10 " M " open; 20 " F1 " closed", sts_enforce, "FMX-STS-DECOY" },
	{ "MTA-STS in testing",        "10 " M " open; 20 " F1 " closed", sts_testing, "FMX-STS-DECOY" },
	{ "MTA-STS lists the decoy",   "10 " M " open; 20 " F1 " closed", sts_wild, "FMX-STS-LISTS-DECOY" },
	{ "MTA-STS forgot the real",   "10 " M " open", sts_other, "FMX-STS-REAL" },
	{ "MTA-STS that is broken",    "10 " M " open", sts_broken, "FMX-STS-BROKEN" },
	{ "MTA-STS without STARTTLS",  "10 " M " open", sts_no_tls, "FMX-TLS-MISSING" },
	{ "MTA-STS that is well",      "10 " M " open", sts_enforce, "" },
	{ "DANE without the decoy's",  "10 " M " open; 20 " F1 " closed", dane, "FMX-DANE-DECOY" },
	{ "DANE with it",              "10 " M " open; 20 " F1 " closed", dane_whole, "" },
	{ "a decoy nobody signs",      "10 " M " open; 20 " F1 " closed", dane_unsigned, "" },
	{ "Google behind a decoy",     "1 aspmx.l.google.com open; 9 " F1 " closed", NULL, "FMX-HOSTED" },
	{ "Fastmail in front of one",  "10 in1-smtp.messagingengine.com open; 20 " F1 " closed", NULL, "FMX-HOSTED" },
	{ "a filter in front",         "10 eu-smtp-inbound-1.mimecast.com open; 20 " F1 " closed", NULL, "FMX-HOSTED" },
	{ "a machine rented at Amazon", "10 ec2-1.compute.amazonaws.com open; 20 " F1 " closed", NULL, "" },
	{ "Amazon's own service",      "10 inbound-smtp.eu-west-1.amazonaws.com open; 20 " F1 " closed", NULL, "FMX-HOSTED" },
	{ "Google alone",              "1 aspmx.l.google.com open", NULL, "" },
	{ "a panel with a decoy",      "10 " M " open; 20 " F1 " closed", panel, "FMX-PANEL" },
	{ "a host that the site does not name", "10 " M " open; 20 " B " open", in_site, "FMX-HOST-UNNAMED" },
	{ "the same behind the decoy's back", "10 " M " open; 20 !" F1 " closed; 30 " B " open", in_site,
	  "FMX-DECOY-BETWEEN FMX-HOST-UNNAMED" },
	{ "one of which nobody knows an address", "10 " M " ?; 20 " B " ?; 30 !" F1 " ?", in_site, "FMX-HOST-UNNAMED" },
	{ "a backup that is down, and unnamed", "10 " M " open; 20 " B " closed", in_site, "FMX-HOST-UNNAMED" },
	{ "all hosts named",           "10 " M " open; 20 " F1 " closed", in_site, "" },
	{ "named in other letters",    "10 MAIL.example.com open,open", in_site, "" },
	{ "another name of a named machine", "10 mx.example.com open; 20 !" F1 " closed", in_site, "" },
	{ "another name, one machine more", "10 mx.example.com open,open", in_site, "FMX-HOST-UNNAMED" },
	{ "a decoy of the command line", "10 " M " open; 20 !" F0 " closed", in_site, "" },
	{ "a name without address takes no mail", "10 " M " open; 20 " B " -", in_site, "FMX-MX-MISSING" },
	{ "a panel alone",             "10 " M " open", panel, "" },
};
/* clang-format on */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words of text, sorted, for comparing regardless of order. */
static void sort_words(const char *text, char to[1024])
{
	char copy[1024], *rest = copy, *word, *words[64];
	size_t n = 0;
	(void)snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, " ")))
		if (*word)
			words[n++] = word;
	qsort(words, n, sizeof(*words), by_text);
	size_t len = 0;
	to[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(to + len, 1024 - len, "%s ", words[i]);
}

static bool is_covered[FINDING_COUNT];

static void ids_of(const struct findings *f, char to[1024])
{
	size_t len = 0;
	to[0] = '\0';
	for (size_t i = 0; i < f->count; i++) {
		len +=
		    (size_t)snprintf(to + len, 1024 - len, "%s ", f->items[i].kind->id);
		for (unsigned k = 0; k < FINDING_COUNT; k++)
			if (f->items[i].kind == finding_kind((enum finding_id)k))
				is_covered[k] = true;
	}
}

static void each_domain_has_exactly_its_findings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen s;
		struct findings f;
		char got[1024], got_sorted[1024], want[1024];
		build(&s, cases[i].hosts);
		if (cases[i].change)
			cases[i].change(&s);
		seen_settle(&s);
		findings_of(&s, &f);
		ids_of(&f, got);
		sort_words(got, got_sorted);
		sort_words(cases[i].want, want);
		if (strcmp(got_sorted, want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].story, got_sorted, want);
		for (size_t j = 0; j < f.count; j++)
			if (strpbrk(f.items[j].text, "{}") ||
			    strpbrk(f.items[j].fix, "{}"))
				fail_msg("%s: '%s' '%s'", cases[i].story, f.items[j].text,
					 f.items[j].fix);
		findings_release(&f);
		seen_release(&s);
	}
	for (unsigned k = 0; k < FINDING_PLAN_REFUSED; k++)
		if (!is_covered[k])
			fail_msg("no row gives %s", finding_kind((enum finding_id)k)->id);
}

static void the_table_is_whole_and_its_ids_are_unique(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FINDING_COUNT; i++) {
		const struct finding_kind *k = finding_kind((enum finding_id)i);
		assert_true(strncmp(k->id, "FMX-", 4) == 0);
		assert_true(k->text && k->fix && k->why && k->source);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(k->id,
						finding_kind((enum finding_id)j)->id);
	}
}

static void errors_come_first(void **state)
{
	(void)state;
	struct seen s;
	struct findings f;
	build(&s, "10 " F0 " dead; 20 " M " open; 30 " F1 " dead");
	seen_settle(&s);
	findings_of(&s, &f);
	assert_int_equal(f.count, 4);
	assert_int_equal(f.items[0].severity, SEVERITY_ERROR);
	assert_int_equal(f.items[1].severity, SEVERITY_WARNING);
	assert_int_equal(f.items[3].severity, SEVERITY_INFO);
	assert_int_equal(findings_worst(&f), SEVERITY_ERROR);
	findings_release(&f);
	seen_release(&s);
}

static void spf_is_rewritten_with_the_real_hosts(void **state)
{
	(void)state;
	struct seen s;
	struct findings f;
	build(&s, "10 " M " open; 20 " B " open; 30 " F1 " closed");
	spf(&s);
	seen_settle(&s);
	findings_of(&s, &f);
	assert_non_null(
	    strstr(f.items[0].fix,
		   "v=spf1 a:backup.example.com a:mail.example.com ip4:5.0.0.9 -all") ||
		    strstr(f.items[0].fix,
			   "v=spf1 a:mail.example.com a:backup.example.com "
			   "ip4:5.0.0.9 -all")
		? f.items[0].fix
		: NULL);
	findings_release(&f);
	seen_release(&s);
}

static void in_the_lab_a_bogus_address_is_a_warning(void **state)
{
	(void)state;
	struct seen s;
	struct findings f;
	build(&s, "10 " M " open; 20 " F1 " closed");
	private(&s);
	s.lab = true;
	seen_settle(&s);
	findings_of(&s, &f);
	assert_int_equal(findings_worst(&f), SEVERITY_WARNING);
	findings_release(&f);
	seen_release(&s);
}

static void layouts_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *hosts;
		enum layout want;
	} rows[] = {
		{ "10 " M " open; 20 " B " open", LAYOUT_NONE },
		{ "10 " M " open; 20 " F1 " closed", LAYOUT_HIGH },
		{ "10 " F0 " closed; 20 " M " open", LAYOUT_LOW },
		{ "0 " F0 " closed; 10 " M " open; 20 " F1 " dead", LAYOUT_BOTH },
		{ "10 " M " closed; 20 " B " closed", LAYOUT_NONE },
		{ "10 " M " open; 20 " B " dead; 20 " F1 " dead", LAYOUT_NONE },
		{ "10 " M " open; 20 " F1 " closed,open", LAYOUT_NONE },
		{ "10 " M " open; 20 " F1 " open", LAYOUT_HIGH },
		{ "10 " M " closed; 20 " B " open", LAYOUT_NONE },
		{ "10 " M " open; 20 " B " closed", LAYOUT_HIGH },
		{ "10 " M " ?; 20 " F1 " closed", LAYOUT_NONE },
		{ "10 " M " ?; 20 !" F1 " ?", LAYOUT_HIGH },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen s;
		build(&s, rows[i].hosts);
		seen_settle(&s);
		if (s.layout != rows[i].want)
			fail_msg("%s: got %s", rows[i].hosts, layout_name(s.layout));
		seen_release(&s);
	}
}

static void a_policy_star_stands_for_one_label(void **state)
{
	(void)state;
	struct seen s;
	seen_init(&s, "example.com");
	seen_add_pattern(&s, "*.example.com");
	seen_add_pattern(&s, "mx.example.net");
	assert_true(seen_sts_lists(&s, "a.example.com"));
	assert_true(seen_sts_lists(&s, "MX.example.net"));
	assert_false(seen_sts_lists(&s, "a.b.example.com"));
	assert_false(seen_sts_lists(&s, "example.com"));
	seen_release(&s);
}

static void what_is_beyond_the_limits_is_counted(void **state)
{
	(void)state;
	struct seen s;
	struct findings f;
	seen_init(&s, "example.com");
	s.mx = MX_PRESENT;
	for (unsigned i = 0; i < SEEN_HOSTS_MAX + 5; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "m%u.example.com", i);
		struct seen_host *h = seen_add_host(&s, 10, name);
		assert_int_equal(h != NULL, i < SEEN_HOSTS_MAX);
		for (unsigned j = 0; h && j < SEEN_ADDRESSES_MAX + 1; j++) {
			struct addr a = { { 0x2a,
					    0, [14] = (uint8_t)i, [15] = (uint8_t)j } };
			(void)seen_add_address(h, a);
		}
	}
	assert_int_equal(s.left_out, 5);
	seen_settle(&s);
	findings_of(&s, &f);
	assert_int_equal(f.count, 1);
	assert_non_null(strstr(f.items[0].text, "55 left out"));
	findings_release(&f);
	seen_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_domain_has_exactly_its_findings),
		cmocka_unit_test(the_table_is_whole_and_its_ids_are_unique),
		cmocka_unit_test(errors_come_first),
		cmocka_unit_test(spf_is_rewritten_with_the_real_hosts),
		cmocka_unit_test(in_the_lab_a_bogus_address_is_a_warning),
		cmocka_unit_test(layouts_are_told_apart),
		cmocka_unit_test(a_policy_star_stands_for_one_label),
		cmocka_unit_test(what_is_beyond_the_limits_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
