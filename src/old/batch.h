/*
 * batch - records that wait in memory for the next commit
 *
 * Texts are copied into blocks that never move, so a record's pointers stay
 * good until batch_clear().
 *
 * Ownership: the batch owns its records and their texts.
 *
 * Limits: JOURNAL_MAX_PENDING records and BATCH_MAX_TEXT bytes of text;
 * batch_add() refuses what would pass either.
 */
#ifndef FMX_OLD_BATCH_H
#define FMX_OLD_BATCH_H

#include "old/record.h"

enum { BATCH_MAX_TEXT = 64 * 1024 * 1024 };

struct batch_block;

struct batch {
	struct record *records;
	size_t count, cap;
	struct batch_block *blocks; /* the one being filled first */
	size_t text_bytes;
};

/* Zero is empty. False when it is full; then nothing was added. */
FMX_MUST_CHECK bool batch_add(struct batch *b, const struct record *r);
/* Keeps one block and the array for the next batch. */
void batch_clear(struct batch *b);
void batch_release(struct batch *b);

#endif
