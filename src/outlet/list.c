#include "outlet/list.h"

#include <stdlib.h>

#include "base/mem.h"
#include "outlet/json.h"

static void take(void *arg, const struct listing *l)
{
	struct list *list = arg;
	if (!l->is_listed) {
		list->would_be++;
		return;
	}
	if (list->count == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 64;
		list->entries =
		    xrealloc(list->entries, list->cap, sizeof(*list->entries));
	}
	list->entries[list->count++] = *l;
}

static int compare(const void *a, const void *b)
{
	const struct listing *x = a;
	const struct listing *y = b;
	int order = addr_compare(x->client, y->client);
	return order != 0 ? order : (x->site > y->site) - (x->site < y->site);
}

struct list list_make(const struct judge *j)
{
	struct list l = { 0 };
	judge_each_listed(j, take, &l);
	if (l.count > 0)
		qsort(l.entries, l.count, sizeof(*l.entries), compare);
	return l;
}

void list_release(struct list *l)
{
	free(l->entries);
	*l = (struct list){ 0 };
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
static json_t *site_json(const struct judge *j, uint16_t id)
{
	for (size_t i = 0; i < judge_site_count(j); i++)
		if (judge_site(j, i)->id == id)
			return json_text(judge_site(j, i)->name);
	return json_null();
}

json_t *list_json(const struct list *l, const struct judge *j)
{
	json_t *document = json_object();
	json_t *entries = json_array();
	json_add(document, "version", json_integer(LIST_VERSION));
	json_add(document, "mode",
		 json_text(judge_rules(j)->enforce ? "enforce" : "observe"));
	for (size_t i = 0; i < l->count; i++) {
		const struct listing *e = &l->entries[i];
		json_t *o = json_object();
		json_add(o, "address", json_addr(e->client));
		json_add(o, "site", site_json(j, e->site));
		json_add(o, "reason", json_text(reason_text(e->reason)));
		json_add(o, "counted_visits", json_integer(e->counted_visits));
		json_add(o, "since", json_stamp(e->since));
		json_add(o, "until", json_stamp(e->until));
		json_push(entries, o);
	}
	json_add(document, "listed", entries);
	json_add(document, "would_be_listed", json_integer((json_int_t)l->would_be));
	return document;
}
