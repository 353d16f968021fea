/*
 * oracle - a second, slow judge that reads like DESIGN section 4
 *
 * Loops over all visits: no runs, no SQL, no state. It answers for one site
 * whose hosts do not change, from the lines that the journal was given in their
 * order of arrival, and is what journal and judge/ are compared with.
 *
 * Use:
 *	struct oracle o = { hosts, host_count, lines, line_count, rules, started, now };
 *	size_t n = oracle_walks(&o, walks, ORACLE_WALKS);
 *
 * Limits: ORACLE_LINES lines; ten-minute windows of bad visits, NAT, SPF, allow and
 * look-ups that read too much are not in it.
 */
#ifndef FMX_ORACLE_H
#define FMX_ORACLE_H

#include "journal/take/take.h"

enum { ORACLE_LINES = 256, ORACLE_WALKS = 256 };
/* Envelopes that visits tell: so many numbers from there on. */
enum { ORACLE_ENVELOPE = 1000, ORACLE_ENVELOPES = 4 };

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
	bool is_final;
	enum tier tier;
	uint64_t missing; /* as the visit told it; 0 none */
	int64_t delay_us;
};

/* Up to where the first `count` lines told all of a host. */
int64_t oracle_told_until(const struct line *lines, size_t count, uint16_t host);
/* Of each client, by client, then began. */
size_t oracle_walks(const struct oracle *o, struct oracle_walk *ret, size_t most);
#endif
