#include "rehearse/scored.h"

#include <stdlib.h>

#include "base/mem.h"
#include "journal/ask/ask.h"

void scored_init(struct scored *s, const struct population *p)
{
	*s = (struct scored){ .population = p };
	s->spans = xcalloc(p->count + 1, sizeof(*s->spans));
}

void scored_release(struct scored *s)
{
	free(s->spans);
	*s = (struct scored){ .spans = NULL };
}

static int on_listing(void *arg, const struct listing *l)
{
	struct scored *s = arg;
	for (size_t i = 0; l->is_listed && i < s->population->count; i++) {
		struct scored_span *at = &s->spans[i];
		if (!addr_equal(s->population->senders[i].addr, l->client))
			continue;
		if (!at->until || l->since < at->since)
			at->since = l->since;
		if (l->until > at->until)
			at->until = l->until;
		return 0;
	}
	return 0;
}

int scored_look(struct scored *s, const char *journal, int64_t now, struct error *e)
{
	struct db *db;
	struct ask *a = NULL;
	int rc = db_open(journal, DB_READ, &db, e);
	if (rc < 0)
		return rc;
	rc = ask_open(db, now, &a, e);
	if (rc == 0)
		rc = ask_listed(a, false, on_listing, s, e);
	ask_close(a);
	db_close(db);
	return rc;
}

bool scored_was_listed(const struct scored *s, size_t sender)
{
	return s->spans[sender].until != 0;
}

bool scored_is(const struct scored *s, size_t sender, int64_t moment)
{
	const struct scored_span *at = &s->spans[sender];
	return at->until && moment >= at->since && moment < at->until;
}
