#include "cli/resolving.h"

int cli_server(const struct cli *c, const char *option, bool *ret_given,
	       struct endpoint *ret)
{
	const char *text = cli_option(c, option);
	*ret_given = text != NULL;
	if (!text || endpoint_parse(text, DNS_PORT, ret))
		return CLI_DONE;
	return cli_usage(c, "--%s: '%s' is not ADDRESS or ADDRESS@PORT", option, text);
}

int cli_resolver(const struct cli *c, const struct config *config,
		 struct resolver_options *ret)
{
	struct endpoint at = { .port = 0 };
	bool given;
	int code = cli_server(c, "resolver", &given, &at);
	if (code == CLI_DONE && !given && config && config->resolver.port) {
		at = config->resolver;
		given = true;
	}
	*ret = (struct resolver_options){ .has_server = given,
					  .server = at.addr,
					  .port = at.port };
	return code;
}
