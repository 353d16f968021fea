#include <unistd.h>

#include "cli/cli.h"
#include "config/config.h"

/* A file that cannot be read is a configuration error too. */
static int fail(const struct cli *c, struct error *e)
{
	if (e->code != FMX_EREFUSED)
		e->code = FMX_EUSAGE;
	return cli_fail(c, e);
}

int cli_config(const struct cli *c, struct config *ret_config)
{
	struct error e;
	return config_load(c->config_path, c->lab, ret_config, &e) < 0 ? fail(c, &e)
								       : CLI_DONE;
}

int cli_config_refused(const struct cli *c, struct config *ret_config,
		       struct error *ret_refused)
{
	*ret_refused = (struct error){ 0 };
	int rc = config_load_refused(c->config_path, c->lab, ret_config, ret_refused);
	return rc == 0 || rc == FMX_EREFUSED ? CLI_DONE : fail(c, ret_refused);
}

int cli_config_if_any(const struct cli *c, struct config *ret_config, bool *ret_has)
{
	struct error e;
	*ret_has = false;
	if (!c->has_config && access(c->config_path, R_OK) != 0)
		return CLI_DONE;
	if (!c->has_config && config_load(c->config_path, c->lab, ret_config, &e) < 0) {
		cli_warn(c, "the configuration is left aside: %s", e.text);
		return CLI_DONE;
	}
	int code = c->has_config ? cli_config(c, ret_config) : CLI_DONE;
	*ret_has = code == CLI_DONE;
	return code;
}
