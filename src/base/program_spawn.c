/* posix_spawn(3) as both sides of the helper's socket want it. */
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/program_own.h"

static bool is_same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");
	return strncmp(a, b, len + 1) == 0;
}

static bool is_replaced(const char *variable, const char *const *extra)
{
	for (; *extra; extra++)
		if (is_same_name(*extra, variable))
			return true;
	return false;
}

static const char **environment(const char *const *extra)
{
	static const char *const none[] = { NULL };
	size_t count = 0, n = 0;
	if (!extra)
		extra = none;
	while (environ[count])
		count++;
	for (size_t i = 0; extra[i]; i++)
		count++;
	const char **all = xcalloc(count + 1, sizeof(*all));
	for (size_t i = 0; environ[i]; i++)
		if (!is_replaced(environ[i], extra))
			all[n++] = environ[i];
	for (size_t i = 0; extra[i]; i++)
		all[n++] = extra[i];
	return all;
}

static int add_files(posix_spawn_file_actions_t *actions, const int files[3])
{
	int rc = 0;
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = files[i] >= 0
			 ? posix_spawn_file_actions_adddup2(actions, files[i], i)
			 : posix_spawn_file_actions_addopen(
			       actions, i, "/dev/null", i == 0 ? O_RDONLY : O_WRONLY, 0);
	/* whatever a library or we forgot to mark */
	return rc == 0 ? posix_spawn_file_actions_addclosefrom_np(actions, 3) : rc;
}

int program_spawn(const char *const *argv, const char *const *extra, const int files[3],
		  pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawnattr_init(&attr) != 0)
		mem_lacks();
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawnattr_setflags(
	    &attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setsigdefault(&attr, &all);
	int rc = add_files(&actions, files);
	const char **variables = environment(extra);
	if (rc == 0) /* which changes neither words nor variables */
		rc = posix_spawnp(ret_pid, argv[0], &actions, &attr,
				  (char *const *)(uintptr_t)argv,
				  (char *const *)(uintptr_t)variables);
	free(variables);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	return rc;
}
