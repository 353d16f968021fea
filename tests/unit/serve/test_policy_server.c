/* The policy server on a real loop: clients are sockets of this thread. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/socket_file.h"
#include "serve/policy/policy_server.h"

#define QUESTION "request=smtpd_access_policy\nhelo_name=%d\n\n"

struct rig {
	uv_loop_t loop;
	struct policy_server *server;
	char folder[32], path[64], other[64];
	unsigned asked;
};

/* Says back what it was asked, so that answers can be told apart. */
static void answer(void *arg, const struct policy_request *r,
		   char ret_action[POLICY_ACTION_MAX])
{
	struct rig *rig = arg;
	rig->asked++;
	(void)snprintf(ret_action, POLICY_ACTION_MAX, "%.100s", r->helo);
}

static void rig_start(struct rig *r, const struct policy_limits *limits)
{
	struct policy_limits usual = policy_limits_default();
	*r = (struct rig){ .folder = "/tmp/fmx-policy-XXXXXX" };
	assert_non_null(mkdtemp(r->folder));
	(void)snprintf(r->path, sizeof(r->path), "%s/policy.sock", r->folder);
	(void)snprintf(r->other, sizeof(r->other), "%s/other.sock", r->folder);
	assert_int_equal(uv_loop_init(&r->loop), 0);
	r->server = policy_server_new(&r->loop, limits ? limits : &usual, answer, r);
}

static void rig_stop(struct rig *r)
{
	policy_server_stop(r->server);
	policy_server_stop(r->server);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	policy_server_free(r->server);
	assert_int_equal(uv_loop_close(&r->loop), 0);
	(void)unlink(r->path);
	(void)unlink(r->other);
	assert_int_equal(rmdir(r->folder), 0);
}

static void turn(struct rig *r)
{
	for (int i = 0; i < 10; i++)
		(void)uv_run(&r->loop, UV_RUN_NOWAIT);
}

static void apply(struct rig *r, const char *path)
{
	struct error e = { .text = "" };
	struct policy_socket s = { .path = path };
	if (policy_server_apply(r->server, &s, path ? 1 : 0, &e) != 0)
		fail_msg("%s", e.text);
}

