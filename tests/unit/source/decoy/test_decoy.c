#include "source/decoy/decoy.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "decoy_rig.h"
#include "dialogue.h"

#define GREETING "220 fake1.mx.example.com ESMTP\r\n"
#define REFUSAL                                                                          \
	"421 fake1.mx.example.com takes no mail; please see the error of "               \
	"mail.example.com\r\n"

static struct rig rig; /* large */

/* The kernel's, for all of this program: epoll at its limit of a user. */
static bool is_epoll_full;
int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	if (is_epoll_full && op == EPOLL_CTL_ADD) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

static void say_dialogue(struct rig *r, void *arg)
{
	const struct dialogue *d = arg;
	int fd = rig_connect(r);
	rig_expect(r, fd, GREETING);
	for (size_t i = 0; i < d->step_count; i++) {
		rig_send(r, fd, d->steps[i].sends.data, d->steps[i].sends.len);
		rig_expect(r, fd, buf_text(&d->steps[i].answers));
	}
	if (d->is_closed && rig_end(fd) != 0)
		rig_complain(r, d->name, "more, or an error", "the end");
	close(fd);
}

static void run_dialogue(const struct dialogue *d, void *arg)
{
	struct decoy_limits limits = decoy_limits_default();
	(void)arg;
	limits.commands = DIALOGUE_COMMANDS;
	rig_start(&rig, &limits);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_DEFER);
	rig_apply(&rig, &s, 1);
	rig_client(&rig, say_dialogue, (void *)(uintptr_t)d);
	rig_wait_visits(&rig, 1);
	const struct rig_visit *v = &rig.visits[0];
	assert_int_equal(v->v.site, 3);
	assert_int_equal(v->v.host, 7);
	dialogue_check(d, v->v.depth, v->helo, v->mail_from, v->domain);
	rig_stop(&rig);
}

static void every_dialogue_goes_live_as_written(void **state)
{
	(void)state;
	dialogue_each(run_dialogue, NULL);
}

static void talk_before_reading(struct rig *r, void *arg)
{
	(void)arg;
	int fd = rig_connect(r);
	rig_send(r, fd, "EHLO x\r\nMAIL FROM:<>\r\n", 22);
	usleep(100000);
	rig_send(r, fd, "RSET\r\n", 6);
	usleep(100000);
	rig_expect(r, fd, REFUSAL);
	if (rig_end(fd) != 0)
		rig_complain(r, "busy", "no end", "the end");
	close(fd);
}

static void busy_says_421_also_to_one_that_talks_first(void **state)
{
	(void)state;
	rig_start(&rig, NULL);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_BUSY);
	rig_apply(&rig, &s, 1);
	rig_client(&rig, talk_before_reading, NULL);
	assert_int_equal(rig.visit_count, 1);
	assert_int_equal(rig.visits[0].v.depth, DEPTH_CONNECT);
	assert_true(rig.visits[0].v.answered > 0);
	rig_stop(&rig);
}

static void expect_reset(struct rig *r, void *arg)
{
	(void)arg;
	int fd = rig_connect(r);
	int end = fd == -ECONNRESET ? ECONNRESET : rig_end(fd);
	if (end != ECONNRESET)
		rig_complain(r, "reset", strerror(end), strerror(ECONNRESET));
	close(fd);
}

static void reset_lets_the_handshake_pass_and_resets(void **state)
{
	(void)state;
	rig_start(&rig, NULL);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_RESET);
	rig_apply(&rig, &s, 1);
	rig_client(&rig, expect_reset, NULL);
	assert_int_equal(rig.visit_count, 1);
	assert_int_equal(rig.visits[0].v.depth, DEPTH_CONNECT);
	rig_stop(&rig);
}

