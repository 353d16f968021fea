/*
 * The resolver against a name server that misbehaves, on real sockets of
 * loopback. (Well-behaved ones are Knot and Unbound, in the system tests.)
 */
#include "dns/resolver.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What the server does is asked of it by the first label of the name. */
struct server {
	int udp, tcp;
	uint16_t port;
	pthread_t udp_thread, tcp_thread;
	unsigned seen, over_tcp;
};

/* Turns the question into an answer with one A record 192.0.2.1. */
static size_t answer_in_place(uint8_t *m, size_t len)
{
	static const uint8_t a[] = {
		0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1
	};
	size_t question_end = len - 11; /* our own OPT is cut off */
	m[2] = 0x84;
	m[3] = 0x80;
	m[7] = 1;
	m[11] = 0;
	memcpy(m + question_end, a, sizeof(a));
	return question_end + sizeof(a);
}

static size_t misbehave(uint8_t *m, size_t len)
{
	switch (m[13]) {
	case 's':
		m[2] = 0x80;
		m[3] = 2;
		return len; /* SERVFAIL */
	case 'g':
		m[2] = 0x80;
		m[7] = 9;
		return len; /* nine answers, none there */
	case 'd': return 0; /* drop */
	case 't':
		m[2] = 0x82;
		m[3] = 0;
		return len; /* truncated */
	case 'f':           /* an old server: FORMERR for EDNS, an answer without */
		if (m[11] == 0)
			return answer_in_place(m, len + 11);
		m[2] = 0x80;
		m[3] = 1;
		m[11] = 0;
		return len - 11;
	default: return answer_in_place(m, len);
	}
}

static void *serve_udp(void *arg)
{
	struct server *s = arg;
	uint8_t m[2048];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n;
	while ((n = recvfrom(s->udp, m, sizeof(m) - 64, 0, (struct sockaddr *)&from,
			     &from_len)) > 12) {
		s->seen++;
		uint8_t noise[64] = { m[0], m[1], 0x80 };
		if (m[13] == 'n') /* right id, then random length of nothing */
			(void)sendto(s->udp, noise, sizeof(noise), 0,
				     (struct sockaddr *)&from, from_len);
		size_t len = misbehave(m, (size_t)n);
		if (len > 0)
			(void)sendto(s->udp, m, len, 0, (struct sockaddr *)&from,
				     from_len);
		from_len = sizeof(from);
	}
	return NULL;
}

static void *serve_tcp(void *arg)
{
	struct server *s = arg;
	int fd;
	while ((fd = accept(s->tcp, NULL, NULL)) >= 0) {
		uint8_t m[2048];
		ssize_t n = read(fd, m, sizeof(m) - 64);
		if (n > 14) {
			s->over_tcp++;
			size_t len = answer_in_place(m + 2, (size_t)n - 2);
			m[0] = (uint8_t)(len >> 8);
			m[1] = (uint8_t)len;
			(void)!write(fd, m, len + 2);
		}
		close(fd);
	}
	return NULL;
}

static struct addr loopback(void)
{
	struct addr a;
	assert_true(addr_parse("127.0.0.1", &a));
	return a;
}

static void server_start(struct server *s)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(loopback(), 0, &sa);
	memset(s, 0, sizeof(*s));
	s->udp = socket(AF_INET, SOCK_DGRAM, 0);
	s->tcp = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->tcp, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(getsockname(s->tcp, (struct sockaddr *)&sa, &len), 0);
	(void)addr_from_sockaddr((struct sockaddr *)&sa, &s->port);
	assert_int_equal(bind(s->udp, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(s->tcp, 8), 0);
	assert_int_equal(pthread_create(&s->udp_thread, NULL, serve_udp, s), 0);
	assert_int_equal(pthread_create(&s->tcp_thread, NULL, serve_tcp, s), 0);
}

static void server_stop(struct server *s)
{
	shutdown(s->udp, SHUT_RDWR);
	shutdown(s->tcp, SHUT_RDWR);
	pthread_join(s->udp_thread, NULL);
	pthread_join(s->tcp_thread, NULL);
	close(s->udp);
	close(s->tcp);
}

struct seen {
	unsigned calls;
	enum lookup_status status;
	size_t count;
};

