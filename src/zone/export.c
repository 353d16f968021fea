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

const struct zone_mx *export_after(const struct export *r, uint32_t *ret_count)
{
	const struct plan *p = r->plan;
	if (!r->before || p->refusal[0])
		return NULL;
	/* Of who takes no mail nothing is to change, a null MX neither. */
	*ret_count = p->is_no_mail ? r->before_count : p->after_count;
	return p->is_no_mail ? r->before : p->after;
}