static void a_closed_decoy_that_answers_is_reported_until_it_refuses(void **state)
{
	(void)state;
	struct decoy_limits limits = decoy_limits_default();
	limits.check_ms = 500;
	rig_start(&rig, &limits);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_CLOSED);
	rig_apply(&rig, &s, 1);
	rig_turn(&rig, 1500);
	assert_int_equal(rig.trouble_count, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&rig.at, rig.at_len), 0);
	assert_int_equal(listen(fd, 5), 0);
	rig_wait_troubles(&rig, 1);
	assert_false(rig.is_over[0]);
	assert_non_null(
	    strstr(rig.troubles[0], "fake1.mx.example.com is a closed decoy"));
	assert_non_null(strstr(rig.troubles[0], "answers"));
	close(fd);
	rig_wait_troubles(&rig, 2);
	assert_true(rig.is_over[1]);
	assert_int_equal(rig.visit_count, 0);
	assert_int_equal(rig.upto[7], 0); /* nobody watches a closed decoy here */
	rig_stop(&rig);
}

static void what_cannot_be_listened_on_is_said_with_the_way_out(void **state)
{
	(void)state;
	struct error e;
	rig_start(&rig, NULL);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_BUSY);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&rig.at, rig.at_len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(decoy_apply(rig.set, &s, 1, &e), -EADDRINUSE);
	assert_non_null(strstr(e.text, "is in use by another program"));
	close(fd);
	assert_true(addr_parse("192.0.2.30", &s.at.addr));
	assert_int_equal(decoy_apply(rig.set, &s, 1, &e), -EADDRNOTAVAIL);
	assert_non_null(strstr(e.text, "192.0.2.30 is not an address of this machine"));
	assert_int_equal(decoy_counts(rig.set).listeners, 0);
	rig_stop(&rig);
}

/* In a child, because root may bind everything and does not come back. */
static int apply_without_privilege(void)
{
	struct error e = { 0 };
	rig_start(&rig, NULL);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_BUSY);
	s.at.port = 25;
	if (getuid() == 0 && setuid(65534) != 0)
		return 2;
	if (decoy_apply(rig.set, &s, 1, &e) != -EACCES)
		return 3;
	return strstr(e.text, "setcap cap_net_bind_service") &&
		       strstr(e.text, "systemd") && strstr(e.text, "127.0.0.1@2525")
		   ? 0
		   : 4;
}

static void without_permission_for_port_25_the_ways_out_are_named(void **state)
{
	(void)state;
	int status, lowest = 1024;
	FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &lowest), 1);
	fclose(f);
	if (lowest <= 25)
		skip(); /* then everybody may, and there is no such error */
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(apply_without_privilege());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

enum { CROWD = 20 };

