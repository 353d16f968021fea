/* For people at a provider's form, and for those who keep a zone file. */
#include <stdio.h>
#include <string.h>

#include "zone/export_internal.h"

/* One line of a form. */
struct line {
	const char *what, *type, *owner, *value;
	int priority; /* -1: none */
	uint32_t ttl;
};

static void add_line(const struct export *r, const struct line *l, int width,
		     struct buf *out)
{
	char name[NAME_TEXT_MAX], priority[12] = "";
	if (l->priority >= 0)
		(void)snprintf(priority, sizeof(priority), "%d", l->priority);
	buf_addf(out, "  %-7s %-5s %-*s %8s  ", l->what, l->type, width,
		 export_name(r, l->owner, name), priority);
	if (l->ttl)
		buf_addf(out, "%-*s  %u\n", width + 16, l->value, l->ttl);
	else
		buf_addf(out, "%s\n", l->value);
}

static int name_width(const struct export *r)
{
	int width = 10;
	for (size_t i = 0; i < r->plan->count; i++) {
		char name[NAME_TEXT_MAX];
		int n = (int)strlen(export_name(r, r->plan->changes[i].owner, name));
		width = n > width ? n : width;
	}
	return width;
}

static struct line line_of(const struct zone_change *c, const char *what)
{
	return (struct line){ .what = what,
			      .type = edit_type_name(c->type),
			      .owner = c->owner,
			      .value = c->type == EDIT_MX ? c->target : c->rdata,
			      .priority = c->type == EDIT_MX ? c->preference : -1,
			      .ttl = c->ttl };
}

static bool stays(const struct plan *p, const char *exchange)
{
	for (uint32_t i = 0; i < p->after_count; i++)
		if (strcmp(p->after[i].exchange, exchange) == 0)
			return true;
	return false;
}

/* A line of the form that is edited is one line here, not two. */
static void add_mx_lines(const struct export *r, int width, struct buf *out)
{
	static const char *const words[] = { "leave", "change", "add" };
	const struct plan *p = r->plan;
	for (uint32_t i = 0; i < p->after_count; i++) {
		const struct zone_mx *mx = &p->after[i];
		struct line l = { .what = words[export_fate(r, mx)],
				  .type = "MX",
				  .owner = r->domain,
				  .value = mx->exchange,
				  .priority = mx->preference,
				  .ttl = mx->ttl };
		add_line(r, &l, width, out);
	}
	for (size_t i = 0; i < p->count; i++) {
		const struct zone_change *c = &p->changes[i];
		struct line l = line_of(c, "remove");
		l.ttl = 0;
		if (c->type == EDIT_MX && c->action == EDIT_REMOVE &&
		    !stays(p, c->target))
			add_line(r, &l, width, out);
	}
}

static void add_other_lines(const struct export *r, enum edit_action action, int width,
			    struct buf *out)
{
	for (size_t i = 0; i < r->plan->count; i++) {
		const struct zone_change *c = &r->plan->changes[i];
		struct line l = line_of(c, action == EDIT_ADD ? "add" : "remove");
		if (c->type != EDIT_MX && c->action == action)
			add_line(r, &l, width, out);
	}
}

/* An example of a full name, for the sentences. */
static const char *some_name(const struct export *r)
{
	for (size_t i = 0; i < r->plan->count; i++)
		if (strcmp(r->plan->changes[i].owner, r->domain) != 0)
			return r->plan->changes[i].owner;
	for (size_t i = 0; i < r->plan->count; i++)
		if (r->plan->changes[i].type == EDIT_MX)
			return r->plan->changes[i].target;
	return r->domain;
}

static bool adds(const struct plan *p, enum edit_type type)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->changes[i].action == EDIT_ADD && p->changes[i].type == type)
			return true;
	return false;
}

static void add_words(const struct export *r, struct buf *out)
{
	const struct plan *p = r->plan;
	char text[NAME_TEXT_MAX];
	const char *full = some_name(r);
	buf_addf(out,
		 "\nNAME      \"@\" is %s itself; some forms want the field empty, or "
		 "%s there.\n"
		 "          Where a form wants names in full, %s is \"%s\".\n",
		 r->zone, r->zone, export_name(r, full, text), full);
	buf_addf(out,
		 "PRIORITY  The lower number is tried first. Forms without this field "
		 "take it before the\n"
		 "          value, as in \"%u %s\".\n",
		 p->after_count ? p->after[p->after_count - 1].preference : 10,
		 p->after_count ? p->after[p->after_count - 1].exchange : full);
	buf_addf(out,
		 "VALUE     Without a final dot; with it (\"%s.\") where the form "
		 "would add \".%s\"\n"
		 "          to what you type.\n",
		 full, r->zone);
	buf_adds(out, "TTL       Seconds. Where the form's least is longer, take its "
		      "least, for all MX\n"
		      "          lines alike; to take the change back takes as long.\n");
	if (adds(p, EDIT_A) || adds(p, EDIT_AAAA))
		buf_adds(out, "          At Cloudflare an address record must be \"DNS "
			      "only\", never \"Proxied\".\n");
	buf_adds(out, "Leave every other line as it is. An API that replaces whole sets "
		      "needs the whole\nMX set:\n");
}

