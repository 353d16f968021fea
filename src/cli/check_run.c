/* check - what the world sees of a domain's mail, and what to make of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "cli/check_show.h"
#include "cli/cli.h"
#include "cli/domains.h"
#include "cli/resolving.h"
#include "cli/shut_in.h"
#include "cli/verbs.h"
#include "cli/zone_want.h"
#include "dns/name.h"
#include "look/look.h"

enum {
	OPEN_MAX_LOOKS = 400, /* domains at once: bounds the memory of a long list */
	DECOYS_MAX = 256,
	VANTAGE_HOSTS = 3,
	FILES_WANTED = 4096,
};

/* Hosts whose port 25 is open to everybody, if anybody's is. */
static const char *const vantage_domains[VANTAGE_HOSTS] = { "gmail.com", "outlook.com",
							    "yahoo.com" };

struct check {
	struct cli *cli;
	struct domains domains;
	struct looker *looker;
	struct look_options options;
	const char *decoys[DECOYS_MAX];
	char decoy_names[DECOYS_MAX][NAME_TEXT_MAX];
	struct addr addresses[DECOYS_MAX];
	struct config config;
	bool has_config;

	bool json;

	struct item *open; /* under way */
	uint64_t well, told, failed, unfinished;
	size_t vantage_left;
};

/* A domain that is being looked at. */
struct item {
	struct check *check;
	struct item *next, **link;
	char domain[NAME_TEXT_MAX];
};

/* ---- results ---------------------------------------------------------- */

static void count_result(struct check *k, const struct look_result *r,
			 const struct findings *f)
{
	if (r->status != LOOKUP_OK)
		k->failed++;
	else if (findings_worst(f) > SEVERITY_INFO)
		k->told++;
	else
		k->well++;
}

/* A decoy that was declared and is no MX host is a slip of the pen, or a zone
 * that is not what its owner thinks; nothing of it was looked at. */
static void warn_of_missing_decoys(struct check *k, const struct seen *s)
{
	const char *name;
	for (size_t i = 0; (name = cli_option_at(k->cli, "decoy", i)); i++) {
		bool found = false;
		for (size_t j = 0; j < s->host_count; j++)
			found = found || strcmp(s->hosts[j].name, k->decoys[i]) == 0;
		if (!found)
			cli_warn(k->cli, "--decoy %s is no MX host of %s", name,
				 s->domain);
	}
}

static void show(struct check *k, struct look_result *r)
{
	struct findings f = { NULL, 0 };
	r->seen.site = k->has_config ? zone_want_site(&k->config, r->seen.domain) : NULL;
	if (r->status == LOOKUP_OK)
		findings_of(&r->seen, &f);
	if (r->status == LOOKUP_OK && k->domains.given_count == 1)
		warn_of_missing_decoys(k, &r->seen);
	if (k->json) {
		check_json(stdout, r, &f);
	} else if (r->status == LOOKUP_OK) {
		if (k->domains.told > 0)
			(void)putchar('\n');
		check_text(stdout, r, &f);
	} else {
		struct error e;
		(void)error_set(&e, -EIO, "%s", r->failure);
		(void)cli_fail(k->cli, &e);
	}
	count_result(k, r, &f);
	findings_release(&f);
}

static void item_release(struct item *it)
{
	*it->link = it->next;
	if (it->next)
		it->next->link = it->link;
	free(it);
}

static void on_seen(struct look_result *r, void *arg)
{
	struct item *it = arg;
	struct check *k = it->check;
	item_release(it);
	show(k, r);
	domains_told(&k->domains);
}

/* ---- domains ---------------------------------------------------------- */

static bool start(void *arg, const char *domain)
{
	struct check *k = arg;
	struct item *it = xcalloc(1, sizeof(*it));
	it->check = k;
	(void)str_copy(it->domain, sizeof(it->domain), domain);
	it->next = k->open;
	it->link = &k->open;
	if (it->next)
		it->next->link = &it->next;
	k->open = it;
	look_start(k->looker, domain, on_seen, it);
	return true;
}

