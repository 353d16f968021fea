/*
 * bench_start - how long a verb takes to start, against /bin/true
 *
 * Wall time from posix_spawn() to the end of the process, of verbs that do
 * next to nothing. For those of the network that is a mistake on the command
 * line: what comes later waits for the network anyway. Pairs are interleaved;
 * the median counts.
 *
 * Prints NAME, ours, theirs, ratio, target, ok or MISS, with tabs.
 */
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stamp.h"

enum { PAIRS = 301, MAX_WORDS = 6 };

static const double target = 3.0;
static char fakemx[PATH_MAX];
static posix_spawn_file_actions_t silence;

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_start: %s\n", what);
	exit(1);
}

/* Microseconds; the exit status must be the wanted one. */
static int64_t run(const char *const *words, int want)
{
	int64_t began = stamp_monotonic();
	pid_t pid;
	int status;
	must(posix_spawn(&pid, words[0], &silence, NULL, (char *const *)(uintptr_t)words,
			 environ) == 0,
	     words[0]);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	must(WIFEXITED(status) && WEXITSTATUS(status) == want, "another exit status");
	return stamp_monotonic() - began;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void measure(const char *name, const char *const *words, int want)
{
	static const char *const nothing[] = { "/bin/true", NULL };
	static int64_t ours[PAIRS], theirs[PAIRS];
	for (int i = 0; i < PAIRS; i++) {
		theirs[i] = run(nothing, 0);
		ours[i] = run(words, want);
	}
	qsort(ours, PAIRS, sizeof(*ours), compare);
	qsort(theirs, PAIRS, sizeof(*theirs), compare);
	double our = (double)ours[PAIRS / 2] / 1000,
	       their = (double)theirs[PAIRS / 2] / 1000;
	printf("start of %s\t%.2f ms\t%.2f ms\t%.2f\t<= %.0f\t%s\n", name, our, their,
	       our / their, target, our / their <= target ? "ok" : "MISS");
}

int main(void)
{
	ssize_t n = readlink("/proc/self/exe", fakemx, sizeof(fakemx) - 32);
	must(n > 0, "/proc/self/exe");
	fakemx[n] = '\0';
	(void)snprintf(strrchr(fakemx, '/'), 32, "/../../fakemx");
	must(posix_spawn_file_actions_init(&silence) == 0 &&
		 posix_spawn_file_actions_addopen(&silence, 1, "/dev/null", O_WRONLY,
						  0) == 0 &&
		 posix_spawn_file_actions_addopen(&silence, 2, "/dev/null", O_WRONLY,
						  0) == 0,
	     "/dev/null");

	static const struct {
		const char *name;
		const char *words[MAX_WORDS];
		int want;
	} verbs[] = {
		{ "predict", { fakemx, "predict", "0=closed", "10=open", NULL }, 0 },
		{ "serve --check-config, no file",
		  { fakemx, "serve", "--check-config", "-c", "/nonexistent", NULL },
		  64 },
		{ "check, a mistake", { fakemx, "check", "--nonsense", NULL }, 64 },
	};
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		measure(verbs[i].name, verbs[i].words, verbs[i].want);
	return 0;
}
