/* For the tools of name servers and of people who keep their DNS as code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "zone/export_internal.h"

/* ---- nsupdate ---- */

static void nsupdate_change(const struct zone_change *c, bool undo, const char *before,
			    struct buf *out)
{
	char mx[CHANGE_MX_TEXT_MAX];
	const char *rdata = zone_change_rdata(c, mx);
	if ((c->action == EDIT_REMOVE) != undo)
		buf_addf(out, "%supdate delete %s. IN %s %s\n", before, c->owner,
			 edit_type_name(c->type), rdata);
	else
		buf_addf(out, "%supdate add %s. %u IN %s %s\n", before, c->owner, c->ttl,
			 edit_type_name(c->type), rdata);
}

/* What was seen must still be there, whole: else nothing is changed. */
static void nsupdate_requires(const struct export *r, struct buf *out)
{
	const struct plan *p = r->plan;
	for (uint32_t i = 0; i < r->before_count; i++)
		buf_addf(out, "prereq yxrrset %s. IN MX %u %s.\n", r->domain,
			 r->before[i].preference, r->before[i].exchange);
	for (size_t i = 0; i < p->count; i++) {
		const struct zone_change *c = &p->changes[i];
		if (c->type != EDIT_MX && c->action == EDIT_ADD &&
		    plan_is_first_of_rrset(p, i))
			buf_addf(out, "prereq nxrrset %s. IN %s\n", c->owner,
				 edit_type_name(c->type));
	}
}

/* Deleting before adding: a changed TTL or preference is both. */
static void nsupdate_all(const struct plan *p, bool undo, const char *before,
			 struct buf *out)
{
	for (int adds = 0; adds < 2; adds++)
		for (size_t i = 0; i < p->count; i++)
			if (((p->changes[i].action == EDIT_ADD) != undo) == (adds == 1))
				nsupdate_change(&p->changes[i], undo, before, out);
}

void export_nsupdate(const struct export *r, struct buf *out)
{
	buf_addf(out, "zone %s.\n", r->zone);
	nsupdate_requires(r, out);
	nsupdate_all(r->plan, false, "", out);
	buf_adds(out, "send\n; to take it back:\n");
	nsupdate_all(r->plan, true, ";", out);
}

/* ---- knotc ---- */

/* In shell quotes: a name from the DNS may hold anything. */
static void quote(struct buf *out, const char *text)
{
	buf_adds(out, "'");
	for (; *text; text++) {
		if (*text == '\'')
			buf_adds(out, "'\\''");
		else
			buf_add(out, text, 1);
	}
	buf_adds(out, "'");
}

static void knotc_name(struct buf *out, const char *name)
{
	char text[NAME_TEXT_MAX + 1];
	(void)snprintf(text, sizeof(text), "%s.", name);
	if (name_is_host(name))
		buf_adds(out, text);
	else
		quote(out, text);
}

static void knotc_line(const struct export *r, const char *verb,
		       const struct zone_change *c, struct buf *out)
{
	buf_addf(out, "knotc %s ", verb);
	knotc_name(out, r->zone);
	if (!c) {
		buf_adds(out, "\n");
		return;
	}
	char mx[CHANGE_MX_TEXT_MAX];
	buf_adds(out, " ");
	knotc_name(out, c->owner);
	if (strcmp(verb, "zone-set") == 0)
		buf_addf(out, " %u", c->ttl);
	buf_addf(out, " %s ", edit_type_name(c->type));
	quote(out, zone_change_rdata(c, mx));
	buf_adds(out, "\n");
}

static void knotc_all(const struct export *r, bool undo, const char *before,
		      struct buf *out)
{
	buf_adds(out, before);
	knotc_line(r, "zone-begin", NULL, out);
	for (size_t i = 0; i < r->plan->count; i++) {
		const struct zone_change *c = &r->plan->changes[i];
		buf_adds(out, before);
		knotc_line(r, (c->action == EDIT_ADD) != undo ? "zone-set" : "zone-unset",
			   c, out);
	}
	buf_adds(out, before);
	knotc_line(r, "zone-commit", NULL, out);
}

void export_knotc(const struct export *r, struct buf *out)
{
	knotc_all(r, false, "", out);
	buf_adds(out, "# to take it back:\n");
	knotc_all(r, true, "# ", out);
}

/* ---- PowerDNS ---- */

static void json_dotted(struct buf *out, const char *name)
{
	char text[NAME_TEXT_MAX + 1];
	(void)snprintf(text, sizeof(text), "%s.", name);
	buf_add_json(out, text);
}

static void powerdns_mx(const struct export *r, struct buf *out)
{
	const struct plan *p = r->plan;
	buf_adds(out, "{\"name\":");
	json_dotted(out, r->domain);
	buf_addf(out,
		 ",\"type\":\"MX\",\"ttl\":%u,\"changetype\":\"REPLACE\",\"records\":[",
		 p->after[0].ttl);
	for (uint32_t i = 0; i < p->after_count; i++) {
		char content[NAME_TEXT_MAX + 16];
		(void)snprintf(content, sizeof(content), "%u %s.", p->after[i].preference,
			       p->after[i].exchange);
		buf_adds(out, i ? ",{\"content\":" : "{\"content\":");
		buf_add_json(out, content);
		buf_adds(out, ",\"disabled\":false}");
	}
	buf_adds(out, "]}");
}

