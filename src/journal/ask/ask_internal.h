/*
 * ask_internal - what the questions share: the snapshot, and one walk decided
 */
#ifndef FMX_JOURNAL_ASK_ASK_INTERNAL_H
#define FMX_JOURNAL_ASK_ASK_INTERNAL_H

#include "journal/ask/ask.h"
#include "journal/ask/proof.h"

/* The two addresses of one sender. */
struct twins {
	struct addr four, six;
};

struct ask {
	struct db *db;
	struct sites sites;
	struct coverage *coverage;
	int64_t now, first_seen, first_watched;
	int64_t changes; /* of this connection, when the views were loaded */
	unsigned depth;  /* questions asked within each other's callbacks */
	bool is_ours;    /* the read transaction */
	struct lookup lookup;
	struct decided decided;
	/* For a report of many groups: of one snapshot, ascending by one address. */
	bool has_twins;
	struct twins *by_four, *by_six;
	size_t twin_count;
};

/* A new snapshot, between slices. */
FMX_MUST_CHECK int ask_renew(struct ask *a, struct error *e);

/* One walk, from all of the sender's runs that may have to do with it. */
struct ask_main {
	const struct run *main;
	const struct sender *who;
	const struct run *runs;
	size_t run_count;
	const struct view *view;
	bool may_be_told; /* what was told need not be asked again: unless due has to */
};
/* What was told stands: a sealed walk is history; another, if it may be told, waits. */
bool ask_is_told(const struct ask *a, const struct run *main, const struct view *v,
		 bool may_be_told);
FMX_MUST_CHECK int ask_decide(struct ask *a, const struct ask_main *m,
			      struct ask_walk *ret_walk, struct error *e);
/* Does a real run belong to a decoy run's walk? */
bool ask_is_part(const struct run *real, const struct run *runs, size_t count);
/* As told: of a walk whose runs are not looked at. */
struct verdict ask_told_verdict(const struct run *main, uint16_t group);

#endif
