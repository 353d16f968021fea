/* plan - the DNS change, shown: what would be written, found and delivered. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/domain_run.h"
#include "cli/half_power.h"
#include "cli/verbs.h"
#include "cli/zone_run.h"
#include "cli/zone_show.h"

enum { DIFFS_MAX = 20 }; /* of more zones only those with something to say are shown */

struct telling {
	bool json, is_long;
	size_t told;
};

static void tell_json(struct zone_run *run, const struct zone_outcome *o)
{
	struct telling *t = run->arg;
	struct buf problem = BUF_INIT(64 * 1024);
	const char *text = buf_text(&o->text);
	if (!*text) {
		zone_json_problem(run->work, o, &problem);
		text = buf_text(&problem);
	}
	(void)printf("%s%s", t->told++ ? "," : "", text);
	buf_release(&problem);
}

static void tell_text(struct zone_run *run, const struct zone_outcome *o)
{
	const struct telling *t = run->arg;
	if (o->outcome >= JOB_REFUSED) {
		(void)fflush(stdout);
		(void)fprintf(stderr, "%sfakemx: %s: %s%s\n", cli_style(stderr, CLI_BAD),
			      run->work->items[o->index].zone->origin, o->error.text,
			      cli_style(stderr, CLI_PLAIN));
	} else if (!t->is_long || run->cli->verbose) {
		(void)fputs(buf_text(&o->text), stdout);
	}
}

/* Warnings were there to be read before; what is as wanted is done. */
static int exit_code(const struct zone_run *run)
{
	const struct zone_totals *t = &run->totals;
	if (t->failed || run->interrupted)
		return CLI_FAILED;
	return t->changed || t->refused || t->worst > SEVERITY_ERROR ? CLI_TELL
								     : CLI_DONE;
}

static int plan_zones(struct cli *c)
{
	struct zone_work work;
	struct telling telling = { .json = c->json };
	struct zone_run run = { .cli = c,
				.does = ZONE_PLAN,
				.what = "zones planned",
				.tell = c->json ? tell_json : tell_text,
				.arg = &telling };
	bool is_format;
	int code = zone_show_format(c, &is_format, &run.format);
	if (code == CLI_DONE)
		code = zone_work_collect(&work, c, false);
	if (code != CLI_DONE)
		return code;
	run.render = is_format ? zone_render_export
		     : c->json ? zone_render_json
			       : zone_render_text;
	if (cli_flag(c, "online"))
		zone_work_ask_serials(&work, false);
	run.work = &work;
	telling.is_long = work.count > DIFFS_MAX && !is_format;
	if (c->json)
		zone_show_json_begin();
	zone_run_all(&run);
	if (run.totals.changed)
		zone_work_say_serials(&work, c);
	if (c->json)
		zone_show_json_end(&run.totals, NULL);
	else if (!is_format && (work.count > 1 || run.totals.changed))
		zone_show_summary(stdout, &run.totals, "to change", "as wanted");
	if (run.interrupted)
		cli_warn(c, "interrupted: %zu of %zu zones were planned",
			 run.totals.zones, work.count);
	half_power_say(c, work.has_config, &work.config);
	code = exit_code(&run);
	zone_work_release(&work);
	return code;
}

int plan_run(struct cli *c, int argc, char **argv)
{
	if (domain_run_is_meant(c, argc))
		return domain_run(c, argc, argv, false);
	int code = domain_run_check_zones(c, false);
	return code == CLI_DONE ? plan_zones(c) : code;
}
