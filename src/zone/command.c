#include "zone/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/program.h"
#include "base/stamp.h"

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

/* Keeps the last part of what comes until the end, or the deadline; and all of it,
 * where that is asked for. */
static bool read_until_end(int fd, char *tail, size_t size, struct buf *all)
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
		if (all)
			buf_add(all, tail + have, (size_t)n);
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

static int wait_end(struct program *program)
{
	int status;
	struct pollfd end = { .fd = program->fd, .events = POLLIN };
	while (!program_ended(program, &status))
		(void)poll(&end, 1, -1);
	return status;
}

static int judge_status(const char *line, int status, bool in_time, char *tail,
			struct error *e)
{
	if (!in_time)
		return error_set(e, FMX_ECOMMAND,
				 "`%s` did not end within %d s and was stopped", line,
				 COMMAND_TIMEOUT_SECONDS);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	const char *words = last_words(tail);
	return error_set(e, FMX_ECOMMAND, "`%s` failed (%s %d)%s%s", line,
			 WIFEXITED(status) ? "exit" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
			 *words ? ": " : "", words);
}

int command_read(const char *line, const char *zone, const char *file, struct buf *out,
		 struct error *e)
{
	struct buf filled = BUF_INIT(64 * 1024);
	char tail[2048] = "";
	int pipes[2];
	command_fill(line, zone, file, &filled);
	if (buf_failed(&filled) || pipe2(pipes, O_CLOEXEC) != 0) {
		buf_release(&filled);
		return error_set(e, -EIO, "cannot run `%s`", line);
	}
	/* Its own group, so that what it started dies with it at the time-out. */
	const char *argv[] = { "/bin/sh", "-c", buf_text(&filled), NULL };
	const int files[3] = { -1, pipes[1], pipes[1] };
	struct program program;
	int rc = program_start(argv, NULL, files, &program, e);
	(void)close(pipes[1]);
	if (rc == 0) {
		bool in_time = read_until_end(pipes[0], tail, sizeof(tail), out);
		if (!in_time)
			(void)kill(-program.pid, SIGKILL);
		rc =
		    judge_status(buf_text(&filled), wait_end(&program), in_time, tail, e);
	}
	(void)close(pipes[0]);
	buf_release(&filled);
	return rc;
}

int command_run(const char *line, const char *zone, const char *file, struct error *e)
{
	return command_read(line, zone, file, NULL, e);
}
