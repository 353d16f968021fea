#include "cli/estimate_log.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/archive.h"
#include "cli/estimate_hosts.h"
#include "cli/old_logs.h"
#include "outlet/page/page.h"
#include "source/name/names_generic.h"

struct reading {
	struct estimate *estimate;
	const struct estimate_hosts *hosts;
	size_t host; /* whose log is read */
	struct report_span span;
};

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	struct reading *r = arg;
	if (v->time < r->span.since || v->time >= r->span.until)
		return;
	size_t host = estimate_hosts_at(r->hosts, r->host, local);
	estimate_visit(r->estimate, host, v);
}

static void on_started(void *arg, int64_t at)
{
	struct reading *r = arg;
	estimate_outage(r->estimate, r->host, at);
}

/* serve asks the public suffix list for the registrable domain, which loads libraries
 * that no verb here needs. Without it a pool is what stands behind the first label, which
 * is less; and what may be a customer's part of a name is all but the last two. */
static void on_name(struct name_fact *n)
{
	for (char *c = n->name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	const char *dot = strchr(n->name, '.'), *two = n->name;
	for (const char *at = dot; at && strchr(at + 1, '.'); at = strchr(at + 1, '.'))
		two = at + 1;
	n->is_generic = names_is_generic(n->name, two, n->client);
	if (dot)
		(void)str_copy(n->domain, sizeof(n->domain),
			       strchr(dot + 1, '.') ? dot + 1 : n->name);
}

static int print(const struct cli *c, const struct estimate_hosts *h,
		 const struct estimate_result *result)
{
	const char *html = cli_option(c, "html");
	struct buf b = BUF_INIT(PAGE_MAX);
	int code = CLI_DONE;
	struct estimate_page page = { .site = h->site,
				      .hosts = h->hosts,
				      .host_count = h->host_count,
				      .is_anonymous = cli_flag(c, "anonymous"),
				      .result = result };
	if (html) {
		page_estimate(&page, &b);
		code = archive_write_html(c, &b, html);
	}
	if (code == CLI_DONE && c->json)
		archive_print_json(estimate_json(&page));
	if (html || c->json)
		return code;
	struct text_style style = archive_style();
	estimate_text(&page, &style, &b);
	archive_print(&b);
	return CLI_DONE;
}

static int estimate(const struct cli *c, const struct estimate_hosts *h,
		    const struct rules *rules)
{
	struct reading r = { .hosts = h };
	struct old_logs_sink sink = { .visit = on_visit,
				      .started = on_started,
				      .arg = &r };
	struct error e;
	int code = archive_span(c, stamp_now(), &r.span);
	if (code != CLI_DONE)
		return code;
	sink.since = r.span.since;
	if (estimate_new(h->ranks, h->host_count, rules, &r.estimate, &e) != 0)
		return cli_fail(c, &e);
	for (r.host = 0; r.host < h->host_count && code == CLI_DONE; r.host++) {
		if (h->file_count[r.host])
			code = old_logs_read(c, h->files[r.host], h->file_count[r.host],
					     &sink);
	}
	struct estimate_result result;
	if (code == CLI_DONE && estimate_make(r.estimate, on_name, &result, &e) != 0) {
		code = cli_fail(c, &e);
	} else if (code == CLI_DONE) {
		code = print(c, h, &result);
		estimate_release(&result);
	}
	estimate_free(r.estimate);
	return code;
}

static int find_and_estimate(const struct cli *c, const struct config *config,
			     char *const *given, size_t count)
{
	struct estimate_hosts h;
	struct rules rules = config ? config->rules : rules_default();
	int code = estimate_hosts_find(&h, c, config, given, count);
	if (code != CLI_DONE)
		return code;
	if (h.has_decoys)
		cli_warn(c,
			 "site \"%s\" has decoys already: a log of their time shows less "
			 "than there was. See --until, and `fakemx report` for what "
			 "they did",
			 h.site);
	code = estimate(c, &h, &rules);
	estimate_hosts_release(&h);
	return code;
}

int estimate_log_run(const struct cli *c, int argc, char **argv)
{
	struct config config;
	/* Nobody needs a configuration before there is a decoy. */
	bool has_config = c->has_config || access(c->config_path, F_OK) == 0;
	char **given = xcalloc((size_t)argc + CLI_MAX_GIVEN, sizeof(*given));
	size_t count = 0;
	for (const char *file; (file = cli_option_at(c, "maillog", count));)
		given[count++] = (char *)(uintptr_t)file;
	for (int i = 0; i < argc; i++)
		given[count++] = argv[i];
	int code = has_config ? cli_config(c, &config) : CLI_DONE;
	if (code == CLI_DONE) {
		code = find_and_estimate(c, has_config ? &config : NULL, given, count);
		if (has_config)
			config_release(&config);
	}
	free(given);
	return code;
}
