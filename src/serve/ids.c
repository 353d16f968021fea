#include "serve/ids.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <strings.h>

#include "base/mem.h"

/* Sites are entries of scope 0, hosts are entries of their site's scope; site
 * numbers begin at 1, so no host is taken for a site. */
struct numbered {
	uint16_t scope;
	uint16_t id;
	const char *name;
	char text[]; /* what name points to; empty in a key to search for */
};

struct ids {
	void *tree; /* of tsearch(3) */
	uint16_t last_site, last_host;
};

static int compare(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	if (x->scope != y->scope)
		return x->scope < y->scope ? -1 : 1;
	return strcasecmp(x->name, y->name);
}

static struct numbered *find(const struct ids *ids, uint16_t scope, const char *name)
{
	struct numbered key = { .scope = scope, .name = name };
	void *const *node = tfind(&key, &ids->tree, compare);
	return node ? *node : NULL;
}

/* The last definition wins, but a number once learnt stays used. */
static void put(struct ids *ids, uint16_t scope, const char *name, uint16_t id,
		uint16_t *last)
{
	assert(id != 0);
	if (id > *last)
		*last = id;
	struct numbered *known = find(ids, scope, name);
	if (known) {
		known->id = id;
		return;
	}
	size_t size = strlen(name) + 1;
	struct numbered *n = xcalloc(1, sizeof(*n) + size);
	n->scope = scope;
	n->id = id;
	(void)str_copy(n->text, size, name);
	n->name = n->text;
	void *node = tsearch(n, &ids->tree, compare);
	assert(node);
}

struct ids *ids_new(void)
{
	return xcalloc(1, sizeof(struct ids));
}

void ids_free(struct ids *ids)
{
	if (!ids)
		return;
	tdestroy(ids->tree, free);
	free(ids);
}

void ids_learn_host(struct ids *ids, uint16_t site_id, const char *host_name,
		    uint16_t host_id)
{
	put(ids, site_id, host_name, host_id, &ids->last_host);
}

void ids_learn(struct ids *ids, const struct site *s)
{
	put(ids, 0, s->name, s->id, &ids->last_site);
	for (size_t i = 0; i < s->host_count; i++)
		ids_learn_host(ids, s->id, s->hosts[i].name, s->hosts[i].id);
}

/* The number of a name, a new one if there is none; 0 when they are used up. */
static uint16_t number(struct ids *ids, uint16_t scope, const char *name, uint16_t *last)
{
	struct numbered *known = find(ids, scope, name);
	if (known)
		return known->id;
	if (*last == UINT16_MAX)
		return 0;
	uint16_t id = (uint16_t)(*last + 1);
	put(ids, scope, name, id, last);
	return id;
}

int ids_give(struct ids *ids, struct site *sites, size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		struct site *s = &sites[i];
		s->id = number(ids, 0, s->name, &ids->last_site);
		bool is_full = s->id == 0;
		for (size_t k = 0; k < s->host_count && !is_full; k++) {
			struct host *h = &s->hosts[k];
			h->id = number(ids, s->id, h->name, &ids->last_host);
			is_full = h->id == 0;
		}
		if (is_full)
			return error_set(e, -ERANGE,
					 "site \"%s\": this journal has named 65,535 "
					 "sites or hosts and has no number left; start "
					 "a new journal",
					 s->name);
	}
	return 0;
}
