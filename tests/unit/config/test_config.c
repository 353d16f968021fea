#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/stamp.h"

/* Part one of the article; row's text stands before or in the site. */
#define HOST10                                                                           \
	"host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" } }\n"
#define DECOY30                                                                          \
	"decoy \"fake1.mx.example.com\" { preference = 30 address = { \"192.0.2.30\" } " \
	"posture = defer }\n"
#define SITE(inside)                                                                     \
	"lab = true\n"                                                                   \
	"site \"example\" {\n"                                                           \
	"layout = high domains = { \"example.com\" }\n" inside "}\n"
#define GOOD SITE(HOST10 DECOY30)

/* clang-format off */
static const struct {
	const char *story;
	const char *text;
	int code;
	const char *want; /* the whole sentence, or its start when it ends in ... */
} mistakes[] = {
	{ "an empty file", "", FMX_EUSAGE,
	  "f: there is no site; fakemx.conf(5) has an example" },
	{ "an unknown key with a neighbour", "\n\nretentoin = 4d\n" GOOD, FMX_EUSAGE,
	  "f:3: unknown key 'retentoin' in the file; did you mean 'retention'?" },
	{ "a time that is safe as it is", "patience = 1h\n" GOOD, FMX_EUSAGE,
	  "f:1: patience is safe as it is; only a trial may change it: lab = true and lab { patience = ... }" },
	{ "an unknown key of a trial", "lab {\npatiense = 4h\n}\n" GOOD, FMX_EUSAGE,
	  "f:2: unknown key 'patiense' in a lab section; did you mean 'patience'?" },
	{ "a trial where mail is real", "lab {\npatience = 4h\n}\nsite \"a\" { layout = none domains = { \"example.com\" } }\n", FMX_EUSAGE,
	  "f:2: a lab section needs lab = true: these times are safe as they are where mail is real" },
	{ "two trials", GOOD "lab {\ngrace = 1s\n}\nlab\n{\ngrace = 2s\n}\n", FMX_EUSAGE,
	  "..." },
	{ "an unknown key without one", "colour = red\n" GOOD, FMX_EUSAGE,
	  "f:1: unknown key 'colour' in the file; see fakemx.conf(5) for all keys" },
	{ "a comment is one line", "# a\n// b\n/* c\n*/\nmod = 4h\n" GOOD, FMX_EUSAGE,
	  "f:5: unknown key 'mod' in the file; did you mean 'mode'?" },
	{ "slashes within a word are no comment", "state = /srv//x policy = { \"${HOME}/y\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: \"${\" is not expanded here; write it in single quotes if you mean it" },
	{ "an unknown key in a section",
	  SITE("decoy \"fake1.mx.example.com\" {\nposture = defer\nadress = { \"192.0.2.30\" }\n}"),
	  FMX_EUSAGE, "f:6: unknown key 'adress' in a decoy section; did you mean 'address'?" },
	{ "an unknown section", "sites \"x\" { }\n", FMX_EUSAGE,
	  "f:1: unknown key 'sites' in the file; did you mean 'site'?" },
	{ "a number that is none", SITE("host \"mail.example.com\" {\npreference = ten\n}"), FMX_EUSAGE,
	  "f:5: preference of host mail.example.com is a whole number, not 'ten'" },
	{ "a number out of range", SITE("host \"mail.example.com\" {\npreference = 65536\n}"), FMX_EUSAGE,
	  "f:5: preference of host mail.example.com is 0 to 65535, not 65536" },
	{ "a negative number", SITE("host \"mail.example.com\" {\npreference = -1\n}"), FMX_EUSAGE,
	  "f:5: preference of host mail.example.com is a whole number, not '-1'" },
	{ "a domain of two sites",
	  GOOD "site \"b\" { layout = none domains = { \"example.com\" } host \"m.b.example\" "
	       "{ preference = 1 address = { \"192.0.2.77\" } } }\n", FMX_EUSAGE,
	  "f: the domain example.com is in the sites example and b; "
	  "leave it in the one whose MX hosts it has" },
	{ "a number beyond any integer", "connections = 99999999999999999999999\n" GOOD, FMX_EUSAGE,
	  "f:1: connections is 1 to 1000000, not 99999999999999999999999" },
	{ "a duration without its form", "retention = soon\n" GOOD, FMX_EUSAGE,
	  "f:1: retention is a time such as 90s, 15m, 24h or 7d, not 'soon'" },
	{ "a listing for ever", "listing_expires = 30d\n" GOOD, FMX_EUSAGE,
	  "f:1: listing_expires is 1.00 s to 7 days, not 30d" },
	{ "a flag that is none", "lab = perhaps\n", FMX_EUSAGE,
	  "f:1: lab is true or false, not 'perhaps'" },
	{ "a mistyped word", "mode = enforced\n" GOOD, FMX_EUSAGE,
	  "f:1: mode is one of 'observe enforce', not 'enforced'; did you mean 'enforce'?" },
	{ "a scalar given twice", "retention = 40d\nretention = 50d\n" GOOD, FMX_EUSAGE,
	  "f:2: retention is given twice; first on line 1" },
	{ "a list given twice", "site \"a\" {\ndomains = { \"example.com\" }\ndomains = { \"example.net\" }\n}",
	  FMX_EUSAGE, "f:3: domains is given twice; first on line 2" },
	{ "a list emptied by a second one",
	  "site \"a\" {\ndomains = { \"example.com\" }\ndomains = { }\n}",
	  FMX_EUSAGE, "f:2: domains is given twice, once as an empty list; remove one" },
	{ "a site given twice", GOOD GOOD, FMX_EUSAGE, "f:7: lab is given twice; first on line 1" },
	{ "a title given twice", SITE("") "site \"example\" { }\n", FMX_EUSAGE,
	  "f:5: two sections of one kind are called 'example': rename one, or make them one" },
	{ "a second zone section", SITE(HOST10 DECOY30 "zone { file = \"a\" }\nzone { file = \"b\" }\n"),
	  FMX_EUSAGE, "f:7: a second zone section; there may be one" },
	{ "an expansion", "state = \"${HOME}\"\n" GOOD, FMX_EUSAGE,
	  "f:1: \"${\" is not expanded here; write it in single quotes if you mean it" },
	{ "an open quote", "\nstate = \"/var\n" GOOD "\n\"", FMX_EUSAGE, "f:..." },
	{ "quotes that never end", "\nstate = '/var\n", FMX_EUSAGE, "f:2: this quoted text never ends" },
	{ "a comment that never ends", "# a\n/* b\n", FMX_EUSAGE, "f:2: this comment never ends" },
	{ "an open brace", "\nsite \"a\" {\n", FMX_EUSAGE, "f:2: the { of this line is never closed" },
	{ "a brace too many", GOOD "}\n", FMX_EUSAGE, "f:7: this } closes nothing, or a value is missing before it" },
	{ "no equal sign", "mode observe\n", FMX_EUSAGE, "f:1: after mode an = and a value are missing" },
	{ "a list where a value belongs", "mode = { observe }\n", FMX_EUSAGE,
	  "f:1: a { is not understood here: a list stands only where several values may, and a section has no = before its {" },
	{ "a value more than may be", "mode += observe\n", FMX_EUSAGE, "f:1: mode takes one value, so nothing can be added to it: write = instead of +=" },
	{ "a list without a comma", SITE("") "allow = { \"192.0.2.1\" \"192.0.2.2\" }\n", FMX_EUSAGE,
	  "f:5: '192.0.2.2' is not understood here: is an =, a comma or a quote missing before it?" },
	{ "a section without its brace", "site \"a\"\n  layout = none\n", FMX_EUSAGE, "f:2: after site a { is missing, which begins the section" },
	{ "a value that is missing", "site \"a\" {\nlayout = }\n", FMX_EUSAGE, "f:2: this } closes nothing, or a value is missing before it" },
	{ "a site without a name", "site { }\n", FMX_EUSAGE, "f:1: a site section has its name in quotes before the {, as in site \"NAME\" { ... }" },
	{ "a site with a bad name", "site \"a b\" { }\n", FMX_EUSAGE,
	  "f:1: a site is named by at most 63 letters, digits and ._-, not 'a b'" },
	{ "no layout", "site \"a\" {\ndomains = { \"example.com\" }\n}\n", FMX_EUSAGE,
	  "f:2: site a has no layout (a word)" },
	{ "no domains", "site \"a\" {\nlayout = high\n}\n", FMX_EUSAGE,
	  "f:2: site a has no domains (a list of domains)" },
	{ "an empty list of domains", "site \"a\" {\nlayout = high domains = { }\n}\n", FMX_EUSAGE,
	  "f:2: site a has no domains (a list of domains)" },
	{ "a domain that is none", "site \"a\" {\nlayout = high domains = { \"example..com\" }\n}\n", FMX_EUSAGE,
	  "f:2: domains of site a must be domain names such as example.com (other letters as xn--), not 'example..com'" },
	{ "a domain that is an address", "site \"a\" {\nlayout = high domains = { \"192.0.2.1\" }\n}\n", FMX_EUSAGE,
	  "f:2: domains of site a must be domain names such as example.com (other letters as xn--), not '192.0.2.1'" },
	{ "a mistyped address is no name", "allow = { \"300.1.1.1\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: allow takes addresses, prefixes and names, not '300.1.1.1'" },
	{ "an allowed name with a hole", "allow = { \"Foo..bar\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: allow takes addresses, prefixes and names, not 'Foo..bar'" },
	{ "an allow of a top-level domain", "allow = { \"com\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: allow has com, a whole top-level domain, and not all who send from there ..." },
	{ "a host named by its address", SITE("host \"192.0.2.25\" {\n}"), FMX_EUSAGE,
	  "f:5: a host is named by its host name, not '192.0.2.25'" },
	{ "an address that is a name",
	  SITE("host \"mail.example.com\" { preference = 10\naddress = { \"mail\" }\n}"), FMX_EUSAGE,
	  "f:5: address of host mail.example.com is ADDRESS or ADDRESS@PORT, not 'mail'" },
	{ "a port that is none",
	  SITE("host \"mail.example.com\" { preference = 10\naddress = { \"192.0.2.25@65536\" }\n}"), FMX_EUSAGE,
	  "f:5: address of host mail.example.com is ADDRESS or ADDRESS@PORT, not '192.0.2.25@65536'" },
	{ "a log by a command that is not there",
	  SITE("host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" }\nwatch = command\n}"),
	  FMX_EUSAGE, "f:4: host mail.example.com has watch = command but no command" },
	{ "a time zone of nowhere",
	  SITE("host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" }\nwatch = \"/l\"\nstamps = \"Europe/Nowhere\"\n}"),
	  FMX_EUSAGE, "f:6: this machine knows no time zone 'Europe/Nowhere'; one is Europe/Berlin" },
	{ "a filter's log that is no log",
	  SITE("host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" }\nwatch = \"/l\"\nfilter = feed\n}"),
	  FMX_EUSAGE, "f:6: filter of host mail.example.com is an absolute path, command, journal, journal:/folder or journal:FIELD=VALUE, not 'feed'" },
	{ "a filter's log of a command that is not said",
	  SITE("host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" }\nwatch = \"/l\"\nfilter = command\n}"),
	  FMX_EUSAGE, "f:4: host mail.example.com has filter = command but no filter_command" },
	{ "a filter of a host that nobody watches",
	  SITE("host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" }\nfilter = journal\n}"),
	  FMX_EUSAGE, "f:5: host mail.example.com has a filter but no watch" },
	{ "a feed command where no feed is read",
	  SITE("host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" }\nfeed = \"ssh mx\"\n}"),
	  FMX_EUSAGE, "f:5: host mail.example.com has a feed command but not watch = feed" },
	{ "a socket that is no path",
	  "feed_socket = feed.sock\n" GOOD, FMX_EUSAGE,
	  "f:1: feed_socket is an absolute path, not 'feed.sock'" },
	{ "a socket whose path no socket can have",
	  "state = \"/a23456789/b23456789/c23456789/d23456789/e23456789/f23456789/g23456789/h23456789/i23456789/j234567\"\n"
	  SITE("host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" } watch = feed\n}"),
	  FMX_EUSAGE, "f:5: feeds would come to a socket whose path is longer than 107 bytes; set feed_socket" },
	{ "a page for the internet", "web { listen = \"192.0.3.1:8025\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: web would listen on 192.0.3.1, which other machines may reach, and it asks nobody for a password: "
	  "let it listen on 127.0.0.1:8025 behind a proxy that does, or say beyond_loopback = true" },
	{ "a page without a port", "web { listen = \"127.0.0.1\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: listen of web is ADDRESS:PORT, [IPV6-ADDRESS]:PORT or unix:PATH, not '127.0.0.1'" },
	{ "a page at an IPv6 address without brackets", "web { listen = \"::1:8025\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: listen of web is ADDRESS:PORT, [IPV6-ADDRESS]:PORT or unix:PATH, not '::1:8025'" },
	{ "a page at a relative path", "web { listen = \"unix:web.sock\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: listen of web needs an absolute path after unix:, not 'web.sock'" },
	{ "a proxy's name with a port", "web { proxy_names = { \"mx.example.com:443\" } }\n" GOOD, FMX_EUSAGE,
	  "f:1: proxy_names of web takes host names without a port, not 'mx.example.com:443'" },
	{ "a policy socket without a port", "policy = { \"127.0.0.1\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: policy takes ADDRESS@PORT and absolute paths, not '127.0.0.1'" },
	{ "a policy socket by a relative path", "policy = { \"policy.sock\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: policy takes ADDRESS@PORT and absolute paths, not 'policy.sock'" },
	{ "a policy socket for the internet", "\npolicy = { \"127.0.0.1@10030\", \"192.0.3.1@10030\" }\n" GOOD,
	  FMX_EUSAGE, "f:2: policy is for programs of this machine: '192.0.3.1@10030' is neither loopback nor "
	  "private; take 127.0.0.1@10030 or a path" },
	{ "a policy socket for everybody", "policy = { \"0.0.0.0@10030\" }\n" GOOD, FMX_EUSAGE, "f:1: ..." },
	{ "policy sockets without number",
	  "policy = { \"/1\", \"/2\", \"/3\", \"/4\", \"/5\", \"/6\", \"/7\", \"/8\", \"/9\" }\n" GOOD, FMX_EUSAGE,
	  "f:1: policy has more than 8 entries" },
	{ "a log by a relative path",
	  SITE("host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" }\nwatch = \"mail.log\"\n}"),
	  FMX_EUSAGE, "f:5: watch of host mail.example.com is an absolute path, feed, stream, command, journal, journal:/folder or journal:FIELD=VALUE, not 'mail.log'" },
	{ "a log twice",
	  SITE("host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" }\nwatch = { \"/a\", \"/b\", \"/b\" }\n}"),
	  FMX_EUSAGE, "f:5: watch of host mail.example.com has '/b' twice" },
	{ "logs without number",
	  SITE("host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" }\nwatch = { \"/a\", \"/b\", \"/c\", \"/d\", \"/e\" }\n}"),
	  FMX_EUSAGE, "f:5: watch of host mail.example.com has more than 4 entries" },
	{ "a posture of the wrong kind",
	  SITE(HOST10 "decoy \"fake1.mx.example.com\" {\npreference = 30 address = { \"192.0.2.30\" }\nposture = tarpit\n}"),
	  FMX_EUSAGE, "f:7: posture of decoy fake1.mx.example.com is one of 'closed reset busy defer', not 'tarpit'" },
	{ "a zone with neither file nor update", SITE(HOST10 DECOY30 "zone {\ncheck = \"true\"\n}"), FMX_EUSAGE,
	  "f:7: the zone of site example needs either a file or an update section" },
	{ "a list with neither file nor zone", "publish \"a\" {\nformat = rspamd\n}\n" GOOD, FMX_EUSAGE,
	  "f:2: publish a needs either a file or an update section" },
	{ "a list of an unknown format", "publish \"a\" {\nformat = dnsb file = \"/a\"\n}\n" GOOD, FMX_EUSAGE,
	  "f:2: format of publish a is one of 'plain json rspamd postfix-cidr nft rbldnsd dnsbl', not 'dnsb'; did you mean "
	  "'dnsbl'?" },
	{ "two lists in one file",
	  "publish \"a\" {\nformat = plain file = \"/a\"\n}\npublish \"b\" {\nformat = json file = \"/a\"\n}\n" GOOD, FMX_EUSAGE,
	  "f:5: publish b writes the file of another publish section: each needs its own" },
	{ "a zone for what is none", "publish \"a\" {\nformat = plain file = \"/a\" zone = \"bl.example\"\n}\n" GOOD, FMX_EUSAGE,
	  "f:2: publish a has a zone, which only format = dnsbl has" },
	{ "a list by a relative path", "publish \"a\" {\nformat = rspamd file = \"map\"\n}\n" GOOD, FMX_EUSAGE,
	  "f:2: publish a needs a file that is an absolute path" },
	{ "an update of what is no zone",
	  "publish \"a\" {\nformat = rspamd update { server = \"127.0.0.1\" }\n}\n" GOOD, FMX_EUSAGE,
	  "f:2: publish a needs format = dnsbl and a zone, since it has an update section" },
	{ "a clock where mail is real", "clock = \"/tmp/clock\"\nsite \"a\" { layout = high domains = { \"example.com\" } }\n",
	  FMX_EUSAGE, "f:1: clock needs lab = true: time does not jump where mail is real" },
	{ "patience longer than final", "lab {\npatience = 4d final = 3d\n}\n" GOOD, FMX_EUSAGE,
	  "f:2: final is shorter than patience; make it at least as long" },

	/* What the model refuses is said with the line of the site. */
	{ "no real host", SITE(DECOY30), FMX_EUSAGE, "f:3: ..." },
	{ "a documentation address outside a lab", "site \"example\" {\nlayout = high domains = { \"example.com\" }\n" HOST10 DECOY30 "}",
	  FMX_EREFUSED, "f:2: ..." },
	{ "two low decoys", "lab = true\nsite \"a\" { layout = low domains = { \"example.com\" }\n" HOST10
	  "decoy \"a.example.com\" { preference = 0 address = { \"192.0.2.30\" } posture = reset }\n"
	  "decoy \"b.example.com\" { preference = 5 address = { \"192.0.2.31\" } posture = reset }\n}",
	  FMX_EREFUSED, "f:2: ..." },
	{ "a low decoy that answers", "lab = true\nsite \"a\" { layout = low domains = { \"example.com\" }\n" HOST10
	  "decoy \"a.example.com\" { preference = 0 address = { \"192.0.2.30\" } posture = busy }\n}",
	  FMX_EREFUSED, "f:2: ..." },
	{ "a decoy with a real host's address", SITE(HOST10
	  "decoy \"a.example.com\" { preference = 30 address = { \"192.0.2.25\" } posture = reset }\n"),
	  FMX_EREFUSED, "f:3: ..." },
};
/* clang-format on */

