#include "cli/zone_work.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "zone/find.h"
#include "zone/serials.h"

#define DEFAULT_STATE "/var/lib/fakemx"

/* ---- what is wanted, from the command line ---- */

/* NAME=ADDRESS[,ADDRESS] */
static int read_decoy(const struct cli *c, const char *option, struct plan_decoy *ret)
{
	const char *text = cli_option(c, option);
	if (!text)
		return CLI_DONE;
	char name[NAME_INPUT_MAX], addresses[1024];
	size_t n = strcspn(text, "=");
	struct error e;
	if (n >= sizeof(name) ||
	    !str_copy(addresses, sizeof(addresses), text[n] ? text + n + 1 : ""))
		return cli_usage(c, "--%s: too long", option);
	memcpy(name, text, n);
	name[n] = '\0';
	if (name_read(name, ret->name, NULL, &e) != 0)
		return cli_usage(c, "--%s: %s", option, e.text);
	char *rest = addresses, *one;
	while ((one = strsep(&rest, ",")) && *one) {
		if (ret->address_count == HOST_MAX_ADDRESSES)
			return cli_usage(c, "--%s: more than %d addresses", option,
					 HOST_MAX_ADDRESSES);
		if (!addr_parse(one, &ret->addresses[ret->address_count++]))
			return cli_usage(c, "--%s: \"%s\" is not an IPv4 or IPv6 address",
					 option, one);
	}
	return CLI_DONE;
}

static int read_ttl(const struct cli *c, struct plan_want *want)
{
	uint64_t ttl = 0;
	int code = cli_number(c, "ttl", 1, 604800, &ttl);
	want->ttl = ttl ? (int64_t)ttl : -1;
	return code;
}

static int check_decoys_given(const struct cli *c, const struct plan_want *want)
{
	bool high = want->layout == LAYOUT_HIGH || want->layout == LAYOUT_BOTH;
	bool low = want->layout == LAYOUT_LOW || want->layout == LAYOUT_BOTH;
	if (high && !want->high.name[0])
		return cli_usage(c,
				 "layout %s needs the high decoy: --decoy NAME=ADDRESS",
				 layout_name(want->layout));
	if (low && !want->low.name[0])
		return cli_usage(c, "layout %s needs the low decoy: --low NAME=ADDRESS",
				 layout_name(want->layout));
	if (want->high.name[0] && strcmp(want->high.name, want->low.name) == 0)
		return cli_usage(
		    c, "--decoy and --low name the same host: each decoy needs its own");
	return CLI_DONE;
}

static int want_of_options(const struct cli *c, bool needs_layout, struct plan_want *want)
{
	*want = (struct plan_want){ .layout = LAYOUT_NONE, .ttl = -1, .lab = c->lab };
	if (!needs_layout)
		return CLI_DONE;
	const char *layout = cli_option(c, "layout");
	if (!layout)
		return cli_usage(
		    c,
		    "which layout? --layout high is the safe one; also low, both, none");
	if (!layout_parse(layout, &want->layout))
		return cli_usage(c, "--layout %s: there are none, high, low and both",
				 layout);
	want->renumber = cli_flag(c, "renumber");
	int code = read_ttl(c, want);
	if (code == CLI_DONE)
		code = read_decoy(c, "decoy", &want->high);
	if (code == CLI_DONE)
		code = read_decoy(c, "low", &want->low);
	return code == CLI_DONE ? check_decoys_given(c, want) : code;
}

/* ---- the same from a site ---- */

static void add_decoy(struct plan_decoy *d, const struct host *h)
{
	if (d->name[0])
		return; /* the plan's place is taken; site_check allows one low */
	(void)str_copy(d->name, sizeof(d->name), h->name);
	for (uint8_t i = 0; i < h->address_count; i++)
		d->addresses[d->address_count++] = h->addresses[i].addr;
}

