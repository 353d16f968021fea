#include "outlet/tally_own.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/stamp.h"

struct tally *tally_new(int64_t since, int64_t until)
{
	struct tally *t = xcalloc(1, sizeof(*t));
	t->since = since;
	t->until = until;
	t->hosts = xcalloc(UINT16_MAX + 1, sizeof(*t->hosts));
	t->groups = xcalloc(UINT16_MAX + 1, sizeof(*t->groups));
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	keymap_release(&t->sender_at);
	keymap_release(&t->walk_at);
	keymap_release(&t->at_host);
	keymap_release(&t->attempt_at);
	keymap_release(&t->listing_at);
	keymap_release(&t->name_at);
	keymap_release(&t->hour_at);
	for (size_t i = 0; i < t->name_count; i++)
		free(t->names[i]);
	free(t->names);
	free(t->senders);
	free(t->walks);
	free(t->hours);
	free(t->hosts);
	free(t->groups);
	free(t);
}

bool tally_failed(const struct tally *t)
{
	return t->is_full;
}

static bool is_inside(const struct tally *t, int64_t time)
{
	return time >= t->since && time < t->until;
}

void *tally_room(void *array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return array;
	*cap = *cap ? 2 * *cap : 64;
	return xrealloc(array, *cap, size);
}

/* True the first time; sets is_full when it cannot tell. */
static bool is_first(struct tally *t, struct keymap *m, struct addr a, uint64_t b)
{
	bool is_new = false;
	if (!keymap_at(m, a, b, &is_new))
		t->is_full = true;
	return is_new;
}

static struct tally_sender *sender_of(struct tally *t, struct addr client, uint16_t group)
{
	bool is_new;
	uint32_t *at = keymap_at(&t->sender_at, client, group, &is_new);
	if (!at) {
		t->is_full = true;
		return NULL;
	}
	if (is_new) {
		t->senders = tally_room(t->senders, t->sender_count, &t->sender_cap,
					sizeof(*t->senders));
		*at = (uint32_t)t->sender_count++;
		t->senders[*at] = (struct tally_sender){
			.client = client, .group = group, .next = t->groups[group].senders
		};
		t->groups[group].senders = *at + 1;
	}
	return &t->senders[*at];
}

/* The visits at decoys and controls of one hour; NULL when there is no room. */
static struct tally_hour *hour_of(struct tally *t, uint16_t group, int64_t time)
{
	static const struct addr nobody = { { 0 } };
	bool is_new;
	int64_t hour = time / STAMP_HOUR;
	uint64_t key = (uint64_t)group << 48 | ((uint64_t)hour & 0xffffffffffff);
	uint32_t *at = keymap_at(&t->hour_at, nobody, key, &is_new);
	if (!at) {
		t->is_full = true;
		return NULL;
	}
	if (is_new) {
		t->hours =
		    tally_room(t->hours, t->hour_count, &t->hour_cap, sizeof(*t->hours));
		*at = (uint32_t)t->hour_count++;
		t->hours[*at] = (struct tally_hour){ .begin = hour * STAMP_HOUR,
						     .next = t->groups[group].hours };
		t->groups[group].hours = *at + 1;
	}
	return &t->hours[*at];
}

static void count_place(struct tally *t, const struct visit *v, uint16_t group,
			enum place place)
{
	struct tally_hour *h = place != PLACE_REAL ? hour_of(t, group, v->time) : NULL;
	if (!h)
		return;
	h->low += place == PLACE_LOW;
	h->high += place == PLACE_HIGH;
	h->control += place == PLACE_CONTROL;
}

static uint64_t half_hour_of(uint16_t group, int64_t time)
{
	int64_t half_hour = time / (30 * STAMP_MINUTE);
	return (uint64_t)group << 48 | ((uint64_t)half_hour & 0xffffffffffff);
}

void tally_visit(struct tally *t, const struct visit *v, uint16_t group, enum place place,
		 bool names_recipient)
{
	if (!is_inside(t, v->time))
		return;
	t->hosts[v->host].visits++;
	if (is_first(t, &t->at_host, v->client, v->host))
		t->hosts[v->host].senders++;

	count_place(t, v, group, place);
	struct tally_sender *s = sender_of(t, v->client, group);
	if (!s)
		return;
	if (place == PLACE_CONTROL) {
		s->is_background = true;
		return;
	}
	s->met_decoy = s->met_decoy || place != PLACE_REAL;
	if (is_first(t, &t->attempt_at, v->client, half_hour_of(group, v->time)))
		s->attempts++;
	s->names_recipient = s->names_recipient || names_recipient;
}

void tally_verdict(struct tally *t, const struct verdict *v)
{
	bool is_new;
	if (!is_inside(t, v->began))
		return;
	struct tally_sender *s = sender_of(t, v->client, v->site);
	uint32_t *at =
	    keymap_at(&t->walk_at, v->client, (uint64_t)v->site << 32 | v->walk, &is_new);
	if (!s || !at) {
		t->is_full = true;
		return;
	}
	if (is_new) {
		t->walks =
		    tally_room(t->walks, t->walk_count, &t->walk_cap, sizeof(*t->walks));
		*at = (uint32_t)t->walk_count++;
		t->walks[*at].next = t->groups[v->site].walks;
		t->groups[v->site].walks = *at + 1;
	}
	t->walks[*at].v = *v;
	if (s->latest == 0 || t->walks[s->latest - 1].v.walk <= v->walk)
		s->latest = *at + 1;
}

void tally_listing(struct tally *t, const struct listing *l)
{
	bool is_on = l->until != 0; /* else it went from it */
	if (!is_on || !is_inside(t, l->at) ||
	    !is_first(t, &t->listing_at, l->client,
		      (uint64_t)l->site << 1 | l->is_listed))
		return;
	if (l->is_listed)
		t->groups[l->site].listed++;
	else
		t->groups[l->site].would_be_listed++;
}

void tally_name(struct tally *t, struct addr client, const char *name)
{
	bool is_new;
	if (name[0] == '\0')
		return;
	uint32_t *at = keymap_at(&t->name_at, client, 0, &is_new);
	if (!at) {
		t->is_full = true;
		return;
	}
	if (is_new) {
		t->names =
		    tally_room(t->names, t->name_count, &t->name_cap, sizeof(*t->names));
		*at = (uint32_t)t->name_count++;
	} else {
		free(t->names[*at]);
	}
	t->names[*at] = xstrdup(name);
}

void tally_host(const struct tally *t, uint16_t host, uint64_t *ret_visits,
		uint64_t *ret_senders)
{
	*ret_visits = t->hosts[host].visits;
	*ret_senders = t->hosts[host].senders;
}

bool tally_has(const struct tally *t, uint16_t group)
{
	return t->groups[group].senders != 0;
}