static void refuse(void *arg, const char *line, const struct error *e)
{
	struct check *k = arg;
	check_json_error(stdout, line, e->text);
	k->failed++;
}

/* ---- vantage ---------------------------------------------------------- */

static void on_vantage(struct look_result *r, void *arg)
{
	struct check *k = arg;
	bool any_known = false;
	for (size_t i = 0; i < r->seen.host_count; i++) {
		const struct seen_host *h = &r->seen.hosts[i];
		any_known = any_known || seen_host_is_down(h);
		if (seen_host_is_open(h))
			k->options.vantage = TRI_YES;
	}
	if (any_known && k->options.vantage == TRI_UNKNOWN)
		k->options.vantage = TRI_NO;
	if (--k->vantage_left == 0)
		uv_stop(&k->domains.loop);
}

static int check_vantage(struct check *k)
{
	struct look_options o = k->options;
	struct looker *l;
	struct error e;
	o.mx_only = true;
	o.no_probe = false;
	int r = looker_new(&k->domains.loop, &o, &l, &e);
	if (r != 0)
		return cli_fail(k->cli, &e);
	k->vantage_left = VANTAGE_HOSTS;
	for (size_t i = 0; i < VANTAGE_HOSTS; i++)
		look_start(l, vantage_domains[i], on_vantage, k);
	while (k->vantage_left > 0 && !k->domains.is_stopped)
		(void)uv_run(&k->domains.loop, UV_RUN_DEFAULT);
	looker_free(l);
	static const char *const sentences[] = {
		[TRI_UNKNOWN] =
		    "whether port 25 is open from here could not be found out: the "
		    "mail hosts of gmail.com, outlook.com and yahoo.com were not found",
		[TRI_NO] = "port 25 is blocked from here: no mail host of gmail.com, "
			   "outlook.com "
			   "or yahoo.com answered",
		[TRI_YES] = "port 25 is open from here: a well-known mail host answered",
	};
	cli_warn(k->cli, "%s", sentences[k->options.vantage]);
	return CLI_DONE;
}

/* ---- options ---------------------------------------------------------- */

static int add_decoy(struct check *k, const char *text)
{
	struct error e;
	if (k->options.decoy_count == DECOYS_MAX)
		return cli_usage(k->cli, "more than %d decoys", DECOYS_MAX);
	char *name = k->decoy_names[k->options.decoy_count];
	if (name_read(text, name, NULL, &e) != 0)
		return cli_usage(k->cli, "--decoy: %s", e.text);
	k->decoys[k->options.decoy_count++] = name;
	return CLI_DONE;
}

static int add_address(struct check *k, struct addr a)
{
	struct look_options *o = &k->options;
	if (o->decoy_address_count == DECOYS_MAX)
		return cli_usage(k->cli, "more than %d addresses of decoys", DECOYS_MAX);
	k->addresses[o->decoy_address_count++] = a;
	return CLI_DONE;
}

/* Decoys of the configuration are declared ones, by name and by address. */
static int add_configured(struct check *k, const struct config *config)
{
	int code = CLI_DONE;
	for (size_t i = 0; i < config->site_count; i++)
		for (size_t j = 0; j < config->sites[i].host_count; j++) {
			const struct host *h = &config->sites[i].hosts[j];
			if (h->role == ROLE_DECOY && code == CLI_DONE)
				code = add_decoy(k, h->name);
			for (uint8_t n = 0; n < h->address_count; n++)
				if (h->role == ROLE_DECOY && code == CLI_DONE)
					code = add_address(k, h->addresses[n].addr);
		}
	return code;
}

