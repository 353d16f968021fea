/*
 * judge_internal - what the files of the judge share
 *
 *	judge.c		takes records, fires what became due
 *	judge_site.c	SITE and UNSITE: sites, groups, eyes
 *	eye.c		WATERMARK, HEALTH, START, STOP: what we could see, and when
 *	sender.c	one client address at one group; oldest go first
 *	pool.c		what may excuse: /24, /64, registrable domain
 *	letter.c	what may excuse: the same letter over the other family
 *	name.c		NAME, ALLOW, FORGET
 *	walk.c		VISIT: the facts of a walk, and the delay
 *	settle.c	facts into order and fate
 *	listing.c	counted visits into the list
 *	glance.c	what can be said at once of a client at a real host
 *	judge_save.c	all of it as bytes
 *
 * Times are microseconds between 1 and TIME_MAX (time_clamp); 0 is none. What
 * need not be exact is kept as 32 bit seconds, always rounded to the innocent
 * side.
 */
#ifndef FMX_OLD_JUDGE_INTERNAL_H
#define FMX_OLD_JUDGE_INTERNAL_H

#include <assert.h>

#include "old/judge.h"
#include "old/store.h"

#define TIME_MAX ((int64_t)(UINT32_MAX - 1) * STAMP_SECOND)

enum {
	UNWELL_MIN_VISITS = 5, /* in ten minutes; fewer are no sign of an outage */
	UNWELL_PERCENT = 20,
	NAT_MIN_VISITS = 200, /* of a group; fewer show no majority */
	WELL_MINUTES = 10,
	EYE_MINUTES = 16, /* at least WELL_MINUTES, a power of two */
	OLDER_MAX = 8,    /* accused walks kept of one sender */
};

/* Visits of one minute at a real host. */
struct minute {
	uint32_t minute; /* since 1970 */
	uint16_t visits, bad;
};

/* What is known of one host, or of several that are one machine: its source,
 * its health. */
struct eye {
	uint16_t host_id; /* of the first host it was made for */
	uint16_t group;
	bool is_real;
	bool is_watched; /* has a source */
	bool is_down;    /* the last probe failed */
	int64_t watermark, good, probed, down_from, defined;
	struct minute *minutes; /* EYE_MINUTES; real hosts */
	uint32_t newest;        /* minute of a visit */
	uint32_t newest_bad;
};

/* One address that is, or once was, a host's. */
struct spot {
	struct addr addr;
	uint16_t site; /* index of the first site that had it */
	bool was_real;
	uint32_t eye;
};

struct site_slot {
	struct site site;
	bool is_configured;
	uint16_t group; /* index of the group's first site */
};

/* Kept by index of the group's first site; the others stay empty. */
struct group {
	uint32_t *eyes, *lows; /* of real hosts, of low decoys, in use */
	size_t eye_count, low_count;
	struct spans unwell, unwatched, changed;
	struct spans lost; /* visits to a low decoy may be missing */
	int64_t open_from; /* a real host is unwatched since; STAMP_NEVER */
	int64_t frontier;  /* moments up to here can be decided; -1 none */
	int64_t decided;   /* the latest moment that was */
	struct dues waits; /* senders that wait for the frontier */
	uint32_t visits, day;
	bool has_nat;
	struct addr nat;
};

/* Contacts with a real host, in seconds, so close together that every window
 * of rules.excuse inside [from, to] holds one; to = 0: none. */
struct run {
	uint32_t from, to;
};

enum { SENDER_USED = 1, SENDER_TIMED = 2 };

struct sender {
	struct addr client;
	uint16_t group;
	uint8_t day; /* on which visits was right, modulo 256 */
	uint8_t flags;
	uint32_t visits; /* halved each day */
	uint32_t walk_number;
	uint32_t last_visit; /* second */
	struct run run;
	uint32_t accepted; /* second of the last mail accepted and not spam */
	uint32_t next_in_pool, pool, name, walk, mark;
};
static_assert(sizeof(struct sender) == 64,
	      "one cache line, and the promise of 128 bytes");

