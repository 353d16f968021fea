#include "source/feed/feed.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static char folder[] = "/tmp/fakemx-test-feed-XXXXXX";

enum { MX2 = 5, MX2_TOO = 6, MX3 = 7, OFTEN = 200 };

struct rig {
	uv_loop_t loop;
	struct intake *in;
	struct feed *feed;
	int64_t known[16]; /* watermarks of before; 0 none */
	struct visit visits[OFTEN];
	size_t visit_count;
	int64_t upto[16], outage[16], gap_from[16], gap_to[16];
	size_t marks, gaps, deliveries;
	char delivered[64];
	char trouble[8][512];
	bool is_over[8];
	size_t trouble_count;
};

static void on_visit(void *arg, const struct visit *v)
{
	struct rig *r = arg;
	assert_true(r->visit_count < OFTEN);
	assert_int_equal(v->source, VISIT_SOURCE_FEED);
	r->visits[r->visit_count++] = *v;
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	struct rig *r = arg;
	assert_true(host < 16 && upto > r->upto[host]);
	r->upto[host] = upto;
	r->marks++;
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	struct rig *r = arg;
	if (host != MX2)
		return;
	assert_true(r->trouble_count < 8);
	r->is_over[r->trouble_count] = is_over;
	assert_true(str_copy(r->trouble[r->trouble_count++], 512, sentence));
}

static void on_outage(void *arg, uint16_t host, int64_t until)
{
	struct rig *r = arg;
	r->outage[host] = until;
}

static void on_gap(void *arg, uint16_t host, int64_t from, int64_t to)
{
	struct rig *r = arg;
	r->gap_from[host] = from;
	r->gap_to[host] = to;
	r->gaps++;
}

static void on_delivered(void *arg, uint16_t host, const char *domain, int64_t time)
{
	struct rig *r = arg;
	assert_true(host == MX2 && time > 0);
	assert_true(str_copy(r->delivered, sizeof(r->delivered), domain));
	r->deliveries++;
}

static bool on_since(void *arg, uint16_t host, int64_t *ret_since)
{
	const struct rig *r = arg;
	int64_t t = r->upto[host] ? r->upto[host] : r->known[host];
	if (t)
		*ret_since = t;
	return t != 0;
}

/* mx2 is a host of two sites, mx3 of one. */
static const struct intake_host hosts[] = { { MX2, 1, "mx2.example", ROLE_REAL },
					    { MX2_TOO, 2, "MX2.example", ROLE_REAL },
					    { MX3, 1, "mx3.example", ROLE_REAL } };

static struct intake_spec spec_of(struct rig *r, struct source_sink *sink)
{
	*sink = (struct source_sink){ .visit = on_visit,
				      .watermark = on_watermark,
				      .trouble = on_trouble,
				      .outage = on_outage,
				      .gap = on_gap,
				      .delivered = on_delivered,
				      .arg = r };
	return (struct intake_spec){ .sink = sink,
				     .hosts = hosts,
				     .host_count = 3,
				     .since = on_since,
				     .since_arg = r };
}

static void begin(struct rig *r, int64_t known)
{
	struct source_sink sink;
	memset(r, 0, sizeof(*r));
	r->known[MX2] = r->known[MX2_TOO] = r->known[MX3] = known;
	struct intake_spec spec = spec_of(r, &sink);
	r->in = intake_new(&spec);
}

static bool say_at(struct intake_stream *s, uint64_t now_ms, const char *text)
{
	return intake_bytes(s, text, strlen(text), now_ms);
}

static bool say_visit(struct intake_stream *s, const char *host, int64_t time)
{
	char line[512], stamp[STAMP_TEXT_MAX];
	(void)snprintf(line, sizeof(line),
		       "{\"time\": \"%s\", \"host\": \"%s\", \"address\": \"192.0.2.1\", "
		       "\"depth\": \"rcpt\"}\n",
		       stamp_text(time, stamp), host);
	return say_at(s, 0, line);
}

