/* The helper: in a process of its own, until the other end of its socket is closed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/program_own.h"

struct running {
	pid_t pid; /* 0: free */
	int status;
};

struct help {
	int fd;
	const struct program_rules *rules;
	struct running running[PROGRAM_MAX];
	char packet[sizeof(struct program_request) + PROGRAM_WORDS_MAX];
};

/* What was asked for, as words; false: that is no request. */
struct asked {
	const char *argv[PROGRAM_WORDS + 1], *extra[PROGRAM_WORDS + 1];
	uint32_t words;
	int files[PROGRAM_FILES]; /* -1: none came */
};

static const char *read_words(const char *at, const char *end, uint32_t count,
			      const char **ret)
{
	for (uint32_t i = 0; at && i < count; i++) {
		const char *nul = memchr(at, '\0', (size_t)(end - at));
		ret[i] = at;
		at = nul ? nul + 1 : NULL;
	}
	ret[count] = NULL;
	return at;
}

static bool read_asked(const struct help *h, size_t len, struct asked *a)
{
	struct program_request r;
	if (len < sizeof(r))
		return false;
	memcpy(&r, h->packet, sizeof(r));
	if (r.words > PROGRAM_WORDS || r.extra > PROGRAM_WORDS)
		return false;
	const char *end = h->packet + len;
	const char *at = read_words(h->packet + sizeof(r), end, r.words, a->argv);
	a->words = r.words;
	return at && read_words(at, end, r.extra, a->extra) == end;
}

static void take_files(struct msghdr *m, int files[PROGRAM_FILES])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(PROGRAM_FILES * sizeof(int)))
		memcpy(files, CMSG_DATA(c), PROGRAM_FILES * sizeof(int));
}

static struct running *find(struct help *h, pid_t pid)
{
	for (size_t i = 0; i < PROGRAM_MAX; i++)
		if (h->running[i].pid == pid)
			return &h->running[i];
	return NULL;
}

/* An errno. It takes files[3]. */
static int start(struct help *h, struct asked *a, pid_t *ret_pid)
{
	struct running *free_one = find(h, 0);
	if (a->files[PROGRAM_FILES - 1] < 0)
		return EBADF;
	if (!h->rules->allows(h->rules->arg, a->argv, a->extra))
		return EACCES;
	if (!free_one)
		return EAGAIN;
	int rc = program_spawn(a->argv, a->extra, a->files, ret_pid);
	if (rc != 0)
		return rc;
	*free_one =
	    (struct running){ .pid = *ret_pid, .status = a->files[PROGRAM_FILES - 1] };
	a->files[PROGRAM_FILES - 1] = -1;
	return 0;
}

/* False: the other end is closed. */
static bool answer(struct help *h)
{
	struct asked a = { .files = { -1, -1, -1, -1 } };
	struct program_answer reply = { .error = EBADMSG };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(PROGRAM_FILES * sizeof(int))];
	} control;
	struct iovec part = { h->packet, sizeof(h->packet) };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(h->fd, &m, MSG_CMSG_CLOEXEC);
	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	take_files(&m, a.files);
	if (read_asked(h, (size_t)n, &a)) {
		reply.error = 0;
		if (a.words == 0)
			h->rules->reread(h->rules->arg);
		else
			reply.error = start(h, &a, &reply.pid);
	}
	for (size_t i = 0; i < PROGRAM_FILES; i++)
		if (a.files[i] >= 0)
			(void)close(a.files[i]);
	return send(h->fd, &reply, sizeof(reply), MSG_NOSIGNAL) == (ssize_t)sizeof(reply);
}

static void reap(struct help *h)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct running *r = find(h, pid);
		if (!r)
			continue;
		/* A pipe that nobody has written to has room. */
		ssize_t n = write(r->status, &status, sizeof(status));
		(void)n; /* who asked may have left */
		(void)close(r->status);
		r->pid = 0;
	}
}

static void end_all(const struct help *h)
{
	for (size_t i = 0; i < PROGRAM_MAX; i++)
		if (h->running[i].pid)
			(void)kill(-h->running[i].pid, SIGTERM);
}

/* We keep nothing of what the other process has open, nor end by what ends it. */
static int begin(int fd)
{
	sigset_t child;
	const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE };
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_SETMASK, &child, NULL);
	(void)prctl(PR_SET_NAME, "fakemx-starter", 0, 0, 0);
	int none = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		(void)dup2(none, i);
	(void)dup2(fd, 3);
	(void)fcntl(3, F_SETFD, FD_CLOEXEC);
	(void)close_range(4, ~0U, 0);
	return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

void program_help(int fd, const struct program_rules *rules)
{
	static struct help h; /* as large as it is */
	h.rules = rules;
	int children = begin(fd);
	h.fd = 3;
	struct pollfd wait[2] = { { .fd = h.fd, .events = POLLIN },
				  { .fd = children, .events = POLLIN } };
	for (bool is_over = children < 0; !is_over;) {
		struct signalfd_siginfo info;
		(void)poll(wait, 2, -1);
		while (wait[1].revents && read(children, &info, sizeof(info)) > 0)
			;
		reap(&h);
		is_over = (wait[0].revents & (POLLIN | POLLHUP | POLLERR)) && !answer(&h);
	}
	end_all(&h);
	_exit(0);
}
