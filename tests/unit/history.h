/*
 * history - random journals for the judge, from a seed
 *
 * Everything that a journal can hold and the model must survive: visits of all
 * kinds and lateness, stalled and catching-up sources, failing probes,
 * restarts and kills, clocks that go back, names, allow and forget, rules and
 * sites that change. Few clients in few pools, so that they meet.
 *
 * Use:
 *	struct history h;
 *	history_make(&h, seed, 400);
 *	h.records[i]			// in journal order
 *	history_release(&h);
 */
#ifndef FMX_TEST_HISTORY_H
#define FMX_TEST_HISTORY_H

#include "old/judge.h"

enum { HISTORY_CLIENTS = 10 };

struct history {
	struct record *records;
	size_t count, cap;
	uint64_t random;
	int64_t now;
	int64_t marks[8]; /* watermark last told, by host */
	bool is_up;
};

void history_make(struct history *h, uint64_t seed, size_t count);
void history_release(struct history *h);
/* A copy with one more record before index `at`; its seen is made to fit. */
void history_insert(struct history *h, size_t at, struct record r);

uint64_t history_random(struct history *h, uint64_t below);
struct addr history_client(unsigned number);
bool history_same_pool(unsigned a, unsigned b);
/* A visit of some client at some host, not in h yet. */
struct record history_visit(struct history *h, int64_t time);

#endif