static bool say_mark(struct intake_stream *s, const char *kind, const char *host,
		     int64_t time)
{
	char line[512], stamp[STAMP_TEXT_MAX];
	(void)snprintf(line, sizeof(line), "{\"%s\": \"%s\", \"host\": \"%s\"}\n", kind,
		       stamp_text(time, stamp), host);
	return say_at(s, 0, line);
}

static void lost_lines_and_deliveries_of_there_are_told_here(void **state)
{
	(void)state;
	struct rig r;
	char line[512], from[STAMP_TEXT_MAX], to[STAMP_TEXT_MAX];
	int64_t now = stamp_now(), then = now - STAMP_MINUTE;
	begin(&r, then);
	struct intake_stream *s = intake_open(r.in);
	(void)snprintf(line, sizeof(line),
		       "{\"gap\": \"%s\", \"from\": \"%s\", \"host\": \"mx2.example\"}\n",
		       stamp_text(now - 5 * STAMP_SECOND, to),
		       stamp_text(then + STAMP_SECOND, from));
	assert_true(say_at(s, 0, line));
	assert_true(r.gap_from[MX2] == then + STAMP_SECOND);
	assert_true(r.gap_to[MX2] == now - 5 * STAMP_SECOND);
	assert_true(r.gap_to[MX2_TOO] == r.gap_to[MX2] && r.gap_to[MX3] == 0);
	/* What is known already is not forgotten for it. */
	assert_true(say_mark(s, "gap", "mx2.example", then));
	assert_int_equal(r.gaps, 2);
	assert_true(say_mark(s, "gap", "mx2.example", now));
	assert_true(r.gap_from[MX2] == then && r.gap_to[MX2] == now);
	(void)snprintf(line, sizeof(line),
		       "{\"delivered\": \"%s\", \"domain\": \"Away.example\", \"host\": "
		       "\"mx2.example\"}\n",
		       to);
	assert_true(say_at(s, 0, line));
	assert_int_equal(r.deliveries, 1);
	assert_string_equal(r.delivered, "away.example");
	assert_int_equal(r.trouble_count, 0);
	intake_close(s);
	intake_free(r.in);
}

static void hosts_of_one_name_share_visits_and_watermarks(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now(), then = now - STAMP_MINUTE;
	begin(&r, then);
	struct intake_stream *s = intake_open(r.in);
	assert_true(say_visit(s, "Mx2.example", now - 10 * STAMP_SECOND));
	assert_true(say_mark(s, "watermark", "mx2.example", now - 5 * STAMP_SECOND));
	assert_true(say_mark(s, "outage", "mx3.example", now - 7 * STAMP_SECOND));
	assert_int_equal(r.visit_count, 1);
	assert_int_equal(r.visits[0].host, MX2);
	assert_int_equal(r.visits[0].site, 1);
	assert_true(r.upto[MX2] == now - 5 * STAMP_SECOND);
	assert_true(r.upto[MX2_TOO] == r.upto[MX2] && r.upto[MX3] == 0);
	assert_true(r.outage[MX3] == now - 7 * STAMP_SECOND && r.outage[MX2] == 0);
	assert_int_equal(r.gaps, 0);
	assert_true(intake_is_good(s));
	intake_close(s);
	intake_free(r.in);
}

static void what_was_before_the_watermark_is_a_repetition(void **state)
{
	(void)state;
	struct rig r;
	int64_t then = stamp_now() - STAMP_HOUR;
	begin(&r, then);
	struct intake_stream *s = intake_open(r.in);
	assert_true(say_visit(s, "mx2.example", then - 1));
	assert_true(say_visit(s, "mx2.example", then));
	assert_true(say_mark(s, "watermark", "mx2.example", then + STAMP_MINUTE));
	/* late, on the same stream: it may excuse somebody */
	assert_true(say_visit(s, "mx2.example", then + 5));
	assert_int_equal(r.visit_count, 2);
	assert_int_equal(intake_counts(r.in).repeated, 1);
	/* but a new stream repeats it */
	struct intake_stream *t = intake_open(r.in);
	assert_true(say_visit(t, "mx2.example", then + 5));
	assert_int_equal(r.visit_count, 2);
	intake_close(t);
	intake_close(s);
	intake_free(r.in);
}

