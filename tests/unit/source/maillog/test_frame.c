#include "source/maillog/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "source/maillog/logtime.h"

static void set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

struct stamp_row {
	const char *zone, *now;
	const char *lines[4];
	const char *want[4]; /* with the width, if it is not a second; NULL: refused */
};

static const struct stamp_row stamps[] = {
	{ "UTC",
	  "2026-11-23T15:00:00Z",
	  { "Nov 23 14:05:09 m", "Nov  3 14:05:09 m", "Nov 24 14:05:09 m",
	    "Dec 31 23:59:60 m" },
	  { "2026-11-23T14:05:09Z", "2026-11-03T14:05:09Z", "2026-11-24T14:05:09Z",
	    "2026-01-01T00:00:00Z" } },
	{ "Europe/Berlin",
	  "2026-11-23T15:00:00Z",
	  { "2026-11-23T14:05:09.123456+01:00 m", "2026-11-23T14:05:09Z m",
	    "Nov 23 14:05:09 m", "Jul  1 00:00:00 m" },
	  { "2026-11-23T13:05:09.123456Z+1", "2026-11-23T14:05:09Z",
	    "2026-11-23T13:05:09Z", "2026-06-30T22:00:00Z" } },
	/* lines of one second, in two zones */
	{ "UTC",
	  "2026-11-23T15:00:00Z",
	  { "2026-11-23T14:05:09.123456+01:00 m", "2026-11-23T14:05:09.000007+01:00 m",
	    "2026-11-23T14:05:09.500000-00:30 m", "2026-11-23T14:05:09.123457-00:30 m" },
	  { "2026-11-23T13:05:09.123456Z+1", "2026-11-23T13:05:09.000007Z+1",
	    "2026-11-23T14:35:09.5Z+1", "2026-11-23T14:35:09.123457Z+1" } },
	{ "UTC",
	  "2026-11-23T15:00:00Z",
	  { "2026-11-23T14:05:09.123456Z mail x", "2026-11-23T14:05:09+0100 mail x",
	    "2026-11-23T14:05:09.1234x6+01:00 m", "2026-11-23T14:05:09.123456+01:00" },
	  { "2026-11-23T14:05:09.123456Z+1", "2026-11-23T13:05:09Z", NULL, NULL } },
	{ "Europe/Berlin",
	  "2026-11-23T15:00:00Z",
	  { "2026-11-23 14:05:09 m", "2026-11-23 14:05:09.123+01:00 m",
	    "2026-11-23 14:05:09 +0230 m", "2026-11-23T14:05:09.123456789Z m" },
	  { "2026-11-23T13:05:09Z", "2026-11-23T13:05:09.123Z+1000",
	    "2026-11-23T11:35:09Z", "2026-11-23T14:05:09.123456Z+1" } },
	/* journalctl's */
	{ "Europe/Berlin",
	  "2026-11-23T15:00:00Z",
	  { "Mon 2026-11-23 14:05:09 UTC m", "Mon 2026-11-23 14:05:09 CET m",
	    "1795446309.123456 m", "Nov 23 14:05:09.123456 m" },
	  { "2026-11-23T14:05:09Z", "2026-11-23T13:05:09Z",
	    "2026-11-23T15:05:09.123456Z+1", "2026-11-23T13:05:09.123456Z+1" } },
	/* the hour that comes twice, 25 October 2026, 02:00 CEST = CET: the first
	 * line of it may be either, what goes back before it is the second */
	{ "Europe/Berlin",
	  "2026-10-25T12:00:00Z",
	  { "Oct 25 01:59:59 m", "Oct 25 02:59:59 m", "Oct 25 02:00:00 m",
	    "Oct 25 03:00:00 m" },
	  { "2026-10-24T23:59:59Z", "2026-10-25T00:59:59Z+3601000000",
	    "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z" } },
	/* while the clock says that the second has not come yet */
	{ "Europe/Berlin",
	  "2026-10-25T00:30:00Z",
	  { "Oct 25 02:29:59 m", "2026-10-25 02:29:59.250 m", "Oct 25 02:29:59 m",
	    "Oct 25 02:30:00 m" },
	  { "2026-10-25T00:29:59Z", "2026-10-25T00:29:59.25Z+1000",
	    "2026-10-25T00:29:59Z", "2026-10-25T00:30:00Z" } },
	/* the hour that does not come, 29 March 2026, is of a clock that was not put
	 * forward, or of another zone: not of the year before */
	{ "Europe/Berlin",
	  "2026-11-23T15:00:00Z",
	  { "Mar 29 02:30:00 m", "Mar 29 03:00:00 m", "2026-03-29 02:30:00 m",
	    "Mar 29 04:00:00 m" },
	  { "2026-03-29T00:30:00Z+3601000000", "2026-03-29T01:00:00Z",
	    "2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z" } },
	/* a year has begun since, and a day that few years have */
	{ "UTC",
	  "2027-01-01T00:00:05Z",
	  { "Dec 31 23:59:59 m", "Jan  1 00:00:01 m", "Feb 29 12:00:00 m",
	    "Feb 30 12:00:00 m" },
	  { "2026-12-31T23:59:59Z", "2027-01-01T00:00:01Z", "2024-02-29T12:00:00Z",
	    NULL } },
	{ "UTC",
	  "2026-11-23T15:00:00Z",
	  { "Nov 23 24:05:09 m", "Nov 23 14:05:09", "Nov 00 14:05:09 m",
	    "2026-02-29 01:59:59 m" },
	  { NULL, NULL, NULL, NULL } },
};

