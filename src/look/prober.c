#include "look/prober.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { BUCKETS = 4096 };

struct asker {
	struct asker *next;
	probe_callback *callback;
	void *arg;
};

/* An address: asked for, being probed, or known. */
struct target {
	struct target *in_bucket; /* next of the same hash */
	struct target *next;      /* in the queue it stands in */
	struct prober *prober;
	struct addr addr;
	struct probe *probe; /* while it is under way */
	bool is_done;
	struct asker *askers;
	struct probe_result result;
};

struct queue {
	struct target *first, **last;
};

struct prober {
	uv_loop_t *loop;
	uv_idle_t soon;
	uint16_t port;
	int64_t timeout_us;
	unsigned open, kept;
	struct target *buckets[BUCKETS];
	struct queue waiting; /* to be probed */
	struct queue done;    /* oldest first */
	bool is_closing;
};

static void queue_add(struct queue *q, struct target *t)
{
	t->next = NULL;
	*q->last = t;
	q->last = &t->next;
}

static struct target *queue_take(struct queue *q)
{
	struct target *t = q->first;
	if (t) {
		q->first = t->next;
		if (!q->first)
			q->last = &q->first;
	}
	return t;
}

static struct target **place(struct prober *p, struct addr addr)
{
	struct target **at = &p->buckets[addr_hash(addr) % BUCKETS];
	while (*at && !addr_equal((*at)->addr, addr))
		at = &(*at)->in_bucket;
	return at;
}

static void tell(struct target *t)
{
	/* A callback may ask for this address again: that is a new asker. */
	struct asker *a = t->askers;
	t->askers = NULL;
	while (a) {
		struct asker *next = a->next;
		if (!t->prober->is_closing)
			a->callback(&t->result, a->arg);
		free(a);
		a = next;
	}
}

static void forget_oldest(struct prober *p)
{
	struct target *t = queue_take(&p->done);
	if (t->askers) { /* somebody waits for it: it is not old */
		queue_add(&p->done, t);
		return;
	}
	*place(p, t->addr) = t->in_bucket;
	free(t);
	p->kept--;
}

static void start_more(struct prober *p);

static void on_probed(const struct probe_result *r, void *arg)
{
	struct target *t = arg;
	struct prober *p = t->prober;
	t->probe = NULL;
	t->is_done = true;
	t->result = *r;
	p->open--;
	queue_add(&p->done, t);
	if (++p->kept > PROBER_KEPT_MAX)
		forget_oldest(p);
	tell(t);
	start_more(p);
}

static void start_more(struct prober *p)
{
	while (p->open < PROBER_OPEN_MAX && p->waiting.first) {
		struct target *t = queue_take(&p->waiting);
		p->open++;
		t->probe =
		    probe_start(p->loop, t->addr, p->port, p->timeout_us, on_probed, t);
	}
}

static void on_soon(uv_idle_t *h)
{
	struct prober *p = h->data;
	(void)uv_idle_stop(h);
	for (struct target *t = p->done.first; t; t = t->next)
		if (t->askers)
			tell(t);
}

struct prober *prober_new(uv_loop_t *loop, uint16_t port, int64_t timeout_us)
{
	struct prober *p = xcalloc(1, sizeof(*p));
	p->loop = loop;
	p->port = port;
	p->timeout_us = timeout_us;
	p->waiting.last = &p->waiting.first;
	p->done.last = &p->done.first;
	p->soon.data = p;
	int r = uv_idle_init(loop, &p->soon);
	assert(r == 0);
	return p;
}

void prober_ask(struct prober *p, struct addr addr, probe_callback *callback, void *arg)
{
	struct target **at = place(p, addr), *t = *at;
	if (!t) {
		t = *at = xcalloc(1, sizeof(*t));
		t->prober = p;
		t->addr = addr;
		queue_add(&p->waiting, t);
	}
	struct asker *a = xcalloc(1, sizeof(*a));
	*a = (struct asker){ .next = t->askers, .callback = callback, .arg = arg };
	t->askers = a;
	if (t->is_done)
		(void)uv_idle_start(&p->soon, on_soon);
	else
		start_more(p);
}

void prober_forget(struct prober *p, struct addr addr)
{
	struct target **at = place(p, addr), *t = *at;
	if (!t || !t->is_done || t->askers)
		return;
	*at = t->in_bucket;
	struct target **link = &p->done.first;
	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	if (!t->next)
		p->done.last = link;
	free(t);
	p->kept--;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void prober_free(struct prober *p)
{
	p->is_closing = true;
	for (size_t i = 0; i < BUCKETS; i++)
		while (p->buckets[i]) {
			struct target *t = p->buckets[i];
			p->buckets[i] = t->in_bucket;
			if (t->probe)
				probe_cancel(t->probe);
			tell(t);
			free(t);
		}
	uv_close((uv_handle_t *)&p->soon, on_closed);
}
