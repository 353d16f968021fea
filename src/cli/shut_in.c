#include "cli/shut_in.h"

#include <stdlib.h>

int shut_in(const struct cli *c, struct sandbox *s, bool is_said, struct error *e)
{
	struct sandbox_held held;
	int rc = sandbox_enter(s, &held, e);
	free(s);
	if (rc == 0 && is_said && (!held.landlock || !held.has_seccomp))
		cli_warn(c,
			 "this kernel has no %s: the rights of the user and of the unit "
			 "alone limit what this process may do",
			 held.landlock ? "seccomp" : "Landlock");
	return rc;
}
