#include "cli/plan_json.h"

#include "outlet/json.h"

struct export plan_json_export(const struct zone_shown *z)
{
	const struct zone_facts *f = z->result->facts;
	return (struct export){ .zone = z->zone,
				.domain = z->origin,
				.before = f->soa_count ? f->mx : NULL,
				.before_count =
				    f->mx_count < ZONE_MAX_MX ? f->mx_count : ZONE_MAX_MX,
				.plan = z->result->plan,
				.reverts = z->reverts,
				.records = z->result->ranges->records,
				.record_count = z->result->ranges->record_count };
}

static json_t *edits_json(const struct plan *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->count; i++) {
		const struct zone_change *c = &p->changes[i];
		char mx[CHANGE_MX_TEXT_MAX];
		json_t *o = json_object();
		json_add(o, "action", json_text(edit_action_name(c->action)));
		json_add(o, "owner", json_text(c->owner));
		json_add(o, "type", json_text(edit_type_name(c->type)));
		json_add(o, "ttl", json_integer(c->ttl));
		json_add(o, "rdata", json_text(zone_change_rdata(c, mx)));
		json_push(list, o);
	}
	return list;
}

static json_t *mx_json(const struct zone_mx *mx, uint32_t count)
{
	json_t *list = mx ? json_array() : json_null();
	for (uint32_t i = 0; mx && i < count; i++) {
		json_t *o = json_object();
		json_add(o, "preference", json_integer(mx[i].preference));
		json_add(o, "host", json_text(mx[i].exchange));
		json_add(o, "ttl", json_integer(mx[i].ttl));
		json_push(list, o);
	}
	return list;
}

static json_t *record_json(const struct export *x, const struct zone_change *c)
{
	char text[NAME_TEXT_MAX];
	bool is_mx = c->type == EDIT_MX;
	json_t *o = json_object();
	json_add(o, "action", json_text(edit_action_name(c->action)));
	json_add(o, "name", json_text(export_name(x, c->owner, text)));
	json_add(o, "type", json_text(edit_type_name(c->type)));
	json_add(o, "ttl", json_integer(c->ttl));
	json_add(o, "priority", is_mx ? json_integer(c->preference) : json_null());
	json_add(o, "value", json_text(is_mx ? c->target : c->rdata));
	return o;
}

/* Where the set after cannot be told, nothing is to be typed. */
static void add_sets(json_t *o, const struct export *x)
{
	uint32_t after_count = 0;
	const struct zone_mx *after = export_after(x, &after_count);
	json_t *records = json_array();
	for (size_t i = 0; after && i < x->plan->count; i++)
		json_push(records, record_json(x, &x->plan->changes[i]));
	json_add(o, "mx_before", mx_json(x->before, x->before_count));
	json_add(o, "mx_after", mx_json(after, after_count));
	json_add(o, "records", records);
}

static json_t *finding_json(const struct finding_kind *k, enum severity severity,
			    const char *text, const char *fix)
{
	json_t *o = json_object();
	json_add(o, "id", json_text(k->id));
	json_add(o, "severity", json_text(severity_name(severity)));
	json_add(o, "text", json_text(text));
	json_add(o, "fix", json_text(fix));
	return o;
}

static json_t *refusal_json(enum job_outcome outcome, const char *text)
{
	const struct finding_kind *k = finding_kind(
	    outcome == JOB_FAILED ? FINDING_ZONE_UNREADABLE : FINDING_PLAN_REFUSED);
	return finding_json(k, k->severity, text, k->fix);
}

static json_t *findings_json(const struct job_result *r, const struct findings *f)
{
	json_t *list = json_array();
	if (r->outcome >= JOB_REFUSED)
		json_push(list, refusal_json(r->outcome, r->error.text));
	for (size_t i = 0; i < f->count; i++)
		json_push(list, finding_json(f->items[i].kind, f->items[i].severity,
					     f->items[i].text, f->items[i].fix));
	return list;
}

void plan_json(const struct zone_shown *z, json_t *servers, struct buf *out)
{
	struct export x = plan_json_export(z);
	enum layout layout = z->reverts ? LAYOUT_NONE : z->layout;
	const struct zone_forecast *f = z->forecast;
	json_t *o = json_object();
	json_add(o, "zone", json_text(z->origin));
	json_add(o, "layout", json_text(layout_name(layout)));
	json_add(o, "edits", edits_json(z->result->plan));
	add_sets(o, &x);
	json_add(o, "findings", findings_json(z->result, &f->findings));
	if (z->reverts)
		json_add(o, "note", json_text_or_null(z->result->note));
	json_add(o, "senders_before", x.before ? senders_json(&f->before) : json_array());
	json_add(o, "senders", x.before ? senders_json(&f->after) : json_array());
	if (servers)
		json_add(o, "servers", servers);
	json_line(o, out);
}

void plan_json_problem(const char *zone, enum layout layout, enum job_outcome outcome,
		       const char *text, json_t *servers, struct buf *out)
{
	json_t *o = json_object(), *findings = json_array();
	json_push(findings, refusal_json(outcome, text));
	json_add(o, "zone", json_text(zone));
	json_add(o, "layout", json_text(layout_name(layout)));
	json_add(o, "edits", json_array());
	json_add(o, "mx_before", json_null());
	json_add(o, "mx_after", json_null());
	json_add(o, "records", json_array());
	json_add(o, "findings", findings);
	json_add(o, "senders_before", json_array());
	json_add(o, "senders", json_array());
	if (servers)
		json_add(o, "servers", servers);
	json_line(o, out);
}
