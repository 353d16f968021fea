/*
 * Probes against real sockets on loopback: one small server per row, in a
 * thread, that does what its script says.
 */
#include "look/probe.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * A script: each string is sent after one line was read; the first at once.
 * Verbs of our own: "!reset", "!close", "!flood" (until the peer leaves),
 * "!wait" (until the peer leaves).
 */
struct server {
	int listener;
	const char *const *script;
	char heard[2000];
	pthread_t thread;
};

static void flood(int fd)
{
	char page[4096];
	memset(page, '2', sizeof(page));
	while (send(fd, page, sizeof(page), MSG_NOSIGNAL) > 0)
		;
}

static void hear_line(struct server *s, int fd)
{
	size_t n = strlen(s->heard);
	while (n < sizeof(s->heard) - 1 && read(fd, s->heard + n, 1) == 1) {
		s->heard[++n] = '\0';
		if (s->heard[n - 1] == '\n')
			return;
	}
}

static void act(struct server *s, int fd, const char *what)
{
	char byte;
	if (strcmp(what, "!flood") == 0)
		flood(fd);
	else if (strcmp(what, "!wait") == 0)
		while (read(fd, &byte, 1) == 1)
			;
	else
		(void)!write(fd, what, strlen(what));
	(void)s;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->listener, NULL, NULL);
	for (const char *const *step = s->script; *step; step++) {
		if (strcmp(*step, "!reset") == 0) {
			struct linger now = { .l_onoff = 1, .l_linger = 0 };
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
			break;
		}
		if (strcmp(*step, "!close") == 0)
			break;
		act(s, fd, *step);
		if (**step != '!')
			hear_line(s, fd);
	}
	close(fd);
	return NULL;
}

static uint16_t listen_on(struct addr a, int *ret_fd)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(a, 0, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	uint16_t port;
	(void)addr_from_sockaddr((struct sockaddr *)&sa, &port);
	*ret_fd = fd;
	return port;
}

static struct probe_result result;
static int calls;

static void keep(const struct probe_result *r, void *arg)
{
	(void)arg;
	result = *r;
	calls++;
}

static struct probe_result probe(struct addr a, uint16_t port, int64_t timeout_us)
{
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	calls = 0;
	(void)probe_start(&loop, a, port, timeout_us, keep, NULL);
	assert_int_equal(calls, 0);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(calls, 1);
	return result;
}

static struct addr address(const char *text)
{
	struct addr a;
	assert_true(addr_parse(text, &a));
	return a;
}

#define SCRIPT(...)                                                                      \
	(const char *const[])                                                            \
	{                                                                                \
		__VA_ARGS__, NULL                                                        \
	}

