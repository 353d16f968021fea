/*
 * judge - folds the journal into walks, and walks into order, fate and lists
 *
 * The one fold (DESIGN section 3). Serving live, replaying a journal, reading
 * old logs and rehearsing feed it records in the journal's order; it answers
 * with verdicts. Pure: no clock, no socket, no file. Time comes with the
 * records and from judge_advance().
 *
 * Sites that share an address are judged together, as one group, over all
 * their real hosts; a verdict names the group by its first site.
 *
 * Use:
 *	struct judge *j = judge_new(on_verdict, on_listing, arg);
 *	judge_feed(j, &record);		// in journal order
 *	judge_advance(j, now);		// fires what became due until now
 *	judge_free(j);
 *
 * judge_feed(r) first does what judge_advance(r->seen) does. So it does not
 * matter when, or whether, a live process called judge_advance() in between:
 * verdicts depend on the records and on T alone.
 *
 * Ownership: the judge owns its state and copies what it keeps. Verdicts are
 * lent to the callback.
 *
 * Limits: rules.max_senders tracked senders; over it a sixteenth goes, the
 * oldest undecided walks first, counted in judge_counts.dropped_senders. Sites
 * that once shared an address stay one group for the life of a journal. A host
 * is called unwell for deferrals from five visits in ten minutes on; only
 * visits that were deferred or got to MAIL count, because health probes and
 * scanners leave before. What may still be told late is held against nobody:
 * the last eight accused walks of a sender can be softened for five days. The
 * two families of one machine are known by a confirmed name, or by a letter: one
 * envelope sender to one recipient domain, told to a decoy over the one family
 * and to a real host over the other (whose log may leave out the domain). A
 * letter for each eighth sender is kept, five days at most, with up to 32 that
 * wrote it; whom a letter excused that is forgotten since (RECORD_FORGET) may be
 * accused by a replay.
 */
#ifndef FMX_OLD_JUDGE_H
#define FMX_OLD_JUDGE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/stamp.h"
#include "mx/layout.h"
#include "old/record.h"

/* Section 3's numbers. All durations in microseconds. */
struct rules {
	bool enforce;           /* mode: observe (false) or enforce */
	bool lab;               /* private addresses may be listed; no watched days */
	int64_t confirm;        /* 60 s */
	int64_t patience;       /* 4 h of well time until `stopped` */
	int64_t final;          /* 5 days until `stopped` is final */
	int64_t walk_gap;       /* 30 min without a visit end a walk */
	int64_t excuse;         /* 24 h: a real contact before a high visit excuses */
	int64_t grace;          /* 60 s after a start nothing is judged */
	int64_t probe_interval; /* 60 s between health probes */
	int64_t unwell_tail;    /* 6 h that an unwell interval reaches on */
	int64_t mx_ttl; /* 1 h; a changed set of real hosts excuses max(2 x, 48 h) */
	int64_t delay_window;  /* 10 min from low visit to real connect */
	int64_t known_window;  /* 90 days: accepted mail makes `known` */
	int64_t pool_accepted; /* 30 days: accepted mail of the pool keeps off the list */
	int64_t listing_spacing; /* 1 h between two counted visits */
	int64_t listing_expires; /* 24 h; 7 days at most */
	int64_t watched_days;    /* 14 days before enforce lists */
	uint32_t listing_visits; /* 2 */
	uint32_t max_senders;    /* 1,000,000; RULES_MAX_SENDERS at most */
};
enum { RULES_MAX_SENDERS = 16000000 };
/* `name=number` lines, durations in microseconds. Parsing: names that the text
 * lacks keep their default; an unknown name or a number out of range is
 * FMX_EMALFORMED. */
struct rules rules_default(void);
void rules_text(const struct rules *r, struct buf *out);
FMX_MUST_CHECK int rules_parse(const char *text, struct rules *ret_rules,
			       struct error *e);

enum order {
	ORDER_UNKNOWN,
	ORDER_STRAIGHT,
	ORDER_SKIPPED,
	ORDER_SHOTGUN,
	ORDER_BACKDOOR
};
enum fate { FATE_PENDING, FATE_REACHED, FATE_STOPPED, FATE_UNKNOWN };
enum tier { TIER_NONE, TIER_WEAK, TIER_PLAUSIBLE, TIER_KNOWN }; /* at risk */

/* Why; each has a sentence (reason_text). Add new ones at the end of a block. */
enum reason {
	REASON_NONE,
	/* order */
	REASON_UNDECIDED, /* too early to tell */
	REASON_KNOCKS_ONLY,
	REASON_GRACE,
	REASON_NOT_WATCHED, /* a real host is not watched */
	REASON_NOT_WELL,
	REASON_HOSTS_CHANGED,
	REASON_AT_ONCE, /* shotgun */
	REASON_LOW_SKIPPED,
	REASON_IN_ORDER,        /* straight */
	REASON_REAL_NEVER_SEEN, /* backdoor */
	REASON_ADDRESS_CONTACT, /* the address had contact with a real host */
	REASON_POOL_CONTACT,
	REASON_LOW_ONLY, /* only a low decoy was tried */
	REASON_CONTROL_ONLY,
	REASON_NAT,  /* one address makes more than half of all visits */
	REASON_LATE, /* reported after its moment was settled */
	/* fate */
	REASON_REACHED,
	REASON_WAITING,    /* patience is not over */
	REASON_NEVER_CAME, /* stopped */
	REASON_POOL_REACHED,
	/* listing */
	REASON_LISTED,
	REASON_TOO_FEW,      /* counted visits are too few yet */
	REASON_OBSERVE,      /* mode = observe: would be listed */
	REASON_WATCHED_DAYS, /* not 14 watched days yet */
	REASON_AT_RISK,
	REASON_ALLOWED,
	REASON_POOL_ACCEPTED,
	REASON_OWN_ADDRESS, /* ours, private, or formerly a real host */
	REASON_EXPIRED,
	REASON_WITHDRAWN, /* a late record excused it */
	REASON_FORGOTTEN,
};