static void stamps_are_read_in_all_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
		struct logtime reader = { 0 };
		int64_t now;
		set_zone(stamps[i].zone);
		assert_true(stamp_parse(stamps[i].now, &now, NULL));
		for (size_t k = 0; k < 4; k++) {
			const char *text = stamps[i].lines[k], *want = stamps[i].want[k];
			struct slice line = { text, text + strlen(text) };
			char got[80] = "refused", when[STAMP_TEXT_MAX];
			struct logstamp s;
			if (logtime_read(&reader, &line, now, &s))
				(void)snprintf(got, sizeof(got),
					       s.width == STAMP_SECOND ? "%s" : "%s+%lld",
					       stamp_text(s.time, when),
					       (long long)s.width);
			if (strcmp(got, want ? want : "refused") != 0)
				fail_msg("%s (%s): got %s, want %s", text, stamps[i].zone,
					 got, want ? want : "refused");
		}
	}
	set_zone("UTC");
}

/* The zone of a log may be another than that of this process, which keeps its own. */
static void a_named_zone_is_the_logs_and_not_ours(void **state)
{
	(void)state;
	struct logtime reader = { .zone = "America/New_York" };
	const char *text = "Nov 23 09:05:09 m";
	struct slice line = { text, text + strlen(text) };
	struct logstamp s;
	int64_t now, want;
	set_zone("Asia/Tokyo");
	assert_true(stamp_parse("2026-11-23T15:00:00Z", &now, NULL));
	assert_true(stamp_parse("2026-11-23T14:05:09Z", &want, NULL));
	assert_true(logtime_read(&reader, &line, now, &s));
	assert_true(s.time == want);
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	assert_true(stamp_is_zone("Europe/Berlin") && stamp_is_zone("UTC"));
	assert_false(stamp_is_zone("Europe/Nowhere") || stamp_is_zone("Europe"));
	assert_false(stamp_is_zone("/etc/localtime") || stamp_is_zone("../x"));
	set_zone("UTC");
}

#define SAYS "connect from unknown[203.0.113.9]"
#define POSTFIX "postfix/smtpd[7]: " SAYS
#define AT_9 "2026-11-23T14:05:09Z"
#define NANO "2026-11-23T14:05:09.250000789Z "
#define FIELDS                                                                           \
	"\"_HOSTNAME\":\"mx\",\"SYSLOG_IDENTIFIER\":\"postfix/smtpd\",\"_PID\":\"8\","   \
	"\"SYSLOG_PID\":\"7\",\"__REALTIME_TIMESTAMP\":\"1795442709250000\","            \
	"\"_SOURCE_REALTIME_TIMESTAMP\":\"1795442709249000\""

