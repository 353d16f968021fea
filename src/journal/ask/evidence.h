/*
 * evidence - rows that serve keeps for the report's comparisons
 *
 * When the decoys were seen in the DNS (mx), which clients a blocklist knew when they
 * first came to a decoy (compared), what serve itself costs.
 */
#ifndef FMX_JOURNAL_ASK_EVIDENCE_H
#define FMX_JOURNAL_ASK_EVIDENCE_H

#include "journal/ask/ask.h"
#include "journal/take/take.h"

#define EVIDENCE_COST "cost" /* the source whose position it is */

/* Is there an answer, other than "not known"? */
bool evidence_is_compared(struct db *db, struct addr client, const char *zone);
/* What the lists said of one client. */
typedef int (*evidence_compared_fn)(void *arg, const char *zone, enum compared answer);
FMX_MUST_CHECK int evidence_compared(struct ask *a, struct addr client,
				     evidence_compared_fn fn, void *arg, struct error *e);

/* The MX sets of the domains of one site, domain by domain, each by time. */
struct evidence_mx {
	const char *domain;
	int64_t time;
	bool has_decoy;
	const char *hosts;
};
typedef int (*evidence_mx_fn)(void *arg, const struct evidence_mx *m);
FMX_MUST_CHECK int evidence_mx(struct ask *a, uint16_t site, evidence_mx_fn fn, void *arg,
			       struct error *e);

/* The domains of a site. */
FMX_MUST_CHECK int evidence_domains(struct ask *a, uint16_t site,
				    void (*fn)(void *arg, const char *domain), void *arg,
				    struct error *e);

/* Of the serve that wrote last. False: none did. */
struct evidence_cost {
	int64_t cpu, of; /* CPU in so much time */
	int64_t memory;  /* kB at most */
};
bool evidence_cost(struct ask *a, struct evidence_cost *ret);

#endif
