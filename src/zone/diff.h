/*
 * diff - two zone texts as a unified diff, for the administrator's eyes
 *
 * The form of diff -u with three lines around. Made for texts that differ in a
 * few places: where they part, the nearest pair of lines is looked for at
 * which they meet again, at most DIFF_MAX_GAP lines on; so the diff is always
 * right and usually the smallest.
 */
#ifndef FMX_ZONE_DIFF_H
#define FMX_ZONE_DIFF_H

#include "base/buf.h"

enum { DIFF_CONTEXT = 3, DIFF_MAX_GAP = 400 };

/* Nothing is added when the texts are equal. */
void diff_unified(const char *name, const char *before, size_t before_len,
		  const char *after, size_t after_len, struct buf *out);

#endif