static int parse(const char *text, struct config *ret_config, struct error *e)
{
	return config_parse(text, strlen(text), "f", false, ret_config, e);
}

static bool is_sentence(const char *got, const char *want)
{
	size_t len = strlen(want);
	if (len >= 3 && strcmp(want + len - 3, "...") == 0)
		return strncmp(got, want, len - 3) == 0 && strlen(got) > len;
	return strcmp(got, want) == 0;
}

static void every_mistake_is_a_sentence_with_its_line(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct config c;
		struct error e = { .code = 0 };
		int rc = parse(mistakes[i].text, &c, &e);
		if (rc != mistakes[i].code || e.code != rc ||
		    !is_sentence(e.text, mistakes[i].want)) {
			print_error("%s: got %d '%s', want %d '%s'\n", mistakes[i].story,
				    rc, rc ? e.text : "", mistakes[i].code,
				    mistakes[i].want);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* libconfuse's scanner is global: a reload after a broken file must not
 * inherit the place where the broken one ended. */
static void a_good_file_is_read_after_any_mistake(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct config c;
		struct error e;
		assert_int_not_equal(parse(mistakes[i].text, &c, &e), 0);
		int rc = parse(GOOD, &c, &e);
		if (rc)
			fail_msg("after %s: %s", mistakes[i].story, e.text);
		config_release(&c);
	}
}

static const char whole[] =
    "# everything at once\n"
    "mode = enforce\nlab = yes\nstate = '/tmp/${fakemx}' // not expanded\n"
    "lab { patience = 90m listing_least = 3m } # lab {\n"
    "allow = { \"192.0.2.0/24\", \"Example.ORG\" }\nallow += { \"2001:db8::1\" }\n"
    "on_risk = empty\n"
    "publish \"map\" { format = rspamd file = \"/l/map\" after = \"true\" }\n"
    "publish \"loaded\" { format = dnsbl file = \"/l/bl.zone\" zone = \"bl.example.com\" "
    "}\n"
    "publish \"zone\" { format = dnsbl zone = \"BL.example.com.\" update { server = "
    "\"127.0.0.1@5353\" key = \"/k\" } }\n"
    "policy = { \"127.0.0.1@10030\", \"fd00::1@9\", \"/run/f/p.sock\" } policy_defer = "
    "true\n"
    "site \"part-two\" {\n"
    "  layout = both\n  domains = { \"Example.com.\", \"example.net\" } mx_ttl = 5m\n"
    "  host \"mail.example.com\" { preference = 10\n"
    "    address = { \"127.0.0.10@2525\", \"2001:db8::10\" } watch = "
    "\"/var/log/mail.log\" }\n"
    "  host \"backup.example.com\" { preference = 20 address = \"127.0.0.20\" watch = "
    "{ feed, \"journal:_PID=1\" } }\n"
    "  decoy \"fake0.example.com\" { preference = 0 address = { \"127.0.0.2\" } posture "
    "= reset }\n"
    "  decoy \"fake1.example.com\" { preference = 30 address = { \"127.0.0.30@26\" } "
    "posture = defer }\n"
    "  control \"quiet.example.com\" { address = { \"127.0.0.40\" } posture = busy }\n"
    "  zone { update { server = \"192.0.2.53\" key = \"/etc/fakemx/key\" } reload = "
    "\"rndc reload %z\" }\n"
    "}\n";

static void every_value_reaches_its_field(void **state)
{
	(void)state;
	struct config c;
	struct error e;
	if (parse(whole, &c, &e))
		fail_msg("%s", e.text);
	assert_true(c.rules.enforce);
	assert_true(c.lab && c.rules.lab);
	assert_int_equal(c.on_risk, ON_RISK_EMPTY);
	assert_int_equal(c.publish_count, 3);
	assert_string_equal(c.publish[1].zone, "bl.example.com");
	assert_int_equal(c.publish[0].format, 2);
	assert_string_equal(c.publish[0].file, "/l/map");
	assert_string_equal(c.publish[0].after, "true");
	assert_int_equal(c.publish[2].format, 6);
	assert_string_equal(c.publish[2].zone, "bl.example.com");
	assert_int_equal(c.publish[2].update.update_server.port, 5353);
	assert_string_equal(c.publish[2].update.update_key, "/k");
	assert_string_equal(c.state, "/tmp/${fakemx}");
	assert_int_equal(c.rules.patience, 90 * STAMP_MINUTE);
	assert_int_equal(c.rules.listing_least, 3 * STAMP_MINUTE);
	assert_int_equal(c.rules.final, 5 * STAMP_DAY);
	assert_int_equal(c.allow_count, 3);
	assert_string_equal(c.sites[0].hosts[1].watch, "feed");
	assert_int_equal(c.sites[0].hosts[1].also_count, 1);
	assert_true(host_watches(&c.sites[0].hosts[1], "journal:_PID=1"));
	assert_string_equal(c.allow[1], "example.org");
	assert_string_equal(c.allow[2], "2001:db8::1");
	assert_true(c.policy_defer);
	assert_int_equal(c.policy_count, 3);
	assert_int_equal(c.policy[0].at.port, 10030);
	assert_int_equal(c.policy[1].at.port, 9);
	assert_string_equal(c.policy[1].path, "");
	assert_string_equal(c.policy[2].path, "/run/f/p.sock");

	assert_int_equal(c.site_count, 1);
	const struct site *s = &c.sites[0];
	assert_int_equal(s->layout, LAYOUT_BOTH);
	assert_int_equal(s->domain_count, 2);
	assert_int_equal(s->mx_ttl, 5 * STAMP_MINUTE);
	assert_string_equal(s->domains[0], "example.com");
	assert_int_equal(s->host_count, 5);
	assert_string_equal(s->hosts[0].watch, "/var/log/mail.log");
	assert_int_equal(s->hosts[0].address_count, 2);
	assert_int_equal(s->hosts[0].addresses[0].port, 2525);
	assert_int_equal(s->hosts[0].addresses[1].port, 25);
	assert_int_equal(s->hosts[1].preference, 20);
	assert_int_equal(s->hosts[1].address_count, 1);
	assert_int_equal(s->hosts[2].posture, POSTURE_RESET);
	assert_int_equal(s->hosts[2].place, PLACE_LOW);
	assert_int_equal(s->hosts[3].place, PLACE_HIGH);
	assert_int_equal(s->hosts[4].role, ROLE_CONTROL);
	assert_int_equal(c.zones[0].update_server.port, 53);
	assert_string_equal(c.zones[0].update_key, "/etc/fakemx/key");
	assert_string_equal(c.zones[0].reload, "rndc reload %z");
	config_release(&c);
}

/* The table's fallbacks and the model's own numbers are one truth. */
static void what_is_not_given_is_as_the_model_has_it(void **state)
{
	(void)state;
	struct config c;
	struct error e;
	assert_int_equal(parse(GOOD "lab { }\n", &c, &e), 0);
	struct rules want = rules_default();
	want.lab = true;
	struct buf got_text = BUF_INIT(10000), want_text = BUF_INIT(10000);
	rules_text(&c.rules, &got_text);
	rules_text(&want, &want_text);
	assert_string_equal(buf_text(&got_text), buf_text(&want_text));
	assert_true(got_text.len > 100);
	buf_release(&got_text);
	buf_release(&want_text);
	config_release(&c);
}

static void a_trial_is_warned_of_its_addresses_and_of_who_watches_nothing(void **state)
{
	(void)state;
	struct config c;
	struct error e;
	assert_int_equal(parse(GOOD, &c, &e), 0);
	assert_string_equal(
	    buf_text(&c.warnings),
	    "decoy fake1.mx.example.com of site example has the address "
	    "192.0.2.30, which is documentation: only a trial may do that\n"
	    "host mail.example.com of site example has no watch: until its mail log is "
	    "read, no sender of the site can be judged\n");
	config_release(&c);
}

static void the_option_makes_a_lab_too(void **state)
{
	(void)state;
	const char *text = strchr(GOOD, '\n');
	struct config c;
	struct error e;
	assert_int_equal(config_parse(text, strlen(text), "f", false, &c, &e),
			 FMX_EREFUSED);
	assert_int_equal(config_parse(text, strlen(text), "f", true, &c, &e), 0);
	assert_true(c.lab && c.rules.lab);
	config_release(&c);
}

static void a_missing_file_is_a_sentence(void **state)
{
	(void)state;
	struct config c;
	struct error e;
	assert_int_equal(config_load("/nonexistent/fakemx.conf", false, &c, &e), -2);
	assert_string_equal(e.text, "there is no configuration /nonexistent/fakemx.conf: "
				    "`fakemx setup DOMAIN` writes one, -c names another");
	assert_int_not_equal(config_load("/", false, &c, &e), 0);
	assert_string_equal(e.text, "cannot read the configuration /: Is a directory");
}

/* SIGHUP reads it: nobody may let serve wait for a writer. */
static void a_pipe_is_no_configuration(void **state)
{
	(void)state;
	char path[64], text[512];
	struct config c;
	struct error e;
	(void)snprintf(path, sizeof(path), "/tmp/fmx-config-%d", (int)getpid());
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)alarm(10); /* where it would hang */
	assert_int_equal(config_load(path, false, &c, &e), FMX_EUSAGE);
	assert_non_null(strstr(e.text, "is a pipe or a device; put a file there"));
	(void)snprintf(
	    text, sizeof(text),
	    "lab = true\nsite \"a\" { layout = none domains_file = \"%s\"\n" HOST10 "}\n",
	    path);
	assert_int_equal(config_parse(text, strlen(text), "f", false, &c, &e),
			 FMX_EUSAGE);
	assert_non_null(strstr(e.text, "cannot be read"));
	(void)alarm(0);
	assert_int_equal(unlink(path), 0);
}

