/*
 * population - who sends what in a rehearsal, and where each goes next
 *
 * Pure: a seed gives the senders, each of a population (a profile of
 * model/profile.h) with a loopback /24 of its own, and the rounds in which each
 * sends. A trip is one message on its way: told what the last host did, it
 * says which host comes next, by the profile's own rules.
 *
 * Use:
 *	struct population c;
 *	population_make(&c, 300, seed);
 *	struct trip t;
 *	trip_begin(&t, c.senders[i].profile, hosts, count, &c.random);
 *	while (trip_next(&t, &host, &wait_us) == TRIP_TRY)
 *		trip_saw(&t, host, visit(host));
 *	population_release(&c);
 *
 * Ownership: population_release() frees the senders; a trip is plain data.
 *
 * Limits: POPULATION_MAX_SENDERS, so that each has a /24 of 127.0.0.0/8; TRIP_MAX_HOSTS.
 */
#ifndef FMX_REHEARSE_POPULATION_H
#define FMX_REHEARSE_POPULATION_H

#include <stdint.h>

#include "base/addr.h"
#include "mx/attempt.h"
#include "mx/profile.h"

enum {
	POPULATION_ROUNDS = 3, /* over two hours apart, so that hours count for listing */
	POPULATION_RETRY_ROUNDS = 2, /* in which only what was put off is sent again */
	POPULATION_MAX_SENDERS = 30000,
	TRIP_MAX_HOSTS = 8,
};

struct population_sender {
	const struct profile *profile;
	struct addr addr;
	bool sends[POPULATION_ROUNDS];
};

struct population {
	struct population_sender *senders;
	size_t count;
	uint64_t random; /* state of the generator */
};

/* Populations in turn, so that each has count / PROFILE_COUNT senders or one
 * more. Mail servers send in the first round and perhaps again, bots in all. */
void population_make(struct population *ret_population, size_t count, uint64_t seed);
void population_release(struct population *c);

/* A host as a sender knows it from DNS: one IPv4 address each. */
struct trip_host {
	uint16_t preference;
	bool is_hidden; /* not in the DNS yet */
};

struct trip {
	const struct profile *profile;
	struct attempt_target targets[TRIP_MAX_HOSTS]; /* those that are tried at all */
	bool is_known[TRIP_MAX_HOSTS];                 /* state was seen */
	uint8_t len;
	double waited; /* seconds of the profile that were waited already */
};

enum trip_step {
	TRIP_TRY,       /* visit this host */
	TRIP_DELIVERED, /* done */
	TRIP_LATER,     /* this run is over; another may follow */
	TRIP_LOST,      /* and none will */
};

/* hosts in order of preference. Draws from *random where the program does. */
void trip_begin(struct trip *ret_trip, const struct profile *p,
		const struct trip_host *hosts, size_t count, uint64_t *random);
/* *ret_host and *ret_wait_us (before the connect) are set for TRIP_TRY. */
enum trip_step trip_next(struct trip *t, size_t *ret_host, int64_t *ret_wait_us);
void trip_saw(struct trip *t, size_t host, enum state state);

#endif
