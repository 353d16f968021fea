#include "cli/domain_run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "cli/domain_show.h"
#include "cli/domains.h"
#include "cli/half_power.h"
#include "cli/resolving.h"

enum { OPEN_MAX = 200, TEXT_MAX = 4 << 20 };

struct domain_run {
	struct cli *cli;
	struct domains domains;
	struct domain_planner *planner;
	struct look_options look;
	struct config config;
	bool has_config, reverts, is_given; /* wanted by the options */
	struct error refused; /* the configuration, which endangers mail; code 0 */
	struct zone_want wanted;
	struct zone_want *sites; /* wanted by the configuration's, made when needed */
	bool *site_is_made;
	bool has_format, has_half;
	struct half half; /* --half: the others are passed over */
	size_t outside;
	enum export_format format;

	int code; /* of a mistake that ends everything */
	struct zone_forecast *forecast;
	struct zone_totals totals;
	size_t differing; /* domains whose name servers are not all as wanted */
};

/* What fakemx itself changes of a DNS that is kept elsewhere. */
static const struct zone_totals nothing;

static const struct site *site_of(const struct domain_run *u, const char *domain)
{
	return u->has_config ? zone_want_site(&u->config, domain) : NULL;
}

/* What is wanted of a domain; NULL: said, or e says it. */
static const struct zone_want *want_of(struct domain_run *u, const char *domain,
				       struct error *e)
{
	const struct site *s = site_of(u, domain);
	if (u->is_given || (u->reverts && !s))
		return &u->wanted;
	if (!s) {
		(void)error_set(
		    e, FMX_EUSAGE,
		    "%s: what is wanted there? Give --decoy NAME=ADDRESS, or a "
		    "configuration (-c) with a site that has this domain",
		    domain);
		return NULL;
	}
	size_t at = (size_t)(s - u->config.sites);
	if (!u->site_is_made[at] &&
	    zone_want_of_site(u->cli, s, u->config.lab, u->reverts, &u->sites[at]) !=
		CLI_DONE) {
		u->code = CLI_USAGE; /* said */
		return NULL;
	}
	u->site_is_made[at] = true;
	return &u->sites[at];
}

/* ---- results ---- */

/* With a list each line is a document of its own. */
static void tell_json(struct domain_run *u, struct buf *object,
		      const struct zone_totals *one)
{
	bool is_line = u->domains.names != NULL;
	if (is_line)
		zone_show_json_begin();
	else if (u->domains.told)
		(void)fputs(",", stdout);
	(void)fputs(buf_text(object), stdout);
	if (is_line)
		zone_show_json_end(one, u->reverts ? &nothing : NULL);
}

static void count(struct domain_run *u, const struct zone_outcome *o,
		  struct zone_totals *one)
{
	zone_totals_count(&u->totals, o);
	zone_totals_count(one, o);
}

static bool is_file(const char *name)
{
	struct stat st;
	return stat(name, &st) == 0 && S_ISREG(st.st_mode);
}

static void tell_problem(struct domain_run *u, const char *domain, enum layout layout,
			 const struct zone_outcome *o)
{
	struct zone_totals one = { 0 };
	struct buf object = BUF_INIT(TEXT_MAX);
	count(u, o, &one);
	if (u->cli->json) {
		domain_json_problem(domain, layout, o->outcome, o->error.text, &object);
		tell_json(u, &object, &one);
	} else {
		(void)fflush(stdout);
		(void)fprintf(stderr, "%sfakemx: %s%s%s\n", cli_style(stderr, CLI_BAD),
			      o->error.text,
			      is_file(domain) ? "; it is a file here: --zone names files"
					      : "",
			      cli_style(stderr, CLI_PLAIN));
	}
	buf_release(&object);
}

