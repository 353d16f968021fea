#include "source/maillog/maillog.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/mem.h"
#include "journal_file.h"

static char folder[] = "/tmp/fakemx-test-maillog-XXXXXX";
static char path[256], renamed[256];

struct rig {
	uv_loop_t loop;
	struct maillog *log;
	int64_t offset; /* of the clock that jumps */
	struct visit visits[64];
	size_t visit_count;
	int64_t upto[16], outage[16], gap_from, gap_to;
	char trouble[8][512];
	bool is_over[8];
	size_t trouble_count, gap_count;
};

static void on_visit(void *arg, const struct visit *v)
{
	struct rig *r = arg;
	assert_true(r->visit_count < 64);
	assert_true(v->source == VISIT_SOURCE_MAILLOG);
	r->visits[r->visit_count++] = *v;
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	struct rig *r = arg;
	assert_true(host < 16 && upto > r->upto[host]);
	r->upto[host] = upto;
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	struct rig *r = arg;
	assert_true(r->trouble_count < 8);
	assert_int_equal(host, 5);
	r->is_over[r->trouble_count] = is_over;
	assert_true(str_copy(r->trouble[r->trouble_count++], 512, sentence));
}

static void on_outage(void *arg, uint16_t host, int64_t until)
{
	struct rig *r = arg;
	assert_true(host < 16 && until > r->outage[host]);
	r->outage[host] = until;
}

static void on_gap(void *arg, uint16_t host, int64_t from, int64_t to)
{
	struct rig *r = arg;
	assert_int_equal(host, 5);
	r->gap_count++;
	r->gap_from = from;
	r->gap_to = to;
}

static const uint16_t hosts[] = { 5, 6 };
static bool is_command;

static void start(struct rig *r, enum maillog_start from, int64_t since,
		  size_t host_count)
{
	struct source_sink sink = { .visit = on_visit,
				    .watermark = on_watermark,
				    .trouble = on_trouble,
				    .outage = on_outage,
				    .gap = on_gap,
				    .arg = r };
	struct maillog_address addresses[2] = { { .host = 5, .site = 2 },
						{ .host = 6, .site = 3 } };
	assert_true(addr_parse("192.0.2.25", &addresses[0].address));
	assert_true(addr_parse("2001:db8::26", &addresses[1].address));
	struct maillog_spec spec = { .hosts = hosts,
				     .addresses = addresses,
				     .address_count = 2,
				     .host_count = host_count,
				     .site = 2,
				     .path = path,
				     .is_command = is_command,
				     .log_host = is_command ? "mail.example.com" : NULL,
				     .start = from,
				     .since = since };
	memset(r, 0, sizeof(*r));
	assert_int_equal(uv_loop_init(&r->loop), 0);
	r->log = maillog_new(&r->loop, (struct stamp_clock){ &r->offset }, &spec, &sink);
}

static void on_late(uv_timer_t *t)
{
	*(bool *)t->data = true;
}

static void turn(struct rig *r, unsigned ms)
{
	uv_timer_t timer;
	bool is_late = false;
	timer.data = &is_late;
	assert_int_equal(uv_timer_init(&r->loop, &timer), 0);
	uv_update_time(&r->loop);
	assert_int_equal(uv_timer_start(&timer, on_late, ms, 0), 0);
	while (!is_late)
		uv_run(&r->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&r->loop, UV_RUN_NOWAIT);
}

static void stop(struct rig *r)
{
	maillog_stop(r->log);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	maillog_free(r->log);
	assert_int_equal(uv_loop_close(&r->loop), 0);
}

/* A line with the stamp `when`. */
static void add_line(int64_t when, const char *program, const char *text)
{
	char stamp[STAMP_TEXT_MAX];
	FILE *f = fopen(path, "a");
	assert_non_null(f);
	assert_true(
	    fprintf(f, "%s mail %s[%s\n", stamp_text(when, stamp), program, text) > 0);
	assert_int_equal(fclose(f), 0);
}

