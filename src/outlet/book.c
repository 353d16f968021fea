#include "outlet/book.h"

#include <stdlib.h>

#include "base/mem.h"

struct entry {
	struct visits_host host;
	char *name, *site;
};

struct book {
	struct entry *entries[UINT16_MAX + 1]; /* by id */
	char *sites[UINT16_MAX + 1];
};

struct book *book_new(void)
{
	return xcalloc(1, sizeof(struct book));
}

static void free_entry(struct entry *n)
{
	if (!n)
		return;
	free(n->name);
	free(n->site);
	free(n);
}

void book_free(struct book *b)
{
	if (!b)
		return;
	for (size_t i = 0; i <= UINT16_MAX; i++)
		free_entry(b->entries[i]);
	for (size_t i = 0; i <= UINT16_MAX; i++)
		free(b->sites[i]);
	free(b);
}

void book_site(struct book *b, const struct site *s)
{
	free(b->sites[s->id]);
	b->sites[s->id] = xstrdup(s->name);
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *h = &s->hosts[i];
		struct entry *n = xcalloc(1, sizeof(*n));
		n->name = xstrdup(h->name);
		n->site = xstrdup(s->name);
		n->host = (struct visits_host){ .role = h->role,
						.name = n->name,
						.site = n->site };
		free_entry(b->entries[h->id]);
		b->entries[h->id] = n;
	}
}

void book_record(struct book *b, const struct record *r)
{
	struct site s;
	if (r->kind != RECORD_SITE || site_parse(r->text, &s, NULL) != 0)
		return;
	book_site(b, &s);
	site_release(&s);
}

const struct visits_host *book_host(const struct book *b, uint16_t id)
{
	return b->entries[id] ? &b->entries[id]->host : NULL;
}

const char *book_site_name(const struct book *b, uint16_t id)
{
	return b->sites[id] ? b->sites[id] : "";
}
