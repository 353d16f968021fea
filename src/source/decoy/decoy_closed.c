#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/decoy/decoy_own.h"

enum { ANSWER_MS = 10000 }; /* a kernel that refuses does so at once */

/* One connect. Outlives its check when that goes away meanwhile. */
struct attempt {
	uv_tcp_t tcp;
	uv_connect_t request;
	struct decoy_set *set;
	struct decoy_check *check; /* NULL: nobody wants to know any more */
};

struct decoy_check {
	uint16_t host;
	struct endpoint at;
	char *name;
	uint32_t due_ms;
	struct attempt *attempt; /* NULL: none runs */
	bool is_trouble, is_wanted;
	struct decoy_check *next;
};

static void on_closed(uv_handle_t *h)
{
	struct attempt *a = h->data;
	a->set->handles--;
	free(a);
}

static void abandon(struct decoy_check *c)
{
	if (!c->attempt)
		return;
	c->attempt->check = NULL;
	if (!uv_is_closing((uv_handle_t *)&c->attempt->tcp))
		uv_close((uv_handle_t *)&c->attempt->tcp, on_closed);
	c->attempt = NULL;
}

static void tell(struct decoy_set *d, struct decoy_check *c, const char *what)
{
	char text[512], at[DECOY_AT_TEXT_MAX];
	bool is_over = what == NULL;
	if (c->is_trouble == !is_over)
		return;
	c->is_trouble = !is_over;
	(void)snprintf(text, sizeof(text), "%s is a closed decoy, and %s %s", c->name,
		       decoy_at_text(c->at, at), what ? what : "refuses again");
	d->sink.trouble(d->sink.arg, c->host, is_over, text);
}

static void judge(struct decoy_set *d, struct decoy_check *c, int status)
{
	char text[256];
	switch (status) {
	case UV_ECONNREFUSED: tell(d, c, NULL); break;
	case 0:
		tell(d, c,
		     "answers: stop what listens there (a mail server that listens on "
		     "all addresses?), or give the decoy another posture");
		break;
	case UV_ETIMEDOUT:
		tell(d, c,
		     "is silent: senders would wait there for 30 to 135 seconds; let "
		     "the firewall refuse (reject with tcp reset) instead of drop");
		break;
	default:
		(void)snprintf(text, sizeof(text),
			       "cannot be tried from here: %s; senders should be refused",
			       uv_strerror(status));
		tell(d, c, text);
	}
}

static void on_connect(uv_connect_t *request, int status)
{
	struct attempt *a = request->data;
	struct decoy_check *c = a->check;
	if (!c)
		return; /* abandoned, and closing */
	judge(a->set, c, status);
	abandon(c);
}

static void start(struct decoy_set *d, struct decoy_check *c)
{
	struct sockaddr_storage sa;
	struct attempt *a = xcalloc(1, sizeof(*a));
	(void)addr_to_sockaddr(c->at.addr, c->at.port, &sa);
	c->due_ms = decoy_now_ms(d) + d->limits.check_ms;
	a->set = d;
	a->check = c;
	a->tcp.data = a->request.data = a;
	int rc = uv_tcp_init(d->loop, &a->tcp);
	if (rc != 0) {
		free(a);
		return;
	}
	d->handles++;
	c->attempt = a;
	/* From the decoy's own address, so that the watcher of knocks knows whose
	 * SYN it is. Where it is no address of this machine, nobody watches. */
	struct sockaddr_storage own;
	(void)addr_to_sockaddr(c->at.addr, 0, &own);
	(void)uv_tcp_bind(&a->tcp, (struct sockaddr *)&own, 0);
	rc = uv_tcp_connect(&a->request, &a->tcp, (struct sockaddr *)&sa, on_connect);
	if (rc != 0) {
		judge(d, c, rc);
		abandon(c);
	}
}

static bool is_due(const struct decoy_set *d, const struct decoy_check *c, uint32_t at_ms)
{
	(void)c;
	return (int32_t)(decoy_now_ms(d) - at_ms) >= 0;
}

void decoy_check_tick(struct decoy_set *d)
{
	for (struct decoy_check *c = d->checks; c; c = c->next) {
		uint32_t began = c->due_ms - d->limits.check_ms;
		if (c->attempt && is_due(d, c, began + ANSWER_MS)) {
			judge(d, c, UV_ETIMEDOUT);
			abandon(c);
		} else if (!c->attempt && is_due(d, c, c->due_ms)) {
			start(d, c);
		}
	}
}

void decoy_look_now(struct decoy_set *d)
{
	for (struct decoy_check *c = d->checks; c; c = c->next) {
		if (!c->attempt)
			c->due_ms = decoy_now_ms(d);
	}
}

static struct decoy_check *find(struct decoy_set *d, const struct decoy_spec *s)
{
	struct decoy_check *c = d->checks;
	while (c && !(c->host == s->host && c->at.port == s->at.port &&
		      addr_equal(c->at.addr, s->at.addr)))
		c = c->next;
	return c;
}

static void drop_unwanted(struct decoy_set *d)
{
	for (struct decoy_check **at = &d->checks; *at;) {
		struct decoy_check *c = *at;
		if (c->is_wanted) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		if (c->is_trouble)
			d->sink.trouble(d->sink.arg, c->host, true,
					"it is no closed decoy any more");
		abandon(c);
		free(c->name);
		free(c);
	}
}

void decoy_check_apply(struct decoy_set *d, const struct decoy_spec *specs, size_t count)
{
	for (struct decoy_check *c = d->checks; c; c = c->next)
		c->is_wanted = false;
	for (size_t i = 0; i < count; i++) {
		if (specs[i].posture != POSTURE_CLOSED)
			continue;
		struct decoy_check *c = find(d, &specs[i]);
		if (!c) {
			c = xcalloc(1, sizeof(*c));
			c->host = specs[i].host;
			c->at = specs[i].at;
			c->name = xstrdup(specs[i].name);
			c->due_ms = decoy_now_ms(d);
			c->next = d->checks;
			d->checks = c;
		}
		c->is_wanted = true;
	}
	drop_unwanted(d);
}
