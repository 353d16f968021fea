/* off - lists first, which act at once, then the DNS, which takes its TTLs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/stamp.h"
#include "cli/archive.h"
#include "cli/publish/publish_lists.h"
#include "cli/verbs.h"
#include "outlet/json.h"

enum { WORDS = 6, REFRESH_SECONDS = 60 };

struct leaving {
	struct cli *c;
	struct config config;
	json_t *lists; /* of --json */
	bool has_zone_list;
	bool is_listing_over; /* all lists are empty, and stay so */
	int code;
};

/* The worst of what several steps said. */
static void take_code(struct leaving *l, int code)
{
	static const int rank[] = { CLI_DONE, CLI_TELL, CLI_REFUSED, CLI_USAGE,
				    CLI_FAILED };
	size_t was = 0, is = 0;
	for (size_t i = 0; i < sizeof(rank) / sizeof(rank[0]); i++) {
		was = rank[i] == l->code ? i : was;
		is = rank[i] == code ? i : is;
	}
	l->code = is > was ? code : l->code;
}

/* ---- lists ---- */

/* serve, publish and list look for it. */
static void leave_mark(struct leaving *l)
{
	struct error e;
	char path[CONFIG_TEXT_MAX + 8], text[STAMP_TEXT_MAX + 2];
	char moment[STAMP_TEXT_MAX];
	(void)snprintf(text, sizeof(text), "%s\n",
		       stamp_text(archive_now(&l->config), moment));
	int rc = config_off_path(&l->config, path, sizeof(path))
		     ? atomic_file_write(path, text, strlen(text), 0644, &e)
		     : error_set(&e, FMX_EUSAGE, "the state folder's name is too long");
	if (rc != 0) {
		(void)fprintf(
		    stderr,
		    "fakemx: it cannot be noted that the lists are to stay empty "
		    "(%s), so fakemx-publish would fill them again: stop it\n",
		    e.text);
		take_code(l, CLI_FAILED);
	}
}

static void on_list(void *arg, const struct publish_result *r)
{
	struct leaving *l = arg;
	struct buf text = BUF_INIT(4096);
	publish_result_text(r, &text);
	l->has_zone_list |=
	    r->section->format == LIST_DNSBL || r->section->format == LIST_RBLDNSD;
	if (r->has_failed)
		(void)fprintf(stderr, "fakemx: %s\n", buf_text(&text));
	else if (!l->c->json && !l->c->quiet)
		(void)printf("%s\n", buf_text(&text));
	if (l->lists) {
		json_t *o = json_object();
		json_add(o, "name", json_text(r->section->name));
		json_add(o, "error",
			 json_text_or_null(r->has_failed ? r->error.text : ""));
		json_push(l->lists, o);
	}
	buf_release(&text);
}

static void empty_lists(struct leaving *l)
{
	struct publish_lists p;
	struct publish_source s = { .head = { .note = gate_off_note(&l->config) } };
	if (!s.head.note)
		s.head.note = "`fakemx off` was run";
	s.head.now = archive_now(&l->config);
	s.head.serial = (uint32_t)(s.head.now / STAMP_SECOND);
	publish_lists_init(&p, &l->config);
	if (publish_lists(&p, &s, on_list, l) > 0)
		take_code(l, CLI_FAILED);
	publish_lists_release(&p);
}

/* ---- the DNS ---- */

/* The verb `revert`, as if it had been typed. */
static void revert(struct leaving *l, char **words, size_t count)
{
	struct cli c;
	int argc;
	char **argv;
	int code = cli_parse(&c, l->c->verbs, (int)count, words, &argc, &argv);
	c.config_path = l->c->config_path;
	c.has_config = true;
	c.json = l->c->json;
	c.quiet = l->c->quiet;
	c.verbose = l->c->verbose;
	c.lab = l->c->lab;
	take_code(l, code == CLI_DONE ? revert_run(&c, argc, argv) : code);
	(void)fflush(stdout);
}

static bool has_zone(const struct config_zone *z)
{
	return *z->file || z->update_server.port;
}

