#include "rehearse/population.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

/* splitmix64; a value below `below`, at least 1. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
	assert(below > 0);
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

/* 127.1.0.x and up: 127.0.0.0/24 is what everybody's own connections use. */
static struct addr sender_addr(size_t index, uint64_t *random)
{
	struct addr a;
	bool ok = addr_parse("127.0.0.0", &a);
	assert(ok);
	a.bytes[13] = (uint8_t)(1 + index / 256);
	a.bytes[14] = (uint8_t)(index % 256);
	a.bytes[15] = (uint8_t)(1 + draw(random, 254));
	return a;
}

void population_make(struct population *ret_population, size_t count, uint64_t seed)
{
	assert(count <= POPULATION_MAX_SENDERS);
	struct population c = { .count = count, .random = seed };
	c.senders = xcalloc(count, sizeof(*c.senders));
	for (size_t i = 0; i < count; i++) {
		struct population_sender *s = &c.senders[i];
		s->profile = &profile_table[i % PROFILE_COUNT];
		s->addr = sender_addr(i, &c.random);
		for (int r = 0; r < POPULATION_ROUNDS; r++)
			s->sends[r] =
			    r == 0 || s->profile->is_bot || draw(&c.random, 2) == 0;
	}
	*ret_population = c;
}

void population_release(struct population *c)
{
	free(c->senders);
	*c = (struct population){ 0 };
}

static struct attempt_target target_of(const struct trip_host *hosts, size_t i)
{
	return (struct attempt_target){ .preference = hosts[i].preference,
					.host = (uint8_t)i,
					.state = STATE_OPEN };
}

/* The places of the hosts that are in the DNS. */
static size_t visible(const struct trip_host *hosts, size_t count,
		      size_t ret[TRIP_MAX_HOSTS])
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		if (!hosts[i].is_hidden)
			ret[n++] = i;
	return n;
}

void trip_begin(struct trip *ret_trip, const struct profile *p,
		const struct trip_host *hosts, size_t count, uint64_t *random)
{
	size_t at[TRIP_MAX_HOSTS], n = visible(hosts, count, at);
	assert(n >= 1 && count <= TRIP_MAX_HOSTS);
	struct trip t = { .profile = p, .len = 1 };
	switch (p->pick) {
	case PICK_FIRST: t.targets[0] = target_of(hosts, at[0]); break;
	case PICK_LAST: t.targets[0] = target_of(hosts, at[n - 1]); break;
	case PICK_RANDOM: t.targets[0] = target_of(hosts, at[draw(random, n)]); break;
	case PICK_ALL:
		/* All at once; the last begins, so that nobody takes the walk
		 * of such a bot for a sender's way up. */
		t.len = (uint8_t)n;
		for (size_t i = 0; i < n; i++)
			t.targets[i] = target_of(hosts, at[n - 1 - i]);
		break;
	case PICK_WALK:
		t.len = (uint8_t)n;
		for (size_t i = 0; i < n; i++)
			t.targets[i] = target_of(hosts, at[i]);
		break;
	}
	*ret_trip = t;
}

/* A program that queues tries again; what a bot cannot send at once is lost,
 * but for the bot that behaves like a mail server. */
static bool tries_again(const struct profile *p)
{
	return !p->is_bot || p->pick == PICK_WALK;
}

/* All are dialled whatever the others do; one that took the message will do. */
static enum trip_step next_of_all(struct trip *t, size_t *ret_host)
{
	bool is_delivered = false;
	for (uint8_t i = 0; i < t->len; i++) {
		if (!t->is_known[i]) {
			*ret_host = t->targets[i].host;
			return TRIP_TRY;
		}
		is_delivered = is_delivered || t->targets[i].state == STATE_OPEN;
	}
	return is_delivered ? TRIP_DELIVERED : TRIP_LOST;
}

/*
 * The rules of model/attempt.h speak of a whole run over known states. What
 * was not visited yet is taken for open, so the run ends at the first such
 * host: that is where the program goes next.
 */
enum trip_step trip_next(struct trip *t, size_t *ret_host, int64_t *ret_wait_us)
{
	*ret_wait_us = 0;
	if (t->profile->pick == PICK_ALL)
		return next_of_all(t, ret_host);
	struct attempt a;
	attempt_run(&a, t->profile, t->targets, t->len);
	for (uint8_t i = 0; i < a.tried_len; i++) {
		uint8_t at = a.tried[i];
		if (t->is_known[at])
			continue;
		*ret_host = t->targets[at].host;
		*ret_wait_us = (int64_t)((a.seconds - t->waited) * 1e6);
		t->waited = a.seconds;
		return TRIP_TRY;
	}
	switch (a.end) {
	case ATTEMPT_DELIVERED: return TRIP_DELIVERED;
	case ATTEMPT_BOUNCED: return TRIP_LOST;
	default: return tries_again(t->profile) ? TRIP_LATER : TRIP_LOST;
	}
}

void trip_saw(struct trip *t, size_t host, enum state state)
{
	for (uint8_t i = 0; i < t->len; i++) {
		if (t->targets[i].host != host)
			continue;
		t->targets[i].state = state;
		t->is_known[i] = true;
	}
}
