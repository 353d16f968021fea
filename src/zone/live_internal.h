/*
 * live_internal - one zone under way: its steps are in live.c, what it reads and
 * sends in live_ask.c and live_send.c
 */
#ifndef FMX_ZONE_LIVE_INTERNAL_H
#define FMX_ZONE_LIVE_INTERNAL_H

#include <uv.h>

#include "dns/resolver.h"
#include "dns/update.h"
#include "zone/live.h"

struct live;

/* One question that is on its way, and whose answer it is. */
struct live_question {
	struct live_zone *zone;
	enum rr_type type;
	char name[NAME_TEXT_MAX];
	struct live_server *server; /* agreement: whose serial */
	struct live_question *next;
};

struct live_server {
	struct endpoint at;
	char name[NAME_TEXT_MAX];
	uint32_t serial;
	bool agrees, answered;
};

struct live_zone {
	struct live *live;
	size_t index;
	const struct job *job;
	struct plan_want own;    /* apply: with the decoys of before; revert: without */
	struct plan_undo undo;   /* and what is to be taken back */
	bool is_unrecorded;      /* revert: nothing is known of an apply */
	bool is_left;            /* so it is, and a decoy is still an MX host */
	char note[JOB_NOTE_MAX]; /* what is said of it then */
	const struct plan_want *want;
	struct zone_facts facts;
	struct zone_ranges ranges;
	struct plan plan;
	struct history history;
	bool has_history;
	char (*names)[NAME_TEXT_MAX];
	unsigned open; /* questions without an answer yet */
	unsigned races;
	bool has_mx_failed;
	bool lags; /* updated, but error says which name server has not */
	struct error error;
	struct live_server servers[LIVE_MAX_SERVERS];
	size_t server_count;
	int64_t deadline;
	uv_timer_t timer;
	bool has_timer;
	void (*then)(struct live_zone *z); /* when open is 0 */
};

struct live {
	const struct live_options *options;
	const struct job *jobs;
	size_t count, next, under_way;
	bool is_starting;
	uv_loop_t loop;
	struct resolver *resolver;
};

/* Asks the primary; when no question is open any more, then() goes on. */
void live_ask(struct live_zone *z, const char *name, enum rr_type type);
/* The MX set, SOA and NS of the zone; then the records of MX hosts and decoys. */
void live_ask_zone(struct live_zone *z, void (*then)(struct live_zone *z));
void live_ask_names(struct live_zone *z, void (*then)(struct live_zone *z));
/* Every name server for its serial, again and again. */
void live_agree(struct live_zone *z, void (*then)(struct live_zone *z));

/* The plan as an update with all that it was planned on. */
void live_send(struct live_zone *z,
	       void (*then)(struct live_zone *z, const struct update_result *r));

#endif
