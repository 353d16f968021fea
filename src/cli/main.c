/* fakemx - the verbs. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

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

int main(int argc, char **argv)
{
	struct cli c;
	int code = cli_parse(&c, argc, argv, &argc, &argv);
	if (code == CLI_DONE && c.verb)
		code = c.verb->run(&c, argc, argv);
	return finish(&c, code);
}
