#include "serve/system/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char text[] =
    "lab = true\n"
    "alarm = 'mail -s \"$FAKEMX_ALARM\" root'\n"
    "site \"e\" {\n"
    "  layout = high  domains = { \"example.com\" }\n"
    "  host \"a.example.com\" { preference = 10  address = { \"127.0.0.1@2525\" }\n"
    "    watch = feed  feed = \"ssh b fakemx feed --since %s --to - 100%%\" }\n"
    "  host \"b.example.com\" { preference = 20  address = { \"127.0.0.2@2525\" }\n"
    "    watch = \"journal:/var/log/one\" }\n"
    "  host \"c.example.com\" { preference = 30  address = { \"127.0.0.3@2525\" }\n"
    "    watch = command  command = \"docker logs --since %s mail\" }\n"
    "  decoy \"d.example.com\" { preference = 40  address = { \"127.0.0.4@2525\" }\n"
    "    posture = busy }\n"
    "}\n";

#define SHELL(line)                                                                      \
	{                                                                                \
		"/bin/sh", "-c", line                                                    \
	}

static const struct {
	const char *what;
	const char *argv[8], *extra[3];
	bool want;
} rows[] = {
	{ "the alarm",
	  SHELL("mail -s \"$FAKEMX_ALARM\" root"),
	  { "FAKEMX_ALARM=begin", "FAKEMX_ALARM_TEXT=$(rm -rf /)" },
	  true },
	{ "the alarm with another variable",
	  SHELL("mail -s \"$FAKEMX_ALARM\" root"),
	  { "FAKEMX_ALARM=begin", "LD_PRELOAD=/tmp/x.so" },
	  false },
	{ "the alarm and more",
	  SHELL("mail -s \"$FAKEMX_ALARM\" root; id"),
	  { NULL },
	  false },
	{ "a feed since a time",
	  SHELL("ssh b fakemx feed --since 2026-11-30T10:00:00.5Z --to - 100%"),
	  { NULL },
	  true },
	{ "a feed as it stands",
	  SHELL("ssh b fakemx feed --since %s --to - 100%%"),
	  { NULL },
	  false },
	{ "a feed since something else",
	  SHELL("ssh b fakemx feed --since 1;id --to - 100%"),
	  { NULL },
	  false },
	{ "a feed since a line's end",
	  SHELL("ssh b fakemx feed --since 1\nid\n --to - 100%"),
	  { NULL },
	  false },
	{ "a log's command",
	  SHELL("docker logs --since 2026-11-30T10:00:00Z mail"),
	  { NULL },
	  true },
	{ "another command", SHELL("id"), { NULL }, false },
	{ "an empty command", SHELL(""), { NULL }, false },
	{ "two lines for the shell", { "/bin/sh", "-c", "id", "x" }, { NULL }, false },
	{ "a shell alone", { "/bin/sh" }, { NULL }, false },
	{ "journalctl",
	  { "journalctl", "--output=json", "--no-pager", "--all", "--follow",
	    "--since=@12.5", "--directory=/var/log/one" },
	  { NULL },
	  true },
	{ "journalctl of another folder",
	  { "journalctl", "--output=json", "--directory=/etc" },
	  { NULL },
	  false },
	{ "journalctl that deletes",
	  { "journalctl", "--vacuum-size=1" },
	  { NULL },
	  false },
	{ "journalctl that writes", { "journalctl", "--rotate" }, { NULL }, false },
	{ "what unpacks", { "xz", "-dc" }, { NULL }, true },
	{ "what packs", { "xz", "-z" }, { NULL }, false },
	{ "what unpacks a file", { "xz", "-dc", "/etc/shadow" }, { NULL }, false },
	{ "a program of another name", { "/tmp/xz", "-dc" }, { NULL }, false },
};

static void the_configurations_commands_and_no_others(void **state)
{
	struct config c;
	struct error e;
	(void)state;
	if (config_parse(text, sizeof(text) - 1, "t", true, &c, &e) != 0)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (commands_allow(&c, rows[i].argv, rows[i].extra) != rows[i].want)
			fail_msg("%s: got %d, want %d", rows[i].what, !rows[i].want,
				 rows[i].want);
	config_release(&c);
}

static void without_a_journal_there_is_no_journalctl(void **state)
{
	static const struct config none;
	const char *argv[] = { "journalctl", "--output=json", NULL };
	(void)state;
	assert_false(commands_allow(&none, argv, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_configurations_commands_and_no_others),
		cmocka_unit_test(without_a_journal_there_is_no_journalctl),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