static int want_of_site(const struct cli *c, const struct site *s, bool lab,
			bool needs_layout, struct plan_want *want,
			struct zone_postures *postures)
{
	*want = (struct plan_want){ .layout = s->layout, .ttl = -1, .lab = lab };
	*postures = (struct zone_postures){ POSTURE_CLOSED, POSTURE_DEFER };
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *h = &s->hosts[i];
		if (h->role != ROLE_DECOY)
			continue;
		add_decoy(h->place == PLACE_LOW ? &want->low : &want->high, h);
		*(h->place == PLACE_LOW ? &postures->low : &postures->high) = h->posture;
	}
	if (!needs_layout)
		return CLI_DONE;
	want->renumber = cli_flag(c, "renumber");
	const char *layout = cli_option(c, "layout");
	if (layout && !layout_parse(layout, &want->layout))
		return cli_usage(c, "--layout %s: there are none, high, low and both",
				 layout);
	int code = read_ttl(c, want);
	return code == CLI_DONE ? check_decoys_given(c, want) : code;
}

/* ---- items ---- */

static struct zone_work_item *add_item(struct zone_work *w, const struct zone_item *zone,
				       const struct plan_want *want)
{
	struct zone_work_item *i = &w->items[w->count++];
	*i = (struct zone_work_item){ .zone = zone,
				      .want = want,
				      .postures = { POSTURE_CLOSED, POSTURE_DEFER },
				      .check = "",
				      .reload = "" };
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
	if (only && strcmp(only, origin) != 0)
		return false;
	for (size_t i = 0; s && i < s->domain_count; i++)
		if (strcmp(s->domains[i], origin) == 0)
			return true;
	return !s;
}

static void items_of_list(struct zone_work *w, size_t list, const struct site *s,
			  const struct config_zone *z, struct zone_postures postures,
			  const char *only)
{
	struct zone_list *l = &w->lists[list];
	zone_list_settle(l);
	w->items = xrealloc(w->items, w->count + l->count, sizeof(*w->items));
	for (size_t i = 0; i < l->count; i++) {
		if (!is_wanted(l->items[i].origin, s, only))
			continue;
		struct zone_work_item *item = add_item(w, &l->items[i], &w->wants[list]);
		item->postures = postures;
		if (z) {
			item->check = z->check;
			item->reload = z->reload;
			item->update = z->update_server.port ? z : NULL;
		}
		note_problems(item, !s && only);
	}
}

/* ---- the command line ---- */

static int collect_options(struct zone_work *w, const struct cli *c, bool needs_layout,
			   const char *origin)
{
	w->list_count = 1;
	w->lists = xcalloc(1, sizeof(*w->lists));
	w->wants = xcalloc(1, sizeof(*w->wants));
	int code = want_of_options(c, needs_layout, &w->wants[0]);
	struct error e;
	const char *zone;
	for (size_t i = 0; code == CLI_DONE && (zone = cli_option_at(c, "zone", i));
	     i++) {
		int rc = strcmp(zone, "-") == 0
			     ? zone_find_lines(&w->lists[0], stdin, &e)
			     : zone_find(&w->lists[0], zone, origin, &e);
		if (rc != 0)
			code = cli_fail(c, &e);
	}
	if (code == CLI_DONE)
		items_of_list(w, 0, NULL, NULL,
			      (struct zone_postures){ POSTURE_CLOSED, POSTURE_DEFER },
			      origin);
	return code;
}

/* ---- the configuration ---- */

