/*
 * finding - what is wrong or worth knowing about a domain's mail, and what to do
 *
 * One table of kinds, with stable ids (`FMX-…`): the sentence, the fix, why it
 * matters and where that is known from. `check`, `plan` and `apply` show the
 * sentences; docs/findings.md is made from the same rows (scripts/docs). And a
 * pure function from what was seen to the findings.
 *
 * Use:
 *	struct findings f;
 *	findings_of(&seen, &f);		// after seen_settle
 *	for (size_t i = 0; i < f.count; i++)
 *		f.items[i].kind->id, f.items[i].text, f.items[i].fix
 *	findings_release(&f);
 *
 * To add one: a name in enum finding_id, a row in finding_table.c, a rule in
 * finding_rules.c or finding_decoy.c, a row in tests/unit/test_findings.c, a domain and
 * its healthy twin in tests/system/test_check.py; then scripts/docs.
 *
 * Ownership: findings own their array.
 *
 * Limits: at most FINDINGS_MAX for one domain; a kind speaks of each host once.
 */
#ifndef FMX_MX_FINDING_H
#define FMX_MX_FINDING_H

#include "base/attr.h"
#include "mx/seen.h"

enum severity {
	SEVERITY_INFO,    /* good to know; exit code 0 */
	SEVERITY_WARNING, /* exit code 2 */
	SEVERITY_ERROR,   /* exit code 2, and `apply` refuses with 3 */
};

enum finding_id {
	FINDING_LOW_ANSWERS,
	FINDING_LOW_DROPS,
	FINDING_LOW_UNREACHABLE,
	FINDING_LOW_SEVERAL,
	FINDING_LOW_ADDRESSES,
	FINDING_LOW_DIRECT,
	FINDING_LOW_REPUTATION,
	FINDING_HIGH_REJECTS,
	FINDING_HIGH_HELO,
	FINDING_HIGH_CLOSES,
	FINDING_HIGH_DROPS,
	FINDING_HIGH_OPEN,
	FINDING_DECOY_BETWEEN,
	FINDING_DECOY_EQUAL,
	FINDING_DECOY_IS_REAL,
	FINDING_DECOY_OWN,
	FINDING_DECOYS_SHARED,
	FINDING_DECOYS_ONLY,
	FINDING_DECOY_FOREIGN,
	FINDING_ADDRESS_BOGUS,
	FINDING_MX_CNAME,
	FINDING_MX_LITERAL,
	FINDING_MX_MISSING,
	FINDING_MX_NULL,
	FINDING_MX_IMPLICIT,
	FINDING_MX_ORDER,
	FINDING_MX_MANY,
	FINDING_NO_MAIL,
	FINDING_NO_HOST,
	FINDING_REAL_LIMIT,
	FINDING_REAL_THIRD,
	FINDING_REAL_DOWN,
	FINDING_HOST_UNNAMED,
	FINDING_ALL_DOWN,
	FINDING_VANTAGE,
	FINDING_LOOKUP_FAILED,
	FINDING_TTL_LONG,
	FINDING_TTL_DIFFERS,
	FINDING_NS_DISAGREE,
	FINDING_NS_SERIAL,
	FINDING_NS_LAME,
	FINDING_SPF_DECOY,
	FINDING_SPF_LIMIT,
	FINDING_STS_REAL,
	FINDING_STS_BROKEN,
	FINDING_STS_DECOY,
	FINDING_STS_LISTS_DECOY,
	FINDING_TLS_MISSING,
	FINDING_DANE_DECOY,
	FINDING_HOSTED,
	FINDING_PANEL,
	/* Not of what was seen: plan gives them of a zone file. */
	FINDING_PLAN_REFUSED,
	FINDING_ZONE_UNREADABLE,
	FINDING_COUNT
};

struct finding_kind {
	const char *id; /* "FMX-LOW-ANSWERS"; never changes, never means another thing */
	enum severity severity;
	/* {domain}, {host}, {address} and {detail} are filled in. */
	const char *text;
	const char *fix;
	const char *why; /* for the documentation, with its source */
	const char *source;
};

enum { FINDINGS_MAX = 100, FINDING_TEXT_MAX = 640 };

struct finding {
	const struct finding_kind *kind;
	enum severity severity; /* of the kind, or less: in the lab, of a file */
	char text[FINDING_TEXT_MAX];
	char fix[FINDING_TEXT_MAX];
};

struct findings {
	struct finding *items;
	size_t count;
};

const struct finding_kind *finding_kind(enum finding_id id);
const char *severity_name(enum severity s); /* "error" */

/* Errors first, then warnings; within these in the order of the table. */
void findings_of(const struct seen *s, struct findings *ret_findings);
void findings_release(struct findings *f);
/* The worst; SEVERITY_INFO for none. */
enum severity findings_worst(const struct findings *f);

/* ---- for the rules -------------------------------------------------- */

/* What the words in braces stand for; NULL where the sentence has none. */
struct finding_words {
	const char *host, *address, *detail;
};

void findings_add(struct findings *f, const struct seen *s, enum finding_id id,
		  const struct finding_words *w);
void finding_rules_of_decoy(const struct seen *s, const struct seen_host *h,
			    struct findings *f);

#endif
