#include "zone/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stamp.h"

extern char **environ;

static void add_quoted(struct buf *out, const char *text)
{
	buf_adds(out, "'");
	for (; *text; text++)
		if (*text == '\'')
			buf_adds(out, "'\\''");
		else
			buf_add(out, text, 1);
	buf_adds(out, "'");
}

void command_fill(const char *line, const char *zone, const char *file, struct buf *out)
{
	for (; *line; line++) {
		if (line[0] == '%' && line[1] == 'z')
			add_quoted(out, zone);
		else if (line[0] == '%' && line[1] == 'f')
			add_quoted(out, file);
		else if (line[0] == '%' && line[1] == '%')
			buf_adds(out, "%");
		else {
			buf_add(out, line, 1);
			continue;
		}
		line++;
	}
}

/* Keeps the last part of what comes until the end, or the deadline. */
static bool read_until_end(int fd, char *tail, size_t size)
{
	int64_t deadline = stamp_monotonic() + COMMAND_TIMEOUT_SECONDS * STAMP_SECOND;
	size_t have = 0;
	for (;;) {
		int64_t left = deadline - stamp_monotonic();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (left <= 0 || poll(&p, 1, (int)(left / STAMP_MILLISECOND) + 1) == 0)
			return false;
		if (have > size / 2) {
			memmove(tail, tail + size / 4, have - size / 4);
			have -= size / 4;
		}
		ssize_t n = read(fd, tail + have, size - have - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	tail[have] = '\0';
	return true;
}

static const char *last_words(char *tail)
{
	size_t n = strlen(tail);
	while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == ' '))
		tail[--n] = '\0';
	char *newline = strrchr(tail, '\n');
	return newline ? newline + 1 : tail;
}

static int spawn_shell(const char *line, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
					       O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	/* Its own group, so that what it started dies with it at the time-out. */
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
	const char *arguments[] = { "sh", "-c", line, NULL };
	union {
		const char **constant;
		char *const *plain; /* what exec's prototype wants, and does not change */
	} argv = { arguments };
	int rc =
	    posix_spawn(ret_pid, "/bin/sh", &actions, &attributes, argv.plain, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return rc;
}

static int judge_status(const char *line, const int *status_or_none, bool in_time,
			char *tail, struct error *e)
{
	if (!in_time)
		return error_set(e, FMX_ECOMMAND,
				 "`%s` did not end within %d s and was stopped", line,
				 COMMAND_TIMEOUT_SECONDS);
	if (!status_or_none)
		return error_set(e, -EIO, "nobody knows how `%s` ended: %s", line,
				 strerror(errno));
	int status = *status_or_none;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return error_set(e, FMX_ECOMMAND, "`%s` failed (%s %d): %s", line,
			 WIFEXITED(status) ? "exit" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
			 last_words(tail));
}

int command_run(const char *line, const char *zone, const char *file, struct error *e)
{
	struct buf filled = BUF_INIT(64 * 1024);
	char tail[2048] = "";
	int pipes[2];
	command_fill(line, zone, file, &filled);
	if (buf_failed(&filled) || pipe2(pipes, O_CLOEXEC) != 0) {
		buf_release(&filled);
		return error_set(e, -EIO, "cannot run `%s`", line);
	}
	pid_t pid;
	int rc = spawn_shell(buf_text(&filled), pipes[1], &pid);
	(void)close(pipes[1]);
	if (rc != 0) {
		rc = error_set(e, -rc, "cannot run `%s`: %s", buf_text(&filled),
			       strerror(rc));
	} else {
		bool in_time = read_until_end(pipes[0], tail, sizeof(tail));
		int status = 0;
		if (!in_time)
			(void)kill(-pid, SIGKILL);
		pid_t ended;
		while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
			;
		rc = judge_status(buf_text(&filled), ended == pid ? &status : NULL,
				  in_time, tail, e);
	}
	(void)close(pipes[0]);
	buf_release(&filled);
	return rc;
}