enum {
	POOL_STOPPED = 1, /* a member is stopped: contact matters */
	POOL_LISTED = 2,  /* a member is listed: accepted mail matters */
	POOL_USED = 8,
	POOL_ACCUSED = 4,  /* a visit of one was judged by row 5: late contact matters */
	POOL_LASTING = 24, /* stay when it was asked again */
	POOL_TWIN = 16,    /* its run has contacts of who is not, or no more, a member */
};

struct pool {
	uint8_t bits[8]; /* the first 24 or 64 of the address */
	uint16_t group;
	bool is_v4;
	uint8_t flags;
	uint32_t first; /* sender */
	struct run run;
	uint32_t accepted;
};

/* A registrable domain. */
struct domain {
	uint32_t first; /* name */
	uint32_t spare; /* a free item's link may cover the first bytes only */
	char *text;
	uint8_t flags;
	struct run run;
	uint32_t accepted;
};

struct name {
	struct addr client;
	char *text; /* "" when there is none */
	uint32_t domain, next_in_domain;
	uint32_t refs; /* senders */
	uint32_t seen;
	bool is_confirmed, is_generic, spf_passes;
};

enum {
	LETTER_SHARE = 8,    /* at most a letter for so many senders */
	LETTER_MIN = 64,     /* however few senders there may be */
	LETTER_WRITERS = 32, /* remembered of one letter; more are not excused by it */
};

/* An envelope sender to a recipient domain. A machine with two families tries
 * one address after the other with the same letter. */
struct letter {
	uint64_t mark;
	struct run met[2]; /* contacts with a real host; [1] over IPv4 */
	uint32_t accepted[2];
	uint32_t first; /* writer */
	uint32_t older, newer;
	uint32_t seen;
	uint16_t group;
};

/* Who named a letter at a decoy. */
struct writer {
	struct addr client;
	uint32_t next; /* of the letter */
	bool is_used;
};

enum {
	WALK_REAL = 1,      /* contact */
	WALK_HIGH = 2,      /* contact that was reported in time */
	WALK_LOW = 4,       /* any visit, knocks included */
	WALK_LOW_MET = 8,   /* contact */
	WALK_CONTROL = 16,  /* contact */
	WALK_LATE = 32,     /* contact with a decoy that was reported too late */
	WALK_DECOY = 64,    /* any visit to a decoy */
	WALK_PATIENT = 128, /* `since` is a contact with a decoy in time */
};

/* The parts of a verdict that are held. Compared as bytes: no padding. */
struct shown {
	uint8_t order, order_reason, fate, fate_reason, tier;
	bool is_final : 1, returned_later : 1, is_new : 1;
	uint8_t zero[2];
	uint32_t delay, delay_error; /* delay + 1; 0 none */
};
static_assert(sizeof(struct shown) == 16, "no padding");

enum {
	PAIR_DONE = 1, /* a real contact followed low_wait */
	PAIR_TOLD = 2, /* and shown.delay is theirs */
};

/* Exists while the walk may still change. */
struct walk {
	uint32_t sender;
	uint32_t number; /* 1, 2, ... of this sender */
	uint32_t older;  /* accused before this one began: may still be softened */
	uint32_t since;  /* second; patience runs from here */
	uint32_t need;   /* second: in group.waits; 0 not */
	uint32_t helo;   /* name_mark() of the HELO; 0 none */
	uint32_t first;  /* second of the first contact in time; 0 none */
	uint32_t busy;   /* walk_set_busy() */
	int64_t began;
	int64_t real, high, low; /* first contacts (low: first visit) */
	int64_t low_wait;        /* the low visit that a delay would start from */
	uint8_t real_width, high_width, low_width, wait_width; /* width_code() */
	uint16_t answered; /* by the real host, milliseconds after, + 1; 0 unknown */
	uint8_t bits;
	uint8_t pair;
	struct shown shown;
};
static_assert(sizeof(struct walk) == 96, "the promise of memory");

