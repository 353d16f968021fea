#include "serve/alarm/alarm_command.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/program.h"

enum { TICK_MS = 200, VARIABLES = 6, VARIABLE_MAX = 512 };
#define PREFIX "FAKEMX_ALARM"

struct call {
	struct alarm alarm;
	bool is_over;
	struct call *next;
};

struct slot {
	struct alarm_command *command;
	struct program program;
	uv_poll_t end;     /* says that it has ended */
	struct call *call; /* NULL: free */
	uint64_t term_at, kill_at;
	bool is_alive;
};

struct alarm_command {
	uv_loop_t *loop;
	uv_timer_t tick; /* runs while a command does */
	char *command;   /* "" none */
	struct slot slots[ALARM_COMMAND_AT_ONCE];
	struct call *waiting; /* the oldest first */
	size_t waiting_count;
	bool is_stopped, is_full;
};

struct alarm_command *alarm_command_new(uv_loop_t *loop)
{
	struct alarm_command *c = xcalloc(1, sizeof(*c));
	c->loop = loop;
	c->command = xstrdup("");
	c->tick.data = c;
	for (size_t i = 0; i < ALARM_COMMAND_AT_ONCE; i++) {
		c->slots[i].command = c;
		c->slots[i].end.data = &c->slots[i];
	}
	int rc = uv_timer_init(loop, &c->tick);
	assert(rc == 0); /* timers need nothing that could lack */
	(void)rc;
	return c;
}

void alarm_command_set(struct alarm_command *c, const char *command)
{
	free(c->command);
	c->command = xstrdup(command);
}

static bool is_same(const struct call *a, const struct alarm *b)
{
	return a->alarm.key.kind == b->key.kind &&
	       strcmp(a->alarm.key.host, b->key.host) == 0 &&
	       addr_equal(a->alarm.key.client, b->key.client);
}

static bool is_running(const struct alarm_command *c, const struct alarm *a)
{
	for (size_t i = 0; i < ALARM_COMMAND_AT_ONCE; i++) {
		if (c->slots[i].call && is_same(c->slots[i].call, a))
			return true;
	}
	return false;
}

/* ---- one command ---- */

struct environment {
	char own[VARIABLES][VARIABLE_MAX];
	const char *all[VARIABLES + 1]; /* ends with NULL */
};

FMX_PRINTF(3, 4)
static void add(struct environment *e, size_t at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(e->own[at], sizeof(e->own[at]), fmt, ap); /* cut */
	va_end(ap);
}

static void fill_own(struct environment *e, const struct call *call)
{
	char address[ADDR_TEXT_MAX] = "", since[STAMP_TEXT_MAX];
	const struct alarm *a = &call->alarm;
	if (a->key.kind == ALARM_SENDER)
		(void)addr_text(a->key.client, address);
	add(e, 0, PREFIX "=%s", call->is_over ? "over" : "begin");
	add(e, 1, PREFIX "_KIND=%s", alarm_rows()[a->key.kind].name);
	add(e, 2, PREFIX "_HOST=%s", a->key.host);
	add(e, 3, PREFIX "_ADDRESS=%s", address);
	add(e, 4, PREFIX "_TEXT=%s", a->text);
	add(e, 5, PREFIX "_SINCE=%s", stamp_text(a->since, since));
	for (size_t i = 0; i < VARIABLES; i++)
		e->all[i] = e->own[i];
}

static void start_waiting(struct alarm_command *c);

static void finish(struct slot *s)
{
	struct alarm_command *c = s->command;
	free(s->call);
	s->call = NULL;
	if (!c->is_stopped)
		start_waiting(c);
	for (size_t i = 0; i < ALARM_COMMAND_AT_ONCE; i++) {
		if (c->slots[i].call)
			return;
	}
	if (!uv_is_closing((uv_handle_t *)&c->tick))
		(void)uv_timer_stop(&c->tick);
	if (c->is_stopped && !uv_is_closing((uv_handle_t *)&c->tick))
		uv_close((uv_handle_t *)&c->tick, NULL);
}

static void on_closed(uv_handle_t *h)
{
	finish(h->data);
}

static void tell_end(const struct slot *s, int status)
{
	const char *kind = alarm_rows()[s->call->alarm.key.kind].name;
	const char *host = s->call->alarm.key.host;
	if (WIFSIGNALED(status))
		log_warning("alarm-command kind=%s host=%s signal=%d", kind, host,
			    WTERMSIG(status));
	else if (WEXITSTATUS(status))
		log_warning("alarm-command kind=%s host=%s status=%d", kind, host,
			    WEXITSTATUS(status));
}

static void on_ended(uv_poll_t *p, int error, int events)
{
	struct slot *s = p->data;
	int status;
	(void)error, (void)events; /* program_ended() looks for itself */
	(void)uv_poll_stop(p);     /* it closes the file */
	if (!program_ended(&s->program, &status)) {
		(void)uv_poll_start(p, UV_READABLE, on_ended);
		return;
	}
	s->is_alive = false;
	(void)kill(-s->program.pid, SIGKILL); /* what it left behind */
	tell_end(s, status);
	uv_close((uv_handle_t *)p, on_closed);
}

