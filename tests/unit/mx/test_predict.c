#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mx/predict.h"

/* A layout as people write it: "0=closed 10=open,open/6". */
struct layout_text {
	struct predict_host hosts[32];
	struct predict_address addresses[PREDICT_ADDRESSES_MAX];
	size_t hosts_len, addresses_len;
};

static void read_host(struct layout_text *l, const char *text, size_t len)
{
	char *states;
	unsigned long preference = strtoul(text, &states, 10);
	struct predict_host *h = &l->hosts[l->hosts_len++];

	*h = (struct predict_host){ .preference = (uint16_t)preference,
				    .addresses = &l->addresses[l->addresses_len] };
	for (const char *p = states + 1; p < text + len;) {
		size_t n = strcspn(p, ",/ ");
		struct predict_address *a = &l->addresses[l->addresses_len++];
		if (!state_parse_n(p, n, &a->state))
			fail_msg("%s: no such state", p);
		h->addresses_len++;
		p += n;
		a->is_v6 = *p == '/';
		p += a->is_v6 ? 3 : 1;
	}
}

static void read_layout(struct layout_text *l, const char *text)
{
	memset(l, 0, sizeof(*l));
	while (*text) {
		size_t n = strcspn(text, " ");
		read_host(l, text, n);
		text += n + (text[n] == ' ');
	}
}

static void predict_text(struct prediction *r, const char *sender, const char *layout)
{
	static struct layout_text l;
	const struct profile *p = profile_find(sender);
	if (!p)
		fail_msg("no profile %s", sender);
	read_layout(&l, layout);
	predict(r, p, l.hosts, l.hosts_len);
}

/*
 * facts/senders.md. Columns as there, npm sendmail (no profile) left out; rows
 * tarpit and tarpit451 too, which are no states. n: seconds of T1's median,
 * "never", "bounced", "later" (ok after up), "?" (the observation ended first).
 */
static const char *const columns[] = { "postfix",  "exim",    "opensmtpd",
				       "sendmail", "courier", "dma",
				       "chasquid", "haraka",  "nodemailer-direct" };
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

struct senders_row {
	const char *decoy;
	const char *want[COLUMNS];
};

