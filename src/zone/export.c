#include "zone/export.h"

#include <string.h>

#include "zone/export_internal.h"

static const char *const names[EXPORT_FORMATS] = {
	[EXPORT_TABLE] = "records",     [EXPORT_ZONE] = "zone",
	[EXPORT_NSUPDATE] = "nsupdate", [EXPORT_KNOTC] = "knotc",
	[EXPORT_POWERDNS] = "powerdns", [EXPORT_DNSCONTROL] = "dnscontrol",
	[EXPORT_OCTODNS] = "octodns",
};

const char *export_format_name(enum export_format f)
{
	return names[f];
}

bool export_format_parse(const char *text, enum export_format *ret)
{
	for (enum export_format f = 0; f < EXPORT_FORMATS; f++)
		if (strcmp(names[f], text) == 0) {
			*ret = f;
			return true;
		}
	return false;
}

int export_write(enum export_format f, const struct export *r, struct buf *out,
		 struct error *e)
{
	switch (f) {
	case EXPORT_TABLE: export_table(r, out); break;
	case EXPORT_ZONE: export_zone(r, out); break;
	case EXPORT_NSUPDATE: export_nsupdate(r, out); break;
	case EXPORT_KNOTC: export_knotc(r, out); break;
	case EXPORT_POWERDNS: export_powerdns(r, out); break;
	case EXPORT_DNSCONTROL: return export_dnscontrol(r, out, e);
	case EXPORT_OCTODNS: export_octodns(r, out); break;
	case EXPORT_FORMATS: break;
	}
	return 0;
}

/* ---- JSON ---- */

static void json_mx(struct buf *out, const char *key, const struct zone_mx *mx,
		    uint32_t count)
{
	buf_addf(out, "\"%s\":[", key);
	for (uint32_t i = 0; i < count; i++) {
		buf_addf(out, "%s{\"preference\":%u,\"host\":", i ? "," : "",
			 mx[i].preference);
		buf_add_json(out, mx[i].exchange);
		buf_addf(out, ",\"ttl\":%u}", mx[i].ttl);
	}
	buf_adds(out, "]");
}

static void json_record(struct buf *out, const struct export *r,
			const struct zone_change *c)
{
	char text[NAME_TEXT_MAX];
	buf_addf(out, "{\"action\":\"%s\",\"name\":", edit_action_name(c->action));
	buf_add_json(out, export_name(r, c->owner, text));
	buf_addf(out, ",\"type\":\"%s\",\"ttl\":%u,", edit_type_name(c->type), c->ttl);
	if (c->type == EDIT_MX)
		buf_addf(out, "\"priority\":%u,\"value\":", c->preference);
	else
		buf_adds(out, "\"priority\":null,\"value\":");
	buf_add_json(out, c->type == EDIT_MX ? c->target : c->rdata);
	buf_adds(out, "}");
}

void export_json(const struct export *r, struct buf *out)
{
	const struct plan *p = r->plan;
	if (!r->before) {
		buf_adds(out, "\"mx_before\":null,\"mx_after\":null,\"records\":[]");
		return;
	}
	json_mx(out, "mx_before", r->before, r->before_count);
	if (p->refusal[0]) {
		buf_adds(out, ",\"mx_after\":null,\"records\":[]");
		return;
	}
	buf_adds(out, ",");
	if (p->is_no_mail) /* nothing is to change, a null MX neither */
		json_mx(out, "mx_after", r->before, r->before_count);
	else
		json_mx(out, "mx_after", p->after, p->after_count);
	buf_adds(out, ",\"records\":[");
	for (size_t i = 0; i < p->count; i++) {
		buf_adds(out, i ? "," : "");
		json_record(out, r, &p->changes[i]);
	}
	buf_adds(out, "]");
}
