#include "cli/domain_run.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/domain_show.h"
#include "cli/names.h"
#include "cli/resolving.h"

enum { OPEN_MAX = 200, PROGRESS_MS = 250, TEXT_MAX = 4 << 20 };

struct domain_run {
	struct cli *cli;
	uv_loop_t loop;
	struct domain_planner *planner;
	struct look_options look;
	struct config config;
	bool has_config, reverts, is_given; /* wanted by the options */
	struct zone_want wanted;
	struct zone_want *sites; /* wanted by the configuration's, made when needed */
	bool *site_is_made;
	bool has_format, has_half;
	struct half half; /* --half: the others are passed over */
	size_t outside;
	enum export_format format;

	char (*domains)[NAME_TEXT_MAX]; /* from the command line */
	size_t domain_count, domain_next;
	struct names *names; /* or from a list */

	unsigned open;
	bool is_stopped; /* Ctrl-C, or nobody reads our output */
	int code;        /* of a mistake that ends everything */
	uv_signal_t interrupt, terminate;
	uv_timer_t clock; /* draws the progress */
	struct progress progress;
	struct zone_forecast *forecast;
	struct zone_totals totals;
	size_t differing; /* domains whose name servers are not all as wanted */
	size_t told;
};

/* What fakemx itself changes of a DNS that is kept elsewhere. */
static const struct zone_totals nothing;

static void start_more(void *arg);

/* What is wanted of a domain; NULL: said, or e says it. */
static const struct zone_want *want_of(struct domain_run *u, const char *domain,
				       struct error *e)
{
	const struct site *s = u->has_config ? zone_want_site(&u->config, domain) : NULL;
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
	bool is_line = u->names != NULL;
	if (is_line)
		(void)printf("{\"version\":1,\"zones\":[%s", buf_text(object));
	else
		(void)printf("%s%s", u->told ? "," : "", buf_text(object));
	if (is_line)
		zone_show_json_end(one, u->reverts ? &nothing : NULL);
}