/* Of a sender with counted visits, or one that may become counted. */
struct mark {
	uint32_t sender;
	uint32_t second, micros; /* of the visit that waits to be judged; 0 none */
	uint32_t first_counted, last_counted, since, until;
	uint8_t width; /* width_code() of the visit that waits */
	uint8_t counted;
	uint8_t reason;
	bool is_on; /* on the list, or would be */
};

struct allowed {
	char *text;
	bool is_prefix;
	struct prefix prefix;
};

struct judge {
	judge_verdict_fn on_verdict;
	judge_listing_fn on_listing;
	void *arg;
	struct rules rules;
	int64_t now; /* the T of what is said */
	uint32_t next_sweep, next_sweep_all;
	uint64_t records, dropped, listed;

	bool is_running;
	int64_t down_from, alive, started; /* started: the first START */
	struct spans gaps, grace;

	struct site_slot **sites;
	struct group *groups;
	size_t site_count;
	uint32_t *eye_of, host_ids; /* by host id; NOTHING */
	uint16_t *site_of;          /* by host id */
	uint16_t *site_by_id;       /* index + 1 */
	uint32_t site_ids;
	struct slab eyes, spots;
	struct index spot_index;

	struct slab senders, walks, marks, pools, names, domains;
	struct index sender_index, pool_index, name_index, domain_index;
	struct slab letters, writers;
	struct index letter_index;
	uint32_t oldest_letter, newest_letter;
	size_t name_bytes;
	struct dues dues;
	struct allowed *allowed;
	size_t allowed_count;
};

/* One visit on its way through the judge, its times clamped. */
struct step {
	const struct visit *v;
	uint16_t group;
	enum place place;
	struct eye *eye;
	int64_t time, answered, ended;
	uint32_t width; /* the visit began in [time, time + width) */
	bool is_contact;
};

/* Somebody met a real host in seconds [from, to]; late: moments that it may
 * excuse were decided before. */
struct contact {
	uint32_t sender, from, to;
	bool is_late;
};

static inline int64_t time_clamp(int64_t t)
{
	return t < 1 ? 1 : t > TIME_MAX ? TIME_MAX : t;
}

static inline uint32_t second_down(int64_t t)
{
	return t < 0 ? 0 : t > TIME_MAX ? UINT32_MAX - 1 : (uint32_t)(t / STAMP_SECOND);
}

static inline uint32_t second_up(int64_t t)
{
	return second_down(t + STAMP_SECOND - 1);
}

/* A delay is not told where either end is known less exactly. */
#define DELAY_WIDTH_MAX (2 * STAMP_SECOND)

/* Widths are powers of ten, or rounded up to one: a byte says which. */
static inline uint8_t width_code(uint32_t width)
{
	uint8_t code = 0;
	for (uint32_t w = 1; w < width && code < 8; w *= 10)
		code++;
	return code;
}

static inline int64_t width_of(uint8_t code)
{
	static const int32_t widths[] = { 1,      10,      100,      1000,     10000,
					  100000, 1000000, 10000000, 100000000 };
	return widths[code];
}

static inline int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* End of the last session with a real host; kept as milliseconds after the first
 * contact with one, + 1. 0: there was none. */
static inline int64_t walk_busy(const struct walk *w)
{
	return w->busy ? w->real + (w->busy - 1) * STAMP_MILLISECOND : 0;
}

static inline void walk_set_busy(struct walk *w, int64_t until)
{
	int64_t after = (until - w->real + STAMP_MILLISECOND - 1) / STAMP_MILLISECOND;
	w->busy = until < w->real           ? 0
		  : after >= UINT32_MAX - 1 ? UINT32_MAX
					    : (uint32_t)after + 1;
}

