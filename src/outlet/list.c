#include "outlet/list.h"

#include <stdlib.h>

#include "base/mem.h"
#include "outlet/json.h"

static int take(void *arg, const struct listing *l)
{
	struct list *list = arg;
	list->would_be += !l->is_listed && l->would_be;
	if (!l->is_listed)
		return 0;
	list->entries =
	    xroom(list->entries, list->count, &list->cap, sizeof(*list->entries));
	list->entries[list->count++] = *l;
	return 0;
}

int list_make(struct ask *a, struct list *ret_list, struct error *e)
{
	struct list l = { .sites = ask_sites(a) };
	int rc = ask_listed(a, true, take, &l, e);
	if (rc != 0) {
		list_release(&l);
		return rc;
	}
	*ret_list = l;
	return 0;
}

void list_release(struct list *l)
{
	free(l->entries);
	*l = (struct list){ .entries = NULL };
}

void list_plain(const struct list *l, struct buf *out)
{
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < l->count; i++) {
		/* once, though two sites listed it */
		if (i > 0 && addr_equal(l->entries[i].client, l->entries[i - 1].client))
			continue;
		buf_addf(out, "%s\n", addr_text(l->entries[i].client, text));
	}
}

/* The name of the site whose id listings and verdicts carry. */
static json_t *site_json(const struct list *l, uint16_t id)
{
	const struct site *s = sites_find(l->sites, id);
	return s ? json_text(s->name) : json_null();
}

json_t *list_json(const struct list *l)
{
	json_t *document = json_object();
	json_t *entries = json_array();
	json_add(document, "version", json_integer(LIST_VERSION));
	json_add(document, "mode",
		 json_text(l->sites->rules.enforce ? "enforce" : "observe"));
	for (size_t i = 0; i < l->count; i++) {
		const struct listing *n = &l->entries[i];
		json_t *o = json_object();
		json_add(o, "address", json_addr(n->client));
		json_add(o, "site", site_json(l, n->site));
		json_add(o, "reason", json_text(reason_text(n->reason)));
		json_add(o, "counted_visits", json_count(n->counted_visits));
		json_add(o, "since", json_stamp(n->since));
		json_add(o, "until", json_stamp(n->until));
		json_push(entries, o);
	}
	json_add(document, "listed", entries);
	json_add(document, "would_be_listed", json_count(l->would_be));
	return document;
}
