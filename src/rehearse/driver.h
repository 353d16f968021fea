/*
 * driver - the senders of a rehearsal, over real TCP
 *
 * Takes each message along its trip (population.h): connects from the
 * sender's own address, speaks SMTP with whoever answers, sees what state the
 * host is in, and goes where the profile goes next. Keeps count of what was
 * really done, to be held against the journal.
 *
 * Use:
 *	struct driver *d = driver_new(loop, clock, &population, hosts, count);
 *	driver_round(d, 0);
 *	while (!driver_is_over(d))
 *		uv_run(loop, UV_RUN_ONCE);
 *	driver_stop(d);
 *	uv_run(loop, ...);
 *	driver_free(d);
 *
 * Ownership: borrows loop, population and hosts.
 *
 * Limits: DRIVER_CALLING messages call hosts at a time, so that the delays are
 * the programs' own and not those of a crowd; DRIVER_AT_ONCE are under way, with
 * those that wait because their program does.
 */
#ifndef FMX_REHEARSE_DRIVER_H
#define FMX_REHEARSE_DRIVER_H

#include <uv.h>

#include "base/stamp.h"
#include "mx/layout.h"
#include "rehearse/population.h"

enum { DRIVER_CALLING = 8, DRIVER_AT_ONCE = 500 };

/* In order of preference. */
struct driver_host {
	const char *name;
	uint16_t preference;
	enum role role;
	enum posture posture;
	struct endpoint at;
};

/* What one sender really did. */
struct driver_count {
	uint32_t visits[TRIP_MAX_HOSTS]; /* connections made; at a closed decoy, knocks */
	uint32_t accepted;               /* times that a host took a message */
};

enum driver_fate { DRIVER_WAITING, DRIVER_UNDER_WAY, DRIVER_DELIVERED, DRIVER_LOST };

struct driver_message {
	uint32_t sender;
	enum driver_fate fate;
	int64_t began;    /* first connection of the first run */
	int64_t ended;    /* when it was taken */
	struct trip trip; /* of the run that is next or under way */
};

struct driver;
struct driver *driver_new(uv_loop_t *loop, struct stamp_clock clock,
			  struct population *population, const struct driver_host *hosts,
			  size_t count);

/* Before the decoys are in the DNS: each mail program sends one message, so that the
 * site knows them. */
void driver_warm_up(struct driver *d);
/* Sends what the population has for the round (none from POPULATION_ROUNDS on) and what
 * earlier rounds put off. */
void driver_round(struct driver *d, unsigned round);
bool driver_is_over(const struct driver *d);

const struct driver_count *driver_counts(const struct driver *d); /* by sender */
const struct driver_message *driver_messages(const struct driver *d, size_t *ret_count);
/* Messages finished in this round, and all of it. */
void driver_progress(const struct driver *d, size_t *ret_done, size_t *ret_total);
/* A host that refused connections although its posture is to answer; NULL when
 * none did. */
const struct driver_host *driver_refused(const struct driver *d);

/* Ends all connections. */
void driver_stop(struct driver *d);
void driver_free(struct driver *d); /* NULL is fine */

#endif
