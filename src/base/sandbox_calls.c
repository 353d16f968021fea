/* The system calls of a process that serves, looks and writes, but starts nothing. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/sandbox_own.h"

/* A sanitizer stops its threads to look for leaks. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

/* What an architecture lacks is left out. Missing on purpose are above all execve,
 * ptrace, mount, bpf, keyctl, userfaultfd, io_uring, namespaces, modules, swap, and
 * setting users or the clock. */
static const char *const allowed[] = {
	/* files */
	"access",
	"chdir",
	"chmod",
	"chown",
	"close",
	"close_range",
	"copy_file_range",
	"creat",
	"dup",
	"dup2",
	"dup3",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fallocate",
	"fchmod",
	"fchmodat",
	"fchown",
	"fchownat",
	"fcntl",
	"fdatasync",
	"flock",
	"fstat",
	"fstatfs",
	"fsync",
	"ftruncate",
	"getcwd",
	"getdents",
	"getdents64",
	"ioctl",
	"lseek",
	"lstat",
	"mkdir",
	"mkdirat",
	"newfstatat",
	"open",
	"openat",
	"openat2",
	"pipe",
	"pipe2",
	"pread64",
	"preadv",
	"preadv2",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readlink",
	"readlinkat",
	"readv",
	"rename",
	"renameat",
	"renameat2",
	"rmdir",
	"sendfile",
	"splice",
	"stat",
	"statfs",
	"statx",
	"sync_file_range",
	"truncate",
	"umask",
	"unlink",
	"unlinkat",
	"utime",
	"utimensat",
	"utimes",
	"write",
	"writev",
	"inotify_add_watch",
	"inotify_init1",
	"inotify_rm_watch",
	/* memory */
	"brk",
	"madvise",
	"membarrier",
	"mincore",
	"mlock",
	"mmap",
	"mprotect",
	"mremap",
	"msync",
	"munlock",
	"munmap",
	/* the network */
	"accept",
	"accept4",
	"bind",
	"connect",
	"getpeername",
	"getsockname",
	"getsockopt",
	"listen",
	"recvfrom",
	"recvmmsg",
	"recvmsg",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	"shutdown",
	"socketpair",
	/* waiting, signals and threads */
	"alarm",
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd",
	"eventfd2",
	"futex",
	"futex_waitv",
	"get_robust_list",
	"getcpu",
	"getitimer",
	"gettimeofday",
	"kill",
	"nanosleep",
	"pause",
	"poll",
	"ppoll",
	"pselect6",
	"restart_syscall",
	"rseq",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"sched_getaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"sched_yield",
	"select",
	"set_robust_list",
	"set_tid_address",
	"setitimer",
	"sigaltstack",
	"signalfd4",
	"tgkill",
	"time",
	"timer_create",
	"timer_delete",
	"timer_settime",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_settime",
	"times",
	"tkill",
	"wait4",
	"waitid",
	/* itself */
	"arch_prctl",
	"capget",
	"capset",
	"exit",
	"exit_group",
	"getegid",
	"geteuid",
	"getgid",
	"getgroups",
	"getpgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getpriority",
	"getrandom",
	"getresgid",
	"getresuid",
	"getrlimit",
	"getrusage",
	"getsid",
	"gettid",
	"getuid",
	"prctl",
	"prlimit64",
	"setrlimit",
	"sysinfo",
	"uname",
};

static const int families[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int allow_names(scmp_filter_ctx f, const char *const *names, size_t count)
{
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		if (number != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, number, 0);
		if (rc == -EDOM) /* not on this architecture */
			rc = 0;
	}
	return rc;
}

static int allow(scmp_filter_ctx f)
{
	static const char *const sanitizer[] = { "clone", "ptrace", "process_vm_readv" };
	int rc = allow_names(f, allowed, COUNT(allowed));
	if (rc == 0 && IS_SANITIZED)
		rc = allow_names(f, sanitizer, COUNT(sanitizer));
	for (size_t i = 0; i < COUNT(families) && rc == 0; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
	/* Threads, no processes. A filter cannot look into the struct of clone3(), and
	 * glibc goes back to clone() where there is none. */
	if (rc == 0 && !IS_SANITIZED)
		rc = seccomp_rule_add(
		    f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc;
}

int sandbox_filter(bool *ret_has, struct error *e)
{
	*ret_has = false;
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!f)
		return error_set(e, -ENOMEM, "no memory for the filter of system calls");
	int rc = allow(f);
	if (rc == 0)
		rc = seccomp_load(f);
	seccomp_release(f);
	/* Of a kernel without it. */
	bool is_missing = rc == -ENOSYS || rc == -EINVAL || rc == -ECANCELED;
	if (rc < 0 && !is_missing)
		return error_set(e, rc,
				 "the kernel refuses the filter of system calls: %s",
				 strerror(-rc));
	*ret_has = rc == 0;
	return 0;
}

size_t sandbox_calls(void)
{
	return COUNT(allowed) + 2; /* socket and clone */
}