static void powerdns_content(struct buf *out, const char *rdata, unsigned *count)
{
	buf_adds(out, (*count)++ ? ",{\"content\":" : "{\"content\":");
	buf_add_json(out, rdata);
	buf_adds(out, ",\"disabled\":false}");
}

static bool is_change_of(const struct zone_change *c, const struct record_range *r)
{
	return edit_range_of(c->type) == r->type && strcmp(c->owner, r->owner) == 0;
}

static bool is_taken_out(const struct plan *p, const struct record_range *r)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->changes[i].type != EDIT_MX && is_change_of(&p->changes[i], r) &&
		    strcmp(p->changes[i].rdata, r->rdata) == 0)
			return true;
	return false;
}

/* An RRset that the plan makes, or takes out: what somebody else put beside it is
 * replaced by itself. */
static void powerdns_other(const struct export *x, size_t first, struct buf *out)
{
	const struct plan *p = x->plan;
	const struct zone_change *c = &p->changes[first];
	struct buf records = BUF_INIT(1 << 20);
	unsigned count = 0;
	for (size_t i = 0; i < x->record_count; i++)
		if (is_change_of(c, &x->records[i]) && !is_taken_out(p, &x->records[i]))
			powerdns_content(&records, x->records[i].rdata, &count);
	for (size_t i = first; i < p->count && c->action == EDIT_ADD; i++)
		if (p->changes[i].type == c->type &&
		    strcmp(p->changes[i].owner, c->owner) == 0)
			powerdns_content(&records, p->changes[i].rdata, &count);
	buf_adds(out, "{\"name\":");
	json_dotted(out, c->owner);
	buf_addf(out, ",\"type\":\"%s\"", edit_type_name(c->type));
	if (count)
		buf_addf(out, ",\"ttl\":%u,\"changetype\":\"REPLACE\",\"records\":[%s]}",
			 c->ttl, buf_text(&records));
	else
		buf_adds(out, ",\"changetype\":\"DELETE\"}");
	buf_release(&records);
}

void export_powerdns(const struct export *r, struct buf *out)
{
	const struct plan *p = r->plan;
	bool has_mx = plan_changes_mx(p), is_first = !has_mx;
	buf_adds(out, "{\"rrsets\":[");
	if (has_mx)
		powerdns_mx(r, out);
	for (size_t i = 0; i < p->count; i++) {
		if (p->changes[i].type == EDIT_MX || !plan_is_first_of_rrset(p, i))
			continue;
		buf_adds(out, is_first ? "" : ",");
		is_first = false;
		powerdns_other(r, i, out);
	}
	buf_adds(out, "]}\n");
}

/* ---- dnscontrol ---- */

/* rdata of a TLSA: three numbers, then the data in one piece. */
struct tlsa {
	unsigned usage, selector, matching;
	const char *data;
};

static struct tlsa read_tlsa(const char *rdata)
{
	struct tlsa t = { 0 };
	char *at;
	t.usage = (unsigned)strtoul(rdata, &at, 10);
	t.selector = (unsigned)strtoul(at, &at, 10);
	t.matching = (unsigned)strtoul(at, &at, 10);
	t.data = at + strspn(at, " ");
	return t;
}

static void dnscontrol_record(const struct export *r, const struct zone_change *c,
			      struct buf *out)
{
	char name[NAME_TEXT_MAX];
	buf_addf(out, "    %s(", edit_type_name(c->type));
	buf_add_json(out, export_name(r, c->owner, name));
	buf_adds(out, ", ");
	if (c->type == EDIT_MX) {
		buf_addf(out, "%u, ", c->preference);
		json_dotted(out, c->target);
	} else if (c->type == EDIT_TLSA) {
		struct tlsa t = read_tlsa(c->rdata);
		buf_addf(out, "%u, %u, %u, ", t.usage, t.selector, t.matching);
		buf_add_json(out, t.data);
	} else {
		buf_add_json(out, c->rdata);
	}
	buf_addf(out, ", TTL(%u)),\n", c->ttl);
}

int export_dnscontrol(const struct export *r, struct buf *out, struct error *e)
{
	const struct plan *p = r->plan;
	for (size_t i = 0; i < p->count; i++)
		if (p->changes[i].action == EDIT_REMOVE)
			return error_set(
			    e, FMX_EREFUSED,
			    r->reverts
				? "%s: D_EXTEND can only add records: take its lines out "
				  "of dnsconfig.js, "
				  "or see --format records for what has to go"
				: "%s: D_EXTEND can only add records, and here records "
				  "that are there have to "
				  "change: see --format records, and edit the lines of "
				  "D() by hand",
			    r->domain);
	buf_addf(out,
		 "// Below D(\"%s\", ...) in dnsconfig.js, if dnscontrol keeps this "
		 "zone; it takes out what no\n"
		 "// file names. Then: dnscontrol preview --domains %s\n"
		 "// To take it back, take these lines out.\n"
		 "D_EXTEND(",
		 r->zone, r->zone);
	buf_add_json(out, r->zone);
	buf_adds(out, ",\n");
	for (size_t i = 0; i < p->count; i++)
		dnscontrol_record(r, &p->changes[i], out);
	out->len -= strlen(",\n"); /* the last comma: there is a record at least */
	buf_adds(out, "\n);\n");
	return 0;
}

