/*
 * Every system call of a file apply and revert, reload command included, fails
 * once, and is where kill -9 comes once, each placed by number: after it the
 * zone file is the old or the new version (or, where the reload failed, the old
 * one with a newer serial), never another; running the verb again makes
 * everything good, and no temporary file is left.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "zone/job.h"

#define ZONE(serial, mx, fake)                                                           \
	"$TTL 3600\n@ IN SOA ns1 host " serial " 3600 600 86400 300\n"                   \
	"\tIN NS ns1\n\tIN MX 10 mail\n" mx "ns1 A 8.8.8.2\nmail A 8.8.8.1\n" fake
#define FAKE(serial) ZONE(serial, "\tIN MX 20 fake1\n", "fake1\tIN\tA\t8.8.8.30\n")
static const char zone7[] = ZONE("7", "", "");
static const char zone9[] = ZONE("9", "", "");
static const char fake8[] = FAKE("8");

enum harm { KILL, FAIL };

struct spot {
	char folder[64], path[128], state[128];
	bool reverts;
	unsigned before, after, restored; /* how often the file was that */
};

static void job_of(const struct spot *p, struct job *job, struct plan_want *want)
{
	*want = (struct plan_want){ .layout = LAYOUT_HIGH, .ttl = -1 };
	(void)str_copy(want->high.name, NAME_TEXT_MAX, "fake1.example.com");
	assert_true(addr_parse("8.8.8.30", &want->high.addresses[0]));
	want->high.address_count = 1;
	*job = (struct job){ .want = want,
			     .check = "",
			     .reload = "exit 0",
			     .state = p->state,
			     .now = stamp_civil(2026, 11, 23, 0, 0, 0) * STAMP_SECOND };
	(void)str_copy(job->origin, NAME_TEXT_MAX, "example.com");
	(void)str_copy(job->path, sizeof(job->path), p->path);
}

static void run_shell(const char *format, const struct spot *p)
{
	char command[512];
	(void)snprintf(command, sizeof(command), "f=%s; %s", p->folder, format);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
}

static enum job_outcome run(const struct spot *p, bool reverts, struct job_result *r)
{
	struct plan_want want;
	struct job job;
	job_of(p, &job, &want);
	struct job_worker *w = job_worker_new();
	if (reverts)
		job_revert(w, &job, r);
	else
		job_apply(w, &job, r);
	job_worker_free(w);
	return r->outcome;
}

/* The zone as it was, or as an apply left it, which is to be reverted. */
static void prepare(const struct spot *p)
{
	struct job_result r;
	run_shell("rm -rf $f/state $f/zone $f/.*fakemx*", p);
	FILE *f = fopen(p->path, "w");
	assert_non_null(f);
	assert_true(fputs(zone7, f) >= 0);
	assert_int_equal(fclose(f), 0);
	if (p->reverts)
		assert_int_equal(run(p, false, &r), JOB_CHANGED);
}

static bool file_is(const struct spot *p, const char *want)
{
	char *text;
	size_t len;
	struct error e;
	assert_int_equal(zone_read_file(p->path, &text, &len, &e), 0);
	bool same = strcmp(text, want) == 0;
	free(text);
	return same;
}

/* In the child, traced: never returns. */
static void run_traced(const struct spot *p)
{
	struct job_result r;
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
	if (run(p, p->reverts, &r) == JOB_CHANGED)
		_exit(0);
	_exit(strstr(r.error.text, "is changed (serial") ? 2 : 1);
}

/* To the child's next stop at a system call's begin or end. False: it ended. */
static bool go_on(pid_t child, int *status)
{
	(void)ptrace(PTRACE_SYSCALL, child, NULL, NULL);
	assert_int_equal(waitpid(child, status, 0), child);
	return WIFSTOPPED(*status);
}

/* The call that begins now does nothing and gives EIO. */
static bool fail_call(pid_t child, int *status)
{
#ifdef __x86_64__
	struct user_regs_struct r;
	assert_int_equal(ptrace(PTRACE_GETREGS, child, NULL, &r), 0);
	r.orig_rax = (unsigned long long)-1;
	assert_int_equal(ptrace(PTRACE_SETREGS, child, NULL, &r), 0);
	if (!go_on(child, status))
		return false;
	assert_int_equal(ptrace(PTRACE_GETREGS, child, NULL, &r), 0);
	r.rax = (unsigned long long)-EIO;
	assert_int_equal(ptrace(PTRACE_SETREGS, child, NULL, &r), 0);
	while (go_on(child, status))
		if (WSTOPSIG(*status) != SIGTRAP) { /* an assertion, say */
			(void)kill(child, SIGKILL);
			assert_int_equal(waitpid(child, status, 0), child);
			return false;
		}
	return false;
#else
	(void)kill(child, SIGKILL); /* at least that */
	assert_int_equal(waitpid(child, status, 0), child);
	return false;
#endif
}

