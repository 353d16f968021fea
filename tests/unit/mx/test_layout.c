#include "mx/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "judge/visit.h"

/*
 * A site is written as words: ROLE/NAME/PREFERENCE/POSTURE/ADDRESS[,ADDRESS]; a real host
 * has its watch for posture. Names and addresses are what the row is about; the rest is
 * as ever.
 */
static void add_address(struct host *h, char *text)
{
	struct endpoint *at = &h->addresses[h->address_count++];
	char *port = strchr(text, '@');
	at->port = port ? (uint16_t)strtoul(port + 1, NULL, 10) : SMTP_PORT;
	if (port)
		*port = '\0';
	assert_true(addr_parse(text, &at->addr));
}

static void add_host(struct site *s, const char *word)
{
	char copy[256], *save = NULL, *fields[5], *rest = copy;
	assert_true(str_copy(copy, sizeof(copy), word));
	for (size_t i = 0; i < 5; i++) {
		fields[i] = rest;
		char *end = i < 4 ? strchr(rest, '/') : NULL;
		if (end)
			*end = '\0';
		rest = end ? end + 1 : rest;
	}
	struct host *h = &s->hosts[s->host_count++];
	assert_true(role_parse(fields[0], &h->role));
	assert_true(str_copy(h->name, sizeof(h->name), fields[1]));
	h->preference = (uint16_t)strtoul(fields[2], NULL, 10);
	if (h->role == ROLE_REAL)
		assert_true(str_copy(h->watch, sizeof(h->watch), fields[3]));
	else
		assert_true(posture_parse(fields[3], &h->posture));
	for (char *a = strtok_r(fields[4], ",", &save); a; a = strtok_r(NULL, ",", &save))
		add_address(h, a);
}

static struct site make_site(const char *name, enum layout layout, const char *words)
{
	struct site s = { .id = 7, .layout = layout };
	s.hosts = xcalloc(SITE_MAX_HOSTS, sizeof(*s.hosts));
	assert_true(str_copy(s.name, sizeof(s.name), name));
	char copy[1024], *save = NULL;
	assert_true(str_copy(copy, sizeof(copy), words));
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		add_host(&s, w);
	return s;
}

#define REAL "real/mail/10/log/5.9.1.1 "
#define FAKE1 "decoy/fake1/30/defer/5.9.1.3 "

