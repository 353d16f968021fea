#include "source/maillog/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/program.h"

enum { SAID_MAX = 240, TERM_MS = 100, KILL_MS = 1000, LOOK_MS = 10 };

struct child {
	struct program program;
	int out, err;
	bool is_over; /* its output is closed */
	char said[SAID_MAX + 1];
	size_t said_len;
	bool is_said_over; /* that line is at its end */
};

struct child *child_start(const char *const *argv, int input, struct error *e)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 };
	struct program program;
	int rc = 0;
	if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
		rc = error_set(e, -errno, "cannot run %s: %s", argv[0], strerror(errno));
	const int files[3] = { input, out[1], err[1] };
	if (rc == 0)
		rc = program_start(argv, NULL, files, &program, e);
	if (out[1] >= 0)
		(void)close(out[1]);
	if (err[1] >= 0)
		(void)close(err[1]);
	if (rc != 0) {
		if (out[0] >= 0)
			(void)close(out[0]);
		if (err[0] >= 0)
			(void)close(err[0]);
		return NULL;
	}
	struct child *c = xcalloc(1, sizeof(*c));
	c->program = program;
	c->out = out[0];
	c->err = err[0];
	(void)fcntl(c->out, F_SETFL, O_NONBLOCK);
	(void)fcntl(c->err, F_SETFL, O_NONBLOCK);
	return c;
}

/* Keeps the last line, without what could be taken for ours. */
static void hear(struct child *c)
{
	char bytes[512];
	ssize_t n;
	while ((n = read(c->err, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (c->is_said_over && bytes[i] != '\n')
				c->said_len = 0;
			c->is_said_over = bytes[i] == '\n';
			if (c->is_said_over || c->said_len == SAID_MAX)
				continue;
			bool is_text = bytes[i] >= ' ' && bytes[i] != 0x7f;
			c->said[c->said_len++] = bytes[i] == '"' ? '\''
						 : is_text       ? bytes[i]
								 : '?';
		}
	}
	c->said[c->said_len] = '\0';
}

ssize_t child_read(struct child *c, char *to, size_t size)
{
	ssize_t n;
	hear(c);
	do
		n = read(c->out, to, size);
	while (n < 0 && errno == EINTR);
	c->is_over |= n == 0;
	return n < 0 ? -errno : n;
}

void child_wait(struct child *c, int ms)
{
	struct pollfd out = { .fd = c->out, .events = POLLIN };
	(void)poll(&out, 1, ms);
}

/* Reaped within that time? */
static bool reap(struct child *c, int ms, int *ret_status)
{
	for (;; ms -= LOOK_MS) {
		if (program_ended(&c->program, ret_status))
			return true;
		if (ms <= 0)
			return false;
		(void)usleep(LOOK_MS * 1000);
	}
}

static void tell(const struct child *c, int status, char *ret_how, size_t size)
{
	const char *colon = c->said_len ? ": " : "";
	if (WIFSIGNALED(status))
		(void)snprintf(ret_how, size, "was ended by SIG%s%s%s",
			       sigabbrev_np(WTERMSIG(status)), colon, c->said);
	else
		(void)snprintf(ret_how, size, "ended with status %d%s%s",
			       WEXITSTATUS(status), colon, c->said);
}

bool child_end(struct child *c, char *ret_how, size_t size)
{
	int status = 0;
	/* As a rule it ends when its output is closed. */
	if (!reap(c, c->is_over ? TERM_MS : 0, &status)) {
		(void)kill(-c->program.pid, SIGTERM);
		if (!reap(c, TERM_MS, &status)) {
			(void)kill(-c->program.pid, SIGKILL);
			if (!reap(c, KILL_MS, &status)) /* the kernel holds it */
				program_leave(&c->program);
		}
	}
	(void)kill(-c->program.pid, SIGKILL); /* what it left behind */
	hear(c);
	bool is_good = c->is_over && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	*ret_how = '\0';
	if (!is_good)
		tell(c, status, ret_how, size);
	(void)close(c->out);
	(void)close(c->err);
	free(c);
	return is_good;
}