static int connect_to(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void ask(int fd, int number)
{
	char text[100];
	(void)snprintf(text, sizeof(text), QUESTION, number);
	say(fd, text);
}

/* Runs the loop until fd has something or the end: bytes, 0, or -1. */
static ssize_t hear(struct rig *r, int fd, char *text, size_t size, int seconds)
{
	for (int i = 0; i < seconds * 100; i++) {
		(void)uv_run(&r->loop, UV_RUN_NOWAIT);
		ssize_t n = recv(fd, text, size - 1, 0);
		if (n >= 0 || errno != EAGAIN) {
			text[n > 0 ? n : 0] = '\0';
			return n > 0 ? n : 0;
		}
		(void)usleep(10000);
	}
	return -1;
}

static void expect(struct rig *r, int fd, const char *want)
{
	char text[512];
	assert_true(hear(r, fd, text, sizeof(text), 5) > 0);
	assert_string_equal(text, want);
}

static void expect_end(struct rig *r, int fd, int seconds)
{
	char text[512];
	assert_int_equal(hear(r, fd, text, sizeof(text), seconds), 0);
	close(fd);
}

static void many_requests_over_one_connection_are_answered(void **state)
{
	(void)state;
	struct rig r;
	struct stat st;
	rig_start(&r, NULL);
	apply(&r, r.path);
	assert_int_equal(stat(r.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666); /* the folder says who may */
	int fd = connect_to(r.path);
	for (int i = 0; i < 100; i++) {
		char want[64];
		ask(fd, i);
		(void)snprintf(want, sizeof(want), "action=%d\n\n", i);
		expect(&r, fd, want);
	}
	close(fd);
	turn(&r);
	assert_int_equal(policy_server_counts(r.server).requests, 100);
	assert_int_equal(policy_server_counts(r.server).open, 0);
	rig_stop(&r);
}

static void cut_requests_and_several_at_once_are_answered_in_order(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r, NULL);
	apply(&r, r.path);
	int fd = connect_to(r.path);
	say(fd, "request=smtpd_access_policy\nhelo_n");
	turn(&r);
	say(fd, "ame=1\n");
	turn(&r);
	say(fd, "\nhelo_name=2\n\nhelo_name=3\n\nhelo_na");
	expect(&r, fd, "action=1\n\naction=2\n\naction=3\n\n");
	say(fd, "me=4\n\n");
	expect(&r, fd, "action=4\n\n");
	close(fd);
	rig_stop(&r);
}

static void tcp_on_both_families_works_alike(void **state)
{
	(void)state;
	const char *const addresses[] = { "127.0.0.1", "::1" };
	struct rig r;
	rig_start(&r, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage sa;
		struct error e = { .text = "" };
		struct policy_socket s = { .path = "" };
		assert_true(addr_parse(addresses[i], &s.at.addr));
		int probe = socket(i ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
		socklen_t len = addr_to_sockaddr(s.at.addr, 0, &sa);
		assert_int_equal(bind(probe, (struct sockaddr *)&sa, len), 0);
		assert_int_equal(getsockname(probe, (struct sockaddr *)&sa, &len), 0);
		(void)addr_from_sockaddr((struct sockaddr *)&sa, &s.at.port);
		assert_int_equal(listen(probe, 1), 0);
		assert_int_equal(policy_server_apply(r.server, &s, 1, &e), -EADDRINUSE);
		assert_non_null(strstr(e.text, "in use"));
		close(probe);
		assert_int_equal(policy_server_apply(r.server, &s, 1, &e), 0);
		int fd = socket(sa.ss_family, SOCK_STREAM, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
		assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
		ask(fd, 7);
		expect(&r, fd, "action=7\n\n");
		close(fd);
	}
	rig_stop(&r);
}

static void who_speaks_another_protocol_is_closed(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r, NULL);
	apply(&r, r.path);
	int good = connect_to(r.path), bad = connect_to(r.path);
	say(bad, "GET / HTTP/1.0\r\n\r\n");
	expect_end(&r, bad, 5);
	bad = connect_to(r.path);
	say(bad, "helo_name=1\n\nrubbish\n");
	char text[64];
	assert_true(hear(&r, bad, text, sizeof(text), 5) > 0);
	assert_string_equal(text, "action=1\n\n"); /* what was right is answered */
	expect_end(&r, bad, 5);
	ask(good, 2);
	expect(&r, good, "action=2\n\n");
	close(good);
	assert_int_equal(policy_server_counts(r.server).broken, 2);
	rig_stop(&r);
}

static void who_does_not_read_gets_all_answers_later(void **state)
{
	(void)state;
	enum { ASKED = 60000 };
	struct rig r;
	char text[65536];
	int sent = 0, got = 0;
	rig_start(&r, NULL);
	apply(&r, r.path);
	int fd = connect_to(r.path);
	for (int failures = 0; sent < ASKED && failures < 50; turn(&r)) {
		char question[64];
		int n = snprintf(question, sizeof(question), "helo_name=%06d\n\n", sent);
		bool is_sent = send(fd, question, (size_t)n, MSG_NOSIGNAL) == n;
		sent += is_sent;
		failures = is_sent ? 0 : failures + 1;
	}
	assert_in_range(sent, 1, ASKED - 1); /* it was made to wait */
	for (ssize_t n; got < sent; got += (int)(n / 15)) {
		static char left[32];
		static size_t left_len;
		memcpy(text, left, left_len);
		n = hear(&r, fd, text + left_len, sizeof(text) - left_len, 5);
		assert_true(n > 0);
		n += (ssize_t)left_len;
		for (ssize_t i = 0; i + 15 <= n; i += 15) {
			char want[32];
			(void)snprintf(want, sizeof(want), "action=%06d\n\n",
				       got + (int)(i / 15));
			assert_memory_equal(text + i, want, 15);
		}
		left_len = (size_t)n % 15;
		memcpy(left, text + n - left_len, left_len);
	}
	close(fd);
	rig_stop(&r);
}

static void half_a_request_and_silence_have_an_end(void **state)
{
	(void)state;
	struct rig r;
	struct policy_limits limits = {
		.connections = 10, .per_peer = 10, .idle_ms = 1500, .request_ms = 100
	};
	rig_start(&r, &limits);
	apply(&r, r.path);
	int half = connect_to(r.path), silent = connect_to(r.path);
	say(half, "helo_name=");
	turn(&r);
	ask(silent, 1);
	expect(&r, silent, "action=1\n\n");
	char text[8];
	for (int i = 0; i < 3; i++) { /* a byte now and then does not help */
		(void)!send(half, "x", 1, MSG_NOSIGNAL);
		(void)hear(&r, half, text, sizeof(text), 1);
	}
	close(half);
	assert_int_equal(policy_server_counts(r.server).over_time, 1);
	expect_end(&r, silent, 5);
	assert_int_equal(policy_server_counts(r.server).over_time, 2);
	rig_stop(&r);
}

/* As a stranger would who holds all of them: Postfix must get in all the same. */
static void who_was_idle_for_longest_makes_room(void **state)
{
	(void)state;
	struct rig r;
	struct policy_limits limits = policy_limits_default();
	limits.connections = 2;
	rig_start(&r, &limits);
	apply(&r, r.path);
	int a = connect_to(r.path), b = connect_to(r.path);
	turn(&r);
	(void)usleep(20000);
	ask(a, 1); /* so b is the older one */
	expect(&r, a, "action=1\n\n");
	int c = connect_to(r.path);
	ask(c, 2);
	expect(&r, c, "action=2\n\n");
	expect_end(&r, b, 5);
	ask(a, 3);
	expect(&r, a, "action=3\n\n");
	assert_int_equal(policy_server_counts(r.server).made_room, 1);
	assert_int_equal(policy_server_counts(r.server).over_connections, 0);
	close(a);
	close(b);
	close(c);
	rig_stop(&r);
}

static void a_peer_that_has_its_share_makes_room_for_itself(void **state)
{
	(void)state;
	struct rig r;
	struct policy_limits limits = policy_limits_default();
	limits.per_peer = 2;
	rig_start(&r, &limits);
	apply(&r, r.path);
	int a = connect_to(r.path);
	turn(&r);
	(void)usleep(20000);
	int b = connect_to(r.path), c = connect_to(r.path);
	expect_end(&r, a, 5);
	ask(b, 1);
	expect(&r, b, "action=1\n\n");
	ask(c, 2);
	expect(&r, c, "action=2\n\n");
	assert_int_equal(policy_server_counts(r.server).made_room, 1);
	close(a);
	close(b);
	close(c);
	rig_stop(&r);
}

static void within_a_request_nobody_is_closed_for_others(void **state)
{
	(void)state;
	struct rig r;
	struct policy_limits limits = policy_limits_default();
	limits.connections = 1;
	rig_start(&r, &limits);
	apply(&r, r.path);
	int a = connect_to(r.path);
	say(a, "helo_name=7\n");
	turn(&r);
	int b = connect_to(r.path);
	expect_end(&r, b, 5);
	say(a, "\n");
	expect(&r, a, "action=7\n\n");
	assert_int_equal(policy_server_counts(r.server).over_connections, 1);
	close(a);
	close(b);
	rig_stop(&r);
}

static void a_reload_keeps_what_stays_and_closes_what_goes(void **state)
{
	(void)state;
	struct rig r;
	struct error e = { .text = "" };
	rig_start(&r, NULL);
	struct policy_socket two[] = { { .path = r.path }, { .path = r.other } };
	assert_int_equal(policy_server_apply(r.server, two, 2, &e), 0);
	int stays = connect_to(r.path), goes = connect_to(r.other);
	turn(&r);
	apply(&r, r.path);
	expect_end(&r, goes, 5);
	assert_int_equal(connect_to(r.other), -1);
	assert_int_not_equal(access(r.other, F_OK), 0);
	ask(stays, 1);
	expect(&r, stays, "action=1\n\n");
	/* All or nothing: the second cannot be opened. */
	struct policy_socket wrong[] = { { .path = r.other }, { .path = "/proc/x" } };
	assert_int_not_equal(policy_server_apply(r.server, wrong, 2, &e), 0);
	assert_int_not_equal(access(r.other, F_OK), 0);
	ask(stays, 2);
	expect(&r, stays, "action=2\n\n");
	assert_int_equal(policy_server_counts(r.server).listeners, 1);
	apply(&r, NULL);
	expect_end(&r, stays, 5);
	assert_int_equal(policy_server_counts(r.server).listeners, 0);
	rig_stop(&r);
}

static void a_socket_left_behind_is_replaced_one_in_use_is_not(void **state)
{
	(void)state;
	struct rig r;
	struct error e = { .text = "" };
	struct socket_file left, again;
	rig_start(&r, NULL);
	assert_int_equal(socket_file_open(&left, r.path, 0600, &e), 0);
	assert_int_equal(socket_file_open(&again, r.path, 0600, &e), -EADDRINUSE);
	assert_non_null(strstr(e.text, "another program listens"));
	close(left.fd); /* killed: its file stays */
	assert_int_equal(access(r.path, F_OK), 0);
	apply(&r, r.path);
	int fd = connect_to(r.path);
	ask(fd, 1);
	expect(&r, fd, "action=1\n\n");
	close(fd);
	int plain = open(r.other, O_CREAT | O_WRONLY, 0600);
	struct policy_socket s = { .path = r.other };
	assert_int_equal(policy_server_apply(r.server, &s, 1, &e), -EADDRINUSE);
	assert_non_null(strstr(e.text, "no socket"));
	assert_int_equal(access(r.other, F_OK), 0);
	close(plain);
	rig_stop(&r);
}

static void somebody_elses_file_of_the_name_is_left_alone(void **state)
{
	(void)state;
	struct rig r;
	struct error e = { .text = "" };
	struct socket_file first, second;
	rig_start(&r, NULL);
	assert_int_equal(socket_file_open(&first, r.path, 0600, &e), 0);
	assert_int_equal(unlink(r.path), 0);
	assert_int_equal(socket_file_open(&second, r.path, 0600, &e), 0);
	socket_file_close(&first);
	assert_int_equal(access(r.path, F_OK), 0);
	socket_file_close(&second);
	assert_int_not_equal(access(r.path, F_OK), 0);
	char *path = calloc(1, 200);
	memset(path, 'a', 199);
	assert_int_equal(socket_file_open(&first, path, 0600, &e), -ENAMETOOLONG);
	free(path);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_requests_over_one_connection_are_answered),
		cmocka_unit_test(cut_requests_and_several_at_once_are_answered_in_order),
		cmocka_unit_test(tcp_on_both_families_works_alike),
		cmocka_unit_test(who_speaks_another_protocol_is_closed),
		cmocka_unit_test(who_does_not_read_gets_all_answers_later),
		cmocka_unit_test(half_a_request_and_silence_have_an_end),
		cmocka_unit_test(who_was_idle_for_longest_makes_room),
		cmocka_unit_test(a_peer_that_has_its_share_makes_room_for_itself),
		cmocka_unit_test(within_a_request_nobody_is_closed_for_others),
		cmocka_unit_test(a_reload_keeps_what_stays_and_closes_what_goes),
		cmocka_unit_test(a_socket_left_behind_is_replaced_one_in_use_is_not),
		cmocka_unit_test(somebody_elses_file_of_the_name_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