static void add(int64_t when, const char *text)
{
	add_line(when, "postfix/smtpd", text);
}

static int clean(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(renamed);
	return 0;
}

#define ONE "unknown[203.0.113.9]"
#define TWO "unknown[203.0.113.10]"

static void visits_appear_while_the_log_grows_and_the_watermark_follows(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now();
	add(now - STAMP_HOUR, "1]: connect from " TWO);
	start(&r, MAILLOG_END, 0, 2);
	turn(&r, 300);
	assert_int_equal(r.visit_count, 0);
	now = stamp_now();
	add(now, "1]: connect from " ONE);
	turn(&r, 300);
	assert_int_equal(r.visit_count, 0);
	r.offset = 10 * STAMP_SECOND;
	turn(&r, 300);
	assert_int_equal(r.upto[5], now); /* held by the open session */
	assert_int_equal(maillog_counts(r.log).open, 1);
	add(now + STAMP_SECOND, "1]: disconnect from " ONE " ehlo=1 quit=1 commands=2");
	turn(&r, 300);
	assert_int_equal(r.visit_count, 1);
	assert_int_equal(r.visits[0].site, 2);
	assert_int_equal(r.visits[0].host, 5);
	assert_true(r.visits[0].time == now);
	assert_true(r.upto[5] > now + 7 * STAMP_SECOND);
	assert_true(r.upto[5] <= stamp_now() + r.offset - MAILLOG_LAG);
	assert_true(r.upto[5] == r.upto[6]);
	assert_int_equal(r.trouble_count, 0);
	stop(&r);
}

static void a_visit_is_the_hosts_at_whose_address_it_came(void **state)
{
	(void)state;
	static const struct {
		const char *local;
		uint16_t host, site;
	} rows[] = {
		{ "[192.0.2.25]:25", 5, 2 },
		{ "[2001:db8::26]:25", 6, 3 },
		{ "[10.0.0.1]:25", 5, 2 }, /* behind an address translation */
	};
	struct rig r;
	int64_t now = stamp_now();
	start(&r, MAILLOG_BEGIN, 0, 2);
	for (size_t i = 0; i < 3; i++) {
		char text[200];
		(void)snprintf(text, sizeof(text),
			       "7]: SMTP connection from [203.0.113.9]:%zu I=%s "
			       "(TCP/IP connection count = 1)",
			       4711 + i, rows[i].local);
		add_line(now + (int64_t)i, "exim", text);
	}
	add_line(now + 3, "postfix/postscreen",
		 "1]: CONNECT from [203.0.113.9]:4711 to [2001:db8::26]:25");
	add_line(now + 3, "postfix/postscreen", "1]: PASS OLD [203.0.113.9]:4711");
	add(now + 4, "1]: connect from " ONE);
	stop(&r);
	assert_int_equal(r.visit_count, 4);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(r.visits[i].host, rows[i].host);
		assert_int_equal(r.visits[i].site, rows[i].site);
	}
	assert_int_equal(r.visits[3].host, 6);
}

/* The next process begins at the last watermark: nothing twice, nothing lost. */
static void a_restart_goes_on_where_the_watermark_stood(void **state)
{
	(void)state;
	struct rig r;
	int64_t then = stamp_now() - STAMP_HOUR;
	then -= then % STAMP_SECOND;
	add(then, "1]: connect from " ONE);
	add(then, "1]: disconnect from " ONE " quit=1 commands=1");
	add(then + STAMP_SECOND, "1]: connect from " TWO);
	start(&r, MAILLOG_BEGIN, 0, 1);
	turn(&r, 100);
	stop(&r);
	assert_int_equal(r.visit_count, 2); /* the open one as it stands */
	int64_t upto = r.upto[5];
	assert_true(upto > then + STAMP_SECOND);
	add(upto - 1, "1]: disconnect from " TWO " quit=1 commands=1");
	add(upto, "1]: connect from " ONE);
	add(upto, "1]: disconnect from " ONE " quit=1 commands=1");
	start(&r, MAILLOG_SINCE, upto, 1);
	turn(&r, 100);
	stop(&r);
	assert_int_equal(r.visit_count, 1);
	assert_true(r.visits[0].time == upto);
}

