#include "journal/take/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { TEXTS = 64 * 1024 };

/* Texts stand in blocks, so that those that were handed out stay where they are. */
struct batch_texts {
	struct batch_texts *next;
	size_t used;
	char bytes[TEXTS];
};

static const char *keep_text(struct batch *b, const char *text)
{
	if (!text || !text[0])
		return "";
	size_t size = strnlen(text, TEXTS - 1) + 1;
	if (!b->texts || b->texts->used + size > TEXTS) {
		struct batch_texts *t = xcalloc(1, sizeof(*t));
		t->next = b->texts;
		b->texts = t;
	}
	char *to = b->texts->bytes + b->texts->used;
	memcpy(to, text, size - 1);
	to[size - 1] = '\0';
	b->texts->used += size;
	return to;
}

static void keep_visit(struct batch *b, struct visit *v)
{
	v->helo = keep_text(b, v->helo);
	v->mail_from = keep_text(b, v->mail_from);
	v->recipient_domain = keep_text(b, v->recipient_domain);
	v->name = keep_text(b, v->name);
}

struct item *batch_add(struct batch *b, const struct line *l)
{
	b->items = xroom(b->items, b->count, &b->cap, sizeof(*b->items));
	struct item *it = &b->items[b->count++];
	bool is_name = l->kind == LINE_NAME;
	*it = (struct item){
		.kind = l->kind,
		.answer = l->answer,
		.host = l->host,
		.is_ok = l->is_ok,
		.is_spoken = l->is_spoken,
		.is_confirmed = l->name.is_confirmed,
		.is_generic = l->name.is_generic,
		.time = l->time,
		.since = l->since,
		.seen = l->seen,
		.client = is_name ? l->name.client : l->client,
		.text = keep_text(b, is_name ? l->name.name : l->text),
		.position = keep_text(b, is_name ? l->name.domain : l->position),
		.visit = l->visit,
	};
	if (l->kind == LINE_VISIT) {
		it->host = l->visit.host;
		it->time = l->visit.time;
		keep_visit(b, &it->visit);
	}
	return it;
}

size_t batch_waiting(const struct batch *b)
{
	return b->count - b->first;
}

static void free_texts(struct batch_texts *t)
{
	while (t) {
		struct batch_texts *next = t->next;
		free(t);
		t = next;
	}
}

void batch_drop(struct batch *b, size_t n)
{
	assert(n <= batch_waiting(b));
	b->first += n;
	if (b->first < b->count)
		return;
	b->first = b->count = 0;
	if (!b->texts)
		return;
	free_texts(b->texts->next);
	b->texts->next = NULL;
	b->texts->used = 0;
}

void batch_release(struct batch *b)
{
	free(b->items);
	free_texts(b->texts);
	*b = (struct batch){ 0 };
}