/* ---- octoDNS ---- */

static void octodns_mx(const struct export *r, struct buf *out)
{
	const struct plan *p = r->plan;
	buf_addf(out, "  - ttl: %u\n    type: MX\n    values:\n", p->after[0].ttl);
	for (uint32_t i = 0; i < p->after_count; i++) {
		buf_adds(out, "      - exchange: ");
		json_dotted(out, p->after[i].exchange);
		buf_addf(out, "\n        preference: %u\n", p->after[i].preference);
	}
}

static void octodns_value(const struct zone_change *c, struct buf *out)
{
	buf_adds(out, "      - ");
	if (c->type != EDIT_TLSA) {
		buf_add_json(out, c->rdata);
		buf_adds(out, "\n");
		return;
	}
	struct tlsa t = read_tlsa(c->rdata);
	buf_addf(out,
		 "certificate_association_data: \"%s\"\n"
		 "        certificate_usage: %u\n"
		 "        matching_type: %u\n"
		 "        selector: %u\n",
		 t.data, t.usage, t.matching, t.selector);
}

static const char *octodns_key(const struct export *r, const char *owner,
			       char text[NAME_TEXT_MAX])
{
	const char *name = export_name(r, owner, text);
	return strcmp(name, "@") == 0 ? "" : name;
}

/* All records that are added at one owner, RRset by RRset. */
static void octodns_owner(const struct export *r, const char *owner, struct buf *out)
{
	const struct plan *p = r->plan;
	char name[NAME_TEXT_MAX];
	buf_add_json(out, octodns_key(r, owner, name));
	buf_adds(out, ":\n");
	if (strcmp(owner, r->domain) == 0)
		octodns_mx(r, out);
	for (size_t i = 0; i < p->count; i++) {
		const struct zone_change *c = &p->changes[i];
		if (c->type == EDIT_MX || c->action != EDIT_ADD ||
		    strcmp(c->owner, owner) != 0 || !plan_is_first_of_rrset(p, i))
			continue;
		buf_addf(out, "  - ttl: %u\n    type: %s\n    values:\n", c->ttl,
			 edit_type_name(c->type));
		for (size_t k = i; k < p->count; k++)
			if (p->changes[k].type == c->type &&
			    strcmp(p->changes[k].owner, owner) == 0)
				octodns_value(&p->changes[k], out);
	}
}

/* octoDNS wants its keys in natural order: the next owner after `last` that
 * gets a record, or NULL. */
static const char *next_owner(const struct export *r, const char *last)
{
	char name[NAME_TEXT_MAX], best_name[NAME_TEXT_MAX], last_name[NAME_TEXT_MAX];
	const char *best = NULL;
	if (last)
		last = octodns_key(r, last, last_name);
	for (size_t i = 0; i < r->plan->count; i++) {
		const struct zone_change *c = &r->plan->changes[i];
		if (c->action != EDIT_ADD && c->type != EDIT_MX)
			continue;
		const char *key = octodns_key(r, c->owner, name);
		if (last && strverscmp(key, last) <= 0)
			continue;
		if (best && strverscmp(key, octodns_key(r, best, best_name)) >= 0)
			continue;
		best = c->owner;
	}
	return best;
}

void export_octodns(const struct export *r, struct buf *out)
{
	const struct plan *p = r->plan;
	buf_addf(out,
		 "# For the zone's file of octoDNS, %s.yaml, if octoDNS keeps this zone. "
		 "The MX set is\n"
		 "# whole: put it in the place of the one there, beside the other "
		 "records of that name.\n"
		 "---\n",
		 r->zone);
	const char *owner = NULL;
	while ((owner = next_owner(r, owner)))
		octodns_owner(r, owner, out);
	for (size_t i = 0; i < p->count; i++) {
		const struct zone_change *c = &p->changes[i];
		char name[NAME_TEXT_MAX];
		if (c->type != EDIT_MX && c->action == EDIT_REMOVE)
			buf_addf(out, "# take out: %s %s %s\n",
				 export_name(r, c->owner, name), edit_type_name(c->type),
				 c->rdata);
	}
	buf_adds(out, "# The MX set as it was, to take the change back:");
	for (uint32_t i = 0; i < r->before_count; i++)
		buf_addf(out, "%s %u %s", i ? "," : "", r->before[i].preference,
			 r->before[i].exchange);
	buf_adds(out, "\n");
}