static void come_as_a_crowd(struct rig *r, void *arg)
{
	int fds[CROWD], *ret_reset = arg;
	for (int i = 0; i < CROWD; i++)
		fds[i] = rig_connect(r);
	for (int i = 0; i < CROWD; i++) {
		char got[512];
		if (fds[i] < 0 || recv(fds[i], got, sizeof(got), 0) <= 0)
			++*ret_reset;
	}
	for (int i = 0; i < CROWD; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void over_the_limits_clients_are_reset_counted_and_given(void **state)
{
	(void)state;
	for (int row = 0; row < 2; row++) {
		struct decoy_limits limits = decoy_limits_default();
		*(row ? &limits.per_client : &limits.connections) = 5;
		rig_start(&rig, &limits);
		struct decoy_spec s = rig_spec(&rig, 7, POSTURE_DEFER);
		int reset = 0;
		rig_apply(&rig, &s, 1);
		rig_client(&rig, come_as_a_crowd, &reset);
		rig_wait_visits(&rig, CROWD);
		assert_int_equal(reset, CROWD - 5);
		struct decoy_counts c = decoy_counts(rig.set);
		assert_int_equal(row ? c.over_client : c.over_connections, CROWD - 5);
		assert_int_equal(c.open, 0);
		rig_stop(&rig);
	}
}

static void stay_silent(struct rig *r, void *arg)
{
	(void)arg;
	int fd = rig_connect(r);
	rig_expect(r, fd, GREETING);
	rig_send(r, fd, "EHLO a.example", 14); /* no end of the line */
	if (rig_end(fd) != ECONNRESET)
		rig_complain(r, "silent client", "no reset", "reset");
	close(fd);
}

static void silent_and_slow_clients_are_reset_in_time(void **state)
{
	(void)state;
	for (int row = 0; row < 2; row++) {
		struct decoy_limits limits = decoy_limits_default();
		*(row ? &limits.idle_ms : &limits.total_ms) = 300;
		rig_start(&rig, &limits);
		struct decoy_spec s = rig_spec(&rig, 7, POSTURE_DEFER);
		rig_apply(&rig, &s, 1);
		rig_client(&rig, stay_silent, NULL);
		rig_wait_visits(&rig, 1);
		assert_int_equal(rig.visits[0].v.depth, DEPTH_CONNECT);
		assert_int_equal(decoy_counts(rig.set).over_time, 1);
		rig_stop(&rig);
	}
}

static void never_read(struct rig *r, void *arg)
{
	(void)arg;
	int fd = rig_connect(r), small = 4096;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	rig_send(r, fd, "EHLO a\r\n", 8);
	for (int i = 0; i < 100000; i++)
		if (send(fd, "EHLO a\r\nHELP\r\n", 14, MSG_NOSIGNAL) < 0)
			break;
	struct pollfd reset = { fd, 0, 0 }; /* asks for nothing but its end */
	if (poll(&reset, 1, 5000) != 1)
		rig_complain(r, "never reading", "no reset", "reset");
	close(fd);
}

static void a_client_that_never_reads_costs_little(void **state)
{
	(void)state;
	struct decoy_limits limits = decoy_limits_default();
	limits.commands = 1000000;
	limits.idle_ms = 2000;
	rig_start(&rig, &limits);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_DEFER);
	rig_apply(&rig, &s, 1);
	rig_client(&rig, never_read, NULL);
	rig_wait_visits(&rig, 1);
	struct decoy_counts c = decoy_counts(rig.set);
	assert_int_equal(c.over_output + c.over_time, 1);
	rig_stop(&rig);
}

struct reload {
	int fd;
	const char *want;
};

static void begin_talk(struct rig *r, void *arg)
{
	struct reload *l = arg;
	l->fd = rig_connect(r);
	rig_expect(r, l->fd, GREETING);
	rig_send(r, l->fd, "HELO a.example\r\n", 16);
	rig_expect(r, l->fd, "250 fake1.mx.example.com\r\n");
}

static void go_on_talking(struct rig *r, void *arg)
{
	struct reload *l = arg;
	rig_send(r, l->fd, "HELP\r\n", 6);
	rig_expect(r, l->fd, l->want);
}

static void expect_421(struct rig *r, void *arg)
{
	struct reload *l = arg;
	rig_expect(r, l->fd, l->want);
	close(l->fd);
}

static void what_stays_keeps_its_connections_and_what_goes_gives_them(void **state)
{
	(void)state;
	struct reload l = { .want =
				"214 2.0.0 fake1.mx.example.com takes no mail; please "
				"see the error of other.example.com\r\n" };
	rig_start(&rig, NULL);
	struct decoy_spec s[2] = { rig_spec(&rig, 8, POSTURE_BUSY),
				   rig_spec(&rig, 7, POSTURE_DEFER) };
	rig_apply(&rig, s, 2);
	rig_client(&rig, begin_talk, &l);
	s[1].cause = "other.example.com";
	rig_apply(&rig, &s[1], 1);
	assert_int_equal(decoy_counts(rig.set).listeners, 1);
	rig_client(&rig, go_on_talking, &l);
	assert_int_equal(rig.visit_count, 0);
	rig_apply(&rig, NULL, 0);
	assert_int_equal(rig.visit_count, 1);
	assert_int_equal(rig.visits[0].v.depth, DEPTH_HELO);
	assert_string_equal(rig.visits[0].helo, "a.example");
	l.want = "421 4.3.2 fake1.mx.example.com is going out of service, closing\r\n";
	rig_client(&rig, expect_421, &l);
	assert_int_equal(-rig_connect(&rig), ECONNREFUSED);
	rig_stop(&rig);
}

static void an_apply_that_fails_changes_nothing(void **state)
{
	(void)state;
	rig_start(&rig, NULL);
	struct decoy_spec s[3] = { rig_spec(&rig, 7, POSTURE_BUSY),
				   rig_spec(&rig, 8, POSTURE_BUSY),
				   rig_spec(&rig, 9, POSTURE_BUSY) };
	rig_apply(&rig, s, 1);
	assert_true(addr_parse("192.0.2.30", &s[2].at.addr));
	assert_true(decoy_apply(rig.set, s + 1, 2, NULL) < 0);
	assert_int_equal(decoy_counts(rig.set).listeners, 1);
	rig.at_len = addr_to_sockaddr(s[0].at.addr, s[0].at.port, &rig.at);
	rig_client(&rig, talk_before_reading, NULL);
	rig_wait_visits(&rig, 1);
	rig_stop(&rig);
}

static void two_hosts_of_one_address_share_its_visits_and_posture(void **state)
{
	(void)state;
	struct error e;
	rig_start(&rig, NULL);
	struct decoy_spec s[2] = { rig_spec(&rig, 7, POSTURE_RESET) };
	s[1] = s[0];
	s[1].host = 8;
	rig_apply(&rig, s, 2);
	rig_client(&rig, expect_reset, NULL);
	rig_turn(&rig, 1200);
	assert_int_equal(rig.visit_count, 1);
	assert_int_equal(rig.visits[0].v.host, 7);
	assert_true(rig.upto[7] > 0);
	assert_true(rig.upto[7] == rig.upto[8]);
	s[1].posture = POSTURE_BUSY;
	assert_int_equal(decoy_apply(rig.set, s, 2, &e), FMX_EUSAGE);
	assert_non_null(strstr(e.text, "reset and busy"));
	rig_stop(&rig);
}

static void a_stop_gives_what_is_open_and_the_watermark_waits_for_it(void **state)
{
	(void)state;
	struct reload l = { .fd = -1 };
	rig_start(&rig, NULL);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_DEFER);
	rig_apply(&rig, &s, 1);
	rig_client(&rig, begin_talk, &l);
	rig_turn(&rig, 1200);
	int64_t held = rig.upto[7];
	rig_turn(&rig, 1200);
	assert_int_equal(rig.upto[7], held);
	assert_int_equal(rig.visit_count, 0);
	decoy_stop(rig.set);
	assert_int_equal(rig.visit_count, 1);
	assert_true(rig.visits[0].v.time >= held);
	assert_int_equal(rig.visits[0].v.depth, DEPTH_HELO);
	assert_true(rig.upto[7] > rig.visits[0].v.time);
	rig_stop(&rig);
	close(l.fd);
}

