/*
 * knock_table - which SYNs are one knock
 *
 * A client that gets no answer sends its SYN again, after 1, 2, 4, ... seconds;
 * so do some (Windows) that got RST, after half a second. What comes from the
 * same address and port for the same decoy within KNOCK_TRIES of the first is
 * the same knock. Pure: times are arguments.
 *
 * Use:
 *	struct knock_table *t = knock_table_new();
 *	switch (knock_table_take(t, &syn, time)) ...
 *	knock_table_free(t);
 *
 * Ownership: plain memory.
 *
 * Limits: KNOCK_TABLE_MAX knocks are remembered (2 MB); of those that fall into
 * one of its buckets the oldest goes first. Under a flood a retransmission
 * counts as a knock of its own.
 */
#ifndef FMX_SOURCE_KNOCK_KNOCK_TABLE_H
#define FMX_SOURCE_KNOCK_KNOCK_TABLE_H

#include "base/stamp.h"
#include "source/knock/knock_packet.h"

enum { KNOCK_TABLE_MAX = 131072 };
#define KNOCK_TRIES (130 * STAMP_SECOND) /* Linux: 1 + 2 + ... + 64 */

enum knock_kind {
	KNOCK_NEW,
	KNOCK_AGAIN,
	/* Again, and it says that no RST came: the very same SYN, for the first
	 * time, after what a TCP waits that heard nothing (1 s or 3 s). */
	KNOCK_UNANSWERED,
};

struct knock_table;
struct knock_table *knock_table_new(void);
void knock_table_free(struct knock_table *t);

enum knock_kind knock_table_take(struct knock_table *t, const struct knock_syn *s,
				 int64_t time);

/* The same in two steps. Between them the memory that the second needs is on its
 * way: waiting for it is most of what a SYN costs. */
uint64_t knock_table_seek(const struct knock_table *t, const struct knock_syn *s);
enum knock_kind knock_table_take_at(struct knock_table *t, uint64_t sought,
				    uint32_t sequence, int64_t time);

#endif