static void add_set(struct buf *out, const char *what, const struct zone_mx *mx,
		    uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		buf_addf(out, "  %-7s %u %s\n", i ? "" : what, mx[i].preference,
			 mx[i].exchange);
}

static bool is_kept(const struct plan *p, const struct zone_mx *mx)
{
	for (uint32_t i = 0; i < p->after_count; i++)
		if (p->after[i].preference == mx->preference &&
		    p->after[i].ttl == mx->ttl &&
		    strcmp(p->after[i].exchange, mx->exchange) == 0)
			return true;
	return false;
}

static void add_undo_mx(const struct export *r, int width, struct buf *out)
{
	const struct plan *p = r->plan;
	for (uint32_t i = 0; i < p->after_count; i++) {
		const struct zone_mx *mx = &p->after[i];
		struct line l = { "remove",     "MX",           r->domain,
				  mx->exchange, mx->preference, 0 };
		if (export_fate(r, mx) == EXPORT_NEW)
			add_line(r, &l, width, out);
	}
	for (uint32_t i = 0; i < r->before_count; i++) {
		const struct zone_mx *mx = &r->before[i];
		struct line l = { stays(p, mx->exchange) ? "change" : "add",
				  "MX",
				  r->domain,
				  mx->exchange,
				  mx->preference,
				  mx->ttl };
		if (!is_kept(p, mx))
			add_line(r, &l, width, out);
	}
}

/* What takes the change back, in the order in which it is safe. */
static void add_undo(const struct export *r, int width, struct buf *out)
{
	const struct plan *p = r->plan;
	bool has_others = false;
	for (size_t i = 0; i < p->count; i++)
		has_others |= p->changes[i].type != EDIT_MX;
	buf_adds(out, "\nTo take it back:\n");
	add_undo_mx(r, width, out);
	if (has_others && !r->reverts)
		buf_addf(out,
			 "and %u seconds (two TTLs) later, when caches have forgotten "
			 "it:\n",
			 2 * (p->after_count ? p->after[0].ttl : p->ttl_before));
	for (size_t i = 0; i < p->count; i++) {
		const struct zone_change *c = &p->changes[i];
		struct line l = line_of(c, c->action == EDIT_ADD ? "remove" : "add");
		if (c->action == EDIT_ADD)
			l.ttl = 0;
		if (c->type != EDIT_MX)
			add_line(r, &l, width, out);
	}
}

void export_table(const struct export *r, struct buf *out)
{
	int width = name_width(r);
	buf_addf(out, "To type where the zone %s is kept:\n\n", r->zone);
	buf_addf(out, "  %-7s %-5s %-*s %8s  %-*s  %s\n", "DO", "TYPE", width, "NAME",
		 "PRIORITY", width + 16, "VALUE", "TTL");
	add_other_lines(r, EDIT_ADD, width, out); /* addresses before their MX */
	add_mx_lines(r, width, out);
	add_other_lines(r, EDIT_REMOVE, width, out);
	add_words(r, out);
	add_set(out, "before", r->before, r->before_count);
	add_set(out, "after", r->plan->after, r->plan->after_count);
	add_undo(r, width, out);
}

/* ---- zone text ---- */

static void add_zone_mx(const struct export *r, const struct zone_mx *mx,
			const char *before, struct buf *out)
{
	buf_addf(out, "%s%s. %u IN MX %u %s.\n", before, r->domain, mx->ttl,
		 mx->preference, mx->exchange);
}

static void add_zone_others(const struct export *r, enum edit_action action,
			    const char *before, struct buf *out)
{
	for (size_t i = 0; i < r->plan->count; i++) {
		const struct zone_change *c = &r->plan->changes[i];
		if (c->type == EDIT_MX || c->action != action)
			continue;
		buf_addf(out, "%s%s.", before, c->owner);
		if (c->action == EDIT_ADD)
			buf_addf(out, " %u", c->ttl);
		buf_addf(out, " IN %s %s\n", edit_type_name(c->type), c->rdata);
	}
}

void export_zone(const struct export *r, struct buf *out)
{
	const struct plan *p = r->plan;
	buf_addf(out, "; %s: the whole MX set as it is to be\n", r->domain);
	for (uint32_t i = 0; i < p->after_count; i++)
		add_zone_mx(r, &p->after[i], "", out);
	add_zone_others(r, EDIT_ADD, "", out);
	buf_adds(out, "; the MX set as it was, to take the change back\n");
	for (uint32_t i = 0; i < r->before_count; i++)
		add_zone_mx(r, &r->before[i], ";was ", out);
	add_zone_others(r, EDIT_REMOVE, ";remove ", out);
}
