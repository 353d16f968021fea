/* What Sendmail logs of its clients' words, on all sides of their addresses. */
#include "maillog_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define AT(seconds) "2026-11-23T18:04:" seconds ".5+00:00 mail sm-mta[102]: "
#define ID "6ANI48MU000102: " /* 18:04:08 */
#define TAIL(nrcpts)                                                                     \
	", size=0, class=0, nrcpts=" nrcpts ", proto=ESMTP, daemon=MTA-v4, relay="
#define MESSAGE                                                                          \
	", size=18, class=0, nrcpts=1, msgid=<x@y>, proto=ESMTP, daemon=MTA-v4, relay="
#define IDLE " did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA"
#define R "mail.example [203.0.113.9]"

static void nobody_forges_a_visit(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"x [192.0.2.1]",
		"x>, relay=y [192.0.2.1], reject=451 z",
		"\"x>, size=1, class=0, nrcpts=1, msgid=<y>, proto=ESMTP, daemon=MTA, "
		"relay=z [192.0.2.1]",
		"x [192.0.2.1] did not issue MAIL/EXPN/VRFY/ETRN during connection to "
		"MTA",
		"lost input channel from x [192.0.2.1] to MTA after data",
		"x>, relay=y [192.0.2.1] (may be forged)",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rig_seen s;
		struct maillog_lines *m = rig_new(&s);
		char line[2048];
		(void)snprintf(line, sizeof(line),
			       AT("09") ID "ruleset=check_rcpt, arg1=<%s>, relay=" R
					   ", reject=550 5.7.1 <%s>... no",
			       texts[i], texts[i]);
		rig_feed(m, line);
		(void)snprintf(line, sizeof(line), AT("09") ID "<%s>... User unknown",
			       texts[i]);
		rig_feed(m, line);
		(void)snprintf(line, sizeof(line),
			       AT("09") ID R
			       ": possible SMTP attack: command=%s, count=9",
			       texts[i]);
		rig_feed(m, line);
		(void)snprintf(line, sizeof(line),
			       AT("09") ID "Milter: to=<%s>, reject=550 5.7.1 <%s>",
			       texts[i], texts[i]);
		rig_feed(m, line);
		(void)snprintf(line, sizeof(line), AT("09") ID "from=<%s>" TAIL("0") R,
			       texts[i]);
		rig_feed(m, line);
		maillog_lines_finish(m);
		assert_int_equal(s.count, 1);
		assert_non_null(
		    strstr(s.text[0], " 203.0.113.9 name=mail.example rcpt "));
		assert_null(strstr(s.text[0], "accepted"));
		maillog_lines_free(m);
	}
}

/* What the client's own identd says of a user stands in front of its name, at the
 * begin of some lines. */
static void no_identd_forges_a_visit(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"x [192.0.2.1]: ",
		"connect from x [192.0.2.1]",
		"rejecting commands from x [192.0.2.1] due to pre-greeting traffic ",
		"lost input channel from x [192.0.2.1] to MTA after rcpt",
		"Milter: connect: host=x, addr=192.0.2.1, rejecting commands",
		"x [192.0.2.1] did not issue MAIL/EXPN/VRFY/ETRN during connection to "
		"MTA",
		"ruleset=check_rcpt, arg1=x, relay=y [192.0.2.1], reject=451 z",
		"from=<a>, size=0, class=0, nrcpts=0, proto=SMTP, daemon=MTA, relay=y "
		"[192.0.2.1]",
	};
	static const char *const ends[][2] = {
		{ "", IDLE },
		{ ": VRFY x [192.0.2.1]", "" },
		{ ": VRFY x", "" },
		{ ": VRFY x [192.0.2.1]", IDLE },
		{ ": VRFY x@y [192.0.2.1]", IDLE },
		{ ": VRFY [192.0.2.1] due to pre-greeting traffic after ", "1 seconds" },
		{ ": VRFY [192.0.2.1] to MTA after rcpt", "" },
		{ ": VRFY x, addr=192.0.2.1, rejecting commands", "" },
	};
	struct addr want;
	assert_true(addr_parse("203.0.113.9", &want));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
			struct rig_seen s;
			struct maillog_lines *m = rig_new(&s);
			char line[2048];
			(void)snprintf(line, sizeof(line), AT("09") ID "%s@" R "%s%s",
				       texts[i], ends[k][0], ends[k][1]);
			rig_feed(m, line);
			maillog_lines_finish(m);
			if (s.count && !addr_equal(s.visits[0].client, want))
				fail_msg("%s: %s", line, s.text[0]);
			maillog_lines_free(m);
		}
	}
}

static void cut_and_binary_lines_invent_nothing(void **state)
{
	(void)state;
	static const char *const lines[] = {
		AT("00") "starting daemon (8.17.1.9): SMTP+queueing@00:10:00",
		AT("08") "NOQUEUE: connect from " R,
		AT("09") ID "ruleset=check_rcpt, arg1=<c@d.example>, relay=" R
			    ", reject=451 4.7.1 later",
		AT("09") ID "Milter: to=<c@d.example>, reject=451 4.7.1 later",
		AT("09") ID "from=<a@b.example>" MESSAGE R,
		AT("09") ID "to=/dev/null, ctladdr=<bob@example.com> (8/0), stat=Sent",
		AT("09") ID "lost input channel from " R " to MTA-v4 after rcpt",
		AT("09") ID R
		" did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA",
		AT("09") ID R ": VRFY bob",
	};
	rig_expect_nothing_invented(lines, sizeof(lines) / sizeof(lines[0]),
				    "203.0.113.9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_forges_a_visit),
		cmocka_unit_test(no_identd_forges_a_visit),
		cmocka_unit_test(cut_and_binary_lines_invent_nothing),
	};
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