static void a_watermark_never_goes_back_and_never_passes_our_clock(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now();
	begin(&r, now - STAMP_HOUR);
	struct intake_stream *s = intake_open(r.in);
	assert_true(say_mark(s, "watermark", "mx2.example", now - STAMP_MINUTE));
	assert_true(say_mark(s, "watermark", "mx2.example", now - 2 * STAMP_MINUTE));
	assert_true(r.upto[MX2] == now - STAMP_MINUTE);
	intake_close(s);
	s = intake_open(r.in);
	assert_true(say_mark(s, "watermark", "mx2.example", now - 90 * STAMP_SECOND));
	assert_true(r.upto[MX2] == now - STAMP_MINUTE);
	assert_true(say_mark(s, "watermark", "mx2.example", now + STAMP_MINUTE));
	assert_true(r.upto[MX2] >= now - INTAKE_LAG && r.upto[MX2] < now);
	intake_close(s);
	intake_free(r.in);
}

static void what_is_still_to_come_is_refused_and_told_once(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now();
	begin(&r, now - STAMP_HOUR);
	struct intake_stream *s = intake_open(r.in);
	assert_true(say_visit(s, "mx2.example", now + INTAKE_FUTURE + STAMP_MINUTE));
	assert_true(say_mark(s, "watermark", "mx2.example", now + STAMP_DAY));
	assert_int_equal(r.visit_count, 0);
	assert_int_equal(r.upto[MX2], 0);
	assert_int_equal(intake_counts(r.in).future, 2);
	assert_int_equal(r.trouble_count, 1);
	assert_non_null(strstr(r.trouble[0], "clock"));
	assert_true(say_visit(s, "mx2.example", now + STAMP_MINUTE));
	assert_int_equal(r.visit_count, 1);
	intake_close(s);
	intake_free(r.in);
}

static void another_host_is_refused_by_name(void **state)
{
	(void)state;
	struct rig r;
	begin(&r, 0);
	struct intake_stream *s = intake_open(r.in);
	assert_true(say_visit(s, "mx\\\"4\\n", stamp_now()));
	assert_true(
	    say_at(s, 0,
		   "{\"time\": \"2026-11-23T12:00:00Z\", \"host\": \"mx2.example\", "
		   "\"address\": \"192.0.2.1\", \"depth\": \"rcpt\", \"role\": "
		   "\"decoy\"}\n"));
	assert_int_equal(r.visit_count, 0);
	assert_int_equal(intake_counts(r.in).foreign, 2);
	assert_int_equal(r.trouble_count, 1);
	assert_non_null(strstr(r.trouble[0], "mx?4?,"));
	assert_false(intake_is_good(s));
	intake_close(s);
	intake_free(r.in);
}

static void a_newer_stream_takes_over_and_the_older_is_not_heard(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now();
	begin(&r, now - STAMP_HOUR);
	struct intake_stream *old = intake_open(r.in), *new = intake_open(r.in);
	assert_true(say_visit(old, "mx2.example", now - 9));
	assert_true(say_visit(old, "mx3.example", now - 9));
	assert_true(say_visit(new, "mx2.example", now - 8));
	assert_true(say_visit(old, "mx3.example", now - 7));
	assert_int_equal(r.visit_count, 4);
	assert_false(say_visit(old, "mx2.example", now - 7));
	assert_int_equal(r.visit_count, 4);
	assert_int_equal(intake_counts(r.in).replaced, 1);
	intake_close(old);
	intake_close(new);
	intake_free(r.in);
}

