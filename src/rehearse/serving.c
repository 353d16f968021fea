#include "rehearse/serving.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/beside.h"
#include "rehearse/socket.h"

enum { READY_FD = 3 };

static void on_line(struct serving *s)
{
	static const char caught_up[] = "caught-up ";
	s->line[s->len] = '\0';
	if (strcmp(s->line, "ready") == 0)
		s->is_ready = true;
	if (strncmp(s->line, caught_up, strlen(caught_up)) != 0)
		return;
	s->has_caught_up = true;
	s->caught_up_ahead = strtoll(s->line + strlen(caught_up), NULL, 10);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct serving *s = stream->data;
	if (n < 0)
		s->is_gone = true;
	for (ssize_t i = 0; i < n; i++) {
		if (b->base[i] == '\n') {
			on_line(s);
			s->len = 0;
		} else if (s->len < sizeof(s->line) - 1) {
			s->line[s->len++] = b->base[i];
		}
	}
}

/* In the child, after fork(): only what is safe there. */
static void become(const char *path, const char *config, int log_fd, int ready_fd,
		   pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);  /* it died before prctl() */
	(void)setpgid(0, 0); /* Ctrl-C is ours to handle */
	bool ok = dup2(log_fd, STDOUT_FILENO) >= 0 && dup2(log_fd, STDERR_FILENO) >= 0;
	if (ready_fd == READY_FD) /* dup2() would leave it to be closed */
		ok = ok && fcntl(ready_fd, F_SETFD, 0) >= 0;
	else
		ok = ok && dup2(ready_fd, READY_FD) >= 0;
	if (ok)
		(void)execl(path, "fakemx-serve", "-c", config, "--ready-fd", "3",
			    (char *)NULL);
	(void)!write(STDERR_FILENO, "cannot execute fakemx-serve\n", 28);
	_exit(127);
}

/* Returns the child's pid. */
static int spawn(const char *path, const char *config, const char *log, int ready_fd,
		 struct error *e)
{
	int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return error_set(e, -errno, "cannot write %s: %m", log);
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0)
		become(path, config, log_fd, ready_fd, parent);
	if (pid < 0)
		pid = error_set(e, -errno, "cannot start fakemx-serve: %m");
	(void)close(log_fd);
	return pid;
}

int serving_start(uv_loop_t *loop, const char *config, const char *log,
		  struct serving *ret_serving, struct error *e)
{
	*ret_serving = (struct serving){ 0 };
	char path[PATH_MAX];
	int rc = beside_find("fakemx-serve", path, sizeof(path), e);
	if (rc < 0)
		return rc;
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(e, -errno, "cannot make a pipe: %m");
	int pid = spawn(path, config, log, fds[1], e);
	(void)close(fds[1]);
	if (pid < 0) {
		(void)close(fds[0]);
		return pid;
	}
	ret_serving->pid = pid;
	ret_serving->ready.data = ret_serving;
	rc = uv_pipe_init(loop, &ret_serving->ready, 0);
	if (rc == 0)
		rc = uv_pipe_open(&ret_serving->ready, fds[0]);
	if (rc == 0)
		rc = uv_read_start((uv_stream_t *)&ret_serving->ready, socket_alloc,
				   on_read);
	if (rc < 0)
		return error_set(e, rc, "cannot read from fakemx-serve: %s",
				 uv_strerror(rc));
	return 0;
}

void serving_catch_up(const struct serving *s)
{
	(void)kill(s->pid, SIGUSR1); /* its end is noticed by the pipe */
}

void serving_stop(const struct serving *s)
{
	if (s->pid > 0 && !s->is_gone)
		(void)kill(s->pid, SIGTERM);
}

void serving_release(struct serving *s)
{
	if (s->pid <= 0)
		return;
	if (!s->is_gone)
		(void)kill(s->pid, SIGKILL);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
	if (!uv_is_closing((uv_handle_t *)&s->ready))
		uv_close((uv_handle_t *)&s->ready, NULL);
}