/* True when harm was done to the n-th stop (kill), or the n-th call (fail); false
 * when the child ended before that. */
static bool harm_at(pid_t child, enum harm harm, unsigned n, int *status)
{
	assert_int_equal(waitpid(child, status, 0), child);
	for (unsigned i = 0; i < (harm == KILL ? n : 2 * n - 1); i++)
		if (!go_on(child, status)) {
			assert_true(WIFEXITED(*status) && WEXITSTATUS(*status) == 0);
			return false;
		}
	if (harm == FAIL)
		(void)fail_call(child, status);
	else {
		(void)kill(child, SIGKILL);
		assert_int_equal(waitpid(child, status, 0), child);
	}
	return true;
}

static void all_is_well_after(const struct spot *p, const char *what, unsigned n)
{
	struct job_result r;
	if (p->reverts) {
		if (run(p, true, &r) > JOB_CHANGED || file_is(p, fake8))
			fail_msg("%s %u: revert afterwards: %s", what, n, r.error.text);
	} else {
		if (run(p, false, &r) > JOB_CHANGED)
			fail_msg("%s %u: apply afterwards: %s", what, n, r.error.text);
		if (run(p, true, &r) != JOB_CHANGED || !r.was_restored)
			fail_msg("%s %u: revert afterwards: %s", what, n, r.error.text);
	}
	/* also what was left of the former version is gone */
	run_shell("test -z \"$(find $f -name '.*fakemx*')\"", p);
}

static void harm_everywhere(bool reverts, enum harm harm)
{
	const char *what = harm == KILL ? "killed at stop" : "failed at call";
	struct spot p = { .folder = "/dev/shm/fakemx-kill-XXXXXX", .reverts = reverts };
	int status = 0;
	assert_non_null(mkdtemp(p.folder));
	(void)snprintf(p.path, sizeof(p.path), "%s/zone", p.folder);
	(void)snprintf(p.state, sizeof(p.state), "%s/state", p.folder);
	for (unsigned n = 1;; n++) {
		prepare(&p);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			run_traced(&p);
		if (!harm_at(child, harm, n, &status))
			break;
		bool is_before = file_is(&p, reverts ? fake8 : zone7);
		bool is_after = file_is(&p, reverts ? zone9 : fake8);
		bool is_restored = file_is(&p, reverts ? FAKE("10") : zone9);
		if (!is_before && !is_after && !is_restored)
			fail_msg("%s %u: the file is neither old nor new", what, n);
		/* who says that all went well has changed the file */
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !is_after)
			fail_msg("%s %u: and said that it was changed", what, n);
		/* and who says that it failed says so, if it is changed all the same */
		if (WIFEXITED(status) && WEXITSTATUS(status) &&
		    is_after != (WEXITSTATUS(status) == 2))
			fail_msg("%s %u: %s", what, n,
				 is_after ? "changed, which is not said"
					  : "said to be changed");
		p.before += is_before;
		p.after += is_after;
		p.restored += is_restored;
		all_is_well_after(&p, what, n);
	}
	print_message(
	    "%u times before the change, %u times after it, %u times restored\n",
	    p.before, p.after, p.restored);
	assert_true(p.before > 20 && p.after > 0);
	run_shell("rm -r $f", &p);
}

static void an_apply_that_is_killed_anywhere_leaves_old_or_new(void **state)
{
	(void)state;
	harm_everywhere(false, KILL);
}

static void an_apply_of_which_any_call_fails_leaves_old_or_new(void **state)
{
	(void)state;
	harm_everywhere(false, FAIL);
}

static void a_revert_that_is_killed_anywhere_leaves_old_or_new(void **state)
{
	(void)state;
	harm_everywhere(true, KILL);
}

static void a_revert_of_which_any_call_fails_leaves_old_or_new(void **state)
{
	(void)state;
	harm_everywhere(true, FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_apply_that_is_killed_anywhere_leaves_old_or_new),
		cmocka_unit_test(an_apply_of_which_any_call_fails_leaves_old_or_new),
		cmocka_unit_test(a_revert_that_is_killed_anywhere_leaves_old_or_new),
		cmocka_unit_test(a_revert_of_which_any_call_fails_leaves_old_or_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
