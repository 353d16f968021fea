/* What strangers publish, read as values; and many probes of few addresses. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/stamp.h"
#include "look/fetch.h"
#include "look/prober.h"
#include "look/spf.h"
#include "look/sts.h"

static void spf_with_mx_is_told_from_others(void **state)
{
	(void)state;
	static const struct {
		const char *record;
		bool want;
	} rows[] = {
		{ "v=spf1 mx -all", true },
		{ "v=spf1 +MX ~all", true },
		{ "v=spf1 ?mx/24//64", true },
		{ "v=spf1  ip4:192.0.2.1  mx:example.com/30", true },
		{ "v=spf1 mx:EXAMPLE.com", true },
		{ "v=spf1 -mx ~all", false },
		{ "v=spf1 mx:example.net -all", false },
		{ "v=spf1 mxtra:example.com", false },
		{ "v=spf1 include:mx.example.com -all", false },
		{ "v=spf1", false },
		{ "", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (spf_has_mx(rows[i].record, "example.com") != rows[i].want)
			fail_msg("'%s'", rows[i].record);
	assert_true(spf_is_record("V=SPF1 -all") && spf_is_record("v=spf1"));
	assert_false(spf_is_record("v=spf10 mx") || spf_is_record("spf1"));
}

#define HEAD "version: STSv1\r\n"

static void a_policy_is_read_or_refused_with_a_sentence(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		enum sts_mode want;
		const char *said;
	} rows[] = {
		{ HEAD
		  "mode: enforce\r\nmx: a.example\r\nmx: *.b.example\r\nmax_age: 1\r\n",
		  STS_ENFORCE, "" },
		{ HEAD "mode:testing\nmx:a.example", STS_TESTING, "" },
		{ HEAD "mode: none\nmax_age: 1\n", STS_NONE, "" },
		{ HEAD "future: key\nmode: none\n", STS_NONE, "" },
		{ "mode: enforce\nmx: a.example\n", STS_BROKEN, "version" },
		{ "version: STSv2\nmode: none\n", STS_BROKEN, "version" },
		{ HEAD "mx: a.example\n", STS_BROKEN, "no mode" },
		{ HEAD "mode: testing\nmode: enforce\nmx: a.example\n", STS_TESTING, "" },
		{ HEAD "version: STSv2\nmode: none\n", STS_NONE, "" },
		{ "version: STSv2\nversion: STSv1\nmode: none\n", STS_BROKEN, "version" },
		{ HEAD "mode: sometimes\n", STS_BROKEN, "line 2" },
		{ HEAD "mode: enforce\n", STS_BROKEN, "lists no mx" },
		{ HEAD "mode: enforce\nmx:\n", STS_BROKEN, "no name" },
		{ "<html>\n", STS_BROKEN, "line 1" },
		{ "", STS_BROKEN, "version" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen s;
		struct error e = { .code = 0 };
		seen_init(&s, "example.com");
		int r = sts_read(rows[i].body, strlen(rows[i].body), &s, &e);
		if (s.sts != rows[i].want || (r == 0) != (*rows[i].said == '\0') ||
		    !strstr(e.text, rows[i].said))
			fail_msg("'%s': got %d, '%s'", rows[i].body, (int)s.sts, e.text);
		seen_release(&s);
	}
	assert_true(sts_is_record("v=STSv1; id=1") && sts_is_record("v=STSv1"));
	assert_false(sts_is_record("v=STSv10; id=1") || sts_is_record("v=spf1"));
}

/* ---- prober ----------------------------------------------------------- */

struct server {
	int listener;
	pthread_t thread;
	unsigned seen;
};

static void *answer(void *arg)
{
	struct server *s = arg;
	int fd;
	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		char bytes[512];
		s->seen++;
		(void)!write(fd, "220 mx\r\n", 8);
		(void)!read(fd, bytes, sizeof(bytes));
		(void)!write(fd, "250 mx\r\n", 8);
		(void)!read(fd, bytes, sizeof(bytes));
		close(fd);
	}
	return NULL;
}