static void tell(struct domain_run *u, const struct domain_result *r,
		 struct zone_outcome *o)
{
	struct zone_totals one = { 0 };
	struct buf text = BUF_INIT(TEXT_MAX);
	if (u->cli->json)
		domain_json(r, u->forecast, u->reverts, &text);
	else if (domain_text(r, u->forecast, u->reverts, u->format, &text, &o->error) !=
		 0)
		o->outcome = JOB_REFUSED;
	if (o->outcome == JOB_REFUSED) {
		tell_problem(u, r->domain, r->want->layout, o);
	} else {
		count(u, o, &one);
		if (u->cli->json)
			tell_json(u, &text, &one);
		else
			(void)printf("%s%s",
				     u->domains.told && !u->has_format ? "\n" : "",
				     buf_text(&text));
	}
	buf_release(&text);
}

static void on_planned(const struct domain_result *r, void *arg)
{
	struct domain_run *u = arg;
	struct error e;
	struct zone_outcome o = { .outcome = r->job.outcome, .error = r->job.error };
	const struct zone_want *want = want_of(u, r->domain, &e);
	assert(want); /* else it was not begun */
	if (r->job.outcome >= JOB_REFUSED) {
		tell_problem(u, r->domain, r->want->layout, &o);
	} else {
		struct zone_forecast_of of = { .origin = r->domain,
					       .zone = r->zone,
					       .want = r->want,
					       .postures = want->postures,
					       .world = r->seen,
					       .site = site_of(u, r->domain) };
		zone_forecast_fill(u->forecast, &of, &r->job);
		o.has_findings = u->forecast->findings.count > 0;
		o.worst = findings_worst(&u->forecast->findings);
		u->differing += r->differing > 0;
		tell(u, r, &o);
	}
	domains_told(&u->domains);
}

/* ---- domains ---- */

static void refuse(void *arg, const char *line, const struct error *e)
{
	struct domain_run *u = arg;
	struct zone_outcome o = { .outcome = JOB_FAILED, .error = *e };
	tell_problem(u, line, u->wanted.plan.layout, &o);
}

static bool start(void *arg, const char *domain)
{
	struct domain_run *u = arg;
	struct error e = { 0 };
	if (u->has_half && !half_has(&u->half, domain)) {
		u->outside++;
		return false;
	}
	const struct site *site = site_of(u, domain);
	if (u->refused.code && site && !u->is_given && !u->reverts) {
		tell_problem(u, domain, site->layout,
			     &(struct zone_outcome){ .outcome = JOB_REFUSED,
						     .error = u->refused });
		u->domains.told++;
		return false;
	}
	const struct zone_want *want = want_of(u, domain, &e);
	if (!want && u->code == CLI_DONE && u->domains.names) {
		refuse(u, domain, &e);
		u->domains.told++;
		return false;
	}
	if (!want) { /* a mistake on the command line, or in the configuration */
		u->code = u->code == CLI_DONE ? cli_fail(u->cli, &e) : u->code;
		domains_stop(&u->domains);
		return false;
	}
	domain_plan(u->planner,
		    &(struct domain_ask){
			.domain = domain, .want = &want->plan, .reverts = u->reverts },
		    on_planned, u);
	return true;
}

/* ---- options ---- */

bool domain_run_is_meant(const struct cli *c, int argc)
{
	return argc > 0 || cli_option(c, "from");
}

/* Of sites that would endanger mail plan shows why, and revert what to take back. */
static int read_config(struct domain_run *u)
{
	struct cli *c = u->cli;
	if (!c->has_config)
		return cli_config_if_any(c, &u->config, &u->has_config);
	int code = cli_config_refused(c, &u->config, &u->refused);
	u->has_config = code == CLI_DONE;
	return code;
}

static int read_options(struct domain_run *u)
{
	struct cli *c = u->cli;
	struct look_options *l = &u->look;
	int code = zone_show_format(c, &u->has_format, &u->format);
	if (code == CLI_DONE)
		code = zone_want_half(c, &u->has_half, &u->half);
	if (code == CLI_DONE)
		code = read_config(u);
	if (code == CLI_DONE)
		code = cli_resolver(c, u->has_config ? &u->config : NULL, &l->resolver);
	if (code == CLI_DONE)
		code = cli_server(c, "server", &l->has_primary, &l->primary);
	if (code != CLI_DONE)
		return code;
	u->is_given = zone_want_is_given(c);
	if (u->is_given || u->reverts)
		code = zone_want_of_options(c, u->reverts, &u->wanted);
	l->no_probe = true;
	l->lab = c->lab || (u->has_config && u->config.lab);
	u->wanted.plan.lab = l->lab;
	u->sites = xcalloc(u->config.site_count, sizeof(*u->sites));
	u->site_is_made = xcalloc(u->config.site_count, sizeof(*u->site_is_made));
	return code;
}