static void a_rotation_while_nobody_read_hides_nothing(void **state)
{
	(void)state;
	struct rig r;
	int64_t then = stamp_now() - STAMP_MINUTE;
	add(then, "1]: connect from " ONE);
	add(then, "1]: disconnect from " ONE " quit=1 commands=1");
	assert_int_equal(rename(path, renamed), 0);
	add(then + 1, "1]: connect from " TWO);
	add(then + 1, "1]: disconnect from " TWO " quit=1 commands=1");
	start(&r, MAILLOG_SINCE, then, 1);
	turn(&r, 100);
	assert_int_equal(r.visit_count, 2);
	assert_true(r.visits[0].time == then);
	stop(&r);
}

/* A journal is entered at the last watermark, a little before it: what the
 * first process gave does not come again, also when only its end is new. */
static void a_journal_is_read_as_a_log_and_gone_on_with(void **state)
{
	(void)state;
	struct rig r;
	char file[512], plain[256];
	int64_t then = stamp_now() - STAMP_MINUTE;
	then -= then % STAMP_SECOND;
	(void)str_copy(plain, sizeof(plain), path);
	(void)snprintf(file, sizeof(file), "%s/a.journal", folder);
	(void)snprintf(path, sizeof(path), "journal:%s", folder);
	FILE *f = journal_file(file);
	assert_non_null(f);
	journal_add(f, then, "postfix/smtpd", 2, "connect from " ONE);
	journal_add(f, then + 1, "postfix/smtpd", 2, "disconnect from " ONE " quit=1");
	journal_add(f, then + STAMP_SECOND, "postfix/smtpd", 2, "connect from " TWO);
	assert_int_equal(journal_file_close(f), 0);
	start(&r, MAILLOG_SINCE, then, 1);
	turn(&r, 100);
	stop(&r);
	assert_int_equal(r.trouble_count, 0);
	assert_int_equal(r.visit_count, 2); /* the open one as it stands */
	assert_true(r.visits[0].time == then && r.visits[0].precision_us == 1);
	int64_t upto = r.upto[5];
	assert_true(upto > then + STAMP_SECOND);
	(void)snprintf(file, sizeof(file), "%s/b.journal", folder);
	f = journal_file(file);
	assert_non_null(f);
	journal_add(f, upto, "postfix/smtpd", 2, "disconnect from " TWO " quit=1");
	journal_add(f, upto + 5, "postfix/smtpd", 2, "connect from " ONE);
	journal_add(f, upto + 6, "postfix/smtpd", 2, "disconnect from " ONE " quit=1");
	assert_int_equal(journal_file_close(f), 0);
	start(&r, MAILLOG_SINCE, upto, 1);
	turn(&r, 100);
	stop(&r);
	assert_int_equal(r.visit_count, 1);
	assert_true(r.visits[0].time == upto + 5);
	(void)unlink(file);
	(void)snprintf(file, sizeof(file), "%s/a.journal", folder);
	(void)unlink(file);
	(void)str_copy(path, sizeof(path), plain);
}

/* The clock of the log is off by less than a minute: the interval of a visit holds
 * what the log says and what that is by our clock, and tells no delay. */
