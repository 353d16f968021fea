#include "cli/cli.h"
#include "config/config.h"

int cli_config(const struct cli *c, struct config *ret_config)
{
	struct error e;
	if (config_load(c->config_path, c->lab, ret_config, &e) < 0) {
		/* A file that cannot be read is a configuration error too. */
		if (e.code != FMX_EREFUSED)
			e.code = FMX_EUSAGE;
		return cli_fail(c, &e);
	}
	return CLI_DONE;
}
