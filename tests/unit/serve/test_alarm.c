#include "serve/alarm/alarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "serve/alarm/alarm_command.h"

#define NOON INT64_C(1795435200000000)

struct told {
	struct alarms *alarms;
	char text[4096]; /* "begin host mail.example; " and so on */
};

static void on_told(void *arg, const struct alarm *a, bool is_over)
{
	struct told *t = arg;
	size_t len = strlen(t->text);
	(void)snprintf(t->text + len, sizeof(t->text) - len, "%s %s %s; ",
		       is_over ? "over" : "begin", alarm_rows()[a->key.kind].name,
		       a->key.host);
}

static void start(struct told *t)
{
	*t = (struct told){ .text = "" };
	t->alarms = alarms_new(on_told, t);
}

static void tells(struct told *t, const char *want)
{
	assert_string_equal(t->text, want);
	t->text[0] = '\0';
}

static struct alarm_key sender(const char *address)
{
	struct alarm_key key = alarm_key(ALARM_SENDER, "site");
	assert_true(addr_parse(address, &key.client));
	return key;
}

static void each_is_told_once_however_often_it_is_raised(void **state)
{
	(void)state;
	struct told t;
	struct alarm_key decoy = alarm_key(ALARM_DECOY, "fake0.example");
	struct alarm_key other = alarm_key(ALARM_DECOY, "fake1.example");
	start(&t);
	for (int i = 0; i < 5; i++) {
		alarms_raise(t.alarms, &decoy, "it answers", NOON + i);
		alarms_tick(t.alarms, NOON + i);
	}
	tells(&t, "begin decoy fake0.example; ");
	alarms_raise(t.alarms, &other, "it answers", NOON);
	alarms_tick(t.alarms, NOON);
	tells(&t, "begin decoy fake1.example; ");
	assert_true(alarms_is_on(t.alarms, ALARM_DECOY, "fake0.example"));
	alarms_clear(t.alarms, &decoy, "it refuses");
	alarms_clear(t.alarms, &decoy, "it refuses");
	tells(&t, "over decoy fake0.example; ");
	assert_int_equal(alarms_count(t.alarms, ALARM_DECOY), 1);
	alarms_free(t.alarms);
}

static void what_passes_by_itself_is_not_told(void **state)
{
	(void)state;
	struct told t;
	struct alarm_key host = alarm_key(ALARM_HOST, "mail.example");
	int64_t after = alarm_rows()[ALARM_HOST].after;
	start(&t);
	alarms_raise(t.alarms, &host, "no answer", NOON);
	alarms_tick(t.alarms, NOON + after - 1);
	alarms_clear(t.alarms, &host, "it answers");
	tells(&t, "");
	alarms_raise(t.alarms, &host, "no answer", NOON);
	alarms_raise(t.alarms, &host, "no answer", NOON + after - 1);
	alarms_tick(t.alarms, NOON + after);
	tells(&t, "begin host mail.example; ");
	alarms_free(t.alarms);
}

static void who_was_allowed_is_quiet_until_he_came(void **state)
{
	(void)state;
	struct told t;
	struct alarm_key one = sender("192.0.2.1"), two = sender("192.0.2.2");
	start(&t);
	alarms_raise(t.alarms, &one, "at risk", NOON);
	alarms_raise(t.alarms, &two, "at risk", NOON);
	alarms_acknowledge(t.alarms, &two, "allowed");
	alarms_tick(t.alarms, NOON);
	tells(&t, "begin sender site; "); /* nobody needs to be told of the second */
	alarms_acknowledge(t.alarms, &one, "allowed");
	tells(&t, "over sender site; ");
	alarms_raise(t.alarms, &one, "at risk for ever", NOON);
	alarms_tick(t.alarms, NOON + STAMP_DAY);
	tells(&t, "");
	alarms_clear(t.alarms, &one, "he came");
	tells(&t, "");
	alarms_raise(t.alarms, &one, "at risk again", NOON);
	alarms_tick(t.alarms, NOON);
	tells(&t, "begin sender site; ");
	alarms_free(t.alarms);
}