static const struct frame_row {
	const char *story, *line, *want; /* NULL: no line */
} frames[] = {
	{ "syslog, RFC 3164", "Nov 23 14:05:09 mx " POSTFIX, AT_9 "+1000000 mx" },
	{ "RFC 3339", "2026-11-23T15:05:09.25+01:00 mx " POSTFIX,
	  "2026-11-23T14:05:09.25Z+10000 mx" },
	{ "RFC 5424", "<22>1 2026-11-23T14:05:09.1Z mx postfix/smtpd 7 - - " SAYS,
	  "2026-11-23T14:05:09.1Z+100000 mx" },
	{ "RFC 5424 with data and a mark",
	  "<22>1 2026-11-23T14:05:09.1Z mx postfix/smtpd 7 ID1 [a@1 b=\"]\"][c@1] "
	  "\xef\xbb\xbf" SAYS,
	  "2026-11-23T14:05:09.1Z+100000 mx" },
	{ "RFC 5424 with its octets counted",
	  "88 <22>1 2026-11-23T14:05:09.1Z mx postfix/smtpd 7 - - " SAYS,
	  "2026-11-23T14:05:09.1Z+100000 mx" },
	{ "a priority in front", "<22>Nov 23 14:05:09 mx " POSTFIX, AT_9 "+1000000 mx" },
	{ "busybox", "Nov 23 14:05:09 mx mail.info " POSTFIX, AT_9 "+1000000 mx" },
	{ "OpenBSD", "Nov 23 14:05:09 <mail.notice> mx " POSTFIX, AT_9 "+1000000 mx" },
	{ "FreeBSD", "Nov 23 14:05:09 <mail.info> mx " POSTFIX, AT_9 "+1000000 mx" },
	{ "a host whose domain is .info", "Nov 23 14:05:09 a.info " POSTFIX,
	  AT_9 "+1000000 a.info" },
	{ "syslog-ng, ISO", "2026-11-23 14:05:09 mx " POSTFIX, AT_9 "+1000000 mx" },
	{ "docker logs -t, syslog within", NANO "Nov 23 14:05:09 mx " POSTFIX,
	  AT_9 "+250001 mx" },
	{ "docker logs -t, a container in another zone",
	  NANO "Nov 23 16:35:08 mx " POSTFIX, "2026-11-23T14:05:08Z+1000000 mx" },
	{ "docker logs -t, RFC 3339 within", NANO "2026-11-23T15:05:09+01:00 mx " POSTFIX,
	  AT_9 "+250001 mx" },
	{ "docker logs -t, nothing but a tag", NANO POSTFIX,
	  "2026-11-23T14:05:09.25Z+1 " },
	{ "CRI", NANO "stdout F Nov 23 14:05:09 mx " POSTFIX, AT_9 "+250001 mx" },
	{ "CRI, a tag alone", NANO "stderr F " POSTFIX, "2026-11-23T14:05:09.25Z+1 " },
	{ "docker compose logs", "mailserver-1  | Nov 23 14:05:09 mx " POSTFIX,
	  AT_9 "+1000000 mx" },
	{ "docker compose logs -t, in colours",
	  "\x1b[36mmailserver-1  |\x1b[0m " NANO POSTFIX,
	  "2026-11-23T14:05:09.25Z+1 mailserver-1" },
	{ "json-file",
	  "{\"log\":\"Nov 23 14:05:09 mx postfix/smtpd[7]: connect from "
	  "unknown[203.0.113.9]\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-23T14:05:"
	  "09.250000789Z\"}",
	  AT_9 "+250001 mx" },
	{ "json-file with escapes and an object we do not know",
	  "{\"attrs\":{\"a\":[1,{\"b\":\"}\"}]},\"log\":\"postfix\\/smtpd[7]: connect "
	  "from unknown[203.0.113\\u002e9]\\r\\n\",\"time\":\"2026-11-23T14:05:09.25Z\"}",
	  "2026-11-23T14:05:09.25Z+10000 " },
	{ "journalctl -o json", "{\"MESSAGE\":\"" SAYS "\"," FIELDS "}",
	  "2026-11-23T14:05:09.249Z+1 mx" },
	{ "journalctl -o json, a message of bytes",
	  "{" FIELDS ",\"MESSAGE\":[99,111,110,110,101,99,116,32,102,114,111,109,32,117,"
	  "110,107,110,111,119,110,91,50,48,51,46,48,46,49,49,51,46,57,93]}",
	  "2026-11-23T14:05:09.249Z+1 mx" },
	{ "the journal, of Docker's driver",
	  "{\"CONTAINER_NAME\":\"mail\",\"CONTAINER_ID\":\"0123\",\"MESSAGE\":\"Nov 23 "
	  "14:05:09 postfix/smtpd[7]: connect from unknown[203.0.113.9]\"," FIELDS "}",
	  AT_9 "+250001 mail" },
	{ "journalctl -o short-iso", "2026-11-23T15:05:09+0100 mx " POSTFIX,
	  AT_9 "+1000000 mx" },
	{ "journalctl -o short-precise", "Nov 23 14:05:09.250000 mx " POSTFIX,
	  "2026-11-23T14:05:09.25Z+1 mx" },
	{ "journalctl -o short-full", "Mon 2026-11-23 14:05:09 UTC mx " POSTFIX,
	  AT_9 "+1000000 mx" },
	{ "journalctl -o short-unix", "1795442709.250000 mx " POSTFIX,
	  "2026-11-23T14:05:09.25Z+1 mx" },
	{ "CR at the end", "Nov 23 14:05:09 mx " POSTFIX "\r", AT_9 "+1000000 mx" },
	{ "no stamp", POSTFIX, NULL },
	{ "half an object", "{\"log\":\"Nov 23 14:05:09 mx " POSTFIX, NULL },
	{ "an object of somebody else's", "{\"level\":\"info\",\"msg\":\"x\"}", NULL },
	{ "an object that goes on", "{\"log\":\"x\\n\",\"time\":\"" AT_9 "\",", NULL },
};

