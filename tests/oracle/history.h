/*
 * history - random lines for the journal and the oracle, from a seed
 *
 * A site with a low decoy, two real hosts, a high decoy and a control (some without one
 * of the decoys); eight clients in few pools, two of them one dual-stack host. Sources
 * that stall, gaps, lost lines, outages, probes that fail, late lines, forged knocks,
 * sessions that last, stamps of a whole second, many ties.
 */
#ifndef FMX_ORACLE_HISTORY_H
#define FMX_ORACLE_HISTORY_H

#include "oracle.h"

/* Half an hour before midnight, so that runs are cut. */
#define HISTORY_BEGIN (INT64_C(1800057600) * STAMP_SECOND - 30 * STAMP_MINUTE)
enum { HISTORY_HOSTS = 5, HISTORY_CLIENTS = 8 };

struct history {
	struct site site;
	struct host hosts[HISTORY_HOSTS];
	struct oracle_host known[HISTORY_HOSTS];
	size_t host_count;
	struct line lines[ORACLE_LINES];
	size_t count;
	int64_t started, now;
	uint64_t random;
	/* Who comes; to decoys more often than to real hosts. */
	unsigned first_client, client_count, next_name;
	bool is_shy;
};

/* The site, without ids. After sites_define() gave them: history_fill(). */
void history_site(struct history *h, uint64_t seed);
void history_fill(struct history *h);
uint64_t history_random(struct history *h, uint64_t below);
struct addr history_client(unsigned number);
bool history_has(const struct history *h, struct addr client); /* a visit of it */
/* At h->now all hosts have told all, and are well. */
void history_tell_all(struct history *h);
/* The same lines in another order, each host's own in theirs. */
void history_shuffle(struct history *h);
/* Every line, one a row, as seconds after the start: what to show of a difference. */
void history_print(const struct history *h);

#endif