static void a_nul_byte_is_refused(void **state)
{
	(void)state;
	struct config c;
	struct error e;
	static const char text[] = "mode = observe\n\0mode = enforce\n";
	assert_int_equal(config_parse(text, sizeof(text) - 1, "f", false, &c, &e),
			 FMX_EUSAGE);
	assert_string_equal(e.text, "f:2: a NUL byte stands here: is this a text file?");
}

/* ---- several files ---- */

static char folder[64];

static void put(const char *name, const char *text)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/fakemx-config-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static int load(struct config *c, struct error *e)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/f", folder);
	return config_load(path, true, c, e);
}

static void assert_mistake(const char *want)
{
	struct config c;
	struct error e;
	char full[600];
	assert_int_not_equal(load(&c, &e), 0);
	(void)snprintf(full, sizeof(full), "%s/%s", folder, want);
	assert_string_equal(e.text, full);
}

static void what_is_included_stands_there(void **state)
{
	(void)state;
	struct config c;
	struct error e;
	put("f", "state = \"/var/x\" # include \"nothing\"\ninclude \"*.conf\" user = "
		 "\"x\"\n");
	put("b.conf", "site \"b\" { layout = none domains_file = \"more\"\n" HOST10 "}");
	put("a.conf", "\n\nsite \"a\" { layout = none domains = { \"a.example\" } "
		      "domains_file = names\n"
		      "host \"mail.a.example\" { preference = 10 address = { "
		      "\"192.0.2.26\" } }\n}");
	put("names", "# who\nc.example\n\n  D.Example.  # upper case\n");
	put("more", "b.example\n");
	if (load(&c, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(c.site_count, 2);
	assert_string_equal(c.sites[0].name, "a"); /* in the order of their names */
	assert_int_equal(c.sites[0].domain_count, 3);
	assert_string_equal(c.sites[1].domains[0], "b.example");
	assert_string_equal(c.user, "x"); /* the rest of the line counts */
	config_release(&c);
}

static void a_byte_order_mark_is_no_part_of_the_text(void **state)
{
	(void)state;
	struct config c;
	struct error e;
	put("f", "\xef\xbb\xbfinclude \"a.conf\"\n");
	put("a.conf", "\xef\xbb\xbf" SITE("domains_file = names\n" HOST10 DECOY30));
	put("names", "\xef\xbb\xbf"
		     "a.example\nb.example\n");
	if (load(&c, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(c.sites[0].domain_count, 3);
	assert_string_equal(c.sites[0].domains[0], "a.example");
	config_release(&c);
	put("f", "\xff\xfes"); /* a C string ends here; so does a file cut short */
	assert_mistake("f is written in UTF-16; save it as UTF-8 (such as by `iconv -f "
		       "UTF-16 -t UTF-8`)");
}

static void what_matches_nothing_and_what_is_vast_is_warned_of(void **state)
{
	(void)state;
	struct config c;
	struct error e;
	char want[400];
	put("f",
	    "allow = { \"0.0.0.0/0\", \"192.0.2.0/24\", \"10.0.0.0/8\", \"2000::/3\" }"
	    "\ninclude \"none/*.conf\"\ninclude \"w.conf\"\n");
	put("w.conf",
	    "site \"a\" { layout = none domains = { \"a.example\" }\n" HOST10 "}");
	if (load(&c, &e) != 0)
		fail_msg("%s", e.text);
	(void)snprintf(want, sizeof(want),
		       "%s/f:2: include: no file matches %s/none/*.conf, so nothing is "
		       "included\n",
		       folder, folder);
	const char *said = buf_text(&c.warnings);
	assert_non_null(strstr(said, want));
	assert_non_null(
	    strstr(said, "allow has 0.0.0.0/0, a large part of the internet"));
	assert_non_null(strstr(said, "allow has 2000::/3, a large part"));
	assert_null(strstr(said, "allow has 192"));
	assert_null(strstr(said, "allow has 10."));
	config_release(&c);
}

static void a_mistake_is_where_it_stands(void **state)
{
	(void)state;
	put("f", "# one\nstate = \"/var/x\"\ninclude \"a.conf\"\ncolour = red\n");
	put("a.conf", GOOD "\n# two\nstate = \"/y\"\n");
	char want[200];
	(void)snprintf(want, sizeof(want),
		       "a.conf:9: state is given twice; first in %s/f:2", folder);
	assert_mistake(want);
	put("a.conf", GOOD "\n\n");
	assert_mistake(
	    "f:4: unknown key 'colour' in the file; see fakemx.conf(5) for all keys");
	put("a.conf", "site \"x\" {\n");
	assert_mistake("a.conf:1: the { of this line is never closed");
	put("f", "include \"a.conf\"\n");
	put("a.conf", SITE("domains_file = names\n" HOST10 DECOY30));
	put("names", "a.example\nno-domain\n");
	assert_mistake("a.conf:4: domains_file of site example has in line 2 of names "
		       "'no-domain', which is no "
		       "domain name (other letters as xn--)");
	put("a.conf", SITE("domains_file = gone\n" HOST10 DECOY30));
	assert_mistake("a.conf:4: domains_file of site example cannot be read: gone: No "
		       "such file or directory");
	put("f", "include \"a.conf\"");
	put("a.conf", "include \"f\"");
	assert_mistake("f:1: more than 8 files include each other");
	put("f", "include \"gone.conf\"");
	(void)snprintf(want, sizeof(want), "f:1: include: there is no %s/gone.conf",
		       folder);
	assert_mistake(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_a_sentence_with_its_line),
		cmocka_unit_test(a_good_file_is_read_after_any_mistake),
		cmocka_unit_test(every_value_reaches_its_field),
		cmocka_unit_test(what_is_not_given_is_as_the_model_has_it),
		cmocka_unit_test(
		    a_trial_is_warned_of_its_addresses_and_of_who_watches_nothing),
		cmocka_unit_test(the_option_makes_a_lab_too),
		cmocka_unit_test(a_missing_file_is_a_sentence),
		cmocka_unit_test(a_pipe_is_no_configuration),
		cmocka_unit_test(a_nul_byte_is_refused),
		cmocka_unit_test_setup_teardown(what_is_included_stands_there,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_mistake_is_where_it_stands, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_byte_order_mark_is_no_part_of_the_text,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    what_matches_nothing_and_what_is_vast_is_warned_of, make_folder,
		    remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