/* clang-format off */
static const struct {
	const char *story;
	enum layout layout;
	bool lab;
	const char *hosts;
	int want;
	const char *said; /* part of the sentence */
} cases[] = {
	{ "real hosts alone", LAYOUT_NONE, false, REAL, 0, "" },
	{ "the article, part one", LAYOUT_HIGH, false, REAL FAKE1, 0, "" },
	{ "the article, part two", LAYOUT_BOTH, false,
	  "decoy/fake0/0/closed/5.9.1.4 " REAL "real/backup/20/log/5.9.1.2 " FAKE1, 0, "" },
	{ "classic nolisting", LAYOUT_LOW, false, "decoy/fake0/0/reset/5.9.1.4 " REAL, 0, "" },
	{ "a high decoy may have two addresses, IPv6 too", LAYOUT_HIGH, false,
	  REAL "decoy/fake1/30/busy/5.9.1.3,2a01:4f8::3", 0, "" },
	{ "two high decoys", LAYOUT_HIGH, false, REAL FAKE1 "decoy/fake2/40/busy/5.9.1.5", 0, "" },
	{ "real hosts of equal preference", LAYOUT_HIGH, false,
	  REAL "real/mail2/10/log/5.9.1.2 " FAKE1, 0, "" },
	{ "a control is in no MX and counts for no layout", LAYOUT_NONE, false,
	  REAL "control/scan/0/busy/5.9.1.9", 0, "" },

	{ "two low decoys", LAYOUT_LOW, false,
	  "decoy/fake0/0/closed/5.9.1.4 decoy/fake00/5/closed/5.9.1.5 " REAL,
	  FMX_EREFUSED, "two low decoys" },
	{ "a low decoy that says 421", LAYOUT_LOW, false, "decoy/fake0/0/busy/5.9.1.4 " REAL,
	  FMX_EREFUSED, "answers (busy)" },
	{ "a low decoy that says 451", LAYOUT_LOW, false, "decoy/fake0/0/defer/5.9.1.4 " REAL,
	  FMX_EREFUSED, "answers (defer)" },
	{ "a low decoy with two addresses", LAYOUT_LOW, false,
	  "decoy/fake0/0/closed/5.9.1.4,5.9.1.5 " REAL, FMX_EREFUSED, "2 addresses" },
	{ "a low decoy with IPv6", LAYOUT_LOW, false,
	  "decoy/fake0/0/closed/2a01:4f8::3 " REAL, FMX_EREFUSED, "IPv6" },
	{ "a decoy with a real host's address", LAYOUT_HIGH, false,
	  REAL "decoy/fake1/30/defer/5.9.1.1", FMX_EREFUSED, "of the real host mail" },
	{ "another port does not make it another MX", LAYOUT_HIGH, true,
	  REAL "decoy/fake1/30/defer/5.9.1.1@2525", FMX_EREFUSED, "of the real host mail" },
	{ "a control with a real host's address", LAYOUT_NONE, false,
	  REAL "control/scan/0/busy/5.9.1.1", FMX_EREFUSED, "of the real host mail" },
	{ "a decoy between the real hosts", LAYOUT_HIGH, false,
	  REAL "decoy/fake/15/defer/5.9.1.3 real/backup/20/log/5.9.1.2",
	  FMX_EREFUSED, "between the real hosts" },
	{ "a decoy at the best real host's preference", LAYOUT_LOW, false,
	  "decoy/fake/10/closed/5.9.1.3 " REAL, FMX_EREFUSED, "at or between" },
	{ "a decoy at the worst real host's preference", LAYOUT_HIGH, false,
	  REAL "real/backup/20/log/5.9.1.2 decoy/fake/20/defer/5.9.1.3",
	  FMX_EREFUSED, "at or between" },
	{ "a private decoy", LAYOUT_HIGH, false, REAL "decoy/fake1/30/defer/10.0.0.3",
	  FMX_EREFUSED, "not public (private)" },
	{ "a loopback decoy", LAYOUT_HIGH, false, REAL "decoy/fake1/30/defer/127.0.0.3",
	  FMX_EREFUSED, "not public (loopback)" },
	{ "a documentation decoy", LAYOUT_HIGH, false, REAL "decoy/fake1/30/defer/192.0.2.3",
	  FMX_EREFUSED, "not public (documentation)" },
	{ "in the lab a loopback decoy is fine", LAYOUT_HIGH, true,
	  REAL "decoy/fake1/30/defer/127.0.0.3", 0, "" },

	{ "no real host", LAYOUT_HIGH, false, FAKE1, FMX_EUSAGE, "no real host" },
	{ "a low decoy under layout high", LAYOUT_HIGH, false,
	  "decoy/fake0/0/closed/5.9.1.4 " REAL, FMX_EUSAGE, "make it low" },
	{ "a decoy for the end that stands in front", LAYOUT_HIGH, false,
	  "decoy/fake1/5/defer/5.9.1.4 " REAL, FMX_EREFUSED,
	  "layout = high, but the decoy fake1 (preference 5) stands before the real hosts and would "
	  "be tried first: give it a preference above theirs, such as 20" },
	{ "layout both with a high decoy only", LAYOUT_BOTH, false, REAL FAKE1,
	  FMX_EUSAGE, "make it high" },
	{ "layout high without a decoy", LAYOUT_HIGH, false, REAL, FMX_EUSAGE, "has no decoy: add a decoy section" },
	{ "a host without an address", LAYOUT_NONE, false, "real/mail/10/log/",
	  FMX_EUSAGE, "has no address" },
	{ "a host without a name", LAYOUT_NONE, false, "real//10/log/5.9.1.1",
	  FMX_EUSAGE, "has no name" },
	{ "one name twice", LAYOUT_NONE, false, REAL "real/mail/20/log/5.9.1.2",
	  FMX_EUSAGE, "the name mail is there twice" },
	{ "one address twice", LAYOUT_NONE, false, REAL "real/backup/20/log/5.9.1.1",
	  FMX_EUSAGE, "both have the address 5.9.1.1" },
	{ "danger is told before contradiction", LAYOUT_HIGH, false,
	  "decoy/fake0/0/busy/5.9.1.4 " REAL, FMX_EREFUSED, "would be tried first" },
};
/* clang-format on */

