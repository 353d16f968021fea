/*
 * kill -9 at every system call of a file apply, each placed by number: after
 * it the zone file is the old or the new version, never another, and running
 * apply and revert again makes everything good.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "zone/job.h"

static const char old_text[] =
    "$TTL 3600\n@ IN SOA ns1 host 7 3600 600 86400 300\n"
    "\tIN NS ns1\n\tIN MX 10 mail\nns1 A 8.8.8.2\nmail A 8.8.8.1\n";
static const char new_text[] =
    "$TTL 3600\n@ IN SOA ns1 host 8 3600 600 86400 300\n"
    "\tIN NS ns1\n\tIN MX 10 mail\n\tIN MX 20 fake1\nns1 A 8.8.8.2\n"
    "mail A 8.8.8.1\nfake1\tIN\tA\t8.8.8.30\n";

struct spot {
	char folder[64], path[128], state[128];
};

static void job_of(const struct spot *p, struct job *job, struct plan_want *want)
{
	*want = (struct plan_want){ .layout = LAYOUT_HIGH, .ttl = -1 };
	(void)str_copy(want->high.name, NAME_TEXT_MAX, "fake1.example.com");
	assert_true(addr_parse("8.8.8.30", &want->high.addresses[0]));
	want->high.address_count = 1;
	*job = (struct job){ .want = want,
			     .check = "",
			     .reload = "",
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

static void write_old(const struct spot *p)
{
	FILE *f = fopen(p->path, "w");
	assert_non_null(f);
	assert_true(fputs(old_text, f) >= 0);
	assert_int_equal(fclose(f), 0);
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
static void apply_traced(const struct spot *p)
{
	struct plan_want want;
	struct job job;
	struct job_result r;
	job_of(p, &job, &want);
	struct job_worker *w = job_worker_new();
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
	job_apply(w, &job, &r);
	_exit(r.outcome == JOB_CHANGED ? 0 : 1);
}

/* True when the child was killed at its n-th stop before or after a call,
 * false when it ended by itself before that. */
static bool kill_at(pid_t child, unsigned n)
{
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	for (unsigned i = 0; i < n; i++) {
		(void)ptrace(PTRACE_SYSCALL, child, NULL, NULL);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
		assert_true(WIFSTOPPED(status));
	}
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	return true;
}

static void all_is_well_after(const struct spot *p, unsigned n)
{
	struct plan_want want;
	struct job job;
	struct job_result r;
	job_of(p, &job, &want);
	struct job_worker *w = job_worker_new();
	job_apply(w, &job, &r);
	if (r.outcome > JOB_CHANGED || !file_is(p, new_text))
		fail_msg("killed at stop %u: apply afterwards: %s", n, r.error.text);
	job_revert(w, &job, &r);
	if (r.outcome != JOB_CHANGED || !r.was_restored)
		fail_msg("killed at stop %u: revert afterwards: %s", n, r.error.text);
	job_worker_free(w);
	/* also what was left of the former version is gone */
	run_shell("test -z \"$(find $f -name '.*fakemx*')\"", p);
}

static void killed_anywhere_the_file_is_old_or_new(void **state)
{
	(void)state;
	struct spot p;
	unsigned olds = 0, news = 0;
	(void)str_copy(p.folder, sizeof(p.folder), "/dev/shm/fakemx-kill-XXXXXX");
	assert_non_null(mkdtemp(p.folder));
	(void)snprintf(p.path, sizeof(p.path), "%s/zone", p.folder);
	(void)snprintf(p.state, sizeof(p.state), "%s/state", p.folder);
	for (unsigned n = 1;; n++) {
		run_shell("rm -rf $f/state $f/zone $f/.*fakemx*", &p);
		write_old(&p);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			apply_traced(&p);
		if (!kill_at(child, n))
			break;
		bool is_old = file_is(&p, old_text), is_new = file_is(&p, new_text);
		if (!is_old && !is_new)
			fail_msg("killed at stop %u: the file is neither old nor new", n);
		olds += is_old;
		news += is_new;
		all_is_well_after(&p, n);
	}
	print_message("%u times killed before the change, %u times after it\n", olds,
		      news);
	assert_true(olds > 20 && news > 0);
	run_shell("rm -r $f", &p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_anywhere_the_file_is_old_or_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
