/*
 * rehearse_drive - the senders of a rehearsal, over real TCP
 *
 * Takes each message along its trip (rehearse_cast.h): connects from the
 * sender's own address, speaks SMTP with whoever answers, sees what state the
 * host is in, and goes where the profile goes next. Keeps count of what was
 * really done, to be held against the journal.
 *
 * Use:
 *	struct drive *d = drive_new(loop, clock, &cast, hosts, count);
 *	drive_round(d, 0);
 *	while (!drive_is_over(d))
 *		uv_run(loop, UV_RUN_ONCE);
 *	drive_stop(d);
 *	uv_run(loop, ...);
 *	drive_free(d);
 *
 * Ownership: borrows loop, cast and hosts.
 *
 * Limits: DRIVE_CALLING messages call hosts at a time, so that the delays are
 * the programs' own and not those of a crowd; DRIVE_AT_ONCE are under way, with
 * those that wait because their program does.
 */
#ifndef FMX_REHEARSE_DRIVER_H
#define FMX_REHEARSE_DRIVER_H

#include <uv.h>

#include "base/stamp.h"
#include "mx/layout.h"
#include "rehearse/population.h"

enum { DRIVE_CALLING = 8, DRIVE_AT_ONCE = 500 };

/* In order of preference. */
struct drive_host {
	const char *name;
	uint16_t preference;
	enum role role;
	enum posture posture;
	struct endpoint at;
};

/* What one sender really did. */
struct drive_count {
	uint32_t visits[TRIP_MAX_HOSTS]; /* connections that were made */
	uint32_t accepted;               /* times that a host took a message */
};

enum drive_fate { DRIVE_WAITING, DRIVE_UNDER_WAY, DRIVE_DELIVERED, DRIVE_LOST };

struct drive_message {
	uint32_t sender;
	enum drive_fate fate;
	int64_t began;    /* first connection of the first run */
	int64_t ended;    /* when it was taken */
	struct trip trip; /* of the run that is next or under way */
};

struct drive;
struct drive *drive_new(uv_loop_t *loop, struct stamp_clock clock, struct cast *cast,
			const struct drive_host *hosts, size_t count);

/* Sends what the cast has for the round (none from CAST_ROUNDS on) and what
 * earlier rounds put off. */
void drive_round(struct drive *d, unsigned round);
bool drive_is_over(const struct drive *d);

const struct drive_count *drive_counts(const struct drive *d); /* by sender */
const struct drive_message *drive_messages(const struct drive *d, size_t *ret_count);
/* Messages finished in this round, and all of it. */
void drive_progress(const struct drive *d, size_t *ret_done, size_t *ret_total);
/* A host that refused connections although its posture is to answer; NULL when
 * none did. */
const struct drive_host *drive_refused(const struct drive *d);

/* Ends all connections. */
void drive_stop(struct drive *d);
void drive_free(struct drive *d); /* NULL is fine */

#endif
