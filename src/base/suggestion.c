#include "base/suggestion.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* OPEN is open: letter case alone makes no difference. */
static bool differ(char a, char b)
{
	return tolower((unsigned char)a) != tolower((unsigned char)b);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * Edits that turn a into b, where two neighbours exchanged count as one: that
 * is the commonest slip of all (optimal string alignment). Three rows of the
 * usual table are enough.
 */
static unsigned edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][SUGGESTION_MAX_WORD + 1];
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *now = rows[i % 3], *above = rows[(i + 2) % 3];
		const unsigned *higher = rows[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned put = above[j - 1] + differ(a[i - 1], b[j - 1]);
			now[j] = least(put, least(above[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && !differ(a[i - 1], b[j - 2]) &&
			    !differ(a[i - 2], b[j - 1]))
				now[j] = least(now[j], higher[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

struct suggestion suggestion_for(const char *word)
{
	return (struct suggestion){ .word = word };
}

void suggestion_offer(struct suggestion *n, const char *candidate)
{
	size_t a = strlen(n->word), b = strlen(candidate);
	if (a > SUGGESTION_MAX_WORD || b > SUGGESTION_MAX_WORD)
		return;
	unsigned distance = edits(n->word, a, candidate, b);
	if (distance * 3 > (a > b ? a : b))
		return;
	if (!n->best || distance < n->distance) {
		n->best = candidate;
		n->distance = distance;
	}
}