static void a_feed_that_begins_too_late_leaves_a_gap(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now(), then = now - STAMP_HOUR;
	begin(&r, then);
	struct intake_stream *s = intake_open(r.in);
	assert_true(say_mark(s, "since", "mx2.example", then));
	assert_int_equal(r.gaps, 0);
	intake_close(s);
	s = intake_open(r.in);
	assert_true(say_mark(s, "since", "mx2.example", then + STAMP_MINUTE));
	assert_int_equal(r.gaps, 2);
	assert_true(r.gap_from[MX2] == then && r.gap_to[MX2] == then + STAMP_MINUTE);
	assert_true(r.gap_from[MX2_TOO] == then);
	intake_close(s);
	intake_free(r.in);

	/* never seen before: nobody knows who came until we began */
	begin(&r, 0);
	s = intake_open(r.in);
	assert_true(say_mark(s, "since", "mx2.example", now - STAMP_DAY));
	assert_int_equal(r.gaps, 2);
	assert_true(r.gap_from[MX2] == 0 && r.gap_to[MX2] >= now);
	intake_close(s);
	intake_free(r.in);
}

static void a_line_that_was_not_read_leaves_a_gap(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now(), then = now - STAMP_HOUR;
	begin(&r, then);
	struct intake_stream *s = intake_open(r.in);
	assert_true(say_mark(s, "watermark", "mx3.example", then + STAMP_MINUTE));
	assert_int_equal(r.gaps, 0);
	assert_true(say_at(s, 0, "{\"time\": \"2026-\n"));
	assert_true(say_mark(s, "watermark", "mx3.example", then + 2 * STAMP_MINUTE));
	assert_int_equal(r.gaps, 1);
	assert_true(r.gap_from[MX3] == then + STAMP_MINUTE && r.gap_to[MX3] >= now);
	assert_true(say_mark(s, "watermark", "mx3.example", then + 3 * STAMP_MINUTE));
	assert_int_equal(r.gaps, 1); /* once */
	assert_true(say_visit(s, "mx3.example", now + STAMP_HOUR));
	assert_true(say_mark(s, "watermark", "mx3.example", then + 4 * STAMP_MINUTE));
	assert_int_equal(r.gaps, 2);
	/* a stranger's name is nothing of theirs */
	assert_true(say_visit(s, "mx9.example", now));
	assert_true(say_mark(s, "watermark", "mx3.example", then + 5 * STAMP_MINUTE));
	assert_int_equal(r.gaps, 2);
	intake_close(s);
	intake_free(r.in);
}

static void silence_is_told_once_and_once_when_it_is_over(void **state)
{
	(void)state;
	struct rig r;
	int64_t now = stamp_now();
	begin(&r, now - STAMP_HOUR);
	struct intake_stream *s = intake_open(r.in);
	intake_tick(r.in, INTAKE_SILENT_MS - 1);
	assert_int_equal(r.trouble_count, 0);
	intake_tick(r.in, INTAKE_SILENT_MS);
	intake_tick(r.in, 2 * INTAKE_SILENT_MS);
	assert_int_equal(r.trouble_count, 1);
	assert_false(r.is_over[0]);
	assert_non_null(strstr(r.trouble[0], "nothing for 90 s"));
	assert_true(say_visit(s, "mx2.example", now));
	assert_true(say_visit(s, "mx2.example", now));
	assert_int_equal(r.trouble_count, 2);
	assert_true(r.is_over[1]);
	intake_close(s);
	intake_free(r.in);
}

static void lines_come_in_any_pieces(void **state)
{
	(void)state;
	static const char text[] = "{\"time\": \"2026-11-23T12:00:00Z\", \"host\": "
				   "\"mx2.example\", \"address\": "
				   "\"192.0.2.1\", \"depth\": \"rcpt\"}\n\n"
				   "{\"time\": \"2026-11-23T12:00:01Z\", \"host\": "
				   "\"mx2.example\", \"address\": "
				   "\"192.0.2.1\", \"depth\": \"rcpt\"}\n";
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct rig r;
		begin(&r, 1);
		struct intake_stream *s = intake_open(r.in);
		for (size_t at = 0; at < sizeof(text) - 1; at += piece) {
			size_t left = sizeof(text) - 1 - at;
			assert_true(
			    intake_bytes(s, text + at, left < piece ? left : piece, 0));
		}
		assert_int_equal(r.visit_count, 2);
		assert_int_equal(intake_counts(r.in).garbled, 0);
		intake_close(s);
		intake_free(r.in);
	}
}