static void a_log_whose_clock_is_ahead_is_read_by_ours(void **state)
{
	(void)state;
	struct rig r;
	add(stamp_now() - STAMP_HOUR, "1]: connect from " TWO);
	start(&r, MAILLOG_END, 0, 1);
	turn(&r, 300);
	int64_t now = stamp_now(), ahead = 30 * STAMP_SECOND;
	add(now + ahead, "1]: connect from " ONE);
	turn(&r, 300);
	assert_int_equal(r.trouble_count, 1);
	assert_false(r.is_over[0]);
	assert_non_null(strstr(r.trouble[0], "is 30 s ahead of ours"));
	assert_non_null(strstr(r.trouble[0], "it tells no delays"));
	r.offset = 8 * STAMP_SECOND;
	turn(&r, 300);
	assert_true(r.upto[5] <= now); /* held by the open session */
	add(now + r.offset + ahead,
	    "1]: disconnect from " ONE " ehlo=1 quit=1 commands=2");
	turn(&r, 300);
	assert_int_equal(r.visit_count, 1);
	const struct visit *v = &r.visits[0];
	assert_true(v->time <= now && v->time + v->precision_us > now + ahead);
	assert_true(v->precision_us > 2 * STAMP_SECOND);
	assert_true(r.upto[5] <= stamp_now() + r.offset - ahead);

	for (int i = 0; i < 20; i++, r.offset += 8 * STAMP_SECOND) {
		add(stamp_now() + r.offset, "2]: connect from " TWO);
		turn(&r, 300);
	}
	assert_int_equal(r.trouble_count, 2);
	assert_true(r.is_over[1]);
	assert_non_null(strstr(r.trouble[1], "agrees with ours again"));
	assert_int_equal(r.gap_count, 0);
	now = stamp_now() + r.offset;
	add(now, "3]: connect from " ONE);
	add(now, "3]: disconnect from " ONE " quit=1");
	turn(&r, 300);
	v = &r.visits[r.visit_count - 1];
	assert_true(v->time == now && v->precision_us < 11);
	stop(&r);
}

/* After a restart nobody knows yet that it is behind: what comes is no old visit,
 * and what came while we were away is in doubt. */
static void a_log_whose_clock_is_behind_hides_no_visit_of_after_a_restart(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now(), behind = STAMP_HOUR, since = now - STAMP_MINUTE;
	add(now - behind - STAMP_MINUTE, "1]: connect from " TWO);
	add(now - behind - STAMP_MINUTE, "1]: disconnect from " TWO " quit=1");
	start(&r, MAILLOG_SINCE, since, 1);
	turn(&r, 300);
	assert_int_equal(r.visit_count, 0);
	assert_int_equal(r.gap_count, 0);
	add(now - behind, "2]: connect from " ONE);
	add(now - behind, "2]: disconnect from " ONE " quit=1");
	turn(&r, 300);
	assert_int_equal(r.visit_count, 1);
	assert_int_equal(r.gap_count, 1);
	assert_true(r.gap_from == since && r.gap_to >= now);
	stop(&r);
	assert_int_equal(r.gap_count, 1);
}

/* An hour, as of a wrong zone: no watermark lets anybody be judged, and when it
 * is over, the whole time is a gap. */
static void a_log_whose_clock_is_far_off_judges_nobody(void **state)
{
	(void)state;
	struct rig r;
	add(stamp_now(), "1]: connect from " TWO);
	start(&r, MAILLOG_END, 0, 1);
	turn(&r, 300);
	int64_t before = stamp_now();
	for (int i = 0; i < 12; i++, r.offset += 8 * STAMP_SECOND) {
		add(stamp_now() + r.offset - STAMP_HOUR, "1]: connect from " ONE);
		turn(&r, 300);
	}
	assert_int_equal(r.trouble_count, 1);
	assert_non_null(strstr(r.trouble[0], "is 60 min behind ours"));
	assert_non_null(strstr(r.trouble[0], "nobody is judged"));
	int64_t upto = r.upto[5], learnt = before + 90 * STAMP_SECOND;
	assert_true(upto < learnt);
	for (int i = 0; i < 20; i++, r.offset += 8 * STAMP_SECOND) {
		assert_true(r.gap_count > 0 || r.upto[5] == upto);
		add(stamp_now() + r.offset, "2]: connect from " TWO);
		turn(&r, 300);
	}
	assert_int_equal(r.gap_count, 1);
	assert_true(r.gap_from <= learnt && r.gap_to >= learnt);
	assert_true(r.upto[5] >= r.gap_to - MAILLOG_LAG);
	stop(&r);
}