static inline int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline struct sender *sender_at(const struct judge *j, uint32_t id)
{
	return slab_get(&j->senders, id);
}

static inline struct walk *walk_at(const struct judge *j, uint32_t id)
{
	return id == NOTHING ? NULL : slab_get(&j->walks, id);
}

static inline struct mark *mark_at(const struct judge *j, uint32_t id)
{
	return id == NOTHING ? NULL : slab_get(&j->marks, id);
}

/* judge_site.c */
int site_define(struct judge *j, const struct record *r, struct error *e);
void site_undefine(struct judge *j, uint16_t site_id);
struct eye *eye_of_host(const struct judge *j, uint16_t host_id);
bool spot_is_ours(const struct judge *j, struct addr a);
bool group_has_domain(const struct judge *j, uint16_t group, const char *domain);
uint64_t spot_hash(const void *table, uint32_t id);

/* eye.c */
void eye_watermark(struct judge *j, const struct record *r);
void eye_health(struct judge *j, const struct record *r);
void eye_visit(struct judge *j, const struct step *st);
void judge_start(struct judge *j, const struct record *r);
void judge_stop(struct judge *j);
void group_frontier(struct judge *j, uint16_t group); /* again; settles */
bool group_is_measurable(const struct judge *j, uint16_t group);
/* Adds a span and softens what was decided inside it. */
void group_blind(struct judge *j, uint16_t group, struct spans *s, int64_t from,
		 int64_t to);
/* Why nothing can be said of [from, to]; REASON_NONE. */
enum reason group_excuse(const struct judge *j, uint16_t group, int64_t from, int64_t to);
int64_t group_well_time(const struct judge *j, uint16_t group, int64_t from, int64_t to);
int64_t group_watched_time(const struct judge *j, uint16_t group);

/* sender.c */
uint32_t sender_find(const struct judge *j, struct addr client, uint16_t group);
uint32_t sender_take(struct judge *j, struct addr client, uint16_t group);
void sender_drop(struct judge *j, uint32_t id);
void sender_regroup(struct judge *j, uint16_t from, uint16_t to);
void sender_count_visit(struct judge *j, struct sender *s, const struct step *st);
bool sender_is_nat(const struct judge *j, const struct sender *s);
void judge_sweep(struct judge *j);
uint64_t sender_hash(const void *table, uint32_t id);
void walk_close(struct judge *j, struct sender *s);
/* Keeps at most so many of the older walks, and none of before 5 days. */
void walk_trim(struct judge *j, struct walk *w, unsigned most);

/* What belongs to a sender is far away in memory: ask for it now. */
void sender_fetch(const struct judge *j, const struct sender *s);
/* The same for those that are due next. */
void dues_fetch(const struct judge *j, const struct dues *d);

/* pool.c */
void pool_join(struct judge *j, uint32_t sender);
void pool_leave(struct judge *j, uint32_t sender);
/* The sender is let go: whom its contacts excuse, they still do. */
void pool_disown(struct judge *j, const struct sender *s);
void domain_disown(struct judge *j, const struct sender *s);
void pool_link_all(struct judge *j); /* after many senders went */
void pool_contact(struct judge *j, const struct contact *c);
void pool_accept(struct judge *j, uint32_t sender, uint32_t at);
bool run_meets(struct run r, int64_t from, int64_t to);
/* True if a new run began: the old one matters to nobody any more. */
bool run_extend(const struct judge *j, struct run *r, struct run with, int64_t frontier);
void run_merge(struct run *into, struct run other);
bool pool_met(const struct judge *j, const struct sender *s, int64_t from, int64_t to);
/* Did anybody else of its pools meet a real host at or after `from`? */
bool pool_others_met(const struct judge *j, const struct sender *s, int64_t from);
uint32_t pool_accepted(const struct judge *j, const struct sender *s);
/* Notes for what the sender is held, so that contacts of its pool ask again. */
void pool_flag(struct judge *j, const struct sender *s);
/* Settles every other member of the sender's pools, if one has such a flag. */
void pool_ask_again(struct judge *j, const struct contact *c, uint8_t flags);
uint64_t pool_hash(const void *table, uint32_t id);
/* Somebody who is the sender's twin met a real host, or had mail accepted: the
 * sender's pool counts it as its own. False if that says nothing new. */
