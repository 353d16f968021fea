/*
 * tally_own - what the files of the tally share
 *
 *	tally.c		takes visits and verdicts in
 *	tally_count.c	counts them at the end
 */
#ifndef FMX_OUTLET_TALLY_OWN_H
#define FMX_OUTLET_TALLY_OWN_H

#include "outlet/keymap.h"
#include "outlet/tally.h"

struct tally_sender {
	struct addr client;
	uint16_t group;
	bool names_recipient;
	bool is_background; /* seen at a control address */
	bool met_decoy;     /* any visit, knocks included */
	uint32_t attempts;
	uint32_t latest; /* its latest walk */
	uint32_t next;   /* of the group */
};

struct tally_walk {
	struct verdict v;
	uint32_t next; /* of the group */
};

/* Visits of an hour of a group, by where. */
struct tally_hour {
	int64_t begin;
	uint64_t low, high, control;
	uint32_t next; /* of the group */
};

/* Chains, so that one group's counts do not pass over all the others'. Links
 * here and above are an index plus 1; 0 is none. */
struct tally_links {
	uint32_t senders, walks, hours;
	uint64_t listed, would_be_listed;
};

struct tally_host_count {
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
	struct keymap hour_at;    /* group and hour -> index of hours */
	struct tally_sender *senders;
	size_t sender_count, sender_cap;
	struct tally_walk *walks;
	size_t walk_count, walk_cap;
	struct tally_hour *hours;
	size_t hour_count, hour_cap;
	char **names;
	size_t name_count, name_cap;
	struct tally_host_count *hosts; /* by id */
	struct tally_links *groups;     /* by id */
};

/* Room for one more of an array; its elements move. */
void *tally_room(void *array, size_t count, size_t *cap, size_t size);

#endif