static const struct {
	const char *story;
	const char *const *script;
	enum state want;
	const char *reply;
	const char *heard; /* how what the server heard ends */
} cases[] = {
	{ "an open server",
	  SCRIPT("220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "221 bye\r\n", "!close"),
	  STATE_OPEN, "220 mx", "QUIT\r\n" },
	{ "one that knows HELO alone",
	  SCRIPT("220 old\r\n", "502 what\r\n", "250 old\r\n", "221\r\n"), STATE_OPEN,
	  "220 old", "QUIT\r\n" },
	{ "a reset", SCRIPT("!reset"), STATE_RESET, "connection reset by the other side",
	  "" },
	{ "a busy one", SCRIPT("421 4.3.2 busy\r\n", "!close"), STATE_BUSY,
	  "421 4.3.2 busy", "QUIT\r\n" },
	{ "a rejecting one", SCRIPT("554 no\r\n", "!close"), STATE_REJECT, "554 no",
	  "QUIT\r\n" },
	{ "one that closes", SCRIPT("!close"), STATE_BANNER_CLOSE,
	  "connection closed by the other side", "" },
	{ "one that says nothing", SCRIPT("!wait"), STATE_SILENT, "no greeting in time",
	  "" },
	{ "one that defers EHLO", SCRIPT("220 mx\r\n", "451 later\r\n", "!close"),
	  STATE_DEFER_HELO, "451 later", "QUIT\r\n" },
	{ "one that falls silent", SCRIPT("220 mx\r\n", "!wait"), STATE_SILENT,
	  "no answer to EHLO in time", NULL },
	{ "one that refuses EHLO and HELO",
	  SCRIPT("220 mx\r\n", "550 a\r\n", "550 b\r\n", "!close"), STATE_REJECT, "550 b",
	  "QUIT\r\n" },
	{ "another protocol", SCRIPT("SSH-2.0-x\r\n", "!close"), STATE_BANNER_CLOSE,
	  "not SMTP: SSH-2.0-x", "" },
	{ "a reset after the greeting", SCRIPT("220 mx\r\n", "!reset"), STATE_RESET,
	  "connection reset by the other side", NULL },
	{ "one that answers before it is asked",
	  SCRIPT("220 a\r\n250 b\r\n221 c\r\n", "!close"), STATE_OPEN, "220 a", NULL },
	{ "one whose greeting brings a refusal of EHLO",
	  SCRIPT("220 a\r\n500 b\r\n", "250 a\r\n", "221\r\n", "!close"), STATE_OPEN,
	  "220 a", "QUIT\r\n" },
	{ "a flood", SCRIPT("!flood"), STATE_BANNER_CLOSE, NULL, "" },
	{ "a greeting that never ends", SCRIPT("220-a\r\n", "!wait"), STATE_SILENT, NULL,
	  NULL },
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

static void check_row(size_t i, struct addr a)
{
	struct server s = { .script = cases[i].script };
	uint16_t port = listen_on(a, &s.listener);
	assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
	struct probe_result r = probe(a, port, 300000);
	/* The server may wait for a line that never comes: end it. */
	shutdown(s.listener, SHUT_RDWR);
	pthread_join(s.thread, NULL);
	close(s.listener);

	if (!r.known || r.state != cases[i].want)
		fail_msg("%s: got %s '%s', want %s", cases[i].story, state_name(r.state),
			 r.reply, state_name(cases[i].want));
	if (cases[i].reply && strcmp(r.reply, cases[i].reply) != 0)
		fail_msg("%s: got '%s', want '%s'", cases[i].story, r.reply,
			 cases[i].reply);
	if (cases[i].heard && !ends_with(s.heard, cases[i].heard))
		fail_msg("%s: heard '%s'", cases[i].story, s.heard);
	if (strstr(s.heard, "MAIL") || strstr(s.heard, "RCPT"))
		fail_msg("%s: a mail command was sent: '%s'", cases[i].story, s.heard);
}

static void each_server_gets_its_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_row(i, address("127.0.0.1"));
		check_row(i, address("::1"));
	}
}

static void an_open_server_tells_keywords_and_times(void **state)
{
	(void)state;
	check_row(0, address("127.0.0.1"));
	assert_true(result.has_starttls);
	assert_string_equal(result.keywords, "STARTTLS");
	assert_string_equal(result.greeting, "220 mx");
	assert_true(result.connect_us >= 0 && result.connect_us <= result.greeting_us);
	assert_true(result.greeting_us <= result.ehlo_us &&
		    result.ehlo_us <= result.total_us);
}

static void a_port_where_nothing_listens_is_closed(void **state)
{
	(void)state;
	int fd;
	uint16_t port = listen_on(address("127.0.0.1"), &fd);
	close(fd);
	struct probe_result r = probe(address("127.0.0.1"), port, 1000000);
	assert_true(r.known);
	assert_int_equal(r.state, STATE_CLOSED);
	assert_int_equal(r.connect_us, -1);
}

/* Linux drops a SYN for a listener whose accept queue is full. */
static void a_dropped_syn_is_dead_after_the_time_out(void **state)
{
	(void)state;
	int fd, held[4];
	uint16_t port = listen_on(address("127.0.0.1"), &fd);
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(address("127.0.0.1"), port, &sa);
	for (int i = 0; i < 4; i++) {
		held[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(held[i], (struct sockaddr *)&sa, len);
	}
	struct probe_result r = probe(address("127.0.0.1"), port, 200000);
	assert_true(r.known);
	assert_int_equal(r.state, STATE_DEAD);
	assert_true(r.total_us >= 190000 && r.total_us < 2000000);
	for (int i = 0; i < 4; i++)
		close(held[i]);
	close(fd);
}

static void a_cancelled_probe_calls_nobody(void **state)
{
	(void)state;
	int fd;
	uint16_t port = listen_on(address("127.0.0.1"), &fd);
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	calls = 0;
	struct probe *p =
	    probe_start(&loop, address("127.0.0.1"), port, 1000000, keep, NULL);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	probe_cancel(p);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(calls, 0);
	close(fd);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_server_gets_its_state),
		cmocka_unit_test(an_open_server_tells_keywords_and_times),
		cmocka_unit_test(a_port_where_nothing_listens_is_closed),
		cmocka_unit_test(a_dropped_syn_is_dead_after_the_time_out),
		cmocka_unit_test(a_cancelled_probe_calls_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