static void pack(const char *from, const char *to)
{
	char bytes[4096];
	FILE *f = fopen(from, "r");
	assert_non_null(f);
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	assert_int_equal(fclose(f), 0);
	gzFile z = gzopen(to, "wb");
	assert_non_null(z);
	assert_int_equal(gzwrite(z, bytes, (unsigned)n), n);
	assert_int_equal(gzclose(z), Z_OK);
	assert_int_equal(unlink(from), 0);
}

static void copy_and_truncate(void)
{
	char bytes[4096];
	FILE *f = fopen(path, "r"), *to = fopen(renamed, "w");
	assert_true(f && to);
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	assert_int_equal(fwrite(bytes, 1, n, to), n);
	assert_int_equal(fclose(f) | fclose(to), 0);
	assert_int_equal(truncate(path, 0), 0);
}

static void add_visit(int64_t when, const char *client)
{
	char line[128];
	(void)snprintf(line, sizeof(line), "1]: connect from %s", client);
	add(when, line);
	(void)snprintf(line, sizeof(line), "1]: disconnect from %s ehlo=1 quit=1",
		       client);
	add(when + 1, line);
}

/* How logrotate may have gone on while nobody read: renamed, or copied and
 * truncated, and packed at once, at the next time, or not at all. */
static void whatever_rotation_did_while_we_were_away_each_visit_comes_once(void **state)
{
	(void)state;
	static const struct {
		bool is_copied, is_packed, is_twice;
	} rows[] = { { false, false, false }, { false, true, false },
		     { true, false, false },  { true, true, false },
		     { false, true, true },   { true, true, true } };
	char packed[300], oldest[300];
	(void)snprintf(packed, sizeof(packed), "%s.gz", renamed);
	(void)snprintf(oldest, sizeof(oldest), "%s.2.gz", path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;
		int64_t then = stamp_now() - STAMP_HOUR;
		add_visit(then, ONE);
		start(&r, MAILLOG_BEGIN, 0, 1);
		turn(&r, 100);
		assert_int_equal(r.visit_count, 1);
		stop(&r);
		int64_t upto = r.upto[5], at = upto + STAMP_SECOND;
		size_t want = 2;
		add_visit(at, ONE);
		if (rows[i].is_twice) {
			pack(path, oldest);
			(void)usleep(20000); /* the order is that of the changes */
			add_visit(at + STAMP_SECOND, ONE);
			want++;
		}
		if (rows[i].is_copied)
			copy_and_truncate();
		else
			assert_int_equal(rename(path, renamed), 0);
		if (rows[i].is_packed)
			pack(renamed, packed);
		add_visit(at + 2 * STAMP_SECOND, TWO);
		start(&r, MAILLOG_SINCE, upto, 1);
		turn(&r, 100);
		if (r.visit_count != want)
			fail_msg("row %zu: %zu visits, want %zu", i, r.visit_count, want);
		for (size_t k = 0; k < want; k++)
			assert_true(r.visits[k].time >= at);
		assert_int_equal(r.trouble_count, 0);
		stop(&r);
		(void)unlink(packed);
		(void)unlink(oldest);
		(void)clean(NULL);
	}
}

/* copytruncate under our eyes, in the middle of a session. */
static void a_log_that_is_copied_and_truncated_loses_no_visit(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now();
	add(now, "2]: connect from " TWO);
	start(&r, MAILLOG_BEGIN, 0, 1);
	turn(&r, 300);
	add_visit(now + 1, ONE);
	copy_and_truncate();
	add(now + 4, "2]: disconnect from " TWO " ehlo=1 quit=1");
	add_visit(now + 5, ONE);
	turn(&r, 300);
	assert_int_equal(r.visit_count, 3);
	stop(&r);
	assert_int_equal(r.visit_count, 3);
}