/* clang-format off */
static const struct senders_row low_decoy_real_up[] = { /* table 1: %s 10=open 20=open */
	{ "",                { "0", "0", "0", "0", "0", "0", "0", "0", "0" } },
	{ "0=closed",        { "0", "0", "1.86", "0", "0", "0", "0", "0", "0" } },
	{ "0=reset",         { "0", "0", "2.34", "0", "0", "0", "0", "0", "0" } },
	{ "0=banner-close",  { "0", "0", "2.08", "0", "0", "never", "0", "0", "never" } },
	{ "0=busy",          { "0", "0", "1.92", "0", "never", "0", "0", "never", "0" } },
	{ "0=defer-helo",    { "0", "0", "2.2", "0", "never", "bounced", "0", "never", "0" } },
	{ "0=defer-mail",    { "0", "0", "never", "0", "never", "0", "0", "never", "never" } },
	{ "0=defer-rcpt",    { "0", "0", "never", "0", "never", "0", "0", "never", "never" } },
	{ "0=reject",        { "0", "0", "2.37", "0", "bounced", "bounced", "0", "bounced", "0" } },
	{ "0=dead",          { "30", "135", "135", "120", "60", "134", "60", "30", "121" } },
	{ "0=silent",        { "300", "301", "300", "300", "300", "?", "?", "30", "30" } },
};
static const struct senders_row low_decoy_real_down[] = { /* table 3a: %s 10=closed 20=closed */
	{ "",                { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "0=closed",        { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "0=reset",         { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "0=banner-close",  { "later", "later", "later", "later", "later", "never", "later", "later", "never" } },
	{ "0=busy",          { "later", "later", "later", "later", "never", "later", "later", "never", "later" } },
	{ "0=defer-helo",    { "later", "later", "later", "later", "never", "bounced", "later", "never", "later" } },
	{ "0=defer-mail",    { "later", "later", "never", "later", "never", "later", "later", "never", "never" } },
	{ "0=defer-rcpt",    { "later", "later", "never", "later", "never", "later", "later", "never", "never" } },
	{ "0=reject",        { "later", "later", "later", "later", "bounced", "bounced", "later", "bounced", "later" } },
	{ "0=dead",          { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "0=silent",        { "?", "?", "later", "?", "later", "?", "?", "later", "later" } },
};
static const struct senders_row high_decoy_real_down[] = { /* table 3b: 10=closed 20=closed %s */
	{ "30=closed",       { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "30=reset",        { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "30=banner-close", { "later", "later", "later", "later", "later", "later", "later", "later", "never" } },
	{ "30=busy",         { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "30=defer-helo",   { "later", "later", "later", "later", "later", "bounced", "later", "later", "later" } },
	{ "30=defer-mail",   { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "30=defer-rcpt",   { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "30=reject",       { "later", "bounced", "later", "bounced", "bounced", "bounced", "later", "bounced", "bounced" } },
	{ "30=dead",         { "later", "later", "later", "?", "later", "later", "later", "later", "later" } },
	{ "30=silent",       { "?", "?", "later", "?", "?", "later", "later", "later", "later" } },
};
static const struct senders_row both_decoys_real_down[] = { /* table 3c: 0=%s 10=closed 20=closed 30=%s */
	{ "closed",       { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "reset",        { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "banner-close", { "later", "later", "later", "later", "later", "never", "later", "later", "never" } },
	{ "busy",         { "later", "later", "later", "later", "never", "later", "later", "never", "later" } },
	{ "defer-helo",   { "later", "later", "later", "later", "never", "bounced", "later", "never", "later" } },
	{ "defer-mail",   { "later", "later", "never", "later", "never", "later", "later", "never", "never" } },
	{ "defer-rcpt",   { "later", "later", "never", "later", "never", "later", "later", "never", "never" } },
	{ "reject",       { "later", "bounced", "later", "bounced", "bounced", "bounced", "later", "bounced", "bounced" } },
	{ "dead",         { "later", "later", "later", "later", "later", "later", "later", "later", "later" } },
	{ "silent",       { "?", "?", "later", "?", "?", "?", "?", "later", "later" } },
};
/* clang-format on */

static bool is_near(double got, double want)
{
	return fabs(got - want) <= 3 || (got <= 2 * want && want <= 2 * got);
}

static void check_cell(const char *sender, const char *layout, const char *want)
{
	struct prediction r;
	predict_text(&r, sender, layout);
	const char *got = predict_outcome_name(r.outcome);
	double seconds = strtod(want, NULL);
	bool is_right;

	if (strcmp(want, "?") == 0) /* too slow to be seen, neither lost nor returned */
		is_right = r.outcome != PREDICT_BOUNCED &&
			   (r.outcome != PREDICT_DELIVERED || r.delay_seconds > 300);
	else if (strcmp(want, "later") == 0)
		is_right = r.outcome == PREDICT_DELAYED && r.delay_seconds < 0;
	else if (strcmp(want, "never") == 0 || strcmp(want, "bounced") == 0)
		is_right = strcmp(got, want) == 0 && r.delay_seconds < 0 && r.note[0];
	else
		is_right =
		    r.outcome == PREDICT_DELIVERED && is_near(r.delay_seconds, seconds);
	if (!is_right)
		fail_msg("%s, %s: got %s %.2f (%s), want %s", sender, layout, got,
			 r.delay_seconds, r.note, want);
}

static void check_table(const struct senders_row *rows, size_t len, const char *before,
			const char *between, const char *after, bool twice)
{
	for (size_t i = 0; i < len; i++)
		for (size_t c = 0; c < COLUMNS; c++) {
			char layout[128];
			(void)snprintf(layout, sizeof(layout), "%s%s%s%s%s", before,
				       rows[i].decoy, between, twice ? rows[i].decoy : "",
				       after);
			check_cell(columns[c], layout + (layout[0] == ' '),
				   rows[i].want[c]);
		}
}

#define ROWS(table) table, sizeof(table) / sizeof((table)[0])

static void a_low_decoy_costs_what_was_measured(void **state)
{
	(void)state;
	check_table(ROWS(low_decoy_real_up), "", " 10=open 20=open", "", false);
}

static void a_high_decoy_is_never_touched_while_a_real_host_is_up(void **state)
{
	(void)state;
	for (size_t c = 0; c < COLUMNS; c++)
		for (unsigned s = STATE_CLOSED; s < STATE_COUNT; s++) {
			char layout[64];
			struct prediction r;
			(void)snprintf(layout, sizeof(layout), "10=open 20=open 30=%s",
				       state_name((enum state)s));
			check_cell(columns[c], layout, "0");
			predict_text(&r, columns[c], layout);
			assert_int_equal(r.tried_len,
					 1); /* table 2: no SYN at the decoy */
		}
}

static void mail_waits_while_the_real_hosts_are_down(void **state)
{
	(void)state;
	check_table(ROWS(low_decoy_real_down), "", " 10=closed 20=closed", "", false);
	check_table(ROWS(high_decoy_real_down), "10=closed 20=closed ", "", "", false);
	check_table(ROWS(both_decoys_real_down), "0=", " 10=closed 20=closed 30=", "",
		    true);
}

/*
 * Layouts that senders.md does not have. tried: preferences in order.
 * "measured" rows were run on the real program.
 */
/* clang-format off */
static const struct {
	const char *story, *sender, *layout, *want, *tried;
} cases[] = {
	/* limits */
	{ "measured: five addresses and no more", "postfix",
	  "0=closed 1=closed 2=closed 3=closed 4=closed 10=open", "never", "0 1 2 3 4" },
	{ "measured: addresses count, not hosts", "postfix",
	  "0=closed,closed,closed,closed,closed,closed 10=open", "never", "0 0 0 0 0" },
	{ "four low decoys leave one try", "postfix",
	  "0=closed 1=closed 2=closed 3=closed 10=open", "0", "0 1 2 3 10" },
	{ "measured: families are balanced within the limit", "postfix",
	  "0=closed,closed,closed,closed/6,closed/6,closed/6 10=open", "never", "0 0 0 0 0" },
	{ "one IPv4 host after five IPv6 decoys is kept", "postfix",
	  "0=closed/6,closed/6,closed/6,closed/6,closed/6 10=open", "0", "0 0 0 0 10" },
	{ "measured: two sessions and no more", "postfix",
	  "10=defer-rcpt 20=defer-rcpt 30=open", "never", "10 20" },
	{ "a greeting of 421 is no session", "postfix",
	  "10=busy 11=busy 12=busy 20=open", "0", "10 11 12 20" },
	{ "a 4xx to EHLO is no session", "postfix",
	  "10=defer-helo 11=defer-helo 12=defer-helo 20=open", "0", "10 11 12 20" },
	{ "measured: one of each preference past five", "exim",
	  "0=closed 1=closed 2=closed 3=closed 4=closed 5=closed 6=closed 7=closed 8=closed 10=open",
	  "0", "0 1 2 3 4 5 6 7 8 10" },
	{ "measured: the sixth address of a host is skipped", "exim",
	  "0=closed,closed,closed,closed,closed,closed 10=open", "0", "0 0 0 0 0 10" },
	{ "after five, only the first address of the next preference", "exim",
	  "0=closed,closed,closed,closed,closed 10=closed,open 20=closed", "later", "0 0 0 0 0 10 20" },
	{ "a shuffle may put the open one first another time", "postfix",
	  "10=closed,closed,closed,closed,closed,open", "later", "10 10 10 10 10" },
	{ "measured: five MX names", "chasquid",
	  "0=closed 1=closed 2=closed 3=closed 4=closed 10=open", "never", "0 1 2 3 4" },
	{ "names count, not addresses", "chasquid",
	  "0=closed,closed,closed,closed,closed,closed 10=open", "0", "0 0 0 0 0 0 10" },
	{ "no limit", "sendmail",
	  "0=closed 1=closed 2=closed 3=closed 4=closed 5=closed 6=closed 10=open", "0",
	  "0 1 2 3 4 5 6 10" },
	{ "no limit", "qmail",
	  "0=closed 1=closed 2=closed 3=closed 4=closed 5=closed 6=closed 10=open", "0",
	  "0 1 2 3 4 5 6 10" },

	/* OpenSMTPD's routes */
	{ "measured: two seconds for each", "opensmtpd", "10=busy 11=busy 12=busy 13=busy 20=open",
	  "8", "10 11 12 13 20" },
	{ "measured: eight is all it can pass", "opensmtpd",
	  "0=closed 1=closed 2=closed 3=closed 4=closed 5=closed 6=closed 7=closed 8=closed 10=open",
	  "never", "0 1 2 3 4 5 6 7" },
	{ "seven it passes", "opensmtpd",
	  "0=closed 1=closed 2=closed 3=closed 4=closed 5=closed 6=closed 10=open", "14",
	  "0 1 2 3 4 5 6 10" },
	{ "measured: past two that drop by chance", "opensmtpd", "0=dead 5=dead 10=open", "735",
	  "0 5 10" },
	{ "measured: never past two that are silent", "opensmtpd", "0=silent 5=silent 10=open", "never",
	  "0 5" },
	{ "measured: one drops, one is silent", "opensmtpd", "0=dead 5=silent 10=open", "435", "0 5 10" },
	{ "measured: equal preferences side by side", "opensmtpd", "10=dead 10=open", "2", "10 10" },
	{ "measured: families side by side", "opensmtpd", "10=dead/6,open", "2", "10 10" },
	{ "measured: IPv6 goes first", "opensmtpd", "10=dead,open/6", "0", "10" },
	{ "measured: three at once", "opensmtpd", "10=dead,dead,dead,open", "135", "10 10 10 10" },
	{ "measured: beside a silent one", "opensmtpd", "10=silent,open", "2", "10 10" },
	{ "measured: one refuses, one drops", "opensmtpd", "0=closed 5=dead 10=open", "138", "0 5 10" },

	/* several addresses */
	{ "measured: dead ones add up", "postfix", "0=dead 5=dead 10=open", "60", "0 5 10" },
	{ "measured: dead ones add up", "exim", "0=dead 5=dead 10=open", "270", "0 5 10" },
	{ "measured: dead ones add up", "sendmail", "0=dead 5=dead 10=open", "240", "0 5 10" },
	{ "measured: the name's other address", "sendmail", "0=closed,open 10=open", "0", "0 0" },
	{ "measured: not once connected", "sendmail", "0=reset,open 10=open", "0", "0 10" },
	{ "measured: a host that resets is over", "sendmail", "10=silent,open", "never", "10" },
	{ "worst order of equal preferences", "exim", "10=dead,dead,dead,open", "405", "10 10 10 10" },
	{ "IPv6 first", "exim", "10=dead,open/6", "0", "10" },
	{ "IPv6 first", "sendmail", "10=dead,open/6", "0", "10" },
	{ "measured: IPv6 first", "courier", "10=dead/6,open", "60", "10 10" },
	{ "measured: IPv6 first", "courier", "10=dead,open/6", "0", "10" },
	{ "measured: dead ones add up", "courier", "0=dead,dead 10=open", "120", "0 0 10" },
	{ "measured: IPv6 first", "haraka", "10=dead/6,open", "30", "10 10" },
	{ "measured: no limit", "haraka", "0=closed 1=closed 2=closed 3=closed 4=closed 10=open", "0",
	  "0 1 2 3 4 10" },
	{ "no IPv6 at all", "qmail", "0=reset/6 10=open", "0", "10" },
	{ "no IPv6 at all", "qmail", "10=open/6", "bounced", "" },
	{ "measured: the families race", "chasquid", "10=dead/6,open", "0.3", "10 10" },
	{ "measured: a minute for a name, shared", "chasquid", "0=dead,dead 10=open", "60", "0 0 10" },
	{ "measured: 250 ms for each but the last", "nodemailer-direct", "10=dead/6,open", "0.25", "10 10" },
	{ "measured: IPv6 first within a preference", "dma",
	  "0=closed,closed/6,closed 10=open,reset/6", "0", "0 0 0 10 10" },
	{ "connected once, it stays", "qmail", "0=reset 10=open", "never", "0" },

	/* a real host down, and who answers then */
	{ "measured: 5xx at the last one", "exim", "0=closed 10=reject", "bounced", "0 10" },
	{ "measured: 5xx, but not at the last one", "exim", "0=reject 10=closed", "later", "0 10" },
	{ "measured: 5xx at the last one", "sendmail", "0=closed 10=reject", "bounced", "0 10" },
	{ "measured: 5xx, but not at the last one", "sendmail", "0=reject 10=closed", "later", "0 10" },
	{ "measured: 5xx means later", "postfix", "10=reject 20=reject", "later", "10 20" },
	{ "the sixth would not be reached", "postfix",
	  "0=closed 1=closed 2=closed 3=closed 4=closed 10=closed", "never", "0 1 2 3 4" },
	{ "measured: a host that is half down, and resets first", "sendmail",
	  "0=reject 10=reset/6,unreachable 20=busy", "never", "0 10 20" },
	{ "measured: the order that makes it never", "sendmail",
	  "5=defer-helo 15=banner-close,closed 25=defer-rcpt/6", "never", "5 15 25" },
	{ "measured: 5xx at the last one, after a deferred recipient", "sendmail",
	  "5=defer-rcpt 15=defer-helo 45=reject/6", "later", "5 15 45" },
	{ "measured: 5xx at the last one, after a deferred sender", "sendmail",
	  "0=defer-mail/6 10=reject", "bounced", "0 10" },
	{ "measured: 5xx at the last one, after a deferred recipient", "exim",
	  "5=defer-rcpt 15=defer-helo 45=reject/6", "bounced", "5 15 45" },
	{ "greylisting ends by itself", "courier", "10=defer-rcpt", "later", "10" },
	{ "greylisting behind a low decoy, a high one after it", "opensmtpd",
	  "0=closed 10=defer-rcpt 30=closed", "later", "0 10" },
	{ "all defer", "courier", "10=defer-rcpt 30=busy", "later", "10" },
	{ "the order is drawn anew", "courier", "10=defer-rcpt 10=open", "later", "10" },

	/* bots */
	{ "takes the first, once", "first-only", "0=closed 10=open", "never", "0" },
	{ "takes the last, once", "last-only", "10=open 30=defer-rcpt", "never", "30" },
	{ "may draw the open one", "random", "0=closed 10=open", "0", "10" },
	{ "one of all takes it", "shotgun", "0=closed 10=open 30=defer-rcpt", "0", "0 10 30" },
	{ "walks like a mail server", "retrying", "0=closed 10=open", "0", "0 10" },
};
/* clang-format on */

static void tried_text(char *text, size_t size, const struct prediction *r,
		       const char *layout)
{
	struct layout_text l;
	size_t n = 0;
	read_layout(&l, layout);
	text[0] = '\0';
	for (size_t i = 0; i < r->tried_len; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%u", i ? " " : "",
				      l.hosts[r->tried[i].host].preference);
}

static void other_layouts_follow_from_the_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prediction r;
		char tried[512];
		check_cell(cases[i].sender, cases[i].layout, cases[i].want);
		predict_text(&r, cases[i].sender, cases[i].layout);
		tried_text(tried, sizeof(tried), &r, cases[i].layout);
		if (strcmp(tried, cases[i].tried) != 0)
			fail_msg("%s (%s, %s): tried %s, want %s", cases[i].story,
				 cases[i].sender, cases[i].layout, tried, cases[i].tried);
	}
}

static void the_sentence_explains_a_bad_outcome(void **state)
{
	(void)state;
	static const struct {
		const char *sender, *layout, *want;
	} rows[] = {
		{ "postfix", "0=closed 1=closed 2=closed 3=closed 4=closed 10=open",
		  "Postfix tries 5 addresses; the first that takes mail is the 6th" },
		{ "chasquid",
		  "0=closed,closed 1=closed 2=closed 3=closed 4=closed 10=open",
		  "chasquid tries 5 MX names; the first that takes mail is the 6th" },
		{ "courier", "0=busy 10=open",
		  "Courier does not go on after a host that greets with 4xx (preference "
		  "0), and "
		  "each retry ends there again" },
		{ "haraka", "0=reject 10=open",
		  "Haraka returns the message at a host that greets with 5xx (preference "
		  "0)" },
		{ "exim", "0=dead 10=open",
		  "Exim waits 135 s for a host that drops connections; later messages "
		  "pass it "
		  "over for "
		  "a while" },
		{ "postfix", "0=closed 10=open", "" },
		{ "postfix", "10=closed",
		  "no host takes mail now; it is kept and tried again" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct prediction r;
		predict_text(&r, rows[i].sender, rows[i].layout);
		if (strcmp(r.note, rows[i].want) != 0)
			fail_msg("%s, %s: got \"%s\", want \"%s\"", rows[i].sender,
				 rows[i].layout, r.note, rows[i].want);
	}
}

static void hosts_outside_the_sts_policy_are_passed_over(void **state)
{
	(void)state;
	struct layout_text l;
	struct prediction r;
	read_layout(&l, "0=silent 10=open");
	l.hosts[0].is_outside_sts = true;

	predict(&r, profile_find("chasquid"), l.hosts, l.hosts_len);
	assert_int_equal(r.tried_len, 1);
	assert_int_equal(r.tried[0].host, 1);
	predict(&r, profile_find("postfix"), l.hosts, l.hosts_len);
	assert_int_equal(r.tried_len, 2);
}

/* xorshift: the same layouts in each run */
static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}

static void draw_layout(struct layout_text *l, uint32_t *seed, bool with_v6)
{
	memset(l, 0, sizeof(*l));
	l->hosts_len = 1 + draw(seed, 5);
	for (size_t h = 0; h < l->hosts_len; h++) {
		l->hosts[h] =
		    (struct predict_host){ .preference = (uint16_t)(10 * draw(seed, 5)),
					   .addresses = l->addresses + l->addresses_len,
					   .addresses_len = 1 + draw(seed, 3) };
		for (size_t a = 0; a < l->hosts[h].addresses_len; a++)
			l->addresses[l->addresses_len++] = (struct predict_address){
				.state = (enum state)draw(seed, STATE_COUNT),
				.is_v6 = with_v6 && draw(seed, 3) == 0,
			};
	}
}

static enum state tried_state(const struct layout_text *l, struct predict_tried t)
{
	return l->hosts[t.host].addresses[t.address].state;
}

static void check_prediction(const struct layout_text *l, const struct profile *p,
			     const struct prediction *r)
{
	bool is_delivered = r->outcome == PREDICT_DELIVERED;
	assert_true(is_delivered == (r->delay_seconds >= 0));
	if (!p->is_bot && (r->outcome == PREDICT_NEVER || r->outcome == PREDICT_BOUNCED))
		assert_true(strlen(r->note) > 10);
	for (size_t i = 0; i < r->tried_len; i++) {
		bool is_last = i + 1 == r->tried_len;
		if (p->pick != PICK_ALL)
			assert_true((tried_state(l, r->tried[i]) == STATE_OPEN) ==
				    (is_last && is_delivered));
		for (size_t k = 0; k < i; k++)
			assert_false(r->tried[i].host == r->tried[k].host &&
				     r->tried[i].address == r->tried[k].address);
	}
}

static void a_prediction_fits_its_walk(void **state)
{
	(void)state;
	static struct layout_text l;
	uint32_t seed = 20261123;
	for (unsigned n = 0; n < 400; n++) {
		draw_layout(&l, &seed, true);
		for (size_t i = 0; i < PROFILE_COUNT; i++) {
			struct prediction r;
			predict(&r, &profile_table[i], l.hosts, l.hosts_len);
			check_prediction(&l, &profile_table[i], &r);
		}
	}
}

/* What makes the high layout the default: whatever stands behind a host that
 * takes the message is never asked. */
static void a_high_decoy_never_harms_what_is_delivered(void **state)
{
	(void)state;
	static struct layout_text l;
	uint32_t seed = 7;
	for (unsigned n = 0; n < 400; n++) {
		draw_layout(&l, &seed, false);
		struct predict_address *decoy = &l.addresses[l.addresses_len];
		decoy->state = (enum state)draw(&seed, STATE_COUNT);
		l.hosts[l.hosts_len] = (struct predict_host){ .preference = 90,
							      .addresses = decoy,
							      .addresses_len = 1 };
		for (size_t i = 0; i < PROFILE_SENDERS; i++) {
			struct prediction without, with;
			predict(&without, &profile_table[i], l.hosts, l.hosts_len);
			predict(&with, &profile_table[i], l.hosts, l.hosts_len + 1);
			if (without.outcome != PREDICT_DELIVERED)
				continue;
			assert_int_equal(with.outcome, PREDICT_DELIVERED);
			assert_true(with.delay_seconds == without.delay_seconds);
			assert_int_equal(with.tried_len, without.tried_len);
		}
	}
}

/* The arguments may come in any order, and each profile must cope with as many
 * addresses as there may be. */
static void any_order_of_arguments_is_one_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		struct prediction a, b;
		predict_text(&a, profile_table[i].name,
			     "0=dead 10=busy,open/6 20=open 30=reject");
		predict_text(&b, profile_table[i].name,
			     "20=open 0=dead 30=reject 10=busy,open/6");
		assert_int_equal(a.outcome, b.outcome);
		assert_true(a.delay_seconds == b.delay_seconds);
		assert_int_equal(a.tried_len, b.tried_len);
		assert_string_equal(a.note, b.note);
	}
}

static void the_most_addresses_are_walked_in_time(void **state)
{
	(void)state;
	static struct predict_address addresses[PREDICT_ADDRESSES_MAX];
	struct predict_host hosts[8];
	for (size_t i = 0; i < PREDICT_ADDRESSES_MAX; i++)
		addresses[i] =
		    (struct predict_address){ .state = (enum state)(i % STATE_COUNT),
					      .is_v6 = i % 3 == 0 };
	for (size_t h = 0; h < 8; h++)
		hosts[h] = (struct predict_host){ .preference = (uint16_t)(h / 2),
						  .addresses = addresses + 16 * h,
						  .addresses_len = 16 };
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		struct prediction r;
		predict(&r, &profile_table[i], hosts, 8);
		assert_true(r.tried_len >= 1);
	}
}

static void each_profile_has_a_rule_for_each_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		const struct profile *p = &profile_table[i];
		assert_true(p->is_bot == (i >= PROFILE_SENDERS));
		assert_ptr_equal(profile_find(p->name), p);
		for (unsigned s = 0; s < STATE_COUNT; s++)
			assert_true((p->rules[s].reaction == REACTION_DELIVER) ==
				    (s == STATE_OPEN));
	}
	assert_null(profile_find("nobody"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_low_decoy_costs_what_was_measured),
		cmocka_unit_test(a_high_decoy_is_never_touched_while_a_real_host_is_up),
		cmocka_unit_test(mail_waits_while_the_real_hosts_are_down),
		cmocka_unit_test(other_layouts_follow_from_the_rules),
		cmocka_unit_test(the_sentence_explains_a_bad_outcome),
		cmocka_unit_test(hosts_outside_the_sts_policy_are_passed_over),
		cmocka_unit_test(a_prediction_fits_its_walk),
		cmocka_unit_test(a_high_decoy_never_harms_what_is_delivered),
		cmocka_unit_test(any_order_of_arguments_is_one_layout),
		cmocka_unit_test(the_most_addresses_are_walked_in_time),
		cmocka_unit_test(each_profile_has_a_rule_for_each_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