struct crowd {
	int fds[CROWD];
	int reset;
};

/* With sockets that exist already: the server alone runs out of them. */
static void connect_crowd(struct rig *r, void *arg)
{
	struct crowd *c = arg;
	for (int i = 0; i < CROWD; i++)
		if (connect(c->fds[i], (struct sockaddr *)&r->at, r->at_len) != 0)
			rig_complain(r, "connect", strerror(errno), "success");
	for (int i = 0; i < CROWD; i++)
		if (rig_end(c->fds[i]) == ECONNRESET)
			c->reset++;
	for (int i = 0; i < CROWD; i++)
		close(c->fds[i]);
}

static void without_descriptors_clients_are_reset_and_it_is_said_once(void **state)
{
	(void)state;
	struct rlimit old, low;
	struct crowd crowd = { .reset = 0 };
	rig_start(&rig, NULL);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_DEFER);
	rig_apply(&rig, &s, 1);
	for (int i = 0; i < CROWD; i++)
		crowd.fds[i] = socket(AF_INET, SOCK_STREAM, 0);
	int next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)next + 2; /* two clients */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	rig_client(&rig, connect_crowd, &crowd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(crowd.reset, CROWD - 2);
	assert_int_equal(decoy_counts(rig.set).accept_failed, CROWD - 2);
	rig_wait_visits(&rig, CROWD);
	rig_wait_troubles(&rig, 2);
	assert_false(rig.is_over[0]);
	assert_non_null(strstr(rig.troubles[0], "LimitNOFILE"));
	assert_true(rig.is_over[1]);
	rig_stop(&rig);
}

