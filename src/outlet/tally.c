#include "outlet/tally.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "outlet/keymap.h"

struct sender {
	struct addr client;
	uint16_t group;
	bool names_recipient;
	bool is_background; /* seen at a control address */
	uint32_t attempts;
	uint32_t latest; /* its latest walk */
	uint32_t next;   /* of the group */
};

struct walk {
	struct verdict v;
	uint32_t next; /* of the group */
};

/* Chains, so that one group's counts do not pass over all the others'. Links
 * here and above are an index plus 1; 0 is none. */
struct group {
	uint32_t senders, walks;
	uint64_t listed, would_be_listed;
};

struct host_count {
	uint64_t visits, senders;
};

struct tally {
	int64_t since, until;
	bool is_full;
	struct keymap sender_at;  /* client, group -> index of senders */
	struct keymap walk_at;    /* client, group and walk -> index of walks */
	struct keymap at_host;    /* client, host */
	struct keymap attempt_at; /* client, group and half hour */
	struct keymap listing_at; /* client, group and whether really listed */
	struct keymap name_at;    /* client -> index of names */
	struct sender *senders;
	size_t sender_count, sender_cap;
	struct walk *walks;
	size_t walk_count, walk_cap;
	char **names;
	size_t name_count, name_cap;
	struct host_count *hosts; /* by id */
	struct group *groups;     /* by id */
};

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
	for (size_t i = 0; i < t->name_count; i++)
		free(t->names[i]);
	free(t->names);
	free(t->senders);
	free(t->walks);
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

/* Room for one more of an array; its elements move. */
static void *room(void *array, size_t count, size_t *cap, size_t size)
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

static struct sender *sender_of(struct tally *t, struct addr client, uint16_t group)
{
	bool is_new;
	uint32_t *at = keymap_at(&t->sender_at, client, group, &is_new);
	if (!at) {
		t->is_full = true;
		return NULL;
	}
	if (is_new) {
		t->senders = room(t->senders, t->sender_count, &t->sender_cap,
				  sizeof(*t->senders));
		*at = (uint32_t)t->sender_count++;
		t->senders[*at] = (struct sender){ .client = client,
						   .group = group,
						   .next = t->groups[group].senders };
		t->groups[group].senders = *at + 1;
	}
	return &t->senders[*at];
}

static uint64_t half_hour_of(uint16_t group, int64_t time)
{
	int64_t half_hour = time / (30 * STAMP_MINUTE);
	return (uint64_t)group << 48 | ((uint64_t)half_hour & 0xffffffffffff);
}

void tally_visit(struct tally *t, const struct visit *v, uint16_t group, enum role role,
		 bool names_recipient)
{
	if (!is_inside(t, v->time))
		return;
	t->hosts[v->host].visits++;
	if (is_first(t, &t->at_host, v->client, v->host))
		t->hosts[v->host].senders++;

	struct sender *s = sender_of(t, v->client, group);
	if (!s)
		return;
	if (role == ROLE_CONTROL) {
		s->is_background = true;
		return;
	}
	if (is_first(t, &t->attempt_at, v->client, half_hour_of(group, v->time)))
		s->attempts++;
	s->names_recipient = s->names_recipient || names_recipient;
}

void tally_verdict(struct tally *t, const struct verdict *v)
{
	bool is_new;
	if (!is_inside(t, v->began))
		return;
	struct sender *s = sender_of(t, v->client, v->site);
	uint32_t *at =
	    keymap_at(&t->walk_at, v->client, (uint64_t)v->site << 32 | v->walk, &is_new);
	if (!s || !at) {
		t->is_full = true;
		return;
	}
	if (is_new) {
		t->walks = room(t->walks, t->walk_count, &t->walk_cap, sizeof(*t->walks));
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
		t->names = room(t->names, t->name_count, &t->name_cap, sizeof(*t->names));
		*at = (uint32_t)t->name_count++;
	} else {
		free(t->names[*at]);
	}
	t->names[*at] = xstrdup(name);
}

