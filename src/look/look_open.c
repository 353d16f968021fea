/* Asks: what a look is waiting for. */
#include "look/look_open.h"

#include <stdlib.h>

#include "base/mem.h"

struct ask *ask_new(struct look *l, size_t at)
{
	struct ask *a = xcalloc(1, sizeof(*a));
	a->look = l;
	a->at = at;
	a->next = l->asks;
	a->link = &l->asks;
	if (a->next)
		a->next->link = &a->next;
	l->asks = a;
	l->open++;
	return a;
}

void look_free(struct look *l)
{
	for (struct ask *a = l->asks, *next; a; a = next) {
		next = a->next;
		free(a);
	}
	seen_release(&l->result.seen);
	free(l);
}

void ask_end(struct ask *a)
{
	struct look *l = a->look;
	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
	free(a);
	if (--l->open > 0)
		return;
	l->finish(l);
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	look_free(l);
}

void look_ask(struct look *l, const char *name, enum rr_type type,
	      resolver_callback *callback, struct ask *a)
{
	const struct look_options *o = &l->looker->options;
	if (o->has_primary && name_is_below(name, l->result.seen.domain))
		resolver_ask_server(l->looker->resolver, o->primary.addr, o->primary.port,
				    name, type, callback, a);
	else
		resolver_ask(l->looker->resolver, name, type, callback, a);
}

bool look_may_touch(const struct looker *lk, struct addr a)
{
	return lk->options.lab || addr_kind(a) == ADDR_PUBLIC;
}
