#include "cli/zone_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/stamp.h"
#include "cli/resolving.h"
#include "zone/find.h"
#include "zone/recorded.h"
#include "zone/serials.h"

#define DEFAULT_STATE "/var/lib/fakemx"

/* ---- items ---- */

static struct zone_work_item *add_item(struct zone_work *w, const struct zone_item *zone,
				       const struct zone_want *want)
{
	struct zone_work_item *i = &w->items[w->count++];
	*i = (struct zone_work_item){
		.zone = zone, .want = want, .check = "", .reload = ""
	};
	return i;
}

static void note_problems(struct zone_work_item *i, bool is_named)
{
	if (i->zone->is_shared && !is_named)
		(void)snprintf(i->problem, sizeof(i->problem),
			       "%.200s serves several zones: a change for one changes "
			       "all; name it with "
			       "--zone FILE --origin NAME if that is meant",
			       i->zone->path);
	else if (i->zone->problem)
		(void)str_copy(i->problem, sizeof(i->problem), i->zone->problem);
}

static bool is_wanted(const char *origin, const struct site *s, const char *only)
{
	return (!only || strcmp(only, origin) == 0) && (!s || site_has_domain(s, origin));
}

/* ---- the command line ---- */

static int read_lists(struct zone_work *w, const struct cli *c, const char *origin)
{
	struct error e;
	const char *zone;
	w->list_count = 1;
	w->lists = xcalloc(1, sizeof(*w->lists));
	for (size_t i = 0; (zone = cli_option_at(c, "zone", i)); i++) {
		int rc = strcmp(zone, "-") == 0
			     ? zone_find_lines(&w->lists[0], stdin, &e)
			     : zone_find(&w->lists[0], zone, origin, &e);
		if (rc != 0)
			return cli_fail(c, &e);
	}
	zone_list_settle(&w->lists[0]);
	if (w->lists[0].note[0])
		cli_warn(c, "%s", w->lists[0].note);
	return CLI_DONE;
}

/* What the options say, else what the configuration's site of that name says. */
static int want_of_zone(struct zone_work *w, const struct cli *c, bool reverts,
			const char *origin, const struct zone_want **ret)
{
	const struct site *s = w->has_config ? zone_want_site(&w->config, origin) : NULL;
	*ret = &w->wants[0];
	if (reverts || zone_want_is_given(c))
		return CLI_DONE;
	if (!s)
		return cli_usage(
		    c,
		    "%s: what is wanted there? Give --decoy NAME=ADDRESS, or a "
		    "configuration whose site has that domain",
		    origin);
	struct zone_want *want = &w->wants[1 + (s - w->config.sites)];
	*ret = want;
	/* A TTL of 0 is none that may be wanted: this one is not made yet. */
	return want->plan.ttl != 0 ? CLI_DONE
				   : zone_want_of_site(c, s, w->config.lab, false, want);
}

static int collect_options(struct zone_work *w, const struct cli *c, bool reverts,
			   const char *only)
{
	int code = read_lists(w, c, only);
	w->wants = xcalloc(1 + w->config.site_count, sizeof(*w->wants));
	if (code == CLI_DONE && (reverts || zone_want_is_given(c)))
		code = zone_want_of_options(c, reverts, &w->wants[0]);
	w->wants[0].plan.lab |= w->config.lab;
	struct zone_list *l = &w->lists[0];
	w->items = xcalloc(l->count, sizeof(*w->items));
	for (size_t i = 0; i < l->count && code == CLI_DONE; i++) {
		const struct zone_want *want;
		if (!is_wanted(l->items[i].origin, NULL, only))
			continue;
		code = want_of_zone(w, c, reverts, l->items[i].origin, &want);
		if (code == CLI_DONE)
			note_problems(add_item(w, &l->items[i], want), only);
	}
	return code;
}

/* ---- the configuration ---- */