static const char *name_of(const struct tally *t, struct addr client)
{
	const uint32_t *at = keymap_find(&t->name_at, client, 0);
	return at ? t->names[*at] : "";
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

static void add_at_risk(const struct tally *t, const struct verdict *v,
			struct tally_group *g)
{
	g->at_risk = xrealloc(g->at_risk, g->at_risk_count + 1, sizeof(*g->at_risk));
	g->at_risk[g->at_risk_count++] = (struct tally_at_risk){
		.client = v->client,
		.tier = v->tier,
		.since = v->began,
		.name = name_of(t, v->client),
		.is_final = v->is_final,
	};
}

static void count_stopped(const struct tally *t, const struct sender *s,
			  const struct verdict *v, struct tally_group *g)
{
	if (v->tier != TIER_NONE) {
		add_at_risk(t, v, g);
	} else if (!v->is_final) {
		g->stopped_provisional++;
	} else {
		g->stopped++;
		g->stopped_attempts += s->attempts;
		g->stopped_naming_recipient += s->names_recipient;
	}
}

static void count_sender(const struct tally *t, const struct sender *s,
			 struct tally_group *g)
{
	g->background_senders += s->is_background;
	if (s->latest == 0)
		return; /* visits of a walk that began before the period */
	const struct verdict *v = &t->walks[s->latest - 1].v;
	if (v->only_control)
		return;
	g->order[v->order]++;
	g->only_knocked += v->only_knocked;
	switch (v->fate) {
	case FATE_REACHED: g->reached++; break;
	case FATE_STOPPED: count_stopped(t, s, v, g); break;
	case FATE_PENDING: g->pending++; break;
	case FATE_UNKNOWN: g->unknown++; break;
	}
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int compare_at_risk(const void *a, const void *b)
{
	const struct tally_at_risk *x = a;
	const struct tally_at_risk *y = b;
	if (x->tier != y->tier)
		return x->tier > y->tier ? -1 : 1;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return addr_compare(x->client, y->client);
}

int64_t tally_percentile(const int64_t *sorted, size_t n, unsigned p)
{
	assert(n > 0 && p <= 100);
	size_t rank = (n * p + 99) / 100;
	return sorted[rank > 0 ? rank - 1 : 0];
}

static void count_walks(const struct tally *t, uint16_t group, struct tally_group *g)
{
	int64_t *delays = NULL;
	size_t n = 0;
	size_t cap = 0;
	for (uint32_t i = t->groups[group].walks; i != 0; i = t->walks[i - 1].next) {
		const struct verdict *v = &t->walks[i - 1].v;
		g->returned_later += v->returned_later;
		if (v->delay_us < 0)
			continue;
		delays = room(delays, n, &cap, sizeof(*delays));
		delays[n++] = v->delay_us;
	}
	g->delay.count = n;
	if (n > 0) {
		qsort(delays, n, sizeof(*delays), compare_numbers);
		g->delay.p50_us = tally_percentile(delays, n, 50);
		g->delay.p95_us = tally_percentile(delays, n, 95);
		g->delay.max_us = delays[n - 1];
	}
	free(delays);
}

void tally_group(const struct tally *t, uint16_t group, struct tally_group *ret_group)
{
	struct tally_group g = { .listed = t->groups[group].listed,
				 .would_be_listed = t->groups[group].would_be_listed };
	for (uint32_t i = t->groups[group].senders; i != 0; i = t->senders[i - 1].next)
		count_sender(t, &t->senders[i - 1], &g);
	if (g.at_risk_count > 0)
		qsort(g.at_risk, g.at_risk_count, sizeof(*g.at_risk), compare_at_risk);
	count_walks(t, group, &g);
	*ret_group = g;
}

void tally_group_release(struct tally_group *g)
{
	free(g->at_risk);
	*g = (struct tally_group){ 0 };
}
