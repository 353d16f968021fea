/* Rounds of probes against a small mail server on loopback, in a thread. */
#include "serve/probe/probe_schedule.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct server {
	int listener;
	uint16_t port;
	unsigned connections;
	pthread_t thread;
};

/* Answers anything with 250 and leaves when the peer does. */
static void *serve(void *arg)
{
	struct server *s = arg;
	int fd;
	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		char in[512];
		s->connections++;
		(void)!write(fd, "220 mail.example ESMTP\r\n", 24);
		while (read(fd, in, sizeof(in)) > 0)
			(void)!send(fd, "250 mail.example\r\n", 18, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static void server_start(struct server *s, bool is_serving)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->connections = 0;
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&sa, &len), 0);
	s->port = ntohs(sa.sin_port);
	if (!is_serving)
		return;
	assert_int_equal(listen(s->listener, 16), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	close(s->listener);
}

enum { RESULTS_MAX = 16 };

struct seen {
	uv_loop_t loop;
	struct probe_schedule *schedule;
	size_t began, ended, open;
	size_t count, stop_after;
	struct {
		uint16_t host;
		bool is_well, is_news;
	} results[RESULTS_MAX];
};

static uint64_t on_began(void *arg, uint16_t host, struct addr from, int64_t now)
{
	struct seen *s = arg;
	char text[ADDR_TEXT_MAX];
	(void)host, (void)now;
	assert_string_equal(addr_text(from, text), "127.0.0.1");
	return s->began++;
}

static void on_ended(void *arg, uint64_t probe, int64_t now, bool was_open)
{
	struct seen *s = arg;
	(void)now;
	assert_true(probe < s->began);
	s->ended++;
	s->open += was_open;
}

static void on_result(void *arg, uint16_t host, const struct probe_schedule_result *r)
{
	struct seen *s = arg;
	assert_true(s->count < RESULTS_MAX);
	s->results[s->count].host = host;
	s->results[s->count].is_well = r->is_well;
	s->results[s->count++].is_news = r->is_news;
	if (s->count == s->stop_after)
		uv_stop(&s->loop);
}

static void seen_start(struct seen *s)
{
	struct probe_schedule_sink sink = { on_began, on_ended, on_result, s };
	*s = (struct seen){ .count = 0 };
	assert_int_equal(uv_loop_init(&s->loop), 0);
	s->schedule = probe_schedule_new(&s->loop, (struct stamp_clock){ NULL }, &sink);
}

static void run_until(struct seen *s, size_t results)
{
	s->stop_after = results;
	probe_schedule_tick(s->schedule);
	while (s->count < results)
		(void)uv_run(&s->loop, UV_RUN_DEFAULT);
}

static void seen_end(struct seen *s)
{
	probe_schedule_stop(s->schedule);
	(void)uv_run(&s->loop, UV_RUN_DEFAULT);
	probe_schedule_free(s->schedule);
	assert_int_equal(uv_loop_close(&s->loop), 0);
}

static struct host real_host(uint16_t id, const char *name, const uint16_t *ports,
			     size_t count)
{
	struct host h = { .id = id, .role = ROLE_REAL, .address_count = (uint8_t)count };
	(void)snprintf(h.name, sizeof(h.name), "%s", name);
	for (size_t i = 0; i < count; i++) {
		assert_true(addr_parse("127.0.0.1", &h.addresses[i].addr));
		h.addresses[i].port = ports[i];
	}
	return h;
}

static void a_host_is_well_when_one_of_its_addresses_is_open(void **state)
{
	(void)state;
	struct server up, down;
	struct seen s;
	server_start(&up, true);
	server_start(&down, false);
	uint16_t both[] = { down.port, up.port };
	struct host hosts[] = { real_host(1, "mail.example", both, 2),
				real_host(2, "backup.example", both, 1) };
	struct site site = { .hosts = hosts, .host_count = 2 };
	seen_start(&s);
	probe_schedule_set(s.schedule, &site, 1, STAMP_MINUTE);
	assert_false(probe_schedule_is_idle(s.schedule));
	run_until(&s, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(s.results[i].is_well, s.results[i].host == 1);
		assert_true(s.results[i].is_news);
	}
	assert_true(probe_schedule_is_idle(s.schedule));
	assert_int_equal(s.ended, 3);
	assert_int_equal(s.open, 1);
	seen_end(&s);
	server_stop(&up);
	close(down.listener);
}

static void one_machine_in_two_sites_is_probed_once(void **state)
{
	(void)state;
	struct server up;
	struct seen s;
	server_start(&up, true);
	struct host a[] = { real_host(1, "mail.example", &up.port, 1) };
	struct host b[] = { real_host(7, "Mail.example", &up.port, 1) };
	struct site sites[] = { { .hosts = a, .host_count = 1 },
				{ .hosts = b, .host_count = 1 } };
	seen_start(&s);
	probe_schedule_set(s.schedule, sites, 2, STAMP_MINUTE);
	run_until(&s, 2);
	assert_int_equal(s.results[0].host, 1);
	assert_int_equal(s.results[1].host, 7);
	assert_int_equal(s.began, 1);
	seen_end(&s);
	server_stop(&up);
	assert_int_equal(up.connections, 1);
}

static void a_reload_keeps_the_turn_of_hosts_that_stay(void **state)
{
	(void)state;
	struct server up;
	struct seen s;
	server_start(&up, true);
	struct host hosts[] = { real_host(1, "mail.example", &up.port, 1),
				real_host(2, "backup.example", &up.port, 1) };
	struct site site = { .hosts = hosts, .host_count = 1 };
	seen_start(&s);
	probe_schedule_set(s.schedule, &site, 1, STAMP_MINUTE);
	run_until(&s, 1);
	probe_schedule_set(s.schedule, &site, 1, STAMP_MINUTE);
	assert_true(
	    probe_schedule_is_idle(s.schedule)); /* not due before a minute is over */
	site.host_count = 2;
	probe_schedule_set(s.schedule, &site, 1, STAMP_MINUTE);
	run_until(&s, 2);
	assert_int_equal(s.results[1].host, 2);
	probe_schedule_all_now(s.schedule);
	run_until(&s, 4);
	assert_false(s.results[2].is_news || s.results[3].is_news);
	seen_end(&s);
	server_stop(&up);
}

static void stopping_in_the_middle_of_a_round_ends_its_probes(void **state)
{
	(void)state;
	struct server up;
	struct seen s;
	server_start(&up, true);
	struct host hosts[] = { real_host(1, "mail.example", &up.port, 1) };
	struct site site = { .hosts = hosts, .host_count = 1 };
	seen_start(&s);
	probe_schedule_set(s.schedule, &site, 1, STAMP_MINUTE);
	probe_schedule_tick(s.schedule);
	seen_end(&s);
	assert_int_equal(s.count, 0);
	assert_int_equal(s.began, s.ended);
	server_stop(&up);
}

static int ignore_sigpipe(void **state)
{
	(void)state;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_well_when_one_of_its_addresses_is_open),
		cmocka_unit_test(one_machine_in_two_sites_is_probed_once),
		cmocka_unit_test(a_reload_keeps_the_turn_of_hosts_that_stay),
		cmocka_unit_test(stopping_in_the_middle_of_a_round_ends_its_probes),
	};
	return cmocka_run_group_tests(tests, ignore_sigpipe, NULL);
}
