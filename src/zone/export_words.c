#include <string.h>

#include "base/mem.h"
#include "zone/export_internal.h"

const char *export_name(const struct export *r, const char *owner,
			char text[NAME_TEXT_MAX])
{
	(void)str_copy(text, NAME_TEXT_MAX, owner);
	if (strcmp(owner, r->zone) == 0)
		return "@";
	if (name_is_below(owner, r->zone))
		text[strlen(owner) - strlen(r->zone) - 1] = '\0';
	return text;
}

enum export_fate export_fate(const struct export *r, const struct zone_mx *mx)
{
	enum export_fate fate = EXPORT_NEW;
	for (uint32_t i = 0; i < r->before_count; i++) {
		const struct zone_mx *b = &r->before[i];
		if (strcmp(b->exchange, mx->exchange) != 0)
			continue;
		if (b->preference == mx->preference && b->ttl == mx->ttl)
			return EXPORT_KEPT;
		fate = EXPORT_CHANGED;
	}
	return fate;
}
