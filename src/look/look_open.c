/* Asks: what a look is waiting for. */
#include "look/look_open.h"

#include <stdlib.h>

#include "base/mem.h"

struct query *query_new(struct look *l, size_t at)
{
	struct query *a = xcalloc(1, sizeof(*a));
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

static void on_timer_closed(uv_handle_t *h)
{
	free(h);
}

void look_free(struct look *l)
{
	for (struct query *a = l->asks, *next; a; a = next) {
		next = a->next;
		free(a);
	}
	if (l->again)
		uv_close((uv_handle_t *)l->again, on_timer_closed);
	seen_release(&l->result.seen);
	free(l);
}

void query_end(struct query *a)
{
	struct look *l = a->look;
	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
	free(a);
	if (--l->open > 0 || !l->finish(l))
		return;
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	look_free(l);
}

/* A name of another zone: REFUSED, or a referral. */
static void on_primary(const struct answer *ans, void *arg)
{
	struct query *a = arg;
	if (lookup_is_sure(ans->status) && ans->is_authoritative)
		a->then(ans, a);
	else
		resolver_ask(a->look->looker->resolver, a->name, a->type, a->then, a);
}

void look_ask(struct look *l, const char *name, enum rr_type type,
	      resolver_callback *callback, struct query *a)
{
	const struct look_options *o = &l->looker->options;
	struct resolver *r = l->looker->resolver;
	if (!o->has_primary) {
		resolver_ask(r, name, type, callback, a);
		return;
	}
	a->type = type;
	a->then = callback;
	(void)str_copy(a->name, sizeof(a->name), name);
	resolver_ask_server(
	    r, o->primary.addr, o->primary.port, name, type,
	    name_is_below(name, l->result.seen.domain) ? callback : on_primary, a);
}

bool look_may_touch(const struct looker *lk, struct addr a)
{
	return lk->options.lab || addr_kind(a) == ADDR_PUBLIC;
}
