#include "base/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static uint16_t open_port, other_port; /* somebody listens */

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/fakemx-sandbox-XXXXXX");
	char path[80];
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/in", folder);
	return mkdir(path, 0700);
}

static int listen_somewhere(uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof(at);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 10), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

/* ---- what is tried: 0 or an errno ---- */

static int try_write(const char *name)
{
	char path[160];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	int rc = fd < 0 ? errno : 0;
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static int try_connect(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int rc = connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
	(void)close(fd);
	return rc;
}

static int write_inside(void)
{
	return try_write("in/new");
}

static int write_outside(void)
{
	return try_write("out");
}

static int write_above(void)
{
	return try_write("in/../out");
}

static int link_out(void)
{
	char path[80], target[80];
	(void)snprintf(path, sizeof(path), "%s/in/link", folder);
	(void)snprintf(target, sizeof(target), "%s/out", folder);
	if (symlink(target, path) == 0)
		return try_write("in/link");
	return errno;
}

static int rename_out(void)
{
	char from[80], to[80];
	(void)write_inside();
	(void)snprintf(from, sizeof(from), "%s/in/new", folder);
	(void)snprintf(to, sizeof(to), "%s/out", folder);
	return rename(from, to) < 0 ? errno : 0;
}

static int write_nothing(void)
{
	int fd = open("/dev/null", O_RDWR);
	return fd < 0 ? errno : 0;
}

static int read_outside(void)
{
	int fd = open("/etc/passwd", O_RDONLY);
	return fd < 0 ? errno : 0;
}

static int execute(void)
{
	char *const argv[] = { NULL };
	(void)execve("/bin/true", argv, environ);
	return errno;
}

static int fork_one(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static int thread(void)
{
	pthread_t t;
	int rc = pthread_create(&t, NULL, nothing, NULL);
	return rc ? rc : pthread_join(t, NULL);
}

static int connect_allowed(void)
{
	return try_connect(open_port);
}

static int connect_other(void)
{
	return try_connect(other_port);
}

static int trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0;
}

static int mount_one(void)
{
	return mount("none", folder, "tmpfs", 0, NULL) < 0 ? errno : 0;
}

static int odd_socket(void)
{
	return socket(AF_VSOCK, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int become_root(void)
{
	return setuid(0) < 0 ? errno : 0;
}

enum needs { SECCOMP, LANDLOCK, PORTS };

static const struct {
	const char *what;
	int (*try)(void);
	enum needs needs;
	int want;
	int or_want; /* which of two holds first does not matter */
} rows[] = {
	{ "a file in the folder", write_inside, LANDLOCK, 0, 0 },
	{ "a file beside it", write_outside, LANDLOCK, EACCES, 0 },
	{ "the same by ..", write_above, LANDLOCK, EACCES, 0 },
	{ "the same by a link", link_out, LANDLOCK, EPERM, EACCES },
	{ "a file moved out", rename_out, LANDLOCK, EXDEV, EACCES },
	{ "/dev/null", write_nothing, LANDLOCK, 0, 0 },
	{ "reading", read_outside, LANDLOCK, 0, 0 },
	{ "a program", execute, SECCOMP, EPERM, EACCES },
	{ "a process", fork_one, SECCOMP, EPERM, ENOSYS },
	{ "a thread", thread, SECCOMP, 0, 0 },
	{ "a port that is needed", connect_allowed, PORTS, 0, 0 },
	{ "another port", connect_other, PORTS, EACCES, 0 },
	{ "tracing", trace, SECCOMP, EPERM, 0 },
	{ "a mount", mount_one, SECCOMP, EPERM, 0 },
	{ "a socket to the hypervisor", odd_socket, SECCOMP, EPERM, 0 },
	{ "root", become_root, SECCOMP, EPERM, 0 },
};

/* A sanitizer starts processes and traces them, and has a thread before we shut ourselves
 * in: glibc ends a process whose threads may not both be root. */
static bool is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return true;
#endif
#endif
	return false;
}

static bool is_loose(int (*try)(void))
{
	return is_sanitized() && (try == fork_one || try == trace || try == become_root);
}

static bool holds(const struct sandbox_held *held, enum needs needs)
{
	return needs == SECCOMP    ? held->has_seccomp
	       : needs == LANDLOCK ? held->landlock > 0
				   : held->has_ports;
}

/* In a process of its own; its exit status is the errno. */
static int tried(size_t row, struct sandbox_held *held)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		static struct sandbox s;
		struct error e;
		char path[80];
		(void)snprintf(path, sizeof(path), "%s/in", folder);
		sandbox_port(&s, open_port);
		if (!sandbox_folder(&s, path, SANDBOX_FILES) ||
		    sandbox_enter(&s, held, &e) != 0)
			_exit(255);
		_exit(rows[row].try());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void what_is_not_needed_is_refused(void **state)
{
	struct sandbox_held held = sandbox_kernel();
	int a = listen_somewhere(&open_port), b = listen_somewhere(&other_port);
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sandbox_held unused;
		if (!holds(&held, rows[i].needs) || is_loose(rows[i].try)) {
			print_message("%s: this kernel or build does not hold it\n",
				      rows[i].what);
			continue;
		}
		int got = tried(i, &unused);
		if (got != rows[i].want && got != rows[i].or_want)
			fail_msg("%s: got %s, want %s", rows[i].what, strerror(got),
				 strerror(rows[i].want));
	}
	(void)close(a);
	(void)close(b);
}

static void a_folder_within_another_is_covered(void **state)
{
	static struct sandbox s, part;
	const char *path;
	char in[80], file[100];
	(void)state;
	(void)snprintf(in, sizeof(in), "%s/in", folder);
	(void)snprintf(file, sizeof(file), "%s/in/metrics.prom", folder);
	assert_true(sandbox_folder(&s, folder, SANDBOX_FILES));
	assert_true(sandbox_folder_of(&part, file, SANDBOX_FILES));
	assert_true(sandbox_folder(&part, in, SANDBOX_SOCKETS));
	assert_int_equal(part.folder_count, 1);
	assert_true(sandbox_covers(&s, &part, &path));
	assert_false(sandbox_folder(&part, "/no/such/folder", SANDBOX_FILES));
	assert_true(sandbox_folder(&part, "/usr", SANDBOX_SOCKETS));
	assert_false(sandbox_covers(&s, &part, &path));
	assert_string_equal(path, "/usr");
	/* Where sockets alone may be made, files may not. */
	assert_true(sandbox_folder(&s, "/usr", SANDBOX_SOCKETS));
	assert_true(sandbox_covers(&s, &part, &path));
	assert_true(sandbox_folder(&part, "/usr/bin", SANDBOX_FILES));
	assert_false(sandbox_covers(&s, &part, &path));
}

static void too_many_ports_are_any(void **state)
{
	static struct sandbox s;
	(void)state;
	for (uint16_t i = 1; i <= SANDBOX_PORTS; i++)
		sandbox_port(&s, i);
	sandbox_port(&s, 1);
	assert_false(s.connects_anywhere);
	assert_false(sandbox_has_port(&s, 9999));
	sandbox_port(&s, 9999);
	assert_true(s.connects_anywhere && sandbox_has_port(&s, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_needed_is_refused),
		cmocka_unit_test(a_folder_within_another_is_covered),
		cmocka_unit_test(too_many_ports_are_any),
	};
	return cmocka_run_group_tests(tests, make_folder, NULL);
}
