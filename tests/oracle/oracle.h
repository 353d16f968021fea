/*
 * oracle - a second, slow judge that reads like DESIGN section 4
 *
 * Loops over all visits: no SQL, no state but the listings, which were told. It answers
 * for one site whose hosts do not change, from the lines that the journal was given in
 * their order of arrival, and is what journal and judge/ are compared with. known.c says
 * what the lines say of hosts, names and visits; oracle.c has the sentences on order,
 * fate, messages, tier and delay, listed.c those on listing.
 *
 * Use:
 *	struct oracle o = { hosts, host_count, lines, line_count, rules, started, now };
 *	size_t n = oracle_walks(&o, walks, ORACLE_WALKS);
 *
 * Limits: ORACLE_LINES lines; ten-minute windows of bad visits, NAT, allow, seals, and
 * look-ups that read too much are not in it. Every real host has probes.
 */
#ifndef FMX_ORACLE_H
#define FMX_ORACLE_H

#include "journal/take/take.h"

enum { ORACLE_LINES = 256, ORACLE_WALKS = 256, ORACLE_LISTINGS = 256 };
/* Envelopes that visits tell: so many numbers from there on. */
enum { ORACLE_ENVELOPE = 1000, ORACLE_ENVELOPES = 4 };
#define ORACLE_DOMAIN "example.com" /* the site's */

struct oracle_host {
	uint16_t id;
	enum role role;
	enum place place;
};

struct oracle {
	const struct oracle_host *hosts;
	size_t host_count;
	const struct line *lines; /* all kinds that bear a moment, and NAME */
	size_t line_count;
	struct rules rules;
	int64_t started; /* when serve began to watch */
	int64_t now;     /* T */
};

struct oracle_walk {
	struct addr client;
	bool is_decoy;
	int64_t began;
	enum order order;
	enum reason order_reason;
	enum fate fate;
	enum reason fate_reason;
	bool is_final;
	enum tier tier;
	bool is_missing;
	int64_t delay_us;
};

struct oracle_listing {
	struct addr client;
	int64_t first, since, until; /* first: the hour that counted first */
	bool is_on;                  /* in force now, and not withdrawn */
};
struct oracle_listings {
	struct oracle_listing at[ORACLE_LISTINGS];
	size_t count;
};

/* Up to where the first `count` lines told all of a host. */
int64_t oracle_told_until(const struct line *lines, size_t count, uint16_t host);
/* Of each client, by client, then began. */
size_t oracle_walks(const struct oracle *o, struct oracle_walk *ret, size_t most);
/* What the hours told by now add to the listings: each time that `due` worked, with the
 * lines of then. */
void oracle_list(const struct oracle *o, struct oracle_listings *all);
/* Which of them are on, with the walks of oracle_walks(). */
void oracle_listed(const struct oracle *o, const struct oracle_walk *walks, size_t count,
		   struct oracle_listings *all);
/* By the names of the history last looked at. */
bool is_sender(struct addr a, struct addr b);
#endif