static void a_restart_tells_nothing_again_and_what_is_over(void **state)
{
	(void)state;
	struct told t, after;
	struct alarm_key decoy = alarm_key(ALARM_DECOY, "fake0.example");
	struct alarm_key gone = alarm_key(ALARM_DECOY, "gone.example");
	struct alarm_key host = alarm_key(ALARM_HOST, "mail.example");
	struct alarm_key one = sender("192.0.2.1"), two = sender("2001:db8::2");
	start(&t);
	alarms_raise(t.alarms, &decoy, "it answers: \"hello\"\nyou", NOON);
	alarms_raise(t.alarms, &gone, "", NOON);
	alarms_raise(t.alarms, &host, "no answer", NOON); /* not told yet */
	alarms_raise(t.alarms, &one, "at risk", NOON);
	alarms_raise(t.alarms, &two, "at risk", NOON);
	alarms_acknowledge(t.alarms, &two, "allowed");
	alarms_tick(t.alarms, NOON);
	assert_true(alarms_has_changed(t.alarms));
	assert_false(alarms_has_changed(t.alarms));
	start(&after);
	const struct alarm *a;
	for (size_t i = 0; (a = alarms_at(t.alarms, i)); i++) {
		if (a->state != ALARM_WAITING)
			alarms_keep(after.alarms, &a->key, a->state == ALARM_QUIET,
				    a->since, a->text, NOON + STAMP_HOUR);
	}
	alarms_free(t.alarms);
	assert_false(alarms_has_changed(after.alarms));
	assert_int_equal(alarms_count(after.alarms, ALARM_KINDS), 4);
	assert_string_equal(alarms_at(after.alarms, 0)->text, "it answers: 'hello' you");
	alarms_raise(after.alarms, &decoy, "it answers", NOON + STAMP_HOUR);
	alarms_raise(after.alarms, &two, "at risk", NOON + STAMP_HOUR);
	alarms_tick(after.alarms, NOON + STAMP_HOUR);
	tells(&after, "");
	alarms_tick(after.alarms, NOON + STAMP_HOUR + ALARM_LOADED);
	tells(&after, "over decoy gone.example; "); /* nobody raised it again */
	alarms_clear(after.alarms, &one, "he came");
	tells(&after, "over sender site; ");
	alarms_free(after.alarms);
}

static void there_is_a_limit(void **state)
{
	(void)state;
	struct told t = { .text = "" };
	char name[64];
	start(&t);
	for (int i = 0; i < ALARM_MAX + 3; i++) {
		(void)snprintf(name, sizeof(name), "h%d.example", i);
		struct alarm_key key = alarm_key(ALARM_DECOY, name);
		alarms_raise(t.alarms, &key, "", NOON);
	}
	assert_int_equal(alarms_count(t.alarms, ALARM_KINDS), ALARM_MAX);
	alarms_free(t.alarms);
}

/* ---- the command ---- */

static char folder[] = "/tmp/fakemx-test-alarm-XXXXXX";
static char record[300];

static struct alarm alarm_of(struct alarm_key key, const char *text)
{
	struct alarm a = { .key = key, .state = ALARM_ON, .since = NOON };
	assert_true(str_copy(a.text, sizeof(a.text), text));
	return a;
}

static void read_record(char *to, size_t size)
{
	FILE *f = fopen(record, "r");
	assert_non_null(f);
	size_t n = fread(to, 1, size - 1, f);
	to[n] = '\0';
	assert_int_equal(fclose(f), 0);
}

static void stop(struct alarm_command *c, uv_loop_t *loop)
{
	alarm_command_stop(c);
	uv_run(loop, UV_RUN_DEFAULT);
	alarm_command_free(c);
	assert_int_equal(uv_loop_close(loop), 0);
}

static void wait_idle(uv_loop_t *loop)
{
	while (uv_loop_alive(loop))
		uv_run(loop, UV_RUN_ONCE);
}

