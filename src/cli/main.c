/* fakemx - the verbs; and fakemx-net and fakemx-rehearse, the same with the work of
 * some (verbs.h). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/beside.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/verbs.h"

/* What was printed may be a list that a mail server acts on: one that was cut
 * short by a full disk must not look complete. */
static int finish(const struct cli *c, int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	struct error e;
	(void)error_set(&e, FMX_EFOREIGN, "cannot write the output: %m");
	return cli_fail(c, &e);
}

static int become(const struct cli *c, char **words)
{
	struct error e;
	char path[PATH_MAX];
	if (beside_find(c->verb->program, path, sizeof(path), &e) == 0) {
		(void)execv(path, words);
		(void)error_set(&e, -errno, "cannot execute %s: %m", path);
	}
	return cli_fail(c, &e);
}

int main(int argc, char **argv)
{
	/* cli_parse() moves the words about; another program wants them as they were. */
	char **words = xcalloc((size_t)argc + 1, sizeof(*words));
	memcpy(words, argv, (size_t)argc * sizeof(*words));

	struct cli c;
	int code = cli_parse(&c, verbs_all(), argc, argv, &argc, &argv);
	if (code == CLI_DONE && c.verb)
		code = c.verb->run ? c.verb->run(&c, argc, argv) : become(&c, words);
	free(words);
	return finish(&c, code);
}
