#include "outlet/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "outlet/past.h"

/* While the journal is replayed. */
struct making {
	struct past past;
	struct explain *x;
};

struct latest {
	size_t *count, *left_out;
	size_t size;
	void (*forget)(void *element); /* NULL: elements own nothing */
};

/* Room for one more at the end of array, which moves. An array keeps its
 * latest EXPLAIN_MAX_VISITS elements: it grows to twice that, then the older
 * half goes. */
static void *latest_room(void *array, const struct latest *l)
{
	char *bytes = array;
	if (*l->count == (size_t)2 * EXPLAIN_MAX_VISITS) {
		for (size_t i = 0; l->forget && i < EXPLAIN_MAX_VISITS; i++)
			l->forget(bytes + i * l->size);
		memmove(bytes, bytes + EXPLAIN_MAX_VISITS * l->size,
			EXPLAIN_MAX_VISITS * l->size);
		*l->count -= EXPLAIN_MAX_VISITS;
		*l->left_out += EXPLAIN_MAX_VISITS;
	}
	if (*l->count % EXPLAIN_MAX_VISITS != 0)
		return array;
	return xrealloc(array, *l->count + EXPLAIN_MAX_VISITS, l->size);
}

static void free_text(const char *text)
{
	free((void *)(uintptr_t)text); /* ours since keep_visit() */
}

static void forget_visit(void *element)
{
	struct explain_visit *v = element;
	free_text(v->visit.helo);
	free_text(v->visit.mail_from);
	free_text(v->visit.recipient_domain);
	free_text(v->visit.name);
}

static void keep_name(struct explain *x, const char *name)
{
	if (name[0] == '\0')
		return;
	free(x->name);
	x->name = xstrdup(name);
}

static void keep_visit(struct explain *x, const struct record *r)
{
	struct latest l = { &x->visit_count, &x->visits_left_out, sizeof(*x->visits),
			    forget_visit };
	x->visits = latest_room(x->visits, &l);
	struct explain_visit *v = &x->visits[x->visit_count++];
	*v = (struct explain_visit){ r->seen, r->visit };
	v->visit.helo = xstrdup(r->visit.helo);
	v->visit.mail_from = xstrdup(r->visit.mail_from);
	v->visit.recipient_domain = xstrdup(r->visit.recipient_domain);
	v->visit.name = xstrdup(r->visit.name);
	keep_name(x, r->visit.name);
}

static void on_record(void *arg, const struct record *r)
{
	struct making *m = arg;
	struct explain *x = m->x;
	book_record(x->book, r);
	if (r->kind == RECORD_VISIT && addr_equal(r->visit.client, x->client))
		keep_visit(x, r);
	if (r->kind != RECORD_NAME || !addr_equal(r->name.client, x->client))
		return;
	keep_name(x, r->name.name);
	x->has_name_record = true;
	x->is_confirmed = r->name.is_confirmed;
	x->is_generic = r->name.is_generic;
	x->spf_passes = r->name.spf_passes;
}

/* revise.h has the rules; here they are told for one sender. */
static void note_revision(struct explain_walk *w, const struct verdict *v)
{
	if (v->fate == FATE_STOPPED) {
		w->stopped_at = w->stopped_at ? w->stopped_at : v->at;
		w->was_final = v->is_final;
		w->corrected_at = 0;
	} else if (w->stopped_at != 0 && (w->corrected_at == 0 || !w->has_returned)) {
		w->corrected_at = v->at;
		w->has_returned = v->fate == FATE_REACHED;
	}
}

/* A stop that was final is corrected by a later walk. */
static void note_return(struct explain *x, const struct verdict *v)
{
	for (size_t i = x->walk_count; i > 0 && v->fate == FATE_REACHED; i--) {
		struct explain_walk *w = &x->walks[i - 1];
		if (w->verdict.site != v->site || w->verdict.began >= v->began)
			continue;
		if (w->stopped_at == 0)
			continue;
		if (w->corrected_at == 0) {
			w->corrected_at = v->at;
			w->has_returned = true;
		}
		return;
	}
}

static void on_verdict(void *arg, const struct verdict *v)
{
	struct making *m = arg;
	struct explain *x = m->x;
	struct latest l = { &x->walk_count, &x->walks_left_out, sizeof(*x->walks), NULL };

	if (!addr_equal(v->client, x->client))
		return;
	note_return(x, v);
	for (size_t i = x->walk_count; i > 0; i--) {
		struct explain_walk *w = &x->walks[i - 1];
		if (w->verdict.site == v->site && w->verdict.walk == v->walk) {
			w->verdict = *v;
			w->revisions += v->revised;
			note_revision(w, v);
			return;
		}
	}
	x->walks = latest_room(x->walks, &l);
	struct explain_walk *w = &x->walks[x->walk_count++];
	*w = (struct explain_walk){ .verdict = *v, .revisions = v->revised };
	note_revision(w, v);
}

static void on_listing(void *arg, const struct listing *change)
{
	struct making *m = arg;
	struct explain *x = m->x;
	struct latest l = { &x->change_count, &x->changes_left_out, sizeof(*x->changes),
			    NULL };
	if (!addr_equal(change->client, x->client))
		return;
	x->changes = latest_room(x->changes, &l);
	x->changes[x->change_count++] = *change;
}

/* One row for each group the sender was seen at. */
static void add_standing(struct explain *x, const struct judge *j, uint16_t group)
{
	for (size_t i = 0; i < x->standing_count; i++)
		if (x->standing[i].site == group)
			return;
	x->standing = xrealloc(x->standing, x->standing_count + 1, sizeof(*x->standing));
	struct listing l = judge_listing(j, x->client, group);
	l.site = group;
	x->standing[x->standing_count++] = l;
}

static void ask_judge(struct explain *x, const struct judge *j)
{
	x->is_allowed = judge_is_allowed(j, x->client);
	for (size_t i = 0; i < judge_site_count(j); i++)
		book_site(x->book, judge_site(j, i));
	for (size_t i = 0; i < x->walk_count; i++)
		add_standing(x, j, x->walks[i].verdict.site);
}

int explain_make(struct journal *j, struct addr client, int64_t now,
		 struct explain *ret_explain, struct error *e)
{
	struct explain x = { .client = client, .name = xstrdup(""), .book = book_new() };
	struct making m = { .x = &x };
	m.past = (struct past){ .on_verdict = on_verdict,
				.on_listing = on_listing,
				.on_record = on_record,
				.arg = &m };
	int rc = past_open(&m.past, j, now, e);
	if (rc != 0) {
		explain_release(&x);
		return rc;
	}
	x.now = m.past.now;
	ask_judge(&x, m.past.judge);
	past_release(&m.past);
	*ret_explain = x;
	return 0;
}

void explain_release(struct explain *x)
{
	for (size_t i = 0; i < x->visit_count; i++)
		forget_visit(&x->visits[i]);
	free(x->visits);
	free(x->walks);
	free(x->changes);
	free(x->standing);
	free(x->name);
	book_free(x->book);
	*x = (struct explain){ 0 };
}

const char *explain_site(const struct explain *x, uint16_t site)
{
	return book_site_name(x->book, site);
}