static void keep(const struct answer *a, void *arg)
{
	struct seen *s = arg;
	s->calls++;
	s->status = a->status;
	s->count = a->count;
}

static struct resolver_options options_for(uint16_t port)
{
	return (struct resolver_options){ .has_server = true,
					  .server = loopback(),
					  .port = port,
					  .timeout_ms = 400,
					  .tries = 2 };
}

static void finish(uv_loop_t *loop, struct resolver *r)
{
	resolver_free(r);
	(void)uv_run(loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(loop), 0);
}

static const struct {
	const char *name;
	enum lookup_status want;
} rows[] = {
	{ "a.example", LOOKUP_OK },
	{ "servfail.example", LOOKUP_SERVFAIL },
	{ "garbage.example", LOOKUP_GARBAGE },
	{ "dropped.example", LOOKUP_TIMEOUT },
	{ "truncated.example", LOOKUP_OK },
	{ "noise.example", LOOKUP_OK },
	{ "a..example", LOOKUP_GARBAGE },
	{ "formerr.example", LOOKUP_OK },
	{ "formerr-again.example", LOOKUP_OK },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void each_answer_becomes_its_state(void **state)
{
	(void)state;
	struct server s;
	server_start(&s);
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct resolver *r;
	struct resolver_options o = options_for(s.port);
	assert_int_equal(resolver_new(&loop, &o, &r, NULL), 0);
	struct seen seen[2][ROWS] = { 0 };
	for (size_t i = 0; i < ROWS; i++) {
		resolver_ask(r, rows[i].name, RR_A, keep, &seen[0][i]);
		resolver_ask_server(r, loopback(), s.port, rows[i].name, RR_A, keep,
				    &seen[1][i]);
		assert_int_equal(seen[0][i].calls + seen[1][i].calls, 0);
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	for (size_t i = 0; i < 2 * ROWS; i++) {
		const struct seen *got = &seen[i / ROWS][i % ROWS];
		if (got->calls != 1 || got->status != rows[i % ROWS].want ||
		    (got->status == LOOKUP_OK) != (got->count == 1))
			fail_msg("%s: got %u calls, %s, %zu records", rows[i % ROWS].name,
				 got->calls, lookup_status_name(got->status), got->count);
	}
	assert_true(s.over_tcp >= 2);
	finish(&loop, r);
	server_stop(&s);
}

static void a_server_that_is_not_there_is_told_soon(void **state)
{
	(void)state;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct resolver *r;
	struct resolver_options o = options_for(1);
	assert_int_equal(resolver_new(&loop, &o, &r, NULL), 0);
	struct seen seen = { 0 };
	resolver_ask(r, "a.example", RR_A, keep, &seen);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.status, LOOKUP_UNREACHABLE);
	finish(&loop, r);
}

struct crowd {
	struct resolver *resolver;
	unsigned asked, answered;
};

static void ask_more(const struct answer *a, void *arg)
{
	struct crowd *c = arg;
	assert_int_equal(a->status, LOOKUP_OK);
	c->answered++;
	if (c->asked < 5000) {
		c->asked++;
		resolver_ask(c->resolver, "more.example", RR_A, ask_more, c);
	}
}

static void callbacks_may_ask_more_and_the_window_grows(void **state)
{
	(void)state;
	struct server s;
	server_start(&s);
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct crowd c = { .asked = 600 };
	struct resolver_options o = options_for(s.port);
	o.timeout_ms = 1000;
	o.tries = 4;
	assert_int_equal(resolver_new(&loop, &o, &c.resolver, NULL), 0);
	assert_int_equal(resolver_counts(c.resolver).window, RESOLVER_WINDOW_START);
	for (unsigned i = 0; i < c.asked; i++)
		resolver_ask(c.resolver, "more.example", RR_A, ask_more, &c);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(c.answered, 5000);
	assert_true(resolver_counts(c.resolver).window > RESOLVER_WINDOW_START);
	finish(&loop, c.resolver);
	server_stop(&s);
}

struct small {
	struct resolver *resolver;
	unsigned asked, answered, lost;
};

static void ask_small(const struct answer *a, void *arg)
{
	struct small *c = arg;
	*(a->status == LOOKUP_OK ? &c->answered : &c->lost) += 1;
	if (c->asked < 3000) {
		c->asked++;
		resolver_ask(c->resolver, "more.example", RR_A, ask_small, c);
	}
}

/* Its buffer holds a handful of questions: a fixed window of a hundred would
 * lose nearly all of them, again and again. */
static void a_small_server_is_not_flooded(void **state)
{
	(void)state;
	struct server s;
	server_start(&s);
	int tiny = 1;
	assert_int_equal(setsockopt(s.udp, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)),
			 0);
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct small c = { .asked = 300 };
	struct resolver_options o = options_for(s.port);
	o.timeout_ms = 100;
	o.tries = 3;
	assert_int_equal(resolver_new(&loop, &o, &c.resolver, NULL), 0);
	for (unsigned i = 0; i < c.asked; i++)
		resolver_ask(c.resolver, "more.example", RR_A, ask_small, &c);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	struct resolver_counts counts = resolver_counts(c.resolver);
	assert_int_equal(c.answered + c.lost, 3000);
	if (c.lost > 30 || counts.lost > 900 || counts.window > 64)
		fail_msg("lost %u questions of 3000, %llu tries; window %u", c.lost,
			 (unsigned long long)counts.lost, counts.window);
	finish(&loop, c.resolver);
	server_stop(&s);
}