/* A zone file of one zone, however it is called; or files by their names. */
static int list_of_site(const struct site *s, const struct config_zone *z,
			struct zone_list *l, struct error *e)
{
	bool one_file = access(z->file, F_OK) == 0 && s->domain_count > 0;
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

static int collect_site(struct zone_work *w, const struct cli *c, size_t i,
			bool needs_layout, const char *only)
{
	const struct site *s = &w->config.sites[i];
	const struct config_zone *z = &w->config.zones[i];
	struct zone_postures postures;
	struct error e;
	if (!z->file[0] && !z->update_server.port)
		return CLI_DONE;
	int code =
	    want_of_site(c, s, w->config.lab, needs_layout, &w->wants[i], &postures);
	if (code != CLI_DONE)
		return code;
	if ((z->file[0] ? list_of_site(s, z, &w->lists[i], &e)
			: list_of_domains(s, &w->lists[i], &e)) != 0)
		return cli_fail(c, &e);
	items_of_list(w, i, s, z, postures, only);
	return CLI_DONE;
}

static int collect_config(struct zone_work *w, const struct cli *c, bool needs_layout,
			  const char *only)
{
	int code = cli_config(c, &w->config);
	if (code != CLI_DONE)
		return code;
	w->has_config = true;
	(void)str_copy(w->state, sizeof(w->state), w->config.state);
	w->list_count = w->config.site_count;
	w->lists = xcalloc(w->list_count, sizeof(*w->lists));
	w->wants = xcalloc(w->list_count, sizeof(*w->wants));
	for (size_t i = 0; i < w->config.site_count && code == CLI_DONE; i++)
		code = collect_site(w, c, i, needs_layout, only);
	return code;
}

int zone_work_collect(struct zone_work *w, const struct cli *c, bool needs_layout)
{
	*w = (struct zone_work){ .now = stamp_now() };
	(void)str_copy(w->state, sizeof(w->state), DEFAULT_STATE);
	char origin[NAME_TEXT_MAX];
	struct name_note note = { "" };
	struct error e;
	const char *only = cli_option(c, "origin");
	int code = CLI_DONE;
	if (only && name_read(only, origin, &note, &e) != 0)
		return cli_usage(c, "--origin: %s", e.text);
	if (note.text[0])
		cli_warn(c, "--origin: %s", note.text);
	if (cli_option(c, "zone"))
		code = collect_options(w, c, needs_layout, only ? origin : NULL);
	else
		code = collect_config(w, c, needs_layout, only ? origin : NULL);
	if (code == CLI_DONE && w->count == 0)
		code = cli_usage(c,
				 "no zone file%s%s is named: give --zone FILE, or a "
				 "`zone` section in the "
				 "configuration",
				 only ? " for " : "", only ? origin : "");
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
	if (w->has_config)
		config_release(&w->config);
	*w = (struct zone_work){ 0 };
}

void zone_work_ask_serials(struct zone_work *w, const struct cli *c)
{
	struct zone_serial *zones = xcalloc(w->count, sizeof(*zones));
	size_t *items = xcalloc(w->count, sizeof(*items));
	size_t n = 0, silent = 0;
	struct error e;
	for (size_t i = 0; i < w->count; i++) {
		if (w->items[i].update)
			continue; /* the server gives those their serials itself */
		items[n] = i;
		zones[n++].origin = w->items[i].zone->origin;
	}
	int rc = n ? serials_ask(zones, n, &e) : 0;
	for (size_t i = 0; i < n; i++) {
		w->items[items[i]].serial_floor = zones[i].highest;
		w->items[items[i]].has_serial_floor = zones[i].is_known;
		silent += !zones[i].is_known;
	}
	if (rc != 0)
		cli_warn(c, "the name servers could not be asked for their serials: %s",
			 e.text);
	else if (silent)
		cli_warn(c,
			 "of %zu of %zu zones no name server said which serial it has: "
			 "there the new one "
			 "exceeds the file's",
			 silent, n);
	free(zones);
	free(items);
}

void zone_work_job(const struct zone_work *w, size_t index, struct job *ret)
{
	const struct zone_work_item *i = &w->items[index];
	*ret = (struct job){ .want = i->want,
			     .check = i->check,
			     .reload = i->reload,
			     .state = w->state,
			     .now = w->now };
	ret->serial_floor = i->serial_floor;
	ret->has_serial_floor = i->has_serial_floor;
	(void)str_copy(ret->origin, sizeof(ret->origin), i->zone->origin);
	(void)str_copy(ret->path, sizeof(ret->path), i->zone->path);
	if (i->zone->include_base)
		(void)str_copy(ret->include_base, sizeof(ret->include_base),
			       i->zone->include_base);
}