/* A zone file of one zone, however it is called; or files by their names. */
static int list_of_site(const struct site *s, const struct config_zone *z,
			struct zone_list *l, struct error *e)
{
	struct stat st;
	bool one_file =
	    stat(z->file, &st) == 0 && !S_ISDIR(st.st_mode) && s->domain_count > 0;
	struct zone_list by_name = { 0 };
	int rc = zone_find(&by_name, z->file, NULL, e);
	bool is_many = rc == 0 && (by_name.count != 1 ||
				   strcmp(by_name.items[0].path, z->file) != 0);
	if (is_many) {
		*l = by_name;
		return 0;
	}
	zone_list_release(&by_name);
	if (!one_file)
		return rc;
	for (size_t i = 0; i < s->domain_count; i++) {
		rc = zone_find(l, z->file, s->domains[i], e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int list_of_domains(const struct site *s, struct zone_list *l, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < s->domain_count && rc == 0; i++)
		rc = zone_list_add_zone(l, s->domains[i], e);
	return rc;
}

static void items_of_site(struct zone_work *w, size_t at, const char *only)
{
	struct zone_list *l = &w->lists[at];
	const struct config_zone *z = &w->config.zones[at];
	zone_list_settle(l);
	w->items = xrealloc(w->items, w->count + l->count, sizeof(*w->items));
	for (size_t i = 0; i < l->count; i++) {
		if (!is_wanted(l->items[i].origin, &w->config.sites[at], only))
			continue;
		struct zone_work_item *item = add_item(w, &l->items[i], &w->wants[at]);
		item->check = z->check;
		item->reload = z->reload;
		item->update = z->update_server.port ? z : NULL;
		note_problems(item, false);
	}
}

static int collect_site(struct zone_work *w, const struct cli *c, size_t i, bool reverts,
			const char *only)
{
	const struct site *s = &w->config.sites[i];
	const struct config_zone *z = &w->config.zones[i];
	struct error e;
	if (!z->file[0] && !z->update_server.port)
		return CLI_DONE;
	bool is_refused = w->refused.code != 0;
	int code =
	    zone_want_of_site(c, s, w->config.lab, reverts || is_refused, &w->wants[i]);
	if (code != CLI_DONE)
		return code;
	if (is_refused && !reverts)
		w->wants[i].plan.layout = s->layout;
	if ((z->file[0] ? list_of_site(s, z, &w->lists[i], &e)
			: list_of_domains(s, &w->lists[i], &e)) != 0)
		return cli_fail(c, &e);
	if (w->lists[i].note[0])
		cli_warn(c, "%s", w->lists[i].note);
	items_of_site(w, i, only);
	return CLI_DONE;
}

static int collect_config(struct zone_work *w, const struct cli *c, bool reverts,
			  const char *only)
{
	int code = CLI_DONE;
	w->list_count = w->config.site_count;
	w->lists = xcalloc(w->list_count, sizeof(*w->lists));
	w->wants = xcalloc(w->list_count, sizeof(*w->wants));
	for (size_t i = 0; i < w->config.site_count && code == CLI_DONE; i++)
		code = collect_site(w, c, i, reverts, only);
	return code;
}

/* Of sites that would endanger mail plan shows why, revert takes back what was done,
 * and apply does nothing. */
static int read_config(struct zone_work *w, const struct cli *c, bool reverts)
{
	bool takes_refused = reverts || strcmp(c->verb->name, "plan") == 0;
	int code = cli_option(c, "zone")
		       ? cli_config_if_any(c, &w->config, &w->has_config)
		   : takes_refused ? cli_config_refused(c, &w->config, &w->refused)
				   : cli_config(c, &w->config);
	w->has_config |= code == CLI_DONE && !cli_option(c, "zone");
	(void)str_copy(w->state, sizeof(w->state),
		       w->has_config ? w->config.state : DEFAULT_STATE);
	return code == CLI_DONE
		   ? cli_resolver(c, w->has_config ? &w->config : NULL, &w->resolver)
		   : code;
}

/* Leaves those of the half; how many they are is said. */
static int keep_half(struct zone_work *w, const struct cli *c)
{
	struct half half;
	bool is_given;
	int code = zone_want_half(c, &is_given, &half);
	if (code != CLI_DONE || !is_given)
		return code;
	size_t all = w->count, kept = 0;
	for (size_t i = 0; i < all; i++)
		if (half_has(&half, w->items[i].zone->origin))
			w->items[kept++] = w->items[i];
	w->count = kept;
	if (all && !kept)
		return cli_usage(c, "--half %s: none of %zu zone%s is in that half",
				 cli_option(c, "half"), all, number_plural(all));
	cli_warn(c, "--half %s: %zu of %zu zones", cli_option(c, "half"), kept, all);
	return CLI_DONE;
}

static const char *some_origin(const struct zone_work *w)
{
	for (size_t i = 0; i < w->list_count; i++)
		if (w->lists[i].count)
			return w->lists[i].items[0].origin;
	return "";
}

/* Nothing is meant: of no zone file, or of none that was found. */
static int say_none(const struct zone_work *w, const struct cli *c, const char *only,
		    bool reverts)
{
	size_t found = 0;
	for (size_t i = 0; i < w->list_count; i++)
		found += w->lists[i].count;
	if (found && only)
		return cli_usage(c,
				 "--origin %s: of the %zu zone file%s found none is its",
				 only, found, number_plural(found));
	if (found)
		return cli_usage(
		    c,
		    "of the %zu zone file%s found none is of a domain of its "
		    "site, as %s is not: put those that are meant into "
		    "`domains`",
		    found, number_plural(found), some_origin(w));
	return cli_usage(c,
			 "no zone file%s%s is named: give --zone FILE, or a `zone` "
			 "section in the configuration; `fakemx %s DOMAIN` needs neither",
			 only ? " for " : "", only ? only : "",
			 reverts ? "revert" : "plan");
}

int zone_work_collect(struct zone_work *w, const struct cli *c, bool reverts)
{
	*w = (struct zone_work){ .now = stamp_now() };
	char origin[NAME_TEXT_MAX];
	struct name_note note = { "" };
	struct error e;
	const char *only = cli_option(c, "origin");
	if (only && name_read(only, origin, &note, &e) != 0)
		return cli_usage(c, "--origin: %s", e.text);
	if (note.text[0])
		cli_warn(c, "--origin: %s", note.text);
	only = only ? origin : NULL;
	int code = read_config(w, c, reverts);
	if (code == CLI_DONE)
		code = cli_option(c, "zone") ? collect_options(w, c, reverts, only)
					     : collect_config(w, c, reverts, only);
	if (code == CLI_DONE)
		code = keep_half(w, c);
	for (size_t i = 0; w->refused.code && !reverts && i < w->count; i++)
		(void)str_copy(w->items[i].problem, sizeof(w->items[i].problem),
			       w->refused.text);
	w->has_recorded = code == CLI_DONE &&
			  recorded_read(&w->recorded, w->state, &w->recorded_error) == 0;
	if (code == CLI_DONE && w->count == 0)
		code = say_none(w, c, only, reverts);
	if (code != CLI_DONE)
		zone_work_release(w);
	return code;
}

void zone_work_release(struct zone_work *w)
{
	for (size_t i = 0; i < w->list_count; i++)
		zone_list_release(&w->lists[i]);
	free(w->lists);
	free(w->wants);
	free(w->items);
	if (w->has_recorded)
		recorded_release(&w->recorded);
	if (w->has_config)
		config_release(&w->config);
	*w = (struct zone_work){ 0 };
}

/* Of no apply nothing is to be undone: no packet is sent for such a zone. */
static size_t zones_to_ask(const struct zone_work *w, bool reverts,
			   struct zone_serial *zones, size_t *items)
{
	size_t n = 0;
	bool is_known = reverts && w->has_recorded;
	for (size_t i = 0; i < w->count; i++) {
		const struct zone_work_item *item = &w->items[i];
		if (item->update ||
		    (is_known && !recorded_has(&w->recorded, item->zone->origin)))
			continue; /* a server gives updated zones their serials itself */
		items[n] = i;
		zones[n++].origin = item->zone->origin;
	}
	return n;
}

void zone_work_ask_serials(struct zone_work *w, bool reverts)
{
	struct zone_serial *zones = xcalloc(w->count, sizeof(*zones));
	size_t *items = xcalloc(w->count, sizeof(*items));
	size_t n = w->asked = zones_to_ask(w, reverts, zones, items);
	if (n && serials_ask(zones, n, &w->resolver, &w->ask_error) == 0)
		w->ask_error.code = 0;
	for (size_t i = 0; i < n; i++) {
		w->items[items[i]].serial_floor = zones[i].highest;
		w->items[items[i]].has_serial_floor = zones[i].is_known;
		w->silent += !zones[i].is_known;
	}
	free(zones);
	free(items);
}

void zone_work_say_serials(const struct zone_work *w, const struct cli *c)
{
	if (w->ask_error.code != 0)
		cli_warn(c, "the name servers could not be asked for their serials: %s",
			 w->ask_error.text);
	else if (w->silent) {
		char whose[64] = "the zone"; /* which is named beside it */
		if (w->asked > 1)
			(void)snprintf(whose, sizeof(whose), "%zu of %zu zones",
				       w->silent, w->asked);
		cli_warn(
		    c,
		    "the name servers of %s did not say which serial they have, so the "
		    "new serial is only greater than the file's; if a name server has "
		    "a greater one, it will not take the change",
		    whose);
	}
}

void zone_work_job(const struct zone_work *w, size_t index, struct job *ret)
{
	const struct zone_work_item *i = &w->items[index];
	*ret = (struct job){ .want = &i->want->plan,
			     .check = i->check,
			     .reload = i->reload,
			     .state = w->state,
			     .now = w->now };
	ret->dynamic = (struct dynamic_of){ i->zone->is_static, i->zone->knot };
	ret->is_unrecorded =
	    w->has_recorded && !recorded_has(&w->recorded, i->zone->origin);
	ret->serial_floor = i->serial_floor;
	ret->has_serial_floor = i->has_serial_floor;
	(void)str_copy(ret->origin, sizeof(ret->origin), i->zone->origin);
	(void)str_copy(ret->path, sizeof(ret->path), i->zone->path);
	if (i->zone->include_base)
		(void)str_copy(ret->include_base, sizeof(ret->include_base),
			       i->zone->include_base);
}