static void rubbish_is_counted_and_ends_the_stream(void **state)
{
	(void)state;
	struct rig r;
	begin(&r, 1);
	struct intake_stream *s = intake_open(r.in);
	char *endless = xcalloc(1, 100000);
	memset(endless, '{', 99999);
	assert_true(say_at(s, 0, endless));
	assert_true(say_at(s, 0, endless));
	assert_int_equal(intake_counts(r.in).garbled, 1); /* one line still */
	assert_true(say_at(s, 0, "\n"));
	unsigned lines = 1;
	while (say_at(s, 0, "rubbish\n"))
		lines++;
	assert_int_equal(lines + 1, INTAKE_MAX_BAD);
	assert_int_equal(r.visit_count, 0);
	assert_int_equal(r.trouble_count, 1);
	free(endless);
	intake_close(s);
	intake_free(r.in);
}

/* ---- with a loop ---- */

static bool is_past(uint64_t until)
{
	return uv_hrtime() >= until;
}

/* Runs the loop until the condition holds; fails after ten seconds. */
#define WAIT_FOR(r, condition)                                                           \
	do {                                                                             \
		uint64_t until_ = uv_hrtime() + UINT64_C(10000000000);                   \
		while (!(condition)) {                                                   \
			assert_false(is_past(until_));                                   \
			uv_run(&(r)->loop, UV_RUN_NOWAIT);                               \
			usleep(2000);                                                    \
		}                                                                        \
	} while (0)

static void start(struct rig *r, const char *command, const char *path, int64_t known)
{
	struct source_sink sink;
	memset(r, 0, sizeof(*r));
	r->known[MX2] = r->known[MX2_TOO] = r->known[MX3] = known;
	assert_int_equal(uv_loop_init(&r->loop), 0);
	struct feed_spec spec = { .intake = spec_of(r, &sink),
				  .command = command,
				  .socket = path };
	r->feed = feed_new(&r->loop, &spec);
}

static void stop(struct rig *r)
{
	feed_stop(r->feed);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	assert_true(feed_is_closed(r->feed));
	feed_free(r->feed);
	assert_int_equal(uv_loop_close(&r->loop), 0);
}

#define VISIT                                                                            \
	"{\\\"time\\\": \\\"$(date -u +%%FT%%TZ)\\\", \\\"host\\\": "                    \
	"\\\"mx2.example\\\", "                                                          \
	"\\\"address\\\": \\\"192.0.2.1\\\", \\\"depth\\\": \\\"rcpt\\\"}"

static void a_command_is_read_and_told_from_when_on(void **state)
{
	(void)state;
	struct rig r;
	char command[1024], path[256], text[128] = "";
	(void)snprintf(path, sizeof(path), "%s/since", folder);
	(void)snprintf(command, sizeof(command),
		       "echo %%s > %s; echo \"" VISIT "\"; sleep 60", path);
	start(&r, command, NULL, INT64_C(1700000000) * STAMP_SECOND);
	WAIT_FOR(&r, r.visit_count == 1);
	assert_int_equal(r.visits[0].host, MX2);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, "2023-11-14T22:13:20Z\n");
	assert_int_equal(feed_counts(r.feed).open, 1);
	stop(&r);
}

static void a_command_that_ends_is_started_again_and_its_last_words_told(void **state)
{
	(void)state;
	struct rig r;
	start(&r, "echo first >&2; printf 'no \"route\"\\r\\n' >&2; exit 7", NULL, 1);
	uint64_t began = uv_hrtime();
	WAIT_FOR(&r, feed_counts(r.feed).starts == 3);
	/* 1 s, then 2 s */
	assert_true(uv_hrtime() - began > UINT64_C(2500000000));
	assert_int_equal(r.trouble_count, 1);
	assert_string_equal(r.trouble[0], "the feed command ended with status 7: no "
					  "'route'; it is started again in 1 s");
	stop(&r);
}

