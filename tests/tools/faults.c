/*
 * faults - a preloaded library that lets the n-th call fail, or come late
 *
 * FMX_FAULTS names a file of sizeof(struct control) bytes that whoever tests maps, too
 * (tests/system/lab/faults.py has the same layout): which family of calls fails from
 * which call on, for how many, with which error, or waits instead. Counts all of them. On
 * request it also tries, inside the process, what a process that was taken over
 * would: to write, to execute, to connect.
 *
 * Of the process that was started alone, not of what it starts.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum family {
	NONE,
	MALLOC,
	WRITE,
	FSYNC,
	RENAME,
	OPEN,
	SOCKET,
	GETRANDOM,
	LANDLOCK,
	PRCTL,
	FAMILIES
};
enum { TRIES = 3, PATH_ROOM = 256 };

struct control {
	int32_t family, error;
	int64_t from, count, delay_us;
	_Atomic int64_t calls[FAMILIES];
	_Atomic int32_t is_asked, is_tried; /* to try; both are set to 1 */
	int32_t port, pad;
	int32_t results[TRIES]; /* errno, 0: it succeeded */
	char path[PATH_ROOM];
};

static struct control *control;
static pid_t self;
static __thread bool is_inside;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FMX_FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *map =
	    mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	self = getpid();
	if (map != MAP_FAILED)
		control = map;
}

/* True, and errno: this call fails. */
static bool fails(enum family f)
{
	if (!control || is_inside || self != getpid())
		return false;
	int64_t n = atomic_fetch_add(&control->calls[f], 1) + 1;
	if (control->family != (int32_t)f || n < control->from ||
	    n - control->from >= control->count)
		return false;
	if (control->delay_us) {
		struct timespec t = { control->delay_us / 1000000,
				      control->delay_us % 1000000 * 1000 };
		(void)nanosleep(&t, NULL);
		return false;
	}
	errno = control->error;
	return true;
}

#define NEXT(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

/* dlsym() allocates, so it is asked once. */
#define REAL(name)                                                                       \
	static __typeof__(&name) real;                                                   \
	if (!real) {                                                                     \
		is_inside = true;                                                        \
		real = NEXT(name);                                                       \
		is_inside = false;                                                       \
	}

void *malloc(size_t size)
{
	return fails(MALLOC) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(MALLOC) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(MALLOC) ? NULL : __libc_realloc(old, size);
}

/* libseccomp 2.5.4 bears no lack of memory in here: it frees twice, does not come back,
 * or loads a part of the filter (tests/system/test_faults.py has the proof). All else of
 * it may lack memory. */
int seccomp_load(const void *filter);
int seccomp_load(const void *filter)
{
	REAL(seccomp_load)
	is_inside = true;
	int rc = real(filter);
	is_inside = false;
	return rc;
}

/* Of files alone, and not of what is said: a disk is full, no eventfd of a loop. */
static bool is_file(int fd)
{
	struct stat st;
	return fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

ssize_t write(int fd, const void *from, size_t n)
{
	REAL(write)
	return is_file(fd) && fails(WRITE) ? -1 : real(fd, from, n);
}

ssize_t writev(int fd, const struct iovec *from, int n)
{
	REAL(writev)
	return is_file(fd) && fails(WRITE) ? -1 : real(fd, from, n);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at)
{
	REAL(pwrite64)
	return fails(WRITE) ? -1 : real(fd, from, n, at);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	return pwrite64(fd, from, n, at);
}

int fsync(int fd)
{
	REAL(fsync)
	return fails(FSYNC) ? -1 : real(fd);
}

int fdatasync(int fd)
{
	REAL(fdatasync)
	return fails(FSYNC) ? -1 : real(fd);
}

int rename(const char *from, const char *to)
{
	REAL(rename)
	return fails(RENAME) ? -1 : real(from, to);
}

#define OPEN_MODE(flags, mode)                                                           \
	mode_t mode = 0;                                                                 \
	if ((flags) & (O_CREAT | O_TMPFILE)) {                                           \
		va_list ap;                                                              \
		va_start(ap, flags);                                                     \
		mode = va_arg(ap, mode_t);                                               \
		va_end(ap);                                                              \
	}

int open64(const char *path, int flags, ...)
{
	OPEN_MODE(flags, mode)
	REAL(open64)
	return fails(OPEN) ? -1 : real(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	OPEN_MODE(flags, mode)
	return open64(path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
	OPEN_MODE(flags, mode)
	REAL(openat64)
	return fails(OPEN) ? -1 : real(at, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...)
{
	OPEN_MODE(flags, mode)
	return openat64(at, path, flags, mode);
}

int socket(int domain, int type, int protocol)
{
	REAL(socket)
	return fails(SOCKET) ? -1 : real(domain, type, protocol);
}

ssize_t getrandom(void *to, size_t n, unsigned flags)
{
	REAL(getrandom)
	return fails(GETRANDOM) ? -1 : real(to, n, flags);
}

/* A kernel without Landlock. */
long syscall(long number, ...)
{
	long a[6];
	va_list ap;
	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	REAL(syscall)
	if (number == SYS_landlock_create_ruleset && fails(LANDLOCK))
		return -1;
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Where nobody may give rights away. */
int prctl(int option, ...)
{
	unsigned long a[4];
	va_list ap;
	va_start(ap, option);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	REAL(prctl)
	if (option == PR_SET_NO_NEW_PRIVS && fails(PRCTL))
		return -1;
	return real(option, a[0], a[1], a[2], a[3]);
}

/* ---- what may not be done ---- */

static int try_write(void)
{
	int fd = open64(control->path, O_WRONLY | O_CREAT, 0600);
	return fd < 0 ? errno : 0;
}

static int try_execute(void)
{
	char name[] = "true";
	char *const argv[] = { name, NULL };
	(void)execve("/bin/true", argv, environ);
	return errno;
}

static int try_connect(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	to.sin_port = htons((uint16_t)control->port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
	(void)close(fd);
	return rc;
}

static void try_all(void)
{
	if (!control || self != getpid() || !atomic_exchange(&control->is_asked, 0))
		return;
	is_inside = true;
	control->results[0] = try_write();
	control->results[1] = try_execute();
	control->results[2] = try_connect();
	is_inside = false;
	atomic_store(&control->is_tried, 1);
}

int epoll_pwait(int fd, struct epoll_event *to, int n, int ms, const sigset_t *mask)
{
	REAL(epoll_pwait)
	try_all();
	return real(fd, to, n, ms, mask);
}

int epoll_wait(int fd, struct epoll_event *to, int n, int ms)
{
	REAL(epoll_wait)
	try_all();
	return real(fd, to, n, ms);
}