static int64_t now_of_rows(void)
{
	int64_t now;
	assert_true(stamp_parse("2026-11-23T15:00:00Z", &now, NULL));
	return now;
}

static void expect_frame(const struct frame_row *row, const struct logline *l)
{
	char got[200], when[STAMP_TEXT_MAX];
	(void)snprintf(got, sizeof(got), "%s+%u %.*s", stamp_text(l->time, when),
		       l->precision_us, (int)slice_len(l->host), l->host.at);
	if (!row->want || strcmp(got, row->want) != 0)
		fail_msg("%s: got %s, want %s", row->story, got, row->want);
	if (!slice_is(l->program, "smtpd") || !slice_is(l->tag, "postfix/smtpd") ||
	    !slice_is(l->pid, "7") || !slice_is(l->text, SAYS))
		fail_msg("%s: program %.*s, tag %.*s, pid %.*s, text \"%.*s\"",
			 row->story, (int)slice_len(l->program), l->program.at,
			 (int)slice_len(l->tag), l->tag.at, (int)slice_len(l->pid),
			 l->pid.at, (int)slice_len(l->text), l->text.at);
}

static void each_framing_is_found_out_line_by_line(void **state)
{
	(void)state;
	struct frame *f = frame_new();
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct logline l;
		size_t len = strlen(frames[i].line);
		/* behind its own end nothing may be read */
		char *own = malloc(len);
		assert_non_null(own);
		memcpy(own, frames[i].line, len);
		enum frame_kind kind = frame_read(f, own, len, now_of_rows(), &l);
		if (kind == FRAME_LINE)
			expect_frame(&frames[i], &l);
		else if (frames[i].want)
			fail_msg("%s: got no line", frames[i].story);
		free(own);
	}
	frame_free(f);
}

/* Cut anywhere, a line is read or refused, and no byte behind it looked at. */
static void a_frame_that_is_cut_anywhere_hurts_nobody(void **state)
{
	(void)state;
	struct frame *f = frame_new();
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		for (size_t len = 0; len < strlen(frames[i].line); len++) {
			struct logline l;
			char *own = malloc(len + 1);
			assert_non_null(own);
			memcpy(own, frames[i].line, len);
			if (frame_read(f, own, len, now_of_rows(), &l) == FRAME_LINE)
				assert_true(l.precision_us >= 1);
			free(own);
		}
	}
	frame_free(f);
}