/* A zombie does not run: whoever ought to reap it may not care. */
static bool is_running(const char *path)
{
	char text[32] = "", stat_path[64], line[256] = "";
	FILE *f = fopen(path, "r");
	if (!f)
		return false;
	bool is_read = fgets(text, sizeof(text), f) != NULL;
	(void)fclose(f);
	(void)snprintf(stat_path, sizeof(stat_path), "/proc/%ld/stat",
		       strtol(text, NULL, 10));
	f = is_read ? fopen(stat_path, "r") : NULL;
	if (!f)
		return false;
	is_read = fgets(line, sizeof(line), f) != NULL;
	(void)fclose(f);
	const char *name_end = strrchr(line, ')');
	return is_read && name_end && name_end[2] != 'Z';
}

static void nothing_is_left_of_a_command_that_will_not_end(void **state)
{
	(void)state;
	struct rig r;
	char command[1024], path[256];
	(void)snprintf(path, sizeof(path), "%s/pid", folder);
	(void)snprintf(
	    command, sizeof(command),
	    "trap '' TERM HUP PIPE; (while :; do sleep 0.05; done) & echo $! > "
	    "%s; wait",
	    path);
	start(&r, command, NULL, 1);
	WAIT_FOR(&r, is_running(path));
	stop(&r);
	for (int i = 0; i < 200 && is_running(path); i++)
		usleep(10000); /* init reaps it */
	assert_false(is_running(path));
}

static void what_a_command_leaves_behind_ends_with_it(void **state)
{
	(void)state;
	struct rig r;
	char command[1024], path[256];
	(void)snprintf(path, sizeof(path), "%s/pid", folder);
	(void)snprintf(
	    command, sizeof(command),
	    "trap '' TERM; sleep 100 >/dev/null 2>&1 & echo $! > %s; sleep 0.2; exit 0",
	    path);
	start(&r, command, NULL, 1);
	WAIT_FOR(&r, is_running(path));
	WAIT_FOR(&r, r.trouble_count == 1);
	for (int i = 0; i < 50 && is_running(path); i++)
		usleep(10000); /* init reaps it */
	assert_false(is_running(path));
	stop(&r);
}