static int read_options(struct check *k)
{
	struct cli *c = k->cli;
	uint64_t port = SMTP_PORT;
	const char *decoy;
	int code = cli_number(c, "port", 1, UINT16_MAX, &port);
	if (code == CLI_DONE)
		code = cli_config_if_any(c, &k->config, &k->has_config);
	if (code != CLI_DONE)
		return code;
	k->options.port = (uint16_t)port;
	k->options.no_probe = cli_flag(c, "no-probe");
	/* of a long list each domain would take seconds more */
	k->options.looks_again = !cli_option(c, "from");
	k->options.lab = c->lab || (k->has_config && k->config.lab);
	k->options.decoys = k->decoys;
	k->options.decoy_addresses = k->addresses;
	code = cli_resolver(c, k->has_config ? &k->config : NULL, &k->options.resolver);
	for (size_t i = 0; code == CLI_DONE && (decoy = cli_option_at(c, "decoy", i));
	     i++)
		code = add_decoy(k, decoy);
	if (k->has_config && code == CLI_DONE)
		code = add_configured(k, &k->config);
	return code;
}

/* ---- life ------------------------------------------------------------- */

/* Each probe is a socket; with fewer of them it takes longer. */
static void want_files(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= FILES_WANTED)
		return;
	files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

/* What Ctrl-C left: named, so that the next run knows what to ask. */
static void report_unfinished(struct check *k)
{
	for (struct item *it = k->open, *next; it; it = next) {
		next = it->next;
		if (k->json)
			check_json_error(stdout, it->domain, "unfinished");
		else
			cli_warn(k->cli, "%s is unfinished", it->domain);
		k->unfinished++;
		free(it);
	}
	k->open = NULL;
	k->unfinished += k->domains.given_count - k->domains.next;
}

static void summarize(struct check *k, int64_t began)
{
	const struct domains *d = &k->domains;
	if (!d->names && !d->is_stopped)
		return;
	double seconds = (double)(stamp_monotonic() - began) / (double)STAMP_SECOND;
	cli_warn(k->cli,
		 "%zu domains in %.1f s (%.0f/s): %" PRIu64 " well, %" PRIu64
		 " with findings, %" PRIu64 " failed, %" PRIu64 " unfinished%s",
		 d->told, seconds, seconds > 0 ? (double)d->told / seconds : 0.0, k->well,
		 k->told, k->failed, k->unfinished,
		 domains_ended(d) ? "" : "; the list was not read to its end");
}

static int exit_code(const struct check *k)
{
	if (k->failed > 0 || k->domains.is_stopped)
		return CLI_FAILED;
	return k->told > 0 ? CLI_TELL : CLI_DONE;
}

static int check_all(struct check *k)
{
	struct error e;
	int64_t began = stamp_monotonic();
	int code = cli_flag(k->cli, "vantage-check") ? check_vantage(k) : CLI_DONE;
	if (code != CLI_DONE)
		return code;
	if (looker_new(&k->domains.loop, &k->options, &k->looker, &e) != 0)
		return cli_fail(k->cli, &e);
	if (!k->domains.is_stopped)
		domains_run(&k->domains);
	looker_free(k->looker);
	report_unfinished(k);
	summarize(k, began);
	code = domains_failure(&k->domains);
	return code == CLI_DONE ? exit_code(k) : code;
}

/* What strangers' servers answer is read by a process that writes and starts nothing. */
static int give_away(struct check *k)
{
	struct sandbox *s = xcalloc(1, sizeof(*s));
	struct error e;
	s->connects_anywhere = true;
	return shut_in(k->cli, s, false, &e) == 0 ? CLI_DONE : cli_fail(k->cli, &e);
}

int check_run(struct cli *c, int argc, char **argv)
{
	struct check *k = xcalloc(1, sizeof(*k));
	k->cli = c;
	k->json = c->json || cli_option(c, "from");
	k->domains = (struct domains){ .cli = c,
				       .most_open = OPEN_MAX_LOOKS,
				       .what = "domains",
				       .start = start,
				       .refuse = refuse,
				       .arg = k };
	int code = domains_init(&k->domains);
	if (code != CLI_DONE) {
		free(k);
		return code;
	}
	want_files();
	code = read_options(k);
	if (code == CLI_DONE)
		code = domains_read(&k->domains, argc, argv);
	if (code == CLI_DONE)
		code = give_away(k);
	if (code == CLI_DONE)
		code = check_all(k);
	domains_release(&k->domains);
	if (k->has_config)
		config_release(&k->config);
	free(k);
	return code;
}
