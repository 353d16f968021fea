#include "cli/publish/publish_lists.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/number.h"
#include "zone/command.h"

void publish_lists_init(struct publish_lists *p, const struct config *c)
{
	*p = (struct publish_lists){ .config = c };
	p->zones = xcalloc(c->publish_count + 1, sizeof(*p->zones));
}

void publish_lists_release(struct publish_lists *p)
{
	for (size_t i = 0; i < p->config->publish_count; i++)
		publish_zone_release(&p->zones[i]);
	free(p->zones);
	*p = (struct publish_lists){ .config = NULL };
}

static int publish_section(struct publish_zone *z, const struct config_publish *s,
			   struct published_list *l, uint64_t *ret_changes,
			   struct error *e)
{
	bool is_changed = false;
	int rc = *s->file ? published_file(s->file, l, &is_changed, e)
			  : publish_zone(z, s, l, ret_changes, e);
	if (rc == 0 && *s->file)
		*ret_changes = is_changed;
	if (rc == 0 && *s->after && *ret_changes)
		rc = command_run(s->after, s->zone, s->file, e);
	return rc;
}

size_t publish_lists(struct publish_lists *p, const struct publish_source *s,
		     publish_told_fn told, void *arg)
{
	size_t failed = 0;
	for (size_t i = 0; i < p->config->publish_count; i++) {
		struct publish_result r = { .section = &p->config->publish[i] };
		struct published_list l = { .format = (enum list_format)r.section->format,
					    .head = s->head,
					    .filter = s->filter,
					    .ask = s->ask };
		r.has_failed = publish_section(&p->zones[i], r.section, &l, &r.changes,
					       &r.error) != 0;
		r.listed = l.counts.listed;
		failed += r.has_failed;
		told(arg, &r);
	}
	return failed;
}

void publish_result_text(const struct publish_result *r, struct buf *out)
{
	const struct config_publish *s = r->section;
	if (r->has_failed) {
		buf_addf(out, "%s: %s", s->name, r->error.text);
		return;
	}
	buf_addf(out, "%s: %" PRIu64 " sender%s in %s", s->name, r->listed,
		 number_plural(r->listed), *s->file ? s->file : s->zone);
	if (r->changes && !*s->file)
		buf_addf(out, ", %" PRIu64 " change%s", r->changes,
			 number_plural(r->changes));
	else
		buf_adds(out, r->changes ? ", changed" : ", as before");
}
