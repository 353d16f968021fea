#include "outlet/unwatched.h"

#include <stdlib.h>

#include "base/mem.h"

static void set(struct unwatched *u, uint16_t host, const char *why)
{
	if (host >= u->count && !why)
		return;
	if (host >= u->count) {
		size_t count = (size_t)host + 1;
		u->why = xrealloc(u->why, count, sizeof(*u->why));
		for (size_t i = u->count; i < count; i++)
			u->why[i] = NULL;
		u->count = count;
	}
	free(u->why[host]);
	u->why[host] = why ? xstrdup(why) : NULL;
}

/* Of real hosts there is no text. */
void unwatched_record(struct unwatched *u, const struct record *r)
{
	if (r->kind == RECORD_WATERMARK)
		set(u, r->host, NULL);
	else if (r->kind == RECORD_HEALTH)
		set(u, r->host, r->text[0] ? r->text : NULL);
}

const char *unwatched_why(const struct unwatched *u, uint16_t host)
{
	return host < u->count && u->why[host] ? u->why[host] : "";
}

void unwatched_release(struct unwatched *u)
{
	for (size_t i = 0; i < u->count; i++)
		free(u->why[i]);
	free(u->why);
	*u = (struct unwatched){ 0 };
}
