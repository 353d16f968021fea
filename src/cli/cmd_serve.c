/* serve - hand over to fakemx-serve, which is linked without what changes DNS. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/beside.h"
#include "base/number.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "config/config.h"
#include "outlet/json.h"
#include "serve/system/ready_check.h"

struct checking {
	const struct cli *c;
	json_t *warnings; /* --json; else NULL, and they are said at once */
};

static void on_trouble(void *arg, const char *sentence)
{
	const struct checking *k = arg;
	if (k->warnings)
		json_push(k->warnings, json_text(sentence));
	else
		cli_warn(k->c, "%s", sentence);
}

static void tell_warnings(struct checking *k, const char *lines)
{
	while (*lines) {
		char line[1024];
		size_t len = strcspn(lines, "\n");
		(void)snprintf(line, sizeof(line), "%.*s", (int)len, lines);
		on_trouble(k, line);
		lines += len + (lines[len] == '\n');
	}
}

static void tell_good(const struct checking *k, const struct config *config)
{
	const char *mode = config->rules.enforce ? "enforce" : "observe";
	size_t domains = 0;
	for (size_t i = 0; i < config->site_count; i++)
		domains += config->sites[i].domain_count;
	if (!k->warnings) {
		(void)printf("%s is good: %zu site%s, %zu domain%s, mode %s\n",
			     k->c->config_path, config->site_count,
			     number_plural(config->site_count), domains,
			     number_plural(domains), mode);
		return;
	}
	json_t *o = json_object();
	json_add(o, "version", json_integer(1));
	json_add(o, "configuration", json_text(k->c->config_path));
	json_add(o, "sites", json_integer((json_int_t)config->site_count));
	json_add(o, "domains", json_integer((json_int_t)domains));
	json_add(o, "mode", json_text(mode));
	json_add(o, "warnings", k->warnings);
	archive_print_json(o);
}

static int check_config(struct cli *c)
{
	struct checking k = { .c = c };
	struct config config;
	struct error e;
	int code = cli_config(c, &config);
	if (code)
		return code;
	if (ready_check_user(config.user, &e) != 0) {
		config_release(&config);
		return cli_fail(c, &e);
	}
	k.warnings = c->json ? json_array() : NULL;
	tell_warnings(&k, buf_text(&config.warnings));
	ready_check(&config, on_trouble, &k);
	tell_good(&k, &config);
	config_release(&config);
	return CLI_DONE;
}

static int run(struct cli *c, int argc, char **argv)
{
	(void)argc, (void)argv;
	if (cli_flag(c, "check-config"))
		return check_config(c);

	struct error e;
	char path[PATH_MAX];
	if (beside_find("fakemx-serve", path, sizeof(path), &e) < 0)
		return cli_fail(c, &e);
	const char *words[8];
	size_t n = 0;
	words[n++] = "fakemx-serve";
	words[n++] = "-c";
	words[n++] = c->config_path;
	if (c->lab)
		words[n++] = "--lab";
	if (c->verbose)
		words[n++] = "-v";
	if (c->quiet)
		words[n++] = "-q";
	words[n] = NULL;
	assert(n < sizeof(words) / sizeof(words[0]));
	(void)execv(path, (char *const *)(uintptr_t)words);
	return cli_fail(c, (error_set(&e, -errno, "cannot execute %s: %m", path), &e));
}

static const struct option_row options[] = {
	{ .name = "check-config",
	  .meaning =
	      "Read the configuration, say whether it is good and what stands in the "
	      "way on this machine (a port in use, a log that cannot be read), and "
	      "end." },
	{ 0 },
};

const struct verb verb_serve = {
	.name = "serve",
	.run = run,
	.synopsis = "[--check-config]",
	.summary = "run the decoys, watch the real hosts, journal and judge every visit",
	.help =
	    "Runs in the foreground until SIGTERM or SIGINT; SIGHUP reads the "
	    "configuration\nagain without dropping a connection. Logs go to stderr, one "
	    "line an event.\n\n"
	    "  fakemx serve --check-config\n"
	    "  fakemx -c trial.conf --lab serve",
	.options = options,
};