static void exims_and_rspamds_own_logs_have_neither_host_nor_tag(void **state)
{
	(void)state;
	static const struct {
		const char *line, *program, *text;
	} rows[] = {
		{ "2026-11-23 14:05:09 1xVYFs-00000i-1c Completed", "exim",
		  "1xVYFs-00000i-1c Completed" },
		{ "2026-11-23 14:05:09.123 [12] exim 4.96 daemon started: pid=12", "exim",
		  "[12] exim 4.96 daemon started: pid=12" },
		{ "mail-1 | 2026-11-23 14:05:09 1xVYFs-00000i-1c DKIM: d=x", "exim",
		  "1xVYFs-00000i-1c DKIM: d=x" },
		{ NANO "2026-11-23 14:05:09 H=x [192.0.2.1]: y", "exim",
		  "H=x [192.0.2.1]: y" },
		{ "2026-11-23 14:05:09 #8(normal) <747296>; task; x", "rspamd",
		  "#8(normal) <747296>; task; x" },
	};
	struct frame *f = frame_new();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct logline l;
		assert_int_equal(
		    frame_read(f, rows[i].line, strlen(rows[i].line), now_of_rows(), &l),
		    FRAME_LINE);
		if (!slice_is(l.program, rows[i].program) ||
		    !slice_is(l.text, rows[i].text))
			fail_msg("%s: %.*s", rows[i].line, (int)slice_len(l.text),
				 l.text.at);
	}
	frame_free(f);
}

static enum frame_kind give(struct frame *f, const char *line, struct logline *ret_line)
{
	return frame_read(f, line, strlen(line), now_of_rows(), ret_line);
}

static void lines_that_an_engine_split_are_one_again(void **state)
{
	(void)state;
	struct frame *f = frame_new();
	struct logline l;
	assert_int_equal(give(f, NANO "stdout P postfix/smtpd[7]: connect ", &l),
			 FRAME_PART);
	assert_int_equal(give(f, NANO "stdout P from unknown", &l), FRAME_PART);
	assert_int_equal(give(f, NANO "stdout F [203.0.113.9]", &l), FRAME_LINE);
	assert_true(slice_is(l.text, SAYS));
	assert_int_equal(give(f, NANO "stdout F " POSTFIX, &l), FRAME_LINE);
	assert_true(slice_is(l.text, SAYS));

	/* two containers at once, by the journal */
	assert_int_equal(
	    give(f,
		 "{\"CONTAINER_NAME\":\"a\",\"CONTAINER_PARTIAL_MESSAGE\":\"true\","
		 "\"MESSAGE\":\"postfix/smtpd[7]: connect from \"," FIELDS "}",
		 &l),
	    FRAME_PART);
	assert_int_equal(give(f,
			      "{\"CONTAINER_NAME\":\"b\",\"MESSAGE\":\"postfix/smtpd[7]: "
			      "x\"," FIELDS "}",
			      &l),
			 FRAME_LINE);
	assert_true(slice_is(l.text, "x") && slice_is(l.host, "b"));
	assert_int_equal(
	    give(f,
		 "{\"CONTAINER_NAME\":\"a\",\"MESSAGE\":\"unknown[203.0.113.9]\"," FIELDS
		 "}",
		 &l),
	    FRAME_LINE);
	assert_true(slice_is(l.text, SAYS) && slice_is(l.host, "a"));

	/* json-file: a line that has no end goes on */
	assert_int_equal(
	    give(f, "{\"log\":\"postfix/smtpd[7]: connect from \",\"time\":\"" AT_9 "\"}",
		 &l),
	    FRAME_PART);
	assert_int_equal(
	    give(f, "{\"log\":\"unknown[203.0.113.9]\\n\",\"time\":\"" AT_9 "\"}", &l),
	    FRAME_LINE);
	assert_true(slice_is(l.text, SAYS));
	frame_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_are_read_in_all_forms),
		cmocka_unit_test(a_named_zone_is_the_logs_and_not_ours),
		cmocka_unit_test(each_framing_is_found_out_line_by_line),
		cmocka_unit_test(a_frame_that_is_cut_anywhere_hurts_nobody),
		cmocka_unit_test(exims_and_rspamds_own_logs_have_neither_host_nor_tag),
		cmocka_unit_test(lines_that_an_engine_split_are_one_again),
	};
	set_zone("UTC");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