static void a_site_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct site s = make_site("home", cases[i].layout, cases[i].hosts);
		struct error e = { 0 };
		int got = site_check(&s, cases[i].lab, &e);
		if (got != cases[i].want || !strstr(e.text, cases[i].said))
			fail_msg("%s: got %d (%s), want %d (%s)", cases[i].story, got,
				 e.text, cases[i].want, cases[i].said);
		if (got != 0)
			assert_non_null(strstr(e.text, "site home"));
		site_release(&s);
	}
}

static void places_follow_from_preferences(void **state)
{
	(void)state;
	struct site s =
	    make_site("home", LAYOUT_BOTH,
		      "decoy/fake0/0/closed/5.9.1.4 " REAL FAKE1
		      "real/backup/20/log/5.9.1.2 control/scan/0/busy/5.9.1.9");
	static const enum place want[] = { PLACE_LOW, PLACE_REAL, PLACE_HIGH, PLACE_REAL,
					   PLACE_CONTROL };
	assert_int_equal(site_check(&s, false, NULL), 0);
	for (size_t i = 0; i < s.host_count; i++)
		assert_int_equal(s.hosts[i].place, want[i]);
	site_release(&s);
}

static void a_decoy_with_another_sites_real_address_is_refused(void **state)
{
	(void)state;
	struct site sites[2] = {
		make_site("one", LAYOUT_HIGH, REAL FAKE1),
		make_site("two", LAYOUT_HIGH,
			  "real/mx/10/log/5.9.1.7 decoy/fake/90/defer/5.9.1.1"),
	};
	struct error e;
	assert_int_equal(site_check_all(sites, 2, false, &e), FMX_EREFUSED);
	assert_non_null(strstr(e.text, "site two: decoy fake has the address 5.9.1.1"));

	/* Sharing a decoy is no danger; the two are judged together. */
	assert_true(addr_parse("5.9.1.3", &sites[1].hosts[1].addresses[0].addr));
	assert_int_equal(site_check_all(sites, 2, false, &e), 0);
	assert_true(str_copy(sites[1].name, sizeof(sites[1].name), "one"));
	assert_int_equal(site_check_all(sites, 2, false, &e), FMX_EUSAGE);
	site_release(&sites[0]);
	site_release(&sites[1]);
}

static struct site with_domains(void)
{
	struct site s = make_site("odd\tname 100%", LAYOUT_BOTH,
				  "decoy/fake0/0/closed/5.9.1.4@2525 " REAL FAKE1
				  "control/scan/0/busy/5.9.1.9,2a01:4f8::9");
	s.domains = xcalloc(3, sizeof(*s.domains));
	s.domain_count = 3;
	s.domains[0] = xstrdup("example.net");
	s.domains[1] = xstrdup("example.com");
	s.domains[2] = xstrdup("example.org");
	for (size_t i = 0; i < s.host_count; i++)
		s.hosts[i].id = (uint16_t)(100 + i);
	return s;
}

static void a_site_reads_back_from_its_text(void **state)
{
	(void)state;
	struct site s = with_domains(), back;
	struct buf first = BUF_INIT(1 << 16), second = BUF_INIT(1 << 16);
	site_text(&s, &first);
	assert_int_equal(site_parse(buf_text(&first), &back, NULL), 0);
	site_text(&back, &second);
	assert_string_equal(buf_text(&first), buf_text(&second));

	assert_int_equal(back.id, 7);
	assert_string_equal(back.name, "odd\tname 100%");
	assert_int_equal(back.hosts[0].place, PLACE_LOW);
	assert_int_equal(back.hosts[0].addresses[0].port, 2525);
	assert_string_equal(back.hosts[1].watch, "log");
	assert_int_equal(back.hosts[3].id, 103);
	assert_true(site_has_domain(&back, "example.com"));
	assert_false(site_has_domain(&back, "www.example.com"));
	site_release(&s);
	site_release(&back);
	buf_release(&first);
	buf_release(&second);
}

