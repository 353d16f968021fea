/*
 * sender - who a client is: its twin of the other family, its runs, what speaks for it
 *
 * Use:
 *	struct lookup q = { .db = db, .sites = sites };
 *	sender_find(&q, client, &who, &e);
 *	sender_runs(&q, group, &who, since, until, &runs, &e);
 *	...
 *	run_list_release(&runs);
 *
 * Ownership: run_list_release() frees what sender_runs() gave.
 */
#ifndef FMX_JOURNAL_ASK_SENDER_H
#define FMX_JOURNAL_ASK_SENDER_H

#include "journal/site.h"
#include "judge/rule.h"

enum { LOOKUP_MOST = 4096, LOOKUP_DAYS = 128 };

/* A journal to look things up in, with what many walks ask for. lookup_clear() with each
 * new snapshot, and at the end. */
struct lookup {
	struct db *db;
	const struct sites *sites;
	size_t day_count, day_next;
	struct lookup_day {
		uint16_t group;
		int64_t day;
		uint64_t visits; /* of this day and the six before; not whole: at least */
		bool is_whole;
	} days[LOOKUP_DAYS];
	bool has_allowed;
	char **allowed; /* the allow list */
	size_t allowed_count;
};
void lookup_clear(struct lookup *q);

/* One address, or the two of one confirmed, non-generic name. */
struct sender {
	struct addr clients[2]; /* the one that was asked for first */
	size_t count;
	char name[NAME_MAX_TEXT], domain[NAME_MAX_TEXT]; /* of clients[0]; "" */
	bool is_confirmed, is_generic;
	/* Nothing is known of it that could keep it off a list but what stands beside its
	 * rows: near.h. sender_find() never says so. */
	bool is_quiet;
};

struct run_list {
	struct run *at;
	size_t count, cap;
	size_t most;   /* 0: LOOKUP_MOST */
	bool has_more; /* than that */
};

FMX_MUST_CHECK int sender_find(struct lookup *q, struct addr client,
			       struct sender *ret_sender, struct error *e);
/* When the name of the client was learnt last; 0 never. */
int64_t sender_learnt(struct db *db, struct addr client);
/* The sender's runs of all kinds in the group (kin included) that meet [since, until],
 * by client, kind, began. Appended to *ret_runs, also on error. */
FMX_MUST_CHECK int sender_runs(struct lookup *q, uint16_t group, const struct sender *who,
			       int64_t since, int64_t until, struct run_list *ret_runs,
			       struct error *e);
FMX_MUST_CHECK int sender_is_allowed(struct lookup *q, const struct sender *who,
				     bool *ret_is_allowed, struct error *e);
/* Does SPF pass for an envelope domain of it, and for one that this site wrote to? */
FMX_MUST_CHECK int sender_spf(struct lookup *q, const struct sender *who, int64_t at,
			      const struct rules *r, struct standing *st,
			      struct error *e);
/* Runs keep the first accepted mail of a day, so that windows of days begin at 00:00 UTC.
 * Mail of it that was accepted before `at`, in runs that hold all of r->known_window. */
void sender_accepted(const struct run *runs, size_t count, int64_t at,
		     const struct rules *r, struct standing *st);
/* All of it. main: one of its decoy runs, whose HELO may be its name; NULL for none. */
FMX_MUST_CHECK int sender_standing(struct lookup *q, uint16_t group,
				   const struct sender *who, const struct run *main,
				   int64_t at, const struct rules *r,
				   struct standing *ret_standing, struct error *e);
/* A contact with a real host, told late or not. */
bool run_is_contact(const struct run *r);
bool sender_is(const struct sender *who, struct addr client);

/* One more, to be filled. */
struct run *run_list_room(struct run_list *l);
void run_list_add(struct run_list *l, const struct run *r);
void run_list_release(struct run_list *l);

/* sender_is_allowed() of a journal that nothing else is asked. */
bool allow_has(struct db *db, const struct sender *who);

#endif
