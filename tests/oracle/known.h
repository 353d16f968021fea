/*
 * known - what the lines of a history say: of hosts, of names, of visits
 *
 * Loops over all lines, for the oracle's sentences. know() reads a history; all else
 * speaks of it.
 */
#ifndef FMX_ORACLE_KNOWN_H
#define FMX_ORACLE_KNOWN_H

#include "oracle.h"

#define GAP (30 * STAMP_MINUTE)
#define NEVER (INT64_MAX / 2)
/* for (EACH_LINE(l)), for (EACH(x)): of all lines, of all visits. */
#define EACH_LINE(l)                                                                     \
	const struct line *l = o->lines;                                                 \
	l < o->lines + o->line_count;                                                    \
	l++
#define EACH(x)                                                                          \
	const struct fact *x = facts;                                                    \
	x < facts + fact_count;                                                          \
	x++
/* Is there a visit x, or a line l, of which it holds? */
#define EXISTS(x, ...) EXISTS_AMONG(x, EACH(x), __VA_ARGS__)
#define EXISTS_LINE(l, ...) EXISTS_AMONG(l, EACH_LINE(l), __VA_ARGS__)
#define EXISTS_AMONG(x, each, ...)                                                       \
	({                                                                               \
		bool has_##x = false;                                                    \
		for (each)                                                               \
			if ((has_##x = (__VA_ARGS__)))                                   \
				break;                                                   \
		has_##x;                                                                 \
	})

enum kind { REAL, LATE, DECOY, ASIDE };
/* A visit as it was when it arrived: it began in [from, sure], and lay in [from, to]. */
struct fact {
	const struct visit *v;
	enum kind kind;
	enum place place;
	int64_t from, sure, to;
	int run; /* visits of one run have one number */
};

extern const struct oracle *o;
extern struct fact facts[ORACLE_LINES];
extern size_t fact_count;
extern int64_t frontier;

void know(const struct oracle *of);
/* The first of row 1's excuses that holds anywhere in [since, until]. */
enum reason excuse_in(int64_t since, int64_t until);
bool is_all_well(int64_t since, int64_t until);
/* Each low decoy was watched, and lost nothing. */
bool low_was_seen(int64_t since, int64_t until);
/* How much of it was watched; or (is_well) without any excuse. */
int64_t time_in(int64_t since, int64_t until, bool is_well);
const struct name_fact *name_of(struct addr a); /* confirmed; NULL */
bool is_pool(struct addr a, struct addr b);
bool touch(const struct fact *a, const struct fact *b);
bool meets(const struct fact *x, int64_t since, int64_t until);
bool is_contact(const struct fact *x); /* with a real host, told late or not */

/* oracle.c's, for listed.c: a contact of it, or of its pool; what speaks for a sender at
 * a moment; an envelope of its decoy visits over the other family. */
bool has_contact(struct addr who, bool of_pool, int64_t since, int64_t until);
enum tier tier_at(struct addr who, int64_t at);
bool sent_otherwise(struct addr who, int64_t since, int64_t until);

#endif
