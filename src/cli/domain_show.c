#include "cli/domain_show.h"

#include <string.h>

#include "outlet/json.h"

static struct zone_shown shown_of(const struct domain_result *r,
				  const struct zone_forecast *o, bool reverts)
{
	return (struct zone_shown){ .origin = r->domain,
				    .zone = r->zone,
				    .layout = r->want->layout,
				    .reverts = reverts,
				    .result = &r->job,
				    .forecast = o };
}

/* ---- JSON ---- */

static json_t *servers_json(const struct domain_result *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->server_count; i++) {
		const struct seen_server *v = r->servers[i].server;
		json_t *o = json_object();
		json_add(o, "name", json_text(v->name));
		json_add(o, "address", json_addr(v->at.addr));
		json_add(o, "serial", json_integer(v->serial));
		json_add(o, "differs", json_text_or_null(r->servers[i].text));
		json_push(list, o);
	}
	return list;
}

void domain_json(const struct domain_result *r, const struct zone_forecast *o,
		 bool reverts, struct buf *out)
{
	struct zone_shown z = shown_of(r, o, reverts);
	plan_json(&z, servers_json(r), out);
}

void domain_json_problem(const char *domain, enum layout layout, enum job_outcome outcome,
			 const char *text, struct buf *out)
{
	plan_json_problem(domain, layout, outcome, text, json_array(), out);
}

/* ---- text ---- */

static void text_servers(const struct domain_result *r, struct buf *out)
{
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < r->server_count; i++) {
		const struct domain_difference *d = &r->servers[i];
		buf_addf(out, "  %s (%s), serial %u: %s\n", d->server->name,
			 addr_text(d->server->at.addr, text), d->server->serial,
			 d->text[0] ? d->text : "as wanted");
	}
}

static bool servers_disagree(const struct domain_result *r)
{
	for (size_t i = 1; i < r->server_count; i++)
		if (strcmp(r->servers[i].text, r->servers[0].text) != 0)
			return true;
	return false;
}

/* Not those that cannot be reached from here, as by IPv6 without a route. */
static size_t silent_servers(const struct domain_result *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->seen->server_count; i++)
		n += r->seen->servers[i].state == SERVER_SILENT ||
		     r->seen->servers[i].state == SERVER_LAME;
	return n;
}

static void text_same(const struct domain_result *r, bool reverts, struct buf *out)
{
	bool has_decoys =
	    r->want->low.name[0] || r->want->high.name[0] || r->want->former_count;
	if (reverts && !has_decoys) {
		buf_addf(
		    out,
		    "%s: no MX host is declared as a decoy or called like one, so "
		    "there is nothing to undo; if one is a decoy, say --decoy NAME.\n",
		    r->domain);
		return;
	}
	buf_addf(out, "%s is as wanted (layout %s)", r->domain,
		 layout_name(reverts ? LAYOUT_NONE : r->want->layout));
	size_t silent = silent_servers(r);
	if (r->differing == 0 && silent) {
		buf_addf(
		    out,
		    " at the %zu of %zu name servers that answer: nothing is left to "
		    "type.\n",
		    r->server_count, r->server_count + silent);
		return;
	}
	if (r->differing == 0) {
		buf_addf(out, " at %s: nothing to do.\n",
			 r->server_count == 1 ? "its name server" : "all name servers");
		return;
	}
	buf_addf(out, " at %zu of %zu name servers; nothing is left to type:\n",
		 r->server_count - r->differing, r->server_count);
	text_servers(r, out);
	buf_adds(out,
		 "Ask again in some minutes; where it stays so, see why that server's "
		 "transfers lag.\n");
}

/* "high (tried last)": many take a low number for a low priority. */
static void text_head(const struct domain_result *r, bool reverts, struct buf *out)
{
	static const char *const places[] = {
		[LAYOUT_NONE] = "no Fake MX",
		[LAYOUT_HIGH] = "a Fake MX behind the real hosts (tried last)",
		[LAYOUT_LOW] = "a Fake MX in front of the real hosts (tried first)",
		[LAYOUT_BOTH] = "a Fake MX on both sides of the real hosts",
	};
	enum layout l = reverts ? LAYOUT_NONE : r->want->layout;
	buf_addf(out, "%s is to have %s: layout %s.\n", r->domain, places[l],
		 layout_name(l));
}

static void text_step(const struct domain_result *r, bool reverts, struct buf *out)
{
	if (!reverts)
		buf_adds(out, "\nThe same command again says whether it is done.\n");
	else if (r->is_address_step)
		buf_addf(
		    out,
		    "\nThe MX records are as they were. Take the decoy's own records "
		    "out when caches have\nforgotten it: two TTLs (%u seconds) after "
		    "its MX record went.\n",
		    2 * r->job.plan->ttl_before);
	else
		buf_addf(out,
			 "\nKeep the decoy's host and address as they are until caches "
			 "have forgotten it, two TTLs\n(%u seconds) after; then the same "
			 "command says what is left to take out.\n",
			 2 * r->job.plan->ttl_before);
}

int domain_text(const struct domain_result *r, const struct zone_forecast *o,
		bool reverts, enum export_format format, struct buf *out, struct error *e)
{
	struct zone_shown z = shown_of(r, o, reverts);
	if (r->job.outcome == JOB_NO_MAIL) {
		if (format == EXPORT_TABLE)
			zone_show_no_mail(r->domain, &r->job, out);
		if (format == EXPORT_TABLE && !reverts)
			zone_show_findings(&o->findings, out);
		return 0;
	}
	if (r->job.outcome == JOB_SAME) {
		if (format == EXPORT_TABLE)
			text_same(r, reverts, out);
		if (format == EXPORT_TABLE && !reverts)
			zone_show_findings(&o->findings, out);
		return 0;
	}
	if (format == EXPORT_TABLE)
		text_head(r, reverts, out);
	int rc = zone_show_export(format, &z, out, e);
	if (rc != 0 || format != EXPORT_TABLE)
		return rc;
	text_step(r, reverts, out);
	if (servers_disagree(r)) {
		buf_adds(out, "\nThe name servers do not agree:\n");
		text_servers(r, out);
	}
	if (reverts)
		return 0;
	buf_adds(out, "\n");
	zone_show_findings(&o->findings, out);
	zone_show_senders(o, out);
	return 0;
}
