#include "base/program.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/program_own.h"

enum { ANSWER_SECONDS = 10 };

enum { NONE = -1, LOST = -2 };
static int helper = NONE; /* our end of its socket */

/* ---- by ourselves ---- */

static int start_ours(const char *const *argv, const char *const *extra,
		      const int files[3], struct program *s)
{
	int rc = program_spawn(argv, extra, files, &s->pid);
	if (rc != 0)
		return -rc;
	s->is_ours = true;
	s->fd = pidfd_open(s->pid, 0);
	if (s->fd >= 0)
		return 0;
	int status;
	rc = -errno;
	(void)kill(-s->pid, SIGKILL);
	(void)waitpid(s->pid, &status, 0); /* of the SIGKILL */
	return rc;
}

/* ---- through the helper ---- */

static void lose_helper(void)
{
	(void)close(helper);
	helper = LOST;
}

static bool add_words(char *to, size_t *used, const char *const *words,
		      uint32_t *ret_count)
{
	for (*ret_count = 0; words && words[*ret_count]; ++*ret_count) {
		size_t len = strlen(words[*ret_count]) + 1;
		if (len > PROGRAM_WORDS_MAX - *used || *ret_count == PROGRAM_WORDS)
			return false;
		memcpy(to + *used, words[*ret_count], len);
		*used += len;
	}
	return true;
}

/* What was asked for too late would be taken for the answer to the next: no more then. */
static int ask(const struct msghdr *m, struct program_answer *ret)
{
	ssize_t n;
	do
		n = sendmsg(helper, m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EMSGSIZE)
		return -E2BIG;
	if (n >= 0)
		do
			n = recv(helper, ret, sizeof(*ret), 0);
		while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(*ret))
		return -ret->error;
	lose_helper();
	return -ESRCH;
}

static int start_by_helper(const char *const *argv, const char *const *extra,
			   const int files[PROGRAM_FILES], pid_t *ret_pid)
{
	static char words[PROGRAM_WORDS_MAX];
	struct program_request request;
	struct program_answer answer;
	size_t used = 0;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(PROGRAM_FILES * sizeof(int))];
	} control = { .room = { 0 } };
	if (!add_words(words, &used, argv, &request.words) ||
	    !add_words(words, &used, extra, &request.extra))
		return -E2BIG;
	struct iovec parts[2] = { { &request, sizeof(request) }, { words, used } };
	struct msghdr m = { .msg_iov = parts,
			    .msg_iovlen = 2,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(PROGRAM_FILES * sizeof(int));
	memcpy(CMSG_DATA(&control.head), files, PROGRAM_FILES * sizeof(int));
	int rc = ask(&m, &answer);
	*ret_pid = rc == 0 ? answer.pid : 0;
	return rc;
}

static int start_theirs(const char *const *argv, const char *const *extra,
			const int files[3], struct program *s)
{
	int status[2];
	int none = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (none < 0)
		return -errno;
	int rc = pipe2(status, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
	if (rc == 0) {
		const int all[PROGRAM_FILES] = { files[0] >= 0 ? files[0] : none,
						 files[1] >= 0 ? files[1] : none,
						 files[2] >= 0 ? files[2] : none,
						 status[1] };
		rc = start_by_helper(argv, extra, all, &s->pid);
		(void)close(status[1]); /* the helper has its own */
		s->fd = status[0];
		if (rc != 0)
			(void)close(status[0]);
	}
	(void)close(none);
	return rc;
}

int program_start(const char *const *argv, const char *const *extra, const int files[3],
		  struct program *ret, struct error *e)
{
	struct program s = { .fd = -1 };
	int rc = helper == NONE ? start_ours(argv, extra, files, &s)
		 : helper < 0   ? -ESRCH
				: start_theirs(argv, extra, files, &s);
	if (rc == 0)
		*ret = s;
	else if (rc == -ESRCH)
		(void)error_set(
		    e, rc,
		    "cannot run %s: our process that starts programs is gone; "
		    "restart fakemx",
		    argv[0]);
	else if (rc == -EACCES && helper >= 0)
		(void)error_set(e, rc,
				"cannot run %s: it may not be executed, or is no program "
				"of the configuration",
				argv[0]);
	else
		(void)error_set(e, rc, "cannot run %s: %s", argv[0], strerror(-rc));
	return rc;
}

/* ---- ends ---- */

void program_leave(struct program *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

bool program_ended(struct program *s, int *ret_status)
{
	int status = SIGKILL;
	if (s->is_ours) {
		pid_t done = waitpid(s->pid, &status, WNOHANG);
		if (done == 0 || (done < 0 && errno == EINTR))
			return false;
	} else {
		ssize_t n = read(s->fd, &status, sizeof(status));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
	}
	program_leave(s);
	*ret_status = status;
	return true;
}

/* ---- the helper ---- */

int program_split(const struct program_rules *rules, struct error *e)
{
	int ends[2];
	struct timeval wait = { .tv_sec = ANSWER_SECONDS };
	assert(helper < 0);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(e, -errno, "cannot make a pair of sockets: %s",
				 strerror(errno));
	pid_t pid = fork();
	if (pid == 0)
		program_help(ends[1], rules);
	int rc = pid < 0 ? -errno : 0;
	(void)close(ends[1]);
	if (rc == 0 &&
	    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		rc = -errno;
	if (rc < 0) {
		(void)close(ends[0]);
		return error_set(e, rc, "cannot split off what starts programs: %s",
				 strerror(-rc));
	}
	helper = ends[0];
	return 0;
}

void program_reread(void)
{
	struct program_request request = { 0, 0 };
	struct program_answer answer;
	struct iovec part = { &request, sizeof(request) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	if (helper >= 0)
		(void)ask(&m, &answer); /* what then fails says so */
}

bool program_is_lost(void)
{
	struct pollfd p = { .fd = helper }; /* a negative one is left out */
	if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)))
		lose_helper();
	return helper == LOST;
}

void program_join(void)
{
	if (helper >= 0)
		(void)close(helper);
	helper = NONE;
}