/* Between two looks, and nobody kept a copy: the visit of ONE is lost, so nobody is
 * judged by the time since the last watermark. */
static void a_log_that_is_truncated_without_a_copy_is_a_gap(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now();
	add(now, "1]: connect from " TWO);
	start(&r, MAILLOG_END, 0, 1);
	turn(&r, 300);
	add_visit(now, TWO);
	turn(&r, 300);
	assert_int_equal(r.visit_count, 1);
	assert_int_equal(r.gap_count, 0);
	now = stamp_now();
	add_visit(now, ONE);
	assert_int_equal(truncate(path, 0), 0);
	add_visit(now + 2, TWO);
	turn(&r, 300);
	assert_int_equal(r.visit_count, 2);
	assert_int_equal(r.gap_count, 1);
	assert_true(r.gap_from <= now && r.gap_to >= now);
	assert_int_equal(r.trouble_count, 2);
	assert_non_null(strstr(r.trouble[0], "was truncated"));
	assert_false(r.is_over[0]);
	assert_true(r.is_over[1]);
	stop(&r);
	assert_int_equal(r.gap_count, 1);
}

static void rotation_in_a_session_joins_it_all_the_same(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now();
	start(&r, MAILLOG_END, 0, 1);
	add(now, "1]: connect from " ONE);
	turn(&r, 300);
	assert_int_equal(rename(path, renamed), 0);
	add(now, "1]: disconnect from " ONE " ehlo=1 quit=1 commands=2");
	turn(&r, 300);
	assert_int_equal(r.visit_count, 1);
	assert_int_equal(r.visits[0].depth, DEPTH_HELO);
	assert_int_equal(maillog_counts(r.log).rotations, 1);
	stop(&r);
}

static void a_log_that_is_not_there_is_trouble_until_it_is(void **state)
{
	(void)state;
	struct rig r;
	start(&r, MAILLOG_END, 0, 1);
	turn(&r, 600);
	assert_int_equal(r.trouble_count, 1);
	assert_false(r.is_over[0]);
	assert_non_null(strstr(r.trouble[0], path));
	assert_non_null(strstr(r.trouble[0], "No such file"));
	assert_int_equal(r.upto[5], 0);
	add(stamp_now(), "1]: connect from " ONE);
	turn(&r, 600);
	assert_int_equal(r.trouble_count, 2);
	assert_true(r.is_over[1]);
	assert_int_equal(maillog_counts(r.log).open, 1);
	stop(&r);
}

/* What cannot be read for a while is read when it can be. */
static void a_path_may_be_anything_before_it_is_a_log(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct rig r;
		int keeper = -1;
		if (i == 0)
			assert_int_equal(mkdir(path, 0700), 0);
		else if (i == 1)
			assert_int_equal(symlink("nowhere", path), 0);
		else
			assert_int_equal(mkfifo(path, 0600), 0);
		if (i == 2) /* a writer that says nothing */
			keeper = open(path, O_RDWR | O_NONBLOCK);
		start(&r, MAILLOG_END, 0, 1);
		turn(&r, 300);
		assert_int_equal(r.trouble_count, i == 2 ? 0 : 1);
		assert_int_equal(remove(path), 0);
		add(stamp_now(), "1]: connect from " ONE);
		turn(&r, 600);
		assert_int_equal(r.trouble_count, i == 2 ? 0 : 2);
		assert_int_equal(maillog_counts(r.log).open, 1);
		stop(&r);
		assert_int_equal(r.visit_count, 1);
		if (keeper >= 0)
			assert_int_equal(close(keeper), 0);
		(void)clean(NULL);
	}
}