static void count(struct domain_run *u, const struct zone_outcome *o,
		  struct zone_totals *one)
{
	zone_totals_count(&u->totals, o);
	zone_totals_count(one, o);
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
		(void)fprintf(stderr, "%sfakemx: %s%s\n", cli_style(stderr, CLI_BAD),
			      o->error.text, cli_style(stderr, CLI_PLAIN));
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
			(void)printf("%s%s", u->told && !u->has_format ? "\n" : "",
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
	u->open--;
	if (r->job.outcome >= JOB_REFUSED) {
		tell_problem(u, r->domain, r->want->layout, &o);
	} else {
		struct zone_forecast_of of = { .origin = r->domain,
					       .zone = r->zone,
					       .want = r->want,
					       .postures = want->postures,
					       .world = r->seen };
		zone_forecast_fill(u->forecast, &of, &r->job);
		o.has_findings = u->forecast->findings.count > 0;
		o.worst = findings_worst(&u->forecast->findings);
		u->differing += r->differing > 0;
		tell(u, r, &o);
	}
	u->told++;
	/* A reader at the other end of a pipe wants its line now; and if it went
	 * away, the rest of the list is not worth asking. */
	if (fflush(stdout) != 0 || ferror(stdout))
		u->is_stopped = true;
	start_more(u);
}

/* ---- domains ---- */

static void refuse_line(struct domain_run *u, const char *line, const struct error *e)
{
	struct zone_outcome o = { .outcome = JOB_FAILED, .error = *e };
	if (!u->names) { /* a mistake on the command line */
		u->code = cli_fail(u->cli, e);
		u->is_stopped = true;
		return;
	}
	tell_problem(u, line, u->wanted.plan.layout, &o);
	u->told++;
}

static void start(struct domain_run *u, const char *domain)
{
	struct error e = { 0 };
	if (u->has_half && !half_has(&u->half, domain)) {
		u->outside++;
		return;
	}
	const struct zone_want *want = want_of(u, domain, &e);
	if (u->code != CLI_DONE) {
		u->is_stopped = true;
		return;
	}
	if (!want) {
		refuse_line(u, domain, &e);
		return;
	}
	u->open++;
	domain_plan(u->planner,
		    &(struct domain_ask){
			.domain = domain, .want = &want->plan, .reverts = u->reverts },
		    on_planned, u);
}

/* A line that is no domain is a result too: one of many must not end the rest. */
static void start_line(struct domain_run *u, const char *line)
{
	char domain[NAME_TEXT_MAX];
	struct error e;
	if (name_read(line, domain, NULL, &e) == 0)
		start(u, domain);
	else
		refuse_line(u, line, &e);
}

static void start_more(void *arg)
{
	struct domain_run *u = arg;
	char line[NAMES_LINE_MAX];
	while (!u->is_stopped && u->open < OPEN_MAX) {
		if (u->domain_next < u->domain_count)
			start(u, u->domains[u->domain_next++]);
		else if (u->names && names_take(u->names, line))
			start_line(u, line);
		else
			break;
	}
	bool no_more =
	    u->domain_next == u->domain_count && (!u->names || names_ended(u->names));
	if (u->is_stopped || (no_more && u->open == 0))
		uv_stop(&u->loop);
}

/* ---- options ---- */

bool domain_run_is_meant(const struct cli *c, int argc)
{
	return argc > 0 || cli_option(c, "from");
}

static int read_domains(struct domain_run *u, int argc, char **argv)
{
	const char *from = cli_option(u->cli, "from");
	struct error e;
	if (from && argc > 0)
		return cli_usage(u->cli, "give domains or --from, not both");
	if (cli_option(u->cli, "zone") || cli_option(u->cli, "origin"))
		return cli_usage(
		    u->cli, "give domains or --zone FILE: a domain's plan comes from "
			    "its name servers, not from a file");
	if (from && names_open(&u->loop, from, start_more, u, &u->names, &e) != 0)
		return cli_fail(u->cli, &e);
	u->domains = xcalloc((size_t)argc, sizeof(*u->domains));
	for (int i = 0; i < argc; i++) {
		struct name_note note;
		if (name_read(argv[i], u->domains[i], &note, &e) != 0)
			return cli_usage(u->cli, "%s", e.text);
		if (*note.text)
			cli_warn(u->cli, "%s: %s", note.text, u->domains[i]);
		u->domain_count++;
	}
	return CLI_DONE;
}

static int read_options(struct domain_run *u)
{
	struct cli *c = u->cli;
	struct look_options *l = &u->look;
	int code = zone_show_format(c, &u->has_format, &u->format);
	if (code == CLI_DONE)
		code = zone_want_half(c, &u->has_half, &u->half);
	if (code == CLI_DONE)
		code = cli_config_if_any(c, &u->config, &u->has_config);
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

static void on_signal(uv_signal_t *s, int number)
{
	struct domain_run *u = s->data;
	(void)number;
	u->is_stopped = true;
	uv_stop(&u->loop);
}

static void on_clock(uv_timer_t *t)
{
	struct domain_run *u = t->data;
	progress_set(&u->progress, u->told, u->names ? 0 : u->domain_count, NULL);
}

static void prepare(struct domain_run *u)
{
	(void)signal(SIGPIPE, SIG_IGN);
	u->interrupt.data = u->terminate.data = u->clock.data = u;
	(void)uv_timer_init(&u->loop, &u->clock);
	(void)uv_signal_init(&u->loop, &u->interrupt);
	(void)uv_signal_init(&u->loop, &u->terminate);
	(void)uv_signal_start(&u->interrupt, on_signal, SIGINT);
	(void)uv_signal_start(&u->terminate, on_signal, SIGTERM);
}

static int exit_code(const struct domain_run *u)
{
	const struct zone_totals *t = &u->totals;
	if (u->code != CLI_DONE)
		return u->code;
	if (t->failed || u->is_stopped)
		return CLI_FAILED;
	bool is_endangered = !u->reverts && t->worst > SEVERITY_ERROR;
	return t->changed || t->refused || u->differing || is_endangered ? CLI_TELL
									 : CLI_DONE;
}

static void say_unfinished(const struct domain_run *u)
{
	size_t left = u->open + u->domain_count - u->domain_next;
	bool is_cut = u->names && !names_ended(u->names);
	cli_warn(u->cli,
		 "interrupted: %zu domain%s unfinished%s. Nothing was written; run it "
		 "again for the rest",
		 left, left == 1 ? " is" : "s are",
		 is_cut ? ", and the list was not read to its end" : "");
}

static int work(struct domain_run *u)
{
	struct error e;
	if (domain_planner_new(&u->loop, &u->look, &u->planner, &e) != 0)
		return cli_fail(u->cli, &e);
	bool is_document = u->cli->json && !u->names;
	if (is_document)
		(void)printf("{\"version\":1,\"zones\":[");
	progress_begin(&u->progress, u->cli, "domains planned");
	(void)uv_timer_start(&u->clock, on_clock, PROGRESS_MS, PROGRESS_MS);
	start_more(u);
	/* uv_stop within start_more, before the loop runs, ends it at once too. */
	(void)uv_run(&u->loop, UV_RUN_DEFAULT);
	progress_end(&u->progress);
	domain_planner_free(u->planner);
	if (is_document)
		zone_show_json_end(&u->totals, u->reverts ? &nothing : NULL);
	if (u->totals.zones > 1 && !u->cli->quiet)
		zone_show_summary(stderr, &u->totals, "to change", "as wanted");
	if (u->has_half)
		cli_warn(u->cli, "--half %s: %zu of %zu domains",
			 cli_option(u->cli, "half"), u->told, u->told + u->outside);
	if (u->is_stopped && u->code == CLI_DONE)
		say_unfinished(u);
	if (u->names && *names_failure(u->names)) {
		(void)error_set(&e, -EIO, "cannot read the list %s: %s",
				cli_option(u->cli, "from"), names_failure(u->names));
		return cli_fail(u->cli, &e);
	}
	return exit_code(u);
}

static void finish(struct domain_run *u)
{
	if (u->names)
		names_close(u->names);
	uv_close((uv_handle_t *)&u->interrupt, NULL);
	uv_close((uv_handle_t *)&u->terminate, NULL);
	uv_close((uv_handle_t *)&u->clock, NULL);
	(void)uv_run(&u->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&u->loop);
	zone_forecast_free(u->forecast);
	if (u->has_config)
		config_release(&u->config);
	free(u->sites);
	free(u->site_is_made);
	free(u->domains);
	free(u);
}

int domain_run(struct cli *c, int argc, char **argv, bool reverts)
{
	struct domain_run *u = xcalloc(1, sizeof(*u));
	struct error e;
	u->cli = c;
	u->reverts = reverts;
	if (uv_loop_init(&u->loop) != 0) {
		free(u);
		(void)error_set(&e, -ENFILE, "cannot start the event loop");
		return cli_fail(c, &e);
	}
	prepare(u);
	u->forecast = zone_forecast_new();
	int code = read_options(u);
	if (code == CLI_DONE)
		code = read_domains(u, argc, argv);
	if (code == CLI_DONE)
		code = work(u);
	finish(u);
	return code;
}
