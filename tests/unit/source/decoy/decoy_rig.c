#include "decoy_rig.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static void on_visit(void *arg, const struct visit *v)
{
	struct rig *r = arg;
	assert_true(r->visit_count < RIG_VISITS_MAX);
	struct rig_visit *at = &r->visits[r->visit_count++];
	at->v = *v;
	assert_true(str_copy(at->helo, sizeof(at->helo), v->helo));
	assert_true(str_copy(at->mail_from, sizeof(at->mail_from), v->mail_from));
	assert_true(str_copy(at->domain, sizeof(at->domain), v->recipient_domain));
	assert_string_equal(v->name, "");
	assert_int_equal(v->source, VISIT_SOURCE_DECOY);
	assert_int_equal(v->outcome, OUTCOME_NONE);
	assert_int_equal(v->precision_us, 1);
	assert_true(v->ended >= v->time);
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
	(void)host;
	assert_true(r->trouble_count < RIG_TROUBLES_MAX);
	r->is_over[r->trouble_count] = is_over;
	assert_true(str_copy(r->troubles[r->trouble_count], 512, sentence));
	r->trouble_count++;
}

static void on_wake(uv_async_t *a)
{
	(void)a; /* uv_run() returns: that is all */
}

void rig_start(struct rig *r, const struct decoy_limits *limits)
{
	struct decoy_limits l = limits ? *limits : decoy_limits_default();
	struct source_sink sink = { .visit = on_visit,
				    .watermark = on_watermark,
				    .trouble = on_trouble,
				    .arg = r };
	memset(r, 0, sizeof(*r));
	assert_int_equal(uv_loop_init(&r->loop), 0);
	assert_int_equal(uv_async_init(&r->loop, &r->wake, on_wake), 0);
	r->set = decoy_new(&r->loop, (struct stamp_clock){ NULL }, &l, &sink);
}

static uint16_t free_port(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	close(fd);
	return ntohs(sa.sin_port);
}

struct decoy_spec rig_spec(struct rig *r, uint16_t host, enum posture posture)
{
	struct decoy_spec s = { .site = 3,
				.host = host,
				.posture = posture,
				.name = "fake1.mx.example.com",
				.cause = "mail.example.com" };
	assert_true(addr_parse("127.0.0.1", &s.at.addr));
	s.at.port = r->port = free_port();
	r->at_len = addr_to_sockaddr(s.at.addr, s.at.port, &r->at);
	return s;
}

void rig_apply(struct rig *r, const struct decoy_spec *specs, size_t count)
{
	struct error e = { 0 };
	if (decoy_apply(r->set, specs, count, &e) != 0)
		fail_msg("decoy_apply: %s", e.text);
}

struct job {
	struct rig *r;
	rig_client_fn run;
	void *arg;
};

static void *run_job(void *arg)
{
	struct job *j = arg;
	j->run(j->r, j->arg);
	atomic_store(&j->r->is_client_done, true);
	(void)uv_async_send(&j->r->wake);
	return NULL;
}

void rig_client(struct rig *r, rig_client_fn run, void *arg)
{
	struct job j = { r, run, arg };
	pthread_t thread;
	atomic_store(&r->is_client_done, false);
	assert_int_equal(pthread_create(&thread, NULL, run_job, &j), 0);
	while (!atomic_load(&r->is_client_done))
		uv_run(&r->loop, UV_RUN_ONCE);
	pthread_join(thread, NULL);
	if (r->complaint[0])
		fail_msg("%s", r->complaint);
}

static void on_late(uv_timer_t *t)
{
	*(bool *)t->data = true;
}

/* Until count reaches want (NULL: never), at most ms. */
static void turn(struct rig *r, const size_t *count, size_t want, unsigned ms)
{
	uv_timer_t timer;
	bool is_late = false;
	timer.data = &is_late;
	assert_int_equal(uv_timer_init(&r->loop, &timer), 0);
	uv_update_time(&r->loop);
	assert_int_equal(uv_timer_start(&timer, on_late, ms, 0), 0);
	while (!is_late && (!count || *count < want))
		uv_run(&r->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&r->loop, UV_RUN_NOWAIT);
	uv_run(&r->loop, UV_RUN_NOWAIT);
}

void rig_wait_visits(struct rig *r, size_t count)
{
	turn(r, &r->visit_count, count, 10000);
	assert_int_equal(r->visit_count, count);
}

void rig_wait_troubles(struct rig *r, size_t count)
{
	turn(r, &r->trouble_count, count, 15000);
	assert_int_equal(r->trouble_count, count);
}

void rig_turn(struct rig *r, unsigned ms)
{
	turn(r, NULL, 0, ms);
}

void rig_stop(struct rig *r)
{
	decoy_stop(r->set);
	uv_close((uv_handle_t *)&r->wake, NULL);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	decoy_free(r->set);
	assert_int_equal(uv_loop_close(&r->loop), 0);
}

int rig_connect(struct rig *r)
{
	struct timeval five = { 5, 0 };
	int fd = socket(r->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &five, sizeof(five));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &five, sizeof(five));
	if (connect(fd, (struct sockaddr *)&r->at, r->at_len) != 0) {
		int error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

void rig_complain(struct rig *r, const char *what, const char *got, const char *want)
{
	if (r->complaint[0])
		return; /* the first is the cause */
	(void)snprintf(r->complaint, sizeof(r->complaint),
		       "%s: got \"%.300s\", want \"%.300s\"", what, got, want);
}

void rig_send(struct rig *r, int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0) {
			rig_complain(r, "send", strerror(errno), "success");
			return;
		}
		data += n;
		len -= (size_t)n;
	}
}

void rig_expect(struct rig *r, int fd, const char *want)
{
	char got[65536];
	size_t len = 0, want_len = strlen(want);
	while (len < want_len) {
		ssize_t n = recv(fd, got + len, want_len - len, 0);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	got[len] = '\0';
	if (strcmp(got, want) != 0)
		rig_complain(r, "reply", got, want);
}

int rig_end(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);
	return n == 0 ? 0 : n < 0 ? errno : -1;
}
