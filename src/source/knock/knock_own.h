/*
 * knock_own - what the files of the watcher share; nobody else includes it
 *
 * knock.c reads the rings and keeps time. knock_hosts.c knows which hosts are
 * watched, and whether at all. knock_silent.c notices a decoy that drops.
 */
#ifndef FMX_SOURCE_KNOCK_KNOCK_OWN_H
#define FMX_SOURCE_KNOCK_KNOCK_OWN_H

#include "source/knock/knock.h"
#include "source/knock/knock_ring.h"
#include "source/knock/knock_table.h"

enum { KNOCK_FAMILIES = 2, KNOCK_AHEAD = 16 };

/* Knocks at one address in the slice that runs, and those that heard nothing. */
struct knock_silent {
	int64_t began;
	uint32_t knocks, unanswered;
	struct addr clients[KNOCK_SILENT_CLIENTS]; /* of the unanswered */
	bool is_trouble;
};

/* A SYN that was read, while the table's memory for it is on its way. */
struct knock_ahead {
	struct knock_target *target;
	struct addr from;
	uint64_t sought;
	uint32_t sequence;
	int64_t time;
};

struct knock_target {
	struct endpoint at;
	uint16_t site, host;
	char *name;
	struct knock_silent silent;
};

struct knock_host {
	uint16_t id;
	size_t first, count; /* its addresses, in knock.addresses */
	char *name;
	bool is_watched, is_said; /* it was said once how it stands */
	int64_t given;            /* the last watermark */
};

struct knock {
	uv_timer_t tick;
	uv_poll_t polls[KNOCK_FAMILIES];
	struct knock_ring rings[KNOCK_FAMILIES];
	char why_not[KNOCK_WHY_MAX]; /* no ring: the reason; "" otherwise */
	struct stamp_clock clock;
	struct knock_sink sink;
	struct knock_counts counts;
	struct knock_table *table;
	struct knock_ahead ahead[KNOCK_AHEAD]; /* a ring */
	size_t ahead_first, ahead_count;

	struct knock_target *targets; /* endpoints, each once */
	size_t target_count;
	uint32_t *index; /* of targets + 1 by endpoint's hash; 0 is none */
	size_t index_mask;
	struct knock_host *hosts;
	size_t host_count;
	struct addr *addresses;

	unsigned ticks;
	int64_t tokens;      /* visits that may be given now */
	uint64_t lost_known; /* of counts.lost and flooded, at the last tick */
	unsigned quiet;      /* ticks since something was lost */
	bool is_losing;
	bool is_stopped;
	unsigned handles;
};

/* knock_hosts.c */
void knock_hosts_set(struct knock *k, const struct decoy_spec *specs, size_t count);
void knock_hosts_release(struct knock *k);
/* Whose address is this machine's? Says what has changed. */
void knock_hosts_look(struct knock *k, int64_t now);
struct knock_target *knock_target_find(const struct knock *k, struct endpoint at);
void knock_trouble(const struct knock *k, uint16_t host, bool is_over, const char *name,
		   const char *what);
void knock_drops(const struct knock *k, uint16_t host, bool is_over, const char *name,
		 const char *what);

/* knock_silent.c */
void knock_silent_take(struct knock *k, struct knock_target *t, struct addr client,
		       enum knock_kind kind, int64_t time);

#endif