static void a_log_without_end_leaves_others_their_turn(void **state)
{
	(void)state;
	struct rig r;
	assert_int_equal(symlink("/dev/zero", path), 0);
	start(&r, MAILLOG_BEGIN, 0, 1);
	uint64_t before = 0;
	for (int i = 0; i < 50; i++) {
		(void)uv_run(&r.loop, UV_RUN_NOWAIT);
		uint64_t bytes = maillog_counts(r.log).bytes;
		assert_true(bytes - before < 1 << 30);
		before = bytes;
	}
	assert_true(before > 0);
	assert_int_equal(r.upto[5], 0); /* nothing is known of its end */
	stop(&r);
}

static void lines_that_were_left_out_are_a_gap(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now() - 10 * STAMP_SECOND;
	start(&r, MAILLOG_BEGIN, 0, 1);
	add(now, "1]: connect from " ONE);
	add_line(now + 9, "dovecot", "1]: Suppressed 3 messages from me");
	turn(&r, 300);
	assert_int_equal(r.gap_count, 0);
	add_line(now + 2 * STAMP_SECOND, "systemd-journald",
		 "1]: Suppressed 31 messages from postfix@-.service");
	turn(&r, 300);
	assert_int_equal(r.gap_count, 1);
	assert_true(r.gap_from == now && r.gap_to == now + 2 * STAMP_SECOND);
	assert_int_equal(r.trouble_count, 2);
	assert_non_null(strstr(r.trouble[0], "RateLimitBurst"));
	add_line(now + 3 * STAMP_SECOND, "rsyslogd",
		 "1]: imjournal from <mail:postfix/smtpd>: begin to drop messages due to "
		 "rate-limiting");
	add_line(now + 4 * STAMP_SECOND, "rsyslogd",
		 "1]: imjournal: 31 messages lost due to rate-limiting (20000 allowed "
		 "within 600 seconds)");
	add_line(now + 5 * STAMP_SECOND, "rsyslogd",
		 "1]: imuxsock lost 7 messages from pid 7 due to rate-limiting");
	turn(&r, 300);
	assert_int_equal(r.gap_count, 3);
	assert_true(r.gap_from == now && r.gap_to == now + 5 * STAMP_SECOND);
	assert_non_null(strstr(r.trouble[r.trouble_count - 2], "rate limit of rsyslog"));
	stop(&r);
}

static void a_command_may_write_the_log(void **state)
{
	(void)state;
	struct rig r;
	char plain[256], now[STAMP_TEXT_MAX];
	(void)str_copy(plain, sizeof(plain), path);
	(void)snprintf(path, sizeof(path),
		       "echo '%s mail postfix/smtpd[1]: connect from " ONE
		       "'; echo '%s other postfix/smtpd[1]: connect from " TWO
		       "'; sleep 60",
		       stamp_text(stamp_now(), now), now);
	is_command = true;
	start(&r, MAILLOG_BEGIN, 0, 1);
	is_command = false;
	turn(&r, 600);
	assert_int_equal(maillog_counts(r.log).open, 1);
	assert_int_equal(maillog_counts(r.log).foreign, 1); /* log_host */
	assert_true(r.upto[5] > 0);
	stop(&r);
	assert_int_equal(r.visit_count, 1);
	(void)str_copy(path, sizeof(path), plain);
}

static void old_lines_are_joined_by_their_own_time(void **state)
{
	(void)state;
	struct rig r;
	int64_t then = stamp_now() - 24 * STAMP_HOUR;
	FILE *f = fopen(path, "a");
	char a[STAMP_TEXT_MAX], b[STAMP_TEXT_MAX];
	assert_non_null(f);
	/* A session that ends megabytes, but only minutes, further down. */
	stamp_text(then, a);
	stamp_text(then + 5 * STAMP_MINUTE, b);
	(void)fprintf(f, "%s mail postfix/smtpd[1]: connect from " ONE "\n", a);
	for (int i = 0; i < 60000; i++)
		(void)fprintf(f, "%s mail sshd[%d]: some line of another program\n", a,
			      i);
	(void)fprintf(f,
		      "%s mail postfix/smtpd[1]: disconnect from " ONE
		      " ehlo=1 quit=1 commands=2\n",
		      b);
	assert_int_equal(fclose(f), 0);
	start(&r, MAILLOG_BEGIN, 0, 1);
	turn(&r, 1000);
	assert_int_equal(r.visit_count, 1);
	assert_int_equal(r.visits[0].depth, DEPTH_HELO);
	assert_int_equal(maillog_counts(r.log).foreign, 60000);
	stop(&r);
}