/* Of a site without a zone section its domains are given, each a word more. */
static void revert_sites(struct leaving *l, bool has_zones)
{
	char program[] = "fakemx", verb[] = "revert", yes[] = "--yes",
	     most[] = "--max-change=100";
	char *first[WORDS] = { program, verb, yes, most };
	const struct config *c = &l->config;
	char **words = xcalloc(WORDS, sizeof(*words));
	size_t count = 4, sites = 0;
	memcpy(words, first, sizeof(first));
	for (size_t i = 0; i < c->site_count; i++) {
		const struct site *s = &c->sites[i];
		if (has_zone(&c->zones[i]) != has_zones || s->layout == LAYOUT_NONE)
			continue;
		sites++;
		for (size_t k = 0; !has_zones && k < s->domain_count; k++) {
			words = xrealloc(words, count + 2, sizeof(*words));
			words[count++] = s->domains[k];
			words[count] = NULL;
		}
	}
	if (sites)
		revert(l, words, count);
	free(words);
}

/* ---- all ---- */

static bool is_meant(const struct leaving *l)
{
	size_t domains = 0;
	for (size_t i = 0; i < l->config.site_count; i++)
		domains += l->config.sites[i].domain_count;
	return cli_confirm(
	    "Empty %zu list%s, and take the decoys of %zu domain%s out of the DNS?",
	    l->config.publish_count, number_plural(l->config.publish_count), domains,
	    number_plural(domains));
}

/* `apply` takes the mark away, but has no zone to change where somebody types. */
static void say_way_in(const struct leaving *l, FILE *to)
{
	bool any = false;
	char path[CONFIG_TEXT_MAX + 8];
	for (size_t i = 0; i < l->config.site_count; i++)
		any |= has_zone(&l->config.zones[i]);
	if (any)
		(void)fputs("`fakemx apply` begins again.\n", to);
	else if (config_off_path(&l->config, path, sizeof(path)))
		(void)fprintf(to,
			      "To begin again, remove the file %s; `fakemx plan DOMAIN` "
			      "says what to type.\n",
			      path);
}

static void say_when(const struct leaving *l)
{
	FILE *to = l->c->json ? stderr : stdout;
	char text[STAMP_TEXT_MAX];
	int64_t by = stamp_now() + (LIST_DNS_TTL + REFRESH_SECONDS) * STAMP_SECOND;
	if (l->c->quiet)
		return;
	(void)fputs(
	    l->is_listing_over
		? "\nNobody is listed any more, and no mail is put off. A program "
		  "that reads a file has seen it within half a minute"
		: "\nNot all lists could be emptied for good, see above: mend that, "
		  "then say `fakemx off` again",
	    to);
	if (l->has_zone_list && l->is_listing_over)
		(void)fprintf(to, "; the DNSBL is empty everywhere by %s",
			      stamp_text(by / STAMP_SECOND * STAMP_SECOND, text));
	(void)fputs(
	    ".\nThe decoys keep answering: leave `fakemx serve` running until the "
	    "moment that is said above for the DNS, then stop it.\n",
	    to);
	say_way_in(l, to);
}

int off_run(struct cli *c, int argc, char **argv)
{
	struct leaving l = { .c = c };
	(void)argc, (void)argv;
	if (!cli_flag(c, "yes") && !isatty(STDIN_FILENO))
		return cli_usage(c, "nobody can be asked here (standard input is no "
				    "terminal): --yes says that it is meant");
	struct error refused; /* by whom mail is endangered shall get out, too */
	int code = cli_config_refused(c, &l.config, &refused);
	if (code != CLI_DONE)
		return code;
	if (!cli_flag(c, "yes") && !is_meant(&l)) {
		cli_warn(c, "nothing was changed");
		config_release(&l.config);
		return CLI_TELL;
	}
	l.lists = c->json ? json_array() : NULL;
	leave_mark(&l);
	empty_lists(&l);
	l.is_listing_over = l.code != CLI_FAILED;
	if (l.lists) {
		json_t *document = json_object();
		json_add(document, "version", json_integer(1));
		json_add(document, "emptied", l.lists);
		archive_print_json(document);
	}
	revert_sites(&l, true);
	revert_sites(&l, false);
	say_when(&l);
	config_release(&l.config);
	return l.code;
}
