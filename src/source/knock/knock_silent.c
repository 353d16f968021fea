#include <string.h>

#include "source/knock/knock_own.h"

static void begin_span(struct knock *k, struct knock_target *t, int64_t time)
{
	struct knock_silent *s = &t->silent;
	bool is_answered =
	    s->knocks >= KNOCK_SILENT_CLIENTS && s->unanswered * 2 < s->knocks;
	if (s->is_trouble && is_answered) {
		s->is_trouble = false;
		knock_drops(k, t->host, true, t->name, "refuses its clients again");
	}
	*s = (struct knock_silent){ .began = time, .is_trouble = s->is_trouble };
}

/* One client that tries again and again is no sign. */
static bool is_known(const struct knock_silent *s, struct addr client)
{
	for (uint32_t i = 0; i < s->unanswered && i < KNOCK_SILENT_CLIENTS; i++)
		if (addr_equal(s->clients[i], client))
			return true;
	return false;
}

void knock_silent_take(struct knock *k, struct knock_target *t, struct addr client,
		       enum knock_kind kind, int64_t time)
{
	struct knock_silent *s = &t->silent;
	int64_t after = time - s->began;
	if (after < 0 || after >= KNOCK_SILENT_SPAN)
		begin_span(k, t, time);
	s->knocks += kind == KNOCK_NEW;
	if (kind != KNOCK_UNANSWERED || is_known(s, client))
		return;
	if (s->unanswered < KNOCK_SILENT_CLIENTS)
		s->clients[s->unanswered] = client;
	s->unanswered++;
	if (s->is_trouble || s->unanswered < KNOCK_SILENT_CLIENTS ||
	    s->unanswered * 2 < s->knocks)
		return;
	s->is_trouble = true;
	knock_drops(k, t->host, false, t->name,
		    "drops instead of refusing: its clients send their first packet "
		    "again, as if they had heard nothing, and wait for minutes; let the "
		    "firewall refuse (reject with tcp reset)");
}