static void the_order_of_domains_is_no_difference(void **state)
{
	(void)state;
	struct site s = with_domains(), t = with_domains();
	struct buf first = BUF_INIT(1 << 16), second = BUF_INIT(1 << 16);
	char *swap = t.domains[0];
	t.domains[0] = t.domains[2];
	t.domains[2] = swap;
	site_text(&s, &first);
	site_text(&t, &second);
	assert_string_equal(buf_text(&first), buf_text(&second));
	site_release(&s);
	site_release(&t);
	buf_release(&first);
	buf_release(&second);
}

/* Each byte of a good text replaced: refused, or a text of its own; never a
 * crash, never something else read than what is there. */
static void a_damaged_text_is_refused(void **state)
{
	(void)state;
	struct site s = with_domains();
	struct buf good = BUF_INIT(1 << 16);
	site_text(&s, &good);
	size_t refused = 0;
	for (size_t i = 0; i < good.len; i++) {
		char *bad = xstrdup(buf_text(&good));
		struct site back;
		struct buf again = BUF_INIT(1 << 16);
		bad[i] = i % 3 == 0 ? '\t' : i % 3 == 1 ? '\n' : '%';
		if (site_parse(bad, &back, NULL) == 0) {
			site_text(&back, &again);
			assert_string_equal(buf_text(&again), bad);
			site_release(&back);
		} else {
			refused++;
		}
		buf_release(&again);
		free(bad);
	}
	assert_true(refused > good.len / 2);
	site_release(&s);
	buf_release(&good);
}

static void texts_that_we_did_not_write_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"\n",
		"site\t1\t7\thigh",
		"site\t2\t7\tnone\thome\n",
		"site\t1\t65536\tnone\thome\n",
		"site\t1\t07\tnone\thome\n",
		"site\t1\t7\tsideways\thome\n",
		"host\t1\treal\t-\t10\tmail\tlog\n",
		"site\t1\t7\tnone\thome\naddress\t5.9.1.1\t25\n",
		"site\t1\t7\tnone\thome\nhost\t1\treal\tdefer\t10\tmail\tlog\n",
		"site\t1\t7\tnone\thome\ndomain\tb.example\ndomain\ta.example\n",
		"site\t1\t7\tnone\thome\nsite\t1\t7\tnone\thome\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct site s;
		struct error e = { 0 };
		if (site_parse(bad[i], &s, &e) != FMX_EMALFORMED || e.text[0] == '\0')
			fail_msg("read: %s", bad[i]);
	}
}

static void the_words_of_a_visit_read_back(void **state)
{
	(void)state;
	enum depth d = DEPTH_KNOCK;
	enum outcome o = OUTCOME_NONE;
	enum visit_source s = VISIT_SOURCE_DECOY;
	for (unsigned i = DEPTH_KNOCK; i <= DEPTH_DATA; i++)
		assert_true(depth_parse(depth_name((enum depth)i), &d) && d == i);
	for (unsigned i = OUTCOME_ACCEPTED; i <= OUTCOME_ABORTED; i++)
		assert_true(outcome_parse(outcome_name((enum outcome)i), &o) && o == i);
	for (unsigned i = VISIT_SOURCE_DECOY; i <= VISIT_SOURCE_FEED; i++)
		assert_true(
		    visit_source_parse(visit_source_name((enum visit_source)i), &s) &&
		    s == i);
	assert_null(outcome_name(OUTCOME_NONE));
	assert_false(depth_parse("", &d));
	assert_false(outcome_parse("null", &o));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_site_is_judged),
		cmocka_unit_test(places_follow_from_preferences),
		cmocka_unit_test(a_decoy_with_another_sites_real_address_is_refused),
		cmocka_unit_test(a_site_reads_back_from_its_text),
		cmocka_unit_test(the_order_of_domains_is_no_difference),
		cmocka_unit_test(a_damaged_text_is_refused),
		cmocka_unit_test(texts_that_we_did_not_write_are_refused),
		cmocka_unit_test(the_words_of_a_visit_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