static void a_start_of_the_mail_server_is_told_once_for_each_host(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now(), second = now - now % STAMP_SECOND;
	char old[STAMP_TEXT_MAX], new[STAMP_TEXT_MAX];
	(void)stamp_text(second - STAMP_HOUR, old);
	(void)stamp_text(second, new);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f, "%s mail postfix/master[7]: daemon started -- version 3.7.11\n",
		      old);
	(void)fprintf(f, "%s mail postfix/master[7]: reload -- version 3.7.11\n", new);
	(void)fprintf(f, "%s mail postfix/smtpd[8]: daemon started -- version 3.7.11\n",
		      new);
	(void)fprintf(f, "%s mail postfix/master[9]: daemon started -- version 3.7.11\n",
		      new);
	assert_int_equal(fclose(f), 0);
	start(&r, MAILLOG_SINCE, second - STAMP_MINUTE, 2);
	turn(&r, 300);
	assert_int_equal(r.outage[5], second);
	assert_int_equal(r.outage[6], second);
	assert_int_equal(r.visit_count, 0);
	stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    visits_appear_while_the_log_grows_and_the_watermark_follows, clean),
		cmocka_unit_test_teardown(a_visit_is_the_hosts_at_whose_address_it_came,
					  clean),
		cmocka_unit_test_teardown(a_restart_goes_on_where_the_watermark_stood,
					  clean),
		cmocka_unit_test_teardown(a_rotation_while_nobody_read_hides_nothing,
					  clean),
		cmocka_unit_test_teardown(a_journal_is_read_as_a_log_and_gone_on_with,
					  clean),
		cmocka_unit_test_teardown(a_log_whose_clock_is_far_off_judges_nobody,
					  clean),
		cmocka_unit_test_teardown(a_log_whose_clock_is_ahead_is_read_by_ours,
					  clean),
		cmocka_unit_test_teardown(
		    a_log_whose_clock_is_behind_hides_no_visit_of_after_a_restart, clean),
		cmocka_unit_test_teardown(
		    whatever_rotation_did_while_we_were_away_each_visit_comes_once,
		    clean),
		cmocka_unit_test_teardown(
		    a_log_that_is_copied_and_truncated_loses_no_visit, clean),
		cmocka_unit_test_teardown(a_log_that_is_truncated_without_a_copy_is_a_gap,
					  clean),
		cmocka_unit_test_teardown(rotation_in_a_session_joins_it_all_the_same,
					  clean),
		cmocka_unit_test_teardown(a_log_that_is_not_there_is_trouble_until_it_is,
					  clean),
		cmocka_unit_test_teardown(a_path_may_be_anything_before_it_is_a_log,
					  clean),
		cmocka_unit_test_teardown(a_log_without_end_leaves_others_their_turn,
					  clean),
		cmocka_unit_test_teardown(lines_that_were_left_out_are_a_gap, clean),
		cmocka_unit_test_teardown(a_command_may_write_the_log, clean),
		cmocka_unit_test_teardown(old_lines_are_joined_by_their_own_time, clean),
		cmocka_unit_test_teardown(
		    a_start_of_the_mail_server_is_told_once_for_each_host, clean),
	};
	if (!mkdtemp(folder))
		return 1;
	(void)snprintf(path, sizeof(path), "%s/log", folder);
	(void)snprintf(renamed, sizeof(renamed), "%s/log.1", folder);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(folder);
	return rc;
}
