/*
 * budget - how many decoy visits and knocks of a day become rows
 *
 * Counted by decoy, and by client and decoy; of clients by two rows of counters that many
 * share (a count-min sketch), so that 10^9 forged addresses take no memory: a count may
 * be too high, never too low.
 *
 * Limits: of clients a restart forgets the count.
 */
#ifndef FMX_JOURNAL_TAKE_BUDGET_H
#define FMX_JOURNAL_TAKE_BUDGET_H

#include "journal/db.h"

struct budget;
struct budget *budget_new(struct db *db);
void budget_free(struct budget *b);
/* Counts one visit at a decoy; false if it is one too many. day: 00:00 UTC. */
bool budget_take(struct budget *b, uint16_t host, struct addr client, bool is_knock,
		 int64_t day);

#endif