/* ---- life ---- */

static int exit_code(const struct domain_run *u)
{
	const struct zone_totals *t = &u->totals;
	if (u->code != CLI_DONE)
		return u->code;
	if (t->failed || u->domains.is_stopped)
		return CLI_FAILED;
	bool is_endangered = !u->reverts && t->worst > SEVERITY_ERROR;
	return t->changed || t->refused || u->differing || is_endangered ? CLI_TELL
									 : CLI_DONE;
}

static void say_unfinished(const struct domain_run *u)
{
	const struct domains *d = &u->domains;
	size_t left = d->open + d->given_count - d->next;
	cli_warn(u->cli,
		 "interrupted: %zu domain%s unfinished%s. Nothing was written; run it "
		 "again for the rest",
		 left, left == 1 ? " is" : "s are",
		 domains_ended(d) ? "" : ", and the list was not read to its end");
}

static int work(struct domain_run *u)
{
	struct domains *d = &u->domains;
	struct error e;
	if (domain_planner_new(&d->loop, &u->look, &u->planner, &e) != 0)
		return cli_fail(u->cli, &e);
	bool is_document = u->cli->json && !d->names;
	if (is_document)
		zone_show_json_begin();
	domains_run(d);
	domain_planner_free(u->planner);
	if (is_document)
		zone_show_json_end(&u->totals, u->reverts ? &nothing : NULL);
	if (u->totals.zones > 1 && !u->cli->quiet)
		zone_show_summary(stderr, &u->totals, "to change", "as wanted");
	if (u->has_half)
		cli_warn(u->cli, "--half %s: %zu of %zu domains",
			 cli_option(u->cli, "half"), d->told, d->told + u->outside);
	if (u->has_half && !u->reverts)
		half_power_say(u->cli, u->has_config, &u->config);
	if (d->is_stopped && u->code == CLI_DONE)
		say_unfinished(u);
	int code = domains_failure(d);
	return code == CLI_DONE ? exit_code(u) : code;
}

static int read_domains(struct domain_run *u, int argc, char **argv)
{
	if (cli_option(u->cli, "zone") || cli_option(u->cli, "origin"))
		return cli_usage(
		    u->cli, "give domains or --zone FILE: a domain's plan comes from "
			    "its name servers, not from a file");
	return domains_read(&u->domains, argc, argv);
}

int domain_run_check_zones(const struct cli *c, bool reverts)
{
	if (cli_option(c, "server"))
		return cli_usage(c,
				 "--server says which name server to ask about a DOMAIN; "
				 "zone files and the zones of the configuration are not "
				 "asked for there");
	if (reverts && cli_option(c, "format"))
		return cli_usage(c, "--format says how to print what somebody has to "
				    "type for a DOMAIN; here revert changes the zone "
				    "itself");
	return CLI_DONE;
}

int domain_run(struct cli *c, int argc, char **argv, bool reverts)
{
	struct domain_run *u = xcalloc(1, sizeof(*u));
	u->cli = c;
	u->reverts = reverts;
	u->domains = (struct domains){ .cli = c,
				       .most_open = OPEN_MAX,
				       .what = "domains planned",
				       .start = start,
				       .refuse = refuse,
				       .arg = u };
	int code = domains_init(&u->domains);
	if (code != CLI_DONE) {
		free(u);
		return code;
	}
	u->forecast = zone_forecast_new();
	code = read_options(u);
	if (code == CLI_DONE)
		code = read_domains(u, argc, argv);
	if (code == CLI_DONE)
		code = work(u);
	domains_release(&u->domains);
	zone_forecast_free(u->forecast);
	if (u->has_config)
		config_release(&u->config);
	free(u->sites);
	free(u->site_is_made);
	free(u);
	return code;
}