static uint16_t listen_somewhere(struct server *s)
{
	struct sockaddr_storage sa;
	struct addr a;
	assert_true(addr_parse("0.0.0.0", &a));
	socklen_t len = addr_to_sockaddr(a, 0, &sa);
	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(s->listener, 64), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&sa, &len), 0);
	uint16_t port;
	(void)addr_from_sockaddr((struct sockaddr *)&sa, &port);
	assert_int_equal(pthread_create(&s->thread, NULL, answer, s), 0);
	return port;
}

static void stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
}

static struct addr loopback(unsigned last)
{
	char text[32];
	struct addr a;
	(void)snprintf(text, sizeof(text), "127.0.%u.%u", 1 + last / 250, 1 + last % 250);
	assert_true(addr_parse(text, &a));
	return a;
}

static void count_open(const struct probe_result *r, void *arg)
{
	*(unsigned *)arg += r->known && r->state == STATE_OPEN;
}

static void whoever_asks_for_one_address_shares_one_probe(void **state)
{
	(void)state;
	struct server s = { .seen = 0 };
	uint16_t port = listen_somewhere(&s);
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct prober *p = prober_new(&loop, port, 5 * STAMP_SECOND);
	unsigned opened = 0;
	for (unsigned i = 0; i < 100; i++)
		prober_ask(p, loopback(i % 5), count_open, &opened);
	assert_int_equal(opened, 0);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(opened, 100);
	assert_int_equal(s.seen, 5);
	/* A moment later the result is still good. */
	prober_ask(p, loopback(0), count_open, &opened);
	assert_int_equal(opened, 100);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(opened, 101);
	assert_int_equal(s.seen, 5);
	/* But who forgets it is told how it is now. */
	prober_forget(p, loopback(4));
	prober_forget(p, loopback(0));
	prober_forget(p, loopback(200));
	prober_ask(p, loopback(0), count_open, &opened);
	prober_ask(p, loopback(1), count_open, &opened);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(opened, 103);
	assert_int_equal(s.seen, 6);
	prober_free(p);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	stop(&s);
}

static void count_any(const struct probe_result *r, void *arg)
{
	(void)r;
	++*(unsigned *)arg;
}

/* Nothing listens: refused at once, so that many addresses are soon done. */
static void more_addresses_than_are_kept_are_all_answered(void **state)
{
	(void)state;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct prober *p = prober_new(&loop, 1, 5 * STAMP_SECOND);
	unsigned calls = 0;
	for (unsigned i = 0; i < PROBER_KEPT_MAX + 500; i++)
		prober_ask(p, loopback(i), count_any, &calls);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(calls, PROBER_KEPT_MAX + 500);
	prober_free(p);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void nobody_is_called_after_free(void **state)
{
	(void)state;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct prober *p = prober_new(&loop, 1, 5 * STAMP_SECOND);
	unsigned calls = 0;
	for (unsigned i = 0; i < 600; i++)
		prober_ask(p, loopback(i), count_any, &calls);
	prober_free(p);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(calls, 0);
}

/* ---- fetch ------------------------------------------------------------ */

static void keep_failure(const char *body, size_t len, const char *failure, void *arg)
{
	(void)body, (void)len;
	(void)snprintf(arg, 200, "%s", failure ? failure : "it worked");
}

/* (A policy host that works stands in the system tests.) */
static void a_fetch_that_fails_is_a_sentence(void **state)
{
	(void)state;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct fetcher *f = fetcher_new(&loop);
	char failure[200] = "";
	struct addr a = loopback(7);
	fetch_start(f, "mta-sts.example.com", "/", &a, 1, 2 * STAMP_SECOND, keep_failure,
		    failure);
	assert_string_equal(failure, "");
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_non_null(strstr(failure, "onnect"));
	/* One that is under way when the fetcher goes calls nobody. */
	(void)snprintf(failure, sizeof(failure), "nobody called");
	fetch_start(f, "mta-sts.example.com", "/", &a, 1, 2 * STAMP_SECOND, keep_failure,
		    failure);
	fetcher_free(f);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_string_equal(failure, "nobody called");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spf_with_mx_is_told_from_others),
		cmocka_unit_test(a_policy_is_read_or_refused_with_a_sentence),
		cmocka_unit_test(whoever_asks_for_one_address_shares_one_probe),
		cmocka_unit_test(more_addresses_than_are_kept_are_all_answered),
		cmocka_unit_test(nobody_is_called_after_free),
		cmocka_unit_test(a_fetch_that_fails_is_a_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