/*
 * What is now held of one walk. The callback gets one when a walk begins to be
 * held (order and fate possibly undecided) and each time a field changes.
 * `revised` is true when a final or provisional fate or a decided order of an
 * earlier verdict of this walk changed: a correction of earlier reports.
 */
struct verdict {
	struct addr client;
	uint16_t site; /* id of the group's first site */
	uint32_t walk; /* 1, 2, ... of this sender at this group */
	int64_t began; /* time of the walk's first visit */
	int64_t at;    /* the T of this verdict (seen time) */
	enum order order;
	enum reason order_reason;
	enum fate fate;
	enum reason fate_reason;
	bool is_final; /* stopped: after rules.final */
	bool revised;
	bool returned_later; /* reached after more than delay_window */
	bool only_knocked;
	bool only_control;
	enum tier tier;         /* set when fate is stopped: may have been good */
	int64_t delay_us;       /* the greatest of the walk; -1: none measured, or a clock
				 * was off by more than two seconds */
	int64_t delay_error_us; /* width left open by the precision of the times */
};

/* A sender came onto, or went from, or would have come onto the list. */
struct listing {
	struct addr client;
	uint16_t site;
	bool is_listed;
	enum reason reason;
	uint32_t counted_visits;
	int64_t at;
	int64_t since, until; /* when listed */
};

typedef void (*judge_verdict_fn)(void *arg, const struct verdict *v);
typedef void (*judge_listing_fn)(void *arg, const struct listing *l);

struct judge_counts {
	uint64_t records, senders, walks_open, listed, dropped_senders;
	size_t bytes; /* of all state */
};

struct judge;
struct judge *judge_new(judge_verdict_fn on_verdict, judge_listing_fn on_listing,
			void *arg);
void judge_free(struct judge *j);

/* A record that cannot be read (a SITE text that is damaged) is refused with
 * FMX_EMALFORMED and changes nothing. */
FMX_MUST_CHECK int judge_feed(struct judge *j, const struct record *r, struct error *e);
void judge_advance(struct judge *j, int64_t now);
/* The earliest T at which judge_advance() would do something; STAMP_NEVER. */
int64_t judge_next(const struct judge *j);

const struct rules *judge_rules(const struct judge *j);
struct judge_counts judge_counts(const struct judge *j);

/* Sites as last defined, the ones no longer configured included. */
size_t judge_site_count(const struct judge *j);
const struct site *judge_site(const struct judge *j, size_t index);
/* False after an UNSITE record, until the next SITE record of that id. */
bool judge_site_is_configured(const struct judge *j, uint16_t site_id);
/* NULL when no definition ever had that id. *ret_site may be NULL. */
const struct host *judge_host(const struct judge *j, uint16_t host_id,
			      const struct site **ret_site);
/* The site whose id verdicts of this site's group carry. */
uint16_t judge_group(const struct judge *j, uint16_t site_id);

/* False while a negative verdict can never be given for the group, with the
 * sentence why: "backup.isp.example is not watched". */
bool judge_is_measurable(const struct judge *j, uint16_t site_id, char *ret_why,
			 size_t size);
/* True while one address makes more than half of a group's visits (of at least
 * 200, halved each day): a NAT may hide the clients, and it is not judged. */
bool judge_nat(const struct judge *j, uint16_t site_id, struct addr *ret_client);
/* Part of [since, until) in which everything was watched and well, 0..1. */
double judge_coverage(const struct judge *j, uint16_t site_id, int64_t since,
		      int64_t until);

/* Calls fn for each listed sender (enforce), or each that would be (observe). */
void judge_each_listed(const struct judge *j, judge_listing_fn fn, void *arg);
/* Of one address, for explain: the listing state with its reason. */
struct listing judge_listing(const struct judge *j, struct addr client, uint16_t site_id);
bool judge_is_allowed(const struct judge *j, struct addr client);
/* Of the latest walk of one address; false when nothing is held of it. */
bool judge_fate(const struct judge *j, struct addr client, uint16_t site_id,
		enum fate *ret_fate);

/* The whole state as bytes, and back: what a checkpoint of the journal keeps. */
void judge_save(const struct judge *j, struct buf *out);
FMX_MUST_CHECK int judge_load(struct judge *j, const void *data, size_t len,
			      struct error *e);

const char *order_name(enum order o);   /* "straight" ... */
const char *fate_name(enum fate f);     /* "reached" ... */
const char *tier_name(enum tier t);     /* "known" "plausible" "weak"; "none" */
const char *reason_text(enum reason r); /* a clause, no final dot; never NULL */

#endif