static void on_tick(uv_timer_t *t)
{
	struct alarm_command *c = t->data;
	uint64_t now = uv_now(t->loop);
	for (size_t i = 0; i < ALARM_COMMAND_AT_ONCE; i++) {
		struct slot *s = &c->slots[i];
		if (!s->call || !s->is_alive)
			continue;
		if (now >= s->kill_at)
			(void)kill(-s->program.pid, SIGKILL);
		else if (now >= s->term_at)
			(void)kill(-s->program.pid, SIGTERM);
	}
}

static int spawn(struct slot *s, struct error *e)
{
	struct alarm_command *c = s->command;
	struct environment *own = xcalloc(1, sizeof(*own));
	const char *argv[] = { "/bin/sh", "-c", c->command, NULL };
	const int files[3] = { -1, -1, -1 };
	fill_own(own, s->call);
	int rc = program_start(argv, own->all, files, &s->program, e);
	free(own);
	if (rc != 0)
		return rc;
	rc = uv_poll_init(c->loop, &s->end, s->program.fd);
	if (rc == 0)
		rc = uv_poll_start(&s->end, UV_READABLE, on_ended);
	if (rc == 0)
		return 0;
	(void)kill(-s->program.pid, SIGKILL);
	program_leave(&s->program);
	return error_set(e, rc, "cannot run the alarm command: %s", uv_strerror(rc));
}

static void start(struct slot *s, struct call *call)
{
	struct alarm_command *c = s->command;
	struct error e;
	s->call = call;
	s->term_at = uv_now(c->loop) + ALARM_COMMAND_LONGEST_MS;
	s->kill_at = s->term_at + ALARM_COMMAND_KILL_MS;
	s->is_alive = spawn(s, &e) == 0;
	if (s->is_alive) {
		(void)uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
		return;
	}
	log_warning("alarm-command kind=%s host=%s reason=\"%s\"",
		    alarm_rows()[call->alarm.key.kind].name, call->alarm.key.host,
		    e.text);
	free(call);
	s->call = NULL;
}

/* ---- the line of those that wait ---- */

static struct call *take_ready(struct alarm_command *c)
{
	for (struct call **at = &c->waiting; *at; at = &(*at)->next) {
		struct call *call = *at;
		if (is_running(c, &call->alarm))
			continue;
		*at = call->next;
		c->waiting_count--;
		return call;
	}
	return NULL;
}

static void start_waiting(struct alarm_command *c)
{
	for (size_t i = 0; i < ALARM_COMMAND_AT_ONCE; i++) {
		if (c->slots[i].call)
			continue;
		struct call *call = take_ready(c);
		if (!call)
			return;
		start(&c->slots[i], call);
	}
}

/* True: its begin still waited, and is taken back. */
static bool take_back(struct alarm_command *c, const struct alarm *a)
{
	for (struct call **at = &c->waiting; *at; at = &(*at)->next) {
		struct call *call = *at;
		if (call->is_over || !is_same(call, a))
			continue;
		*at = call->next;
		c->waiting_count--;
		free(call);
		return true;
	}
	return false;
}

void alarm_command_run(struct alarm_command *c, const struct alarm *a, bool is_over)
{
	if (!*c->command || c->is_stopped || (is_over && take_back(c, a)))
		return;
	if (c->waiting_count == ALARM_COMMAND_MAX_WAITING) {
		if (!c->is_full)
			log_warning("alarm-command reason=\"%d calls wait already; more "
				    "are left out\"",
				    ALARM_COMMAND_MAX_WAITING);
		c->is_full = true;
		return;
	}
	c->is_full = false;
	struct call *call = xcalloc(1, sizeof(*call));
	call->alarm = *a;
	call->is_over = is_over;
	struct call **at = &c->waiting;
	while (*at)
		at = &(*at)->next;
	*at = call;
	c->waiting_count++;
	start_waiting(c);
}

void alarm_command_stop(struct alarm_command *c)
{
	if (c->is_stopped)
		return;
	c->is_stopped = true;
	bool is_idle = true;
	for (size_t i = 0; i < ALARM_COMMAND_AT_ONCE; i++) {
		struct slot *s = &c->slots[i];
		if (!s->call)
			continue;
		is_idle = false;
		s->term_at = uv_now(c->loop) + ALARM_COMMAND_KILL_MS;
		s->kill_at = s->term_at + ALARM_COMMAND_KILL_MS;
	}
	if (is_idle)
		uv_close((uv_handle_t *)&c->tick, NULL);
}

void alarm_command_free(struct alarm_command *c)
{
	if (!c)
		return;
	for (struct call *call; (call = c->waiting);) {
		c->waiting = call->next;
		free(call);
	}
	free(c->command);
	free(c);
}