static int connect_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	assert_true(str_copy(to.sun_path, sizeof(to.sun_path), path));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static bool is_shut(int fd)
{
	char c;
	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

#define LINE                                                                             \
	"{\"time\": \"2026-11-01T12:00:00Z\", \"host\": \"%s.example\", \"address\": "   \
	"\"192.0.2.1\", \"depth\": \"rcpt\"}\n"

static void several_machines_send_over_one_socket(void **state)
{
	(void)state;
	struct rig r;
	struct stat st;
	char path[256], line[512];
	(void)snprintf(path, sizeof(path), "%s/feed.sock", folder);
	start(&r, NULL, path, 1);
	WAIT_FOR(&r, lstat(path, &st) == 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	int two = connect_to(path), three = connect_to(path);
	(void)snprintf(line, sizeof(line), LINE, "mx2");
	send_text(two, line);
	(void)snprintf(line, sizeof(line), LINE, "mx3");
	send_text(three, line);
	WAIT_FOR(&r, r.visit_count == 2);
	close(two);
	WAIT_FOR(&r, feed_counts(r.feed).open == 1);
	close(three);
	stop(&r);
	assert_int_equal(lstat(path, &st), -1);
}

static void one_connection_too_many_is_shut(void **state)
{
	(void)state;
	struct rig r;
	char path[256];
	int fds[FEED_MAX_CONNECTIONS];
	(void)snprintf(path, sizeof(path), "%s/feed.sock", folder);
	start(&r, NULL, path, 1);
	WAIT_FOR(&r, access(path, F_OK) == 0);
	for (int i = 0; i < FEED_MAX_CONNECTIONS; i++) {
		fds[i] = connect_to(path);
		WAIT_FOR(&r, feed_counts(r.feed).open == (uint32_t)i + 1);
	}
	int more = connect_to(path);
	WAIT_FOR(&r, is_shut(more));
	assert_int_equal(feed_counts(r.feed).too_many, 1);
	assert_false(is_shut(fds[0]));
	for (int i = 0; i < FEED_MAX_CONNECTIONS; i++)
		close(fds[i]);
	close(more);
	stop(&r);
}

static void what_a_killed_serve_left_is_taken_and_nothing_else(void **state)
{
	(void)state;
	struct rig r;
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/stale.sock", folder);
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	assert_true(str_copy(at.sun_path, sizeof(at.sun_path), path));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	start(&r, NULL, path, 1);
	WAIT_FOR(&r, r.trouble_count == 1);
	assert_non_null(strstr(r.trouble[0], "another process listens"));
	stop(&r);
	close(fd); /* the file stays */
	start(&r, NULL, path, 1);
	WAIT_FOR(&r, (fd = connect_to(path)) >= 0);
	close(fd);
	stop(&r);

	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	start(&r, NULL, path, 1);
	WAIT_FOR(&r, r.trouble_count == 1);
	assert_non_null(strstr(r.trouble[0], "is no socket"));
	stop(&r);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
}

/* Twenty bytes for each two: it fits into the configuration and not into a command. */
static void a_command_that_the_time_makes_too_long_is_told(void **state)
{
	(void)state;
	struct rig r;
	char command[512] = "";
	for (size_t i = 0; i + 2 < sizeof(command); i += 2)
		memcpy(command + i, "%s", 3);
	start(&r, command, NULL, 1);
	WAIT_FOR(&r, r.trouble_count == 1);
	assert_non_null(
	    strstr(r.trouble[0], "could not be started (argument list too long)"));
	stop(&r);
}

static void the_time_is_put_into_a_command(void **state)
{
	(void)state;
	const struct stream_place place = { 7, 9 };
	char to[64];
	assert_true(feed_fill_command("%q", 0, place, to, sizeof(to)));
	assert_string_equal(to, "7:9");
	assert_true(feed_fill_command("a %s %% %d %", 0, place, to, sizeof(to)));
	assert_string_equal(to, "a 1970-01-01T00:00:00Z % %d %");
	assert_false(feed_fill_command("%s%s%s%s", 0, place, to, sizeof(to)));
	assert_true(feed_fill_command("123", 0, place, to, 4));
	assert_false(feed_fill_command("1234", 0, place, to, 4));
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	char path[300];
	static const char *const names[] = { "since", "pid" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_that_the_time_makes_too_long_is_told),
		cmocka_unit_test(hosts_of_one_name_share_visits_and_watermarks),
		cmocka_unit_test(lost_lines_and_deliveries_of_there_are_told_here),
		cmocka_unit_test(what_was_before_the_watermark_is_a_repetition),
		cmocka_unit_test(a_watermark_never_goes_back_and_never_passes_our_clock),
		cmocka_unit_test(what_is_still_to_come_is_refused_and_told_once),
		cmocka_unit_test(another_host_is_refused_by_name),
		cmocka_unit_test(a_newer_stream_takes_over_and_the_older_is_not_heard),
		cmocka_unit_test(a_feed_that_begins_too_late_leaves_a_gap),
		cmocka_unit_test(a_line_that_was_not_read_leaves_a_gap),
		cmocka_unit_test(silence_is_told_once_and_once_when_it_is_over),
		cmocka_unit_test(lines_come_in_any_pieces),
		cmocka_unit_test(rubbish_is_counted_and_ends_the_stream),
		cmocka_unit_test(the_time_is_put_into_a_command),
		cmocka_unit_test(a_command_is_read_and_told_from_when_on),
		cmocka_unit_test(
		    a_command_that_ends_is_started_again_and_its_last_words_told),
		cmocka_unit_test(nothing_is_left_of_a_command_that_will_not_end),
		cmocka_unit_test(what_a_command_leaves_behind_ends_with_it),
		cmocka_unit_test(several_machines_send_over_one_socket),
		cmocka_unit_test(one_connection_too_many_is_shut),
		cmocka_unit_test(what_a_killed_serve_left_is_taken_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
