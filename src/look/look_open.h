/*
 * look_open - a look under way: what it is waiting for
 *
 * Not for others: they use look.h. Each question, probe and fetch is an ask;
 * with the last one the look is finished and freed. look.c begins looks and
 * asks about hosts, look_zone.c about the zone.
 */
#ifndef FMX_LOOK_LOOK_OPEN_H
#define FMX_LOOK_LOOK_OPEN_H

#include "look/fetch.h"
#include "look/look.h"
#include "look/prober.h"

enum { NAME_SERVERS_MAX = 8, OWN_ADDRESSES_MAX = 64 };

struct looker {
	uv_loop_t *loop;
	struct resolver *resolver;
	struct prober *prober;
	struct fetcher *fetcher;
	struct look_options options;
	struct addr own[OWN_ADDRESSES_MAX]; /* of this machine */
	size_t own_count;
	struct look *looks;
};

struct query;

struct look {
	struct looker *looker;
	struct look *next, **link;
	struct query *asks;
	struct look_result result;
	unsigned open; /* questions, probes and fetches without answer yet */
	uint8_t lookups[SEEN_HOSTS_MAX];     /* of a host's addresses that came: 0 to 2 */
	enum lookup_status domain_status[2]; /* A, AAAA of a domain without MX */
	struct addr policy_hosts[FETCH_ADDRESSES_MAX];
	size_t policy_host_count;
	unsigned policy_open; /* address lookups of the policy host */
	look_callback *callback;
	void *arg;
	uv_timer_t *again; /* until the second look; NULL: none is due */
	bool is_second;
	/* Tells the caller; false when there is more to ask first. */
	bool (*finish)(struct look *l);
};

/* What a question was for: arrays of struct seen move, so by index. */
struct query {
	struct look *look;
	struct query *next, **link;
	size_t at, inner;
	char name[NAME_TEXT_MAX]; /* of a name server, or what was asked for */
	enum rr_type type;        /* likewise */
	resolver_callback *then;
};

struct query *query_new(struct look *l, size_t at);
/* Frees it; with the last one, finishes the look and frees that too. */
void query_end(struct query *a);
void look_free(struct look *l);

/* Asks the primary, if one is named, and the recursive server for what the
 * primary does not know; else the recursive server alone. */
void look_ask(struct look *l, const char *name, enum rr_type type,
	      resolver_callback *callback, struct query *a);

/* Addresses that are not public are touched in the lab alone. */
bool look_may_touch(const struct looker *lk, struct addr a);

/* resolver_callback of the questions that look_zone.c is begun with. */
void look_on_spf(const struct answer *ans, void *arg);
void look_on_sts(const struct answer *ans, void *arg);
/* Finds the zone and asks each of its name servers. */
void look_at_servers(struct look *l);

#endif