static void the_command_gets_all_by_its_environment(void **state)
{
	(void)state;
	uv_loop_t loop;
	char command[1000], text[1024];
	assert_int_equal(uv_loop_init(&loop), 0);
	struct alarm_command *c = alarm_command_new(&loop);
	(void)snprintf(
	    command, sizeof(command),
	    "echo \"$FAKEMX_ALARM|$FAKEMX_ALARM_KIND|$FAKEMX_ALARM_HOST|"
	    "$FAKEMX_ALARM_ADDRESS|$FAKEMX_ALARM_TEXT|$FAKEMX_ALARM_SINCE\" >> "
	    "%s",
	    record);
	struct alarm a = alarm_of(sender("192.0.2.1"), "$(touch /nowhere); `x` 'y'");
	struct alarm b = alarm_of(alarm_key(ALARM_HOST, "mail.example"), "no answer");
	alarm_command_run(c, &a, false); /* there is no command yet */
	alarm_command_set(c, command);
	alarm_command_run(c, &a, false);
	wait_idle(&loop);
	alarm_command_run(c, &b, true);
	wait_idle(&loop);
	read_record(text, sizeof(text));
	assert_string_equal(text, "begin|sender|site|192.0.2.1|$(touch /nowhere); `x` "
				  "'y'|2026-11-23T12:00:00Z\n"
				  "over|host|mail.example||no answer|"
				  "2026-11-23T12:00:00Z\n");
	stop(c, &loop);
	assert_int_equal(unlink(record), 0);
}

static void calls_of_one_alarm_follow_each_other_and_few_run_at_once(void **state)
{
	(void)state;
	uv_loop_t loop;
	char command[1000], text[4096], name[64];
	assert_int_equal(uv_loop_init(&loop), 0);
	struct alarm_command *c = alarm_command_new(&loop);
	(void)snprintf(command, sizeof(command),
		       "echo + $FAKEMX_ALARM $FAKEMX_ALARM_HOST >> %s; sleep 0.2; "
		       "echo - $FAKEMX_ALARM $FAKEMX_ALARM_HOST >> %s",
		       record, record);
	alarm_command_set(c, command);
	for (int i = 0; i < 2 * ALARM_COMMAND_AT_ONCE; i++) {
		(void)snprintf(name, sizeof(name), "h%d", i);
		struct alarm a = alarm_of(alarm_key(ALARM_DECOY, name), "");
		alarm_command_run(c, &a, false);
		alarm_command_run(c, &a, true); /* of the later half, both are left out */
	}
	wait_idle(&loop);
	read_record(text, sizeof(text));
	int running = 0, most = 0, begun = 0;
	for (const char *p = text; *p; p++) {
		bool is_start = p == text || p[-1] == '\n';
		begun += is_start && *p == '+';
		running += is_start ? (*p == '+' ? 1 : -1) : 0;
		most = running > most ? running : most;
	}
	assert_int_equal(most, ALARM_COMMAND_AT_ONCE);
	assert_int_equal(begun, 2 * ALARM_COMMAND_AT_ONCE);
	const char *end = strstr(text, "- begin h0\n"),
		   *over = strstr(text, "+ over h0\n");
	assert_true(end && over && end < over);
	assert_null(strstr(text, "h7"));
	stop(c, &loop);
	assert_int_equal(unlink(record), 0);
}

static void a_command_that_hangs_does_not_hold_the_end_up(void **state)
{
	(void)state;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct alarm_command *c = alarm_command_new(&loop);
	alarm_command_set(c, "trap '' TERM; while :; do sleep 1; done");
	struct alarm a = alarm_of(alarm_key(ALARM_DECOY, "fake0.example"), "");
	alarm_command_run(c, &a, false);
	uv_run(&loop, UV_RUN_NOWAIT);
	uint64_t began = uv_hrtime();
	stop(c, &loop);
	assert_true(uv_hrtime() - began < UINT64_C(8000000000));
}

static int make_folder(void **state)
{
	(void)state;
	log_init(LOG_LEVEL_ERROR);
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(record, sizeof(record), "%s/record", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told_once_however_often_it_is_raised),
		cmocka_unit_test(what_passes_by_itself_is_not_told),
		cmocka_unit_test(who_was_allowed_is_quiet_until_he_came),
		cmocka_unit_test(a_restart_tells_nothing_again_and_what_is_over),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(the_command_gets_all_by_its_environment),
		cmocka_unit_test(
		    calls_of_one_alarm_follow_each_other_and_few_run_at_once),
		cmocka_unit_test(a_command_that_hangs_does_not_hold_the_end_up),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