/* 2000 questions in tries of 100 ms would take minutes through the window that
 * is left to a server that does not answer. */
static void a_silent_server_fails_a_long_list_soon(void **state)
{
	(void)state;
	struct server s;
	server_start(&s);
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct resolver *r;
	struct resolver_options o = options_for(s.port);
	o.timeout_ms = 100;
	o.tries = 4;
	assert_int_equal(resolver_new(&loop, &o, &r, NULL), 0);
	struct seen seen = { 0 };
	for (int i = 0; i < 2000; i++)
		resolver_ask(r, "dropped.example", RR_A, keep, &seen);
	uint64_t began = uv_now(&loop);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(seen.calls, 2000);
	assert_int_equal(seen.status, LOOKUP_TIMEOUT);
	assert_true(uv_now(&loop) - began < 5000);
	/* And is asked again when it comes back. */
	resolver_ask(r, "a.example", RR_A, keep, &seen);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(seen.status, LOOKUP_OK);
	finish(&loop, r);
	server_stop(&s);
}

static void nobody_is_called_after_free(void **state)
{
	(void)state;
	struct server s;
	server_start(&s);
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct resolver *r;
	struct resolver_options o = options_for(s.port);
	assert_int_equal(resolver_new(&loop, &o, &r, NULL), 0);
	struct seen seen = { 0 };
	for (int i = 0; i < 40; i++)
		resolver_ask(r, "dropped.example", RR_A, keep, &seen);
	resolver_ask(r, "a..b", RR_A, keep, &seen);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	unsigned before = seen.calls;
	finish(&loop, r);
	assert_int_equal(seen.calls, before);
	server_stop(&s);
}

/* More name servers than are remembered: idle ones make room. */
static void many_name_servers_are_asked(void **state)
{
	(void)state;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct resolver *r;
	struct resolver_options o = options_for(1);
	assert_int_equal(resolver_new(&loop, &o, &r, NULL), 0);
	struct seen seen = { 0 };
	for (int i = 0; i < RESOLVER_SERVERS_MAX + 50; i++) {
		char text[ADDR_TEXT_MAX];
		struct addr a;
		(void)snprintf(text, sizeof(text), "127.0.%d.%d", 1 + i / 200,
			       1 + i % 200);
		assert_true(addr_parse(text, &a));
		resolver_ask_server(r, a, 1, "a.example", RR_A, keep, &seen);
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(seen.calls, RESOLVER_SERVERS_MAX + 50);
	finish(&loop, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_becomes_its_state),
		cmocka_unit_test(a_server_that_is_not_there_is_told_soon),
		cmocka_unit_test(callbacks_may_ask_more_and_the_window_grows),
		cmocka_unit_test(a_small_server_is_not_flooded),
		cmocka_unit_test(a_silent_server_fails_a_long_list_soon),
		cmocka_unit_test(nobody_is_called_after_free),
		cmocka_unit_test(many_name_servers_are_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