bool pool_excuse(struct judge *j, uint32_t sender, struct run met, uint32_t accepted);
/* pool_ask_again() for the prefix of that sender, not of c's. */
void pool_ask_twins(struct judge *j, uint32_t sender, const struct contact *c,
		    uint8_t flags);

/* letter.c */
/* A real host was met with the visit's letter: those who named it at a decoy
 * over the other family are excused, and asked again as by pool_ask_again(). */
void letter_met(struct judge *j, const struct step *st, const struct contact *c,
		uint8_t flags);
/* A decoy was told it. True if a real host was, over the other family, and the
 * sender has to be settled. */
bool letter_named(struct judge *j, uint32_t sender, const struct step *st);
void letter_forget(struct judge *j, struct addr client);
void letter_regroup(struct judge *j, uint16_t from, uint16_t to);
void letter_sweep(struct judge *j);
uint64_t letter_hash(const void *table, uint32_t id);

/* name.c */
void name_learn(struct judge *j, const struct record_name *n);
void name_allow(struct judge *j, const struct record *r);
void name_forget(struct judge *j, const char *what);
uint32_t name_find(const struct judge *j, struct addr client);
void name_drop(struct judge *j, uint32_t id);
const struct name *name_of(const struct judge *j, const struct sender *s);
uint32_t name_mark(const char *name); /* the same in every process; never 0 */
bool name_is_allowed(const struct judge *j, struct addr client);
uint64_t name_hash(const void *table, uint32_t id);
uint64_t domain_hash(const void *table, uint32_t id);
uint32_t domain_take(struct judge *j, const char *text);
void domain_join(struct judge *j, uint32_t name, uint32_t domain);

/* walk.c */
FMX_MUST_CHECK int walk_visit(struct judge *j, const struct visit *v, struct error *e);
/* Would a contact at that time belong to the walk, or begin the next? */
bool walk_goes_on(const struct judge *j, const struct sender *s, const struct walk *w,
		  int64_t time);

/* settle.c */
/* Decides what can be decided of the sender now, and tells what changed. */
void settle(struct judge *j, uint32_t sender);
void settle_from(struct judge *j, uint32_t sender, const struct shown *before);
/* What is due when 5 days are over. */
void settle_final(struct judge *j, uint32_t sender);
/* Row 5 for one visit to a high decoy in [from, to]: REASON_REAL_NEVER_SEEN,
 * REASON_UNDECIDED (waits, and the frontier is not there yet), or what excuses. */
enum reason backdoor_reason(const struct judge *j, const struct sender *s, int64_t from,
			    int64_t to, bool waits);
enum tier sender_tier(const struct judge *j, const struct sender *s);
/* Row 3, of a walk that met a real host. */
bool settle_is_skipped(const struct judge *j, const struct sender *s,
		       const struct walk *w);

/* listing.c */
void listing_consider(struct judge *j, uint32_t sender, const struct step *st);
/* Returns the moment that the candidate waits for, 0 if none does. */
int64_t listing_settle(struct judge *j, uint32_t sender);
void listing_late_contact(struct judge *j, struct sender *s, const struct contact *c);
void listing_withdraw(struct judge *j, struct sender *s, enum reason why);
void listing_expire(struct judge *j, struct sender *s);
void listing_mode_changed(struct judge *j);
void listing_blind(struct judge *j, uint16_t group, int64_t from, int64_t to);
void mark_drop(struct judge *j, struct sender *s);

/* judge_save.c needs these to build the tables again */
void judge_reset(struct judge *j);

#endif