static void who_cannot_be_watched_is_reset(void **state)
{
	(void)state;
	rig_start(&rig, NULL);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_DEFER);
	rig_apply(&rig, &s, 1);
	(void)uv_run(&rig.loop, UV_RUN_NOWAIT); /* the listener is watched */
	is_epoll_full = true;
	rig_client(&rig, expect_reset, NULL);
	is_epoll_full = false;
	rig_wait_visits(&rig, 1);
	assert_int_equal(decoy_counts(rig.set).open, 0);
	rig_stop(&rig);
}

static void a_socket_that_was_handed_over_is_used(void **state)
{
	(void)state;
	struct error e;
	rig_start(&rig, NULL);
	struct decoy_spec s = rig_spec(&rig, 7, POSTURE_RESET);
	int fd = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(decoy_inherit(rig.set, other, &e), FMX_EUSAGE);
	assert_int_equal(bind(fd, (struct sockaddr *)&rig.at, rig.at_len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(decoy_inherit(rig.set, fd, &e), 0);
	rig_apply(&rig, &s, 1); /* would be EADDRINUSE otherwise */
	rig_client(&rig, expect_reset, NULL);
	rig_wait_visits(&rig, 1);
	rig_stop(&rig);
}

static void both_families_may_have_one_port(void **state)
{
	(void)state;
	rig_start(&rig, NULL);
	struct decoy_spec s[2] = { rig_spec(&rig, 7, POSTURE_RESET) };
	s[1] = s[0];
	assert_true(addr_parse("::1", &s[1].at.addr));
	rig_apply(&rig, s, 2);
	assert_int_equal(decoy_counts(rig.set).listeners, 2);
	rig.at_len = addr_to_sockaddr(s[1].at.addr, s[1].at.port, &rig.at);
	rig_client(&rig, expect_reset, NULL);
	rig_wait_visits(&rig, 1);
	assert_true(addr_equal(rig.visits[0].v.client, s[1].at.addr));
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_dialogue_goes_live_as_written),
		cmocka_unit_test(busy_says_421_also_to_one_that_talks_first),
		cmocka_unit_test(reset_lets_the_handshake_pass_and_resets),
		cmocka_unit_test(
		    a_closed_decoy_that_answers_is_reported_until_it_refuses),
		cmocka_unit_test(what_cannot_be_listened_on_is_said_with_the_way_out),
		cmocka_unit_test(without_permission_for_port_25_the_ways_out_are_named),
		cmocka_unit_test(over_the_limits_clients_are_reset_counted_and_given),
		cmocka_unit_test(silent_and_slow_clients_are_reset_in_time),
		cmocka_unit_test(a_client_that_never_reads_costs_little),
		cmocka_unit_test(
		    what_stays_keeps_its_connections_and_what_goes_gives_them),
		cmocka_unit_test(an_apply_that_fails_changes_nothing),
		cmocka_unit_test(two_hosts_of_one_address_share_its_visits_and_posture),
		cmocka_unit_test(
		    a_stop_gives_what_is_open_and_the_watermark_waits_for_it),
		cmocka_unit_test(
		    without_descriptors_clients_are_reset_and_it_is_said_once),
		cmocka_unit_test(who_cannot_be_watched_is_reset),
		cmocka_unit_test(a_socket_that_was_handed_over_is_used),
		cmocka_unit_test(both_families_may_have_one_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
