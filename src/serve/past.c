#include "serve/past.h"

#include <search.h>
#include <strings.h>

#include "base/mem.h"
#include "base/stamp.h"

enum { IDS = UINT16_MAX + 1 };

struct mark {
	int64_t upto, seen;
};

/* A visit of a log, or an allowed text; both live in a tree of tsearch(3). */
struct old_visit {
	uint16_t host;
	struct addr client;
	int64_t time;
	uint32_t times_before; /* that earlier readers gave it */
	uint32_t times;        /* that the present one did */
};

struct past {
	struct mark *marks; /* by host id */
	void *visits;       /* tree of struct old_visit */
	size_t visit_count;
	size_t refused; /* visits that found no room since the last clearing up */
	struct past_probe probes[PAST_MAX_PROBES]; /* a ring */
	size_t probe_count;
	char **allowed;
	size_t allowed_count;
	int64_t began;
};

struct past *past_new(void)
{
	struct past *p = xcalloc(1, sizeof(*p));
	p->marks = xcalloc(IDS, sizeof(*p->marks));
	p->began = STAMP_NEVER;
	return p;
}

void past_free(struct past *p)
{
	if (!p)
		return;
	tdestroy(p->visits, free);
	for (size_t i = 0; i < p->allowed_count; i++)
		free(p->allowed[i]);
	free(p->allowed);
	free(p->marks);
	free(p);
}

static int compare_visits(const void *a, const void *b)
{
	const struct old_visit *x = a, *y = b;
	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return addr_compare(x->client, y->client);
}

static struct old_visit key_of(const struct visit *v)
{
	return (
	    struct old_visit){ .host = v->host, .client = v->client, .time = v->time };
}

static struct old_visit *find_visit(const struct past *p, const struct visit *v)
{
	struct old_visit key = key_of(v);
	void *const *node = tfind(&key, &p->visits, compare_visits);
	return node ? *node : NULL;
}

/* NULL: there is no room. */
static struct old_visit *add_visit(struct past *p, const struct visit *v)
{
	if (p->visit_count == PAST_MAX_VISITS) {
		p->refused++;
		return NULL;
	}
	struct old_visit *n = xcalloc(1, sizeof(*n));
	*n = key_of(v);
	(void)!tsearch(n, &p->visits, compare_visits);
	p->visit_count++;
	return n;
}

/* What is before a watermark will not be read again. Cleared up in bulk when
 * the table is full, and again only after as many visits found no room: a host
 * without watermarks would make each of them clear up in vain. */
static void drop_passed(struct past *p)
{
	p->refused = 0;
	void *old = p->visits;
	p->visits = NULL;
	p->visit_count = 0;
	while (old) {
		struct old_visit *v = *(struct old_visit **)old;
		tdelete(v, &old, compare_visits);
		if (v->time < p->marks[v->host].upto) {
			free(v);
			continue;
		}
		(void)!tsearch(v, &p->visits, compare_visits);
		p->visit_count++;
	}
}

/* NULL: it will not be given again, or there is no room. */
static struct old_visit *note_visit(struct past *p, const struct visit *v)
{
	struct old_visit *known = find_visit(p, v);
	if (known || v->time < p->marks[v->host].upto)
		return known;
	if (p->visit_count == PAST_MAX_VISITS &&
	    (p->refused == 0 || p->refused >= PAST_MAX_VISITS))
		drop_passed(p);
	return add_visit(p, v);
}

static void note_journalled(struct past *p, const struct visit *v)
{
	if (v->source == VISIT_SOURCE_DECOY || v->source == VISIT_SOURCE_KNOCK)
		return;
	struct old_visit *n = note_visit(p, v);
	if (n)
		n->times_before++;
}

static size_t find_allowed(const struct past *p, const char *text)
{
	size_t i = 0;
	while (i < p->allowed_count && strcasecmp(p->allowed[i], text) != 0)
		i++;
	return i;
}

static void note_allow(struct past *p, const struct record *r)
{
	size_t at = find_allowed(p, r->text);
	bool is_known = at < p->allowed_count;
	bool is_ours = r->is_ok && strcmp(r->note, PAST_CONFIG_NOTE) == 0;
	if (is_ours && !is_known) {
		p->allowed =
		    xrealloc(p->allowed, p->allowed_count + 1, sizeof(*p->allowed));
		p->allowed[p->allowed_count++] = xstrdup(r->text);
	} else if (!is_ours && is_known) {
		/* Somebody else put it on or took it off: no longer ours. */
		free(p->allowed[at]);
		p->allowed[at] = p->allowed[--p->allowed_count];
	}
}

void past_record(void *arg, const struct record *r)
{
	struct past *p = arg;
	if (r->seen < p->began)
		p->began = r->seen;
	switch (r->kind) {
	case RECORD_WATERMARK: past_mark(p, r->host, r->time, r->seen); break;
	case RECORD_VISIT: note_journalled(p, &r->visit); break;
	case RECORD_ALLOW: note_allow(p, r); break;
	case RECORD_HEALTH:
		p->probes[p->probe_count++ % PAST_MAX_PROBES] =
		    (struct past_probe){ .host = r->host, .time = r->time };
		break;
	case RECORD_START:
	case RECORD_STOP:
	case RECORD_SITE:
	case RECORD_RULES:
	case RECORD_NAME:
	case RECORD_FORGET:
	case RECORD_UNSITE: break;
	}
}

bool past_watermark(const struct past *p, uint16_t host, int64_t *ret_upto,
		    int64_t *ret_seen)
{
	if (!p->marks[host].seen)
		return false;
	*ret_upto = p->marks[host].upto;
	*ret_seen = p->marks[host].seen;
	return true;
}

bool past_has_visit(struct past *p, const struct visit *v)
{
	struct old_visit *n = note_visit(p, v);
	if (!n)
		return false;
	n->times++;
	if (n->times_before == 0)
		return false;
	n->times_before--;
	return true;
}

void past_mark(struct past *p, uint16_t host, int64_t upto, int64_t seen)
{
	p->marks[host] = (struct mark){ .upto = upto, .seen = seen };
}

/* twalk(3) has no argument for its callback; twalk_r does. */
static void become_before(const void *node, VISIT which, void *host)
{
	struct old_visit *v = *(struct old_visit *const *)node;
	if ((which != preorder && which != leaf) || v->host != *(const uint16_t *)host)
		return;
	v->times_before += v->times;
	v->times = 0;
}

void past_reread(struct past *p, uint16_t host)
{
	twalk_r(p->visits, become_before, &host);
}

int64_t past_began(const struct past *p)
{
	return p->began;
}

bool past_probe(const struct past *p, size_t index, struct past_probe *ret_probe)
{
	if (index >= PAST_MAX_PROBES || index >= p->probe_count)
		return false;
	*ret_probe = p->probes[index];
	return true;
}

bool past_config_allows(const struct past *p, const char *text)
{
	return find_allowed(p, text) < p->allowed_count;
}

const char *past_config_allow(const struct past *p, size_t index)
{
	return index < p->allowed_count ? p->allowed[index] : NULL;
}
